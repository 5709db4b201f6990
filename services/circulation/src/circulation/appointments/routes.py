"""Appointments on the wire: which slots there are, and what becomes of one."""

from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Once, OnceRequired
from chassis.moments import Moment
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Unauthenticated, problems
from circulation.appointments import commands
from circulation.appointments.commands import AppointmentNotSo, AppointmentRefused
from circulation.appointments.rules import Act, slots
from circulation.asking import patron_or
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary

router = new_router("/v1/pickup-appointments", tag="appointments")
of_points = new_router("/v1/service-points", tag="appointments")

MayBook = Annotated[Principal, Depends(patron_or("holds:manage"))]
MayRead = Annotated[Principal, Depends(patron_or("holds:read"))]
MayServe = Annotated[Principal, Depends(may("holds:manage"))]
MAY_BE = problems(Unauthenticated, Forbidden, NotFound, AppointmentNotSo, Invalid)


class SlotOut(BaseModel):
    """A time that can be agreed on."""

    starts_at: datetime
    ends_at: datetime
    free: int
    """Places that are left."""


class SlotsOut(BaseModel):
    """Of the days asked about, the first to come first."""

    zone: str
    items: list[SlotOut]


_TAKEN = """
SELECT starts_at, count(*) AS taken FROM pickup_appointment
WHERE service_point_id = $1 AND starts_at >= $2 AND starts_at < $3 AND state IN ('booked', 'staged', 'arrived')
GROUP BY starts_at
"""


@of_points.get(
    "/{service_point_id}/appointment-slots",
    response_model=SlotsOut,
    responses=problems(Unauthenticated, NotFound, Invalid, NotConfigured),
)
async def list_slots(
    request: Request,
    service_point_id: UUID,
    _: MayRead,
    library: TheLibrary,
    now: Now,
    first: Annotated[
        date | None, Query(alias="from", description="A day there; today where left out")
    ] = None,
    days: Annotated[int, Query(ge=1, le=31)] = 7,
) -> SlotsOut:
    """Slots that a patron may still book, with the places left in each; full ones are told, too."""
    desk = library.desks.get(service_point_id)
    if desk is None:
        raise NotFound("There is no such service point.")
    plan, today = desk.appointments, desk.calendar.day_of(now)
    if plan is None:
        return SlotsOut(zone=desk.calendar.zone, items=[])
    start = max(first or today, today)
    end = min(start + timedelta(days=days), today + timedelta(days=plan.days_ahead + 1))
    earliest = now + timedelta(minutes=plan.notice_minutes)
    wanted = [
        slot
        for away in range(max((end - start).days, 0))
        for slot in slots(plan, desk.calendar, start + timedelta(days=away))
        if slot.starts_at >= earliest
    ]
    taken: dict[datetime, int] = {}
    if wanted:
        pool: asyncpg.Pool = request.app.state.resources.pool
        rows = await pool.fetch(_TAKEN, desk.id, wanted[0].starts_at, wanted[-1].ends_at)
        taken = {row["starts_at"]: row["taken"] for row in rows}
    return SlotsOut(
        zone=desk.calendar.zone,
        items=[
            SlotOut(
                starts_at=slot.starts_at,
                ends_at=slot.ends_at,
                free=max(plan.capacity - taken.get(slot.starts_at, 0), 0),
            )
            for slot in wanted
        ],
    )


class AppointmentIn(BaseModel):
    """Who comes where and when."""

    model_config = ConfigDict(extra="forbid")

    patron_id: UUID | None = None
    """A patron books for themselves where it is left out."""
    service_point_id: UUID
    starts_at: Moment
    """The beginning of a slot."""


class AppointmentOut(BaseModel):
    """An appointment."""

    id: UUID
    patron_id: UUID
    service_point_id: UUID
    starts_at: datetime
    ends_at: datetime
    state: Literal["booked", "staged", "arrived", "delivered", "cancelled", "missed"]
    booked_at: datetime
    staged_at: datetime | None
    arrived_at: datetime | None
    ended_at: datetime | None
    version: int


def _out(row: asyncpg.Record) -> AppointmentOut:
    return AppointmentOut(**{name: row[name] for name in AppointmentOut.model_fields})


@router.post(
    "",
    status_code=201,
    response_model=AppointmentOut,
    responses=problems(Unauthenticated, NotFound, AppointmentRefused, Invalid, NotConfigured),
)
async def book_appointment(
    request: Request, body: AppointmentIn, asker: MayBook, library: TheLibrary, once: OnceRequired, now: Now
) -> Response:
    """Agree on a time at which a patron comes for what is ready: staff for any, a patron for themselves."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.book(
            connection,
            library,
            patron_id=body.patron_id or asker.patron_id,
            desk_id=body.service_point_id,
            starts_at=body.starts_at.astimezone(UTC),
            by=asker,
            now=now,
        )
        tags = {"location": f"{router.prefix}/{row['id']}", "etag": etags.etag(row["version"])}
        return 201, _out(row), tags

    return await whole(request.app.state.resources.pool, once, act)


class MoveIn(BaseModel):
    """When they come instead."""

    model_config = ConfigDict(extra="forbid")

    starts_at: Moment


@router.post(
    "/{appointment_id}/moves",
    status_code=201,
    response_model=AppointmentOut,
    responses=MAY_BE | problems(AppointmentRefused),
)
async def move_appointment(
    request: Request,
    appointment_id: UUID,
    body: MoveIn,
    asker: MayBook,
    library: TheLibrary,
    once: OnceRequired,
    now: Now,
) -> Response:
    """Another slot of the same service point; the place in the first is free again."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.move(
            connection,
            library,
            appointment_id,
            starts_at=body.starts_at.astimezone(UTC),
            by=asker,
            now=now,
        )
        return 201, _out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


