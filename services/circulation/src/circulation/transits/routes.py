"""Calling a transit off, on the wire. Which items are on their way is listed with the shelves."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict

from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from circulation.holds import queue
from circulation.holds.passing import reassign
from circulation.loans.races import persistently
from circulation.places.library import Library, NotConfigured
from circulation.places.routes import TheLibrary
from circulation.transits.ending import end_transit

router = new_router("/v1/transits", tag="shelves")

MaySend = Annotated[Principal, Depends(may("returns:create"))]


class TransitRefused(Refused):
    """There is no transit to call off."""

    code, title = "transit-refused", "This item is not on its way anywhere."


class CalledOff(StrEnum):
    """Why a transit is called off."""

    NOT_SENT = "not-sent"
    """It never left."""
    NOT_ARRIVED = "not-arrived"
    """Nobody has seen it on its way; say in the catalogue that it is missing, if it is."""
    NOT_NEEDED = "not-needed"


class CancellationIn(BaseModel):
    """Why."""

    model_config = ConfigDict(extra="forbid")

    reason: CalledOff


class TransitEndOut(BaseModel):
    """A transit that was called off."""

    item_id: UUID
    from_service_point_id: UUID | None
    to_service_point_id: UUID
    reason: CalledOff
    state: str
    """What has become of the item."""
    hold_id: UUID | None
    """The hold it was on its way to, which waits again."""


@router.post(
    "/{item_id}/cancellations",
    status_code=201,
    response_model=TransitEndOut,
    responses=problems(
        Unauthenticated, Forbidden, NotFound, TransitRefused, InFlight, Invalid, NotConfigured
    ),
)
async def cancel_transit(
    request: Request,
    item_id: UUID,
    body: CancellationIn,
    staff: MaySend,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Call a transit off. The item counts as standing on its own shelf, and is fetched for the next who waits.

    Staff of some libraries only: those it comes from or goes to.
    """

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        item = await _locked(connection, item_id)
        if item is None:
            raise NotFound("There is no such item.")
        if item["transit_to"] is None:
            mend = "Scan it where it lies; the answer says where it belongs."
            raise TransitRefused(reasons=[Reason("not-in-transit", "The item is not on its way.", mend=mend)])
        _allowed(library, item, staff)
        await end_transit(connection, item, body.reason.value, now=now)
        stopped = await connection.fetchrow("SELECT * FROM item WHERE id = $1", item_id)
        assert stopped is not None
        await reassign(connection, library, stopped, now=now)
        state = await connection.fetchval("SELECT state FROM item WHERE id = $1", item_id)
        told = TransitEndOut(
            item_id=item_id,
            from_service_point_id=item["transit_from"],
            to_service_point_id=item["transit_to"],
            reason=body.reason,
            state=state,
            hold_id=item["hold_id"],
        )
        return 201, told, {}

    pool: asyncpg.Pool = request.app.state.resources.pool
    return await persistently(lambda: whole(pool, once, act))


async def _locked(connection: Connection, item_id: UUID) -> asyncpg.Record | None:
    """The item; its title's queue is held from now on, and the item itself."""
    titles = await connection.fetchval("SELECT title_ids FROM item WHERE id = $1", item_id)
    await queue.lock_title(connection, titles or ())
    row: asyncpg.Record | None = await connection.fetchrow(
        "SELECT * FROM item WHERE id = $1 FOR NO KEY UPDATE", item_id
    )
    return row


def _allowed(library: Library, item: asyncpg.Record, staff: Principal) -> None:
    if staff.libraries is None:
        return
    ends = [library.desks.get(end) for end in (item["transit_from"], item["transit_to"]) if end]
    if not any(desk.library in staff.libraries for desk in ends if desk):
        raise Forbidden("The item is on its way between other libraries.")
