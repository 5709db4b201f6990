"""Slips to fetch copies by, and slips for what lies on the hold shelf: printed once, and it is known by whom."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import OnceRequired
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import NotFound
from circulation.places.library import Desk, Library
from circulation.places.routes import TheLibrary
from circulation.shelves import queries
from circulation.shelves.routes import MAY_BE, MayRead, ShelvedOut, point, shelf_order, shelved

router = new_router("/v1/service-points", tag="shelves")

MayPrint = Annotated[Principal, Depends(may("holds:manage"))]
Kind = Literal["pick", "hold"]


class PrintIn(BaseModel):
    """Which slips."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    """`pick`: what to fetch from the shelves; `hold`: what waits on the hold shelf."""
    again: bool = False
    """Whether those that were printed before are printed, too."""
    most: int = Field(default=500, ge=1, le=1000)


class SlipOut(ShelvedOut):
    """A slip: the copy, the hold, for whom and for where."""

    hold_id: UUID
    hold_kind: str
    patron_id: UUID
    patron_name: str
    patron_barcode: str | None
    pickup_id: UUID
    pickup: str | None
    placed_at: datetime
    shelf_expires_at: datetime | None
    delivery_address_type: str | None


class PrintOut(BaseModel):
    """Slips that were printed together."""

    id: UUID | None
    """None: there was nothing to print, and nothing is kept of it."""
    service_point_id: UUID
    kind: Kind
    printed_at: datetime
    printed_by: str
    slips: int


class PrintedOut(PrintOut):
    """The slips themselves, as shelves are walked along; those of the hold shelf by the patron's name."""

    entries: list[SlipOut]
    more: bool = False
    """Whether there are more to print."""


_KEEP = """
WITH kept AS (
    INSERT INTO slip_print (id, service_point_id, kind, printed_at, printed_by, slips) VALUES ($1, $2, $3, $4, $5, $6)
)
INSERT INTO slip_printed (print_id, item_id, hold_id, kind)
SELECT $1, t.item_id, t.hold_id, $3 FROM unnest($7::uuid[], $8::uuid[]) AS t (item_id, hold_id)
"""
_ORDER: Mapping[str, Callable[[asyncpg.Record], tuple[Any, ...]]] = {
    "pick": shelf_order,
    "hold": lambda row: (row["patron_name"].casefold(), row["placed_at"], row["id"]),
}


async def print_slips(
    connection: Connection, library: Library, desk: Desk, asked: PrintIn, by: Principal, *, now: datetime
) -> PrintedOut:
    """Take what is to be printed and note that it was; of two who print at once each slip is one's."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"slips {desk.id} {asked.kind}"
    )
    if asked.kind == "pick":
        at_home = [served for served in desk.serves if library.homes[served].id == desk.id]
        rows = await queries.pick_slips(connection, at_home, desk.id, again=asked.again)
    else:
        rows = await queries.hold_slips(connection, desk.id, again=asked.again)
    rows.sort(key=_ORDER[asked.kind])
    page, more = rows[: asked.most], len(rows) > asked.most
    print_id, actor = (uuid7() if page else None), str(by.actor)
    if page:
        ids = [[row[name] for row in page] for name in ("id", "hold_id")]
        await connection.execute(_KEEP, print_id, desk.id, asked.kind, now, actor, len(page), *ids)
    return PrintedOut(
        id=print_id,
        service_point_id=desk.id,
        kind=asked.kind,
        printed_at=now,
        printed_by=actor,
        slips=len(page),
        entries=[_slip(library, row) for row in page],
        more=more,
    )


def _slip(library: Library, row: asyncpg.Record) -> SlipOut:
    pickup = library.desks.get(row["pickup_id"])
    names = ("hold_id", "hold_kind", "patron_id", "patron_name", "patron_barcode", "pickup_id", "placed_at")
    told = {name: row[name] for name in (*names, "shelf_expires_at", "delivery_address_type")}
    return SlipOut.model_validate(shelved(row) | told | {"pickup": pickup.name if pickup else None})


@router.post("/{service_point_id}/slip-prints", status_code=201, response_model=PrintedOut, responses=MAY_BE)
async def print_new_slips(
    request: Request,
    service_point_id: UUID,
    body: PrintIn,
    asker: MayPrint,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Slips that were not printed yet; with `again` all of them. Repeated with its key, it is the same print."""
    desk = point(library, service_point_id, asker)

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        told = await print_slips(connection, library, desk, body, asker, now=now)
        where = {"location": f"{router.prefix}/{desk.id}/slip-prints/{told.id}"} if told.id else {}
        return 201, told, where

    return await whole(request.app.state.resources.pool, once, act)


_LIST = """
SELECT id, service_point_id, kind, printed_at, printed_by, slips FROM slip_print
WHERE service_point_id = $1 AND id < $2 AND ($3::text IS NULL OR kind = $3) ORDER BY id DESC LIMIT $4
"""


@router.get("/{service_point_id}/slip-prints", response_model=cursors.Page[PrintOut], responses=MAY_BE)
async def list_slip_prints(
    request: Request,
    response: Response,
    service_point_id: UUID,
    asker: MayRead,
    library: TheLibrary,
    kind: Kind | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[PrintOut]:
    """Who printed when, the latest first."""
    desk = point(library, service_point_id, asker)
    before = cursors.uuid_in(cursor) if cursor else UUID(int=2**128 - 1)
    rows = await request.app.state.resources.pool.fetch(_LIST, desk.id, before, kind, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[PrintOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.get("/{service_point_id}/slip-prints/{print_id}", response_model=PrintedOut, responses=MAY_BE)
async def read_slip_print(
    request: Request, service_point_id: UUID, print_id: UUID, asker: MayRead, library: TheLibrary
) -> PrintedOut:
    """The slips of one print as their holds stand now, to be printed once more should the printer have failed."""
    desk = point(library, service_point_id, asker)
    pool: asyncpg.Pool = request.app.state.resources.pool
    head = await pool.fetchrow(
        "SELECT * FROM slip_print WHERE id = $1 AND service_point_id = $2", print_id, desk.id
    )
    if head is None:
        raise NotFound("There is no such print.")
    rows = sorted(await queries.slips_of(pool, print_id), key=_ORDER[head["kind"]])
    names = ("id", "service_point_id", "kind", "printed_at", "printed_by", "slips")
    return PrintedOut(**{name: head[name] for name in names}, entries=[_slip(library, row) for row in rows])