class NothingIn(BaseModel):
    """Nothing needs to be said."""

    model_config = ConfigDict(extra="forbid")


async def _done(
    request: Request, appointment_id: UUID, what: Act, asker: Principal, once: Once, now: datetime
) -> Response:
    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.act(connection, appointment_id, what, by=asker, now=now)
        return 201, _out(row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


@router.post(
    "/{appointment_id}/cancellations", status_code=201, response_model=AppointmentOut, responses=MAY_BE
)
async def cancel_appointment(
    request: Request, appointment_id: UUID, body: NothingIn, asker: MayBook, once: OnceRequired, now: Now
) -> Response:
    """Nobody will come; what is ready stays ready for as long as its hold says."""
    return await _done(request, appointment_id, Act.CANCEL, asker, once, now)


@router.post("/{appointment_id}/stagings", status_code=201, response_model=AppointmentOut, responses=MAY_BE)
async def stage_appointment(
    request: Request, appointment_id: UUID, body: NothingIn, asker: MayServe, once: OnceRequired, now: Now
) -> Response:
    """Everything has been put together."""
    return await _done(request, appointment_id, Act.STAGE, asker, once, now)


@router.post("/{appointment_id}/arrivals", status_code=201, response_model=AppointmentOut, responses=MAY_BE)
async def arrive(
    request: Request, appointment_id: UUID, body: NothingIn, asker: MayBook, once: OnceRequired, now: Now
) -> Response:
    """The patron is there: they say so themselves, or staff see them."""
    return await _done(request, appointment_id, Act.ARRIVE, asker, once, now)


@router.post("/{appointment_id}/deliveries", status_code=201, response_model=AppointmentOut, responses=MAY_BE)
async def deliver_appointment(
    request: Request, appointment_id: UUID, body: NothingIn, asker: MayServe, once: OnceRequired, now: Now
) -> Response:
    """Everything was handed over. Loans are made by lending, as at any desk."""
    return await _done(request, appointment_id, Act.DELIVER, asker, once, now)


@router.get("/{appointment_id}", response_model=AppointmentOut, responses=problems(Unauthenticated, NotFound))
async def get_appointment(
    request: Request, appointment_id: UUID, asker: MayRead, response: Response
) -> AppointmentOut:
    """One appointment; another's does not exist for a patron."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    row = await pool.fetchrow("SELECT * FROM pickup_appointment WHERE id = $1", appointment_id)
    if row is None or not (asker.may("holds:read") or row["patron_id"] == asker.patron_id):
        raise NotFound("There is no such appointment.")
    etags.tag(response, row["version"])
    return _out(row)


_OF_POINT = """
SELECT * FROM pickup_appointment
WHERE service_point_id = $1 AND (starts_at, id) > ($2::timestamptz, $3::uuid)
  AND ($4::uuid IS NULL OR patron_id = $4) AND ($5::timestamptz IS NULL OR starts_at < $5)
ORDER BY starts_at, id LIMIT $6
"""
_OF_PATRON = """
SELECT * FROM pickup_appointment
WHERE patron_id = $1 AND (starts_at, id) > ($2::timestamptz, $3::uuid)
  AND ($4::timestamptz IS NULL OR starts_at < $4)
ORDER BY starts_at, id LIMIT $5
"""


@router.get(
    "",
    response_model=cursors.Page[AppointmentOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_appointments(
    request: Request,
    response: Response,
    asker: MayRead,
    service_point_id: UUID | None = None,
    patron_id: UUID | None = None,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[AppointmentOut]:
    """A service point's appointments or a patron's, by time. Patrons see their own."""
    if not asker.may("holds:read"):
        patron_id = asker.patron_id
    if service_point_id is None and patron_id is None:
        text = "Name service_point_id or patron_id."
        raise Invalid(reasons=[Reason("one-of", text, "query/service_point_id")])
    after = (
        cursors.moment_and_id(cursor) if cursor else (since or datetime(1000, 1, 1, tzinfo=UTC), UUID(int=0))
    )
    pool: asyncpg.Pool = request.app.state.resources.pool
    if service_point_id is not None:
        rows = await pool.fetch(_OF_POINT, service_point_id, *after, patron_id, until, limit + 1)
    else:
        rows = await pool.fetch(_OF_PATRON, patron_id, *after, until, limit + 1)
    more = cursors.encode(rows[limit - 1]["starts_at"], rows[limit - 1]["id"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(row) for row in rows[:limit]], next_cursor=more)
