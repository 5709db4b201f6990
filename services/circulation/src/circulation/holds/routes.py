"""Holds on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired
from chassis.principal import Anyone, Principal, demand, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.holds import commands
from circulation.holds.commands import HoldClosed, HoldRefused
from circulation.holds.rules import TEXTS, HoldRefusal, kind_for
from circulation.once import whole
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary

router = new_router("/v1/holds", tag="holds")


class HoldIn(BaseModel):
    """Who wants what, and where it is picked up."""

    model_config = ConfigDict(extra="forbid")

    patron_id: UUID | None = None
    patron_barcode: str | None = Field(default=None, max_length=100)
    title_id: UUID | None = None
    item_id: UUID | None = None
    pickup_id: UUID
    """A service point."""
    kind: Literal["hold", "page", "recall"] | None = None
    """Left out: a page when a copy is on the shelf, else a hold."""

    @model_validator(mode="after")
    def _names_one(self) -> "HoldIn":
        if (self.title_id is None) == (self.item_id is None):
            raise ValueError("name either title_id or item_id")
        if self.patron_id is not None and self.patron_barcode is not None:
            raise ValueError("name the patron once: patron_id or patron_barcode")
        return self


class HoldOut(BaseModel):
    """A hold."""

    id: UUID
    kind: str
    level: str
    title_id: UUID
    item_id: UUID | None
    patron_id: UUID
    pickup_id: UUID
    state: str
    position: int | None
    placed_at: datetime
    expires_at: datetime | None
    ready_at: datetime | None
    shelf_expires_at: datetime | None
    closed_at: datetime | None
    reason: str | None
    version: int


class RefusalOut(BaseModel):
    """A reason against it."""

    code: HoldRefusal
    text: str


class HoldDryRunOut(BaseModel):
    """What would happen; nothing was written."""

    allowed: bool
    kind: str | None
    refusals: list[RefusalOut]
    position: int | None


def hold_out(row: asyncpg.Record) -> HoldOut:
    """A hold's row on the wire."""
    return HoldOut.model_validate({name: row[name] for name in HoldOut.model_fields})


@router.post(
    "",
    status_code=201,
    response_model=HoldOut | HoldDryRunOut,
    responses=problems(Unauthenticated, NotFound, HoldRefused, Invalid, NotConfigured),
)
async def place_hold(
    request: Request,
    body: HoldIn,
    asker: Anyone,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell whether it could be placed")] = False,
) -> Response:
    """Place a hold: staff for any patron, a patron for themselves."""
    if asker.patron_id is None:
        demand(asker, "holds:create")
    named = body.patron_id or (None if body.patron_barcode else asker.patron_id)
    asked = commands.Placing(
        named, body.patron_barcode, body.title_id, body.item_id, body.pickup_id, body.kind
    )
    if dry_run:
        async with request.app.state.resources.pool.acquire() as connection:
            seen = await commands.consider(connection, library, asked, asker, now=now)
            ahead = await connection.fetchval(
                "SELECT count(*) FROM hold WHERE title_id = $1 AND position IS NOT NULL", seen.title_id
            )
        told = HoldDryRunOut(
            allowed=not seen.refusals,
            kind=kind_for(seen.wish),
            refusals=[RefusalOut(code=refusal, text=TEXTS[refusal]) for refusal in seen.refusals],
            position=None if seen.refusals else ahead + 1,
        )
        return Response(told.model_dump_json(), 200, media_type="application/json")

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.place(connection, library, asked, asker, now=now)
        return 201, hold_out(row), {"location": f"/v1/holds/{row['id']}", "etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


class CancellationIn(BaseModel):
    """Why it is given up."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="patron-wish", min_length=1, max_length=500)


@router.post(
    "/{hold_id}/cancellations",
    status_code=201,
    response_model=HoldOut,
    responses=problems(Unauthenticated, NotFound, HoldClosed, Invalid),
)
async def cancel_hold(
    request: Request,
    hold_id: UUID,
    body: CancellationIn,
    asker: Anyone,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Give a hold up: staff anybody's, a patron their own."""
    if asker.patron_id is None:
        demand(asker, "holds:manage")

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.cancel(connection, library, hold_id, asker, reason=body.reason, now=now)
        return 201, hold_out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


@router.get("/{hold_id}", response_model=HoldOut, responses=problems(Unauthenticated, NotFound))
async def get_hold(request: Request, hold_id: UUID, asker: Anyone, response: Response) -> HoldOut:
    """One hold."""
    if asker.patron_id is None:
        demand(asker, "holds:read")
    row = await request.app.state.resources.pool.fetchrow("SELECT * FROM hold WHERE id = $1", hold_id)
    if row is None or (not asker.may("holds:read") and row["patron_id"] != asker.patron_id):
        raise NotFound("There is no such hold.")
    etags.tag(response, row["version"])
    return hold_out(row)


_LIST = """
SELECT * FROM hold
WHERE ($1::uuid IS NULL OR patron_id = $1) AND ($2::uuid IS NULL OR title_id = $2)
  AND ($3::uuid IS NULL OR pickup_id = $3) AND ($4::text IS NULL OR state = $4) AND ($5::uuid IS NULL OR id > $5)
ORDER BY id LIMIT $6
"""


@router.get("", response_model=cursors.Page[HoldOut], responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_holds(
    request: Request,
    response: Response,
    _: Annotated[Principal, Depends(may("holds:read"))],
    patron_id: UUID | None = None,
    title_id: UUID | None = None,
    pickup_id: UUID | None = None,
    state: Annotated[str | None, Query(max_length=20)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[HoldOut]:
    """Holds, oldest first."""
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await request.app.state.resources.pool.fetch(
        _LIST, patron_id, title_id, pickup_id, state, after, limit + 1
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[hold_out(row) for row in rows[:limit]], next_cursor=more)
