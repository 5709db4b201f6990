"""Merging patrons on the wire: looked at first, done once, and on record."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from circulation.merges.commands import MergeRefused, Merging, merge
from circulation.merges.rules import Scalar
from circulation.places.routes import TheLibrary

router = new_router("/v1/patrons/{patron_id}/merges", tag="patrons")

MayMerge = Annotated[Principal, Depends(may("patrons:merge"))]
MayRead = Annotated[Principal, Depends(may("patrons:read"))]


class MergeIn(BaseModel):
    """Which registrations are the same person's."""

    model_config = ConfigDict(extra="forbid")

    merged: list[UUID] = Field(min_length=1, max_length=20)
    """Their ids; they are no more afterwards, and lead here."""
    keep: dict[Scalar, UUID] = Field(default_factory=dict)
    """Of whom a field is kept; left out: the surviving registration's own, or the first there is."""


class DifferenceOut(BaseModel):
    """What a merged registration says otherwise: is it really the same person?"""

    patron_id: UUID
    fields: list[str]


class MergeOut(BaseModel):
    """What came of it, or what would."""

    patron_id: UUID
    merged: list[UUID]
    dry_run: bool
    version: int
    loans: int
    holds: int
    fees: int
    blocks: int
    holds_given_up: list[UUID]
    """Of two holds on one title one ended: the one that was less far, or stood further back."""
    proxies_ended: list[UUID]
    guarantors_ended: list[UUID]
    """Relations between them, or for the second time to the same person."""
    differences: list[DifferenceOut]


class MergedPatronOut(BaseModel):
    """A registration that was merged into this one."""

    id: UUID
    merged_at: datetime
    merged_by: str
    registration: dict[str, Any]
    """As it was."""


class _Looked(Exception):
    """Raised to undo what was only looked at."""

    def __init__(self, told: MergeOut) -> None:
        self.told = told


@router.post(
    "",
    status_code=201,
    response_model=MergeOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, MergeRefused, InFlight, Invalid),
)
async def merge_patrons(
    request: Request,
    patron_id: UUID,
    body: MergeIn,
    by: MayMerge,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
    dry_run: Annotated[bool, Query(description="Tell what would come of it; nothing is written")] = False,
) -> Response:
    """Merge other registrations of the same person into this one; loans, holds, fees, blocks and numbers follow.

    With `dry_run` it is done and undone at once: what is told is what would have come of it at that moment.
    """
    pool: asyncpg.Pool = request.app.state.resources.pool
    asked = Merging(
        patron_id, body.merged, {str(name): whose for name, whose in body.keep.items()}, str(by.actor)
    )

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        done = await merge(connection, library, asked, now=now)
        told = MergeOut(
            patron_id=patron_id,
            merged=body.merged,
            dry_run=dry_run,
            version=done.version,
            loans=done.moved["loan.patron_id"],
            holds=done.moved["hold.patron_id"],
            fees=done.moved["fee.patron_id"],
            blocks=done.moved["patron_block.patron_id"],
            holds_given_up=done.holds_given_up,
            proxies_ended=done.proxies_ended,
            guarantors_ended=done.guarantors_ended,
            differences=[
                DifferenceOut(patron_id=each.patron_id, fields=each.fields) for each in done.differences
            ],
        )
        if dry_run:
            raise _Looked(told)
        return 201, told, {"etag": etags.etag(done.version), "location": f"/v1/patrons/{patron_id}"}

    try:
        return await whole(pool, once, act)
    except _Looked as looked:
        return Response(looked.told.model_dump_json(), 200, media_type="application/json")


@router.get(
    "",
    response_model=cursors.Page[MergedPatronOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_merges(
    request: Request, patron_id: UUID, _: MayRead, response: Response, cursor: str | None = None
) -> cursors.Page[MergedPatronOut]:
    """The registrations that were merged into this one, as they were."""
    rows = await request.app.state.resources.pool.fetch(
        "SELECT * FROM merged_patron WHERE patron_id = $1 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT 101",
        patron_id,
        cursors.uuid_in(cursor) if cursor is not None else None,
    )
    more = cursors.encode(str(rows[99]["id"])) if len(rows) > 100 else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[MergedPatronOut(**dict(row)) for row in rows[:100]], next_cursor=more)
