"""Appointments are booked, moved, worked off and missed. A slot is held while its places are counted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import NotFound, Reason, Refused
from circulation.appointments.rules import (
    TEXTS,
    Act,
    Booking,
    State,
    after,
    booking_refusals,
    free_place,
    slot_at,
)
from circulation.places.library import Desk, Library
from contracts.circulation import (
    PickupAppointmentArrived,
    PickupAppointmentBooked,
    PickupAppointmentCancelled,
    PickupAppointmentDelivered,
    PickupAppointmentEvent,
    PickupAppointmentFacts,
    PickupAppointmentMissed,
    PickupAppointmentMoved,
    PickupAppointmentStaged,
)


class AppointmentRefused(Refused):
    """There is no such appointment to be had; every reason is given."""

    code, title = "appointment-refused", "This appointment cannot be made."


class AppointmentNotSo(Refused):
    """The appointment stands where this cannot be done."""

    code, title = "appointment-not-so", "This cannot be done with the appointment as it stands."


_TOLD: dict[Act, type[PickupAppointmentEvent]] = {
    Act.MOVE: PickupAppointmentMoved,
    Act.STAGE: PickupAppointmentStaged,
    Act.ARRIVE: PickupAppointmentArrived,
    Act.DELIVER: PickupAppointmentDelivered,
    Act.CANCEL: PickupAppointmentCancelled,
}
_PATRON = "SELECT id, active FROM patron WHERE id = $1 FOR NO KEY UPDATE"
_FACTS = """
SELECT EXISTS (SELECT FROM hold WHERE patron_id = $1 AND pickup_id = $2 AND state = 'ready') AS something_ready,
    EXISTS (SELECT FROM pickup_appointment WHERE patron_id = $1 AND service_point_id = $2 AND id <> $4
        AND state IN ('booked', 'staged', 'arrived')) AS booked_already,
    ARRAY(SELECT place FROM pickup_appointment WHERE service_point_id = $2 AND starts_at = $3 AND id <> $4
        AND state IN ('booked', 'staged', 'arrived')) AS taken
"""
_BOOK = """
INSERT INTO pickup_appointment (id, service_point_id, patron_id, starts_at, ends_at, missed_at, place, state, booked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'booked', $8) RETURNING *
"""
_MOVE = """
UPDATE pickup_appointment SET starts_at = $2, ends_at = $3, missed_at = $4, place = $5, version = version + 1
WHERE id = $1 RETURNING *
"""
_ACT = """
UPDATE pickup_appointment SET state = $2, version = version + 1,
    staged_at = CASE WHEN $4 = 'stage' THEN $3::timestamptz ELSE staged_at END,
    arrived_at = CASE WHEN $4 = 'arrive' THEN $3::timestamptz ELSE arrived_at END,
    ended_at = CASE WHEN $2 IN ('delivered', 'cancelled') THEN $3::timestamptz END
WHERE id = $1 RETURNING *
"""
_MISSED = """
UPDATE pickup_appointment SET state = 'missed', ended_at = $1, version = version + 1
WHERE id IN (
    SELECT id FROM pickup_appointment WHERE state IN ('booked', 'staged') AND missed_at <= $1
    ORDER BY missed_at LIMIT 500 FOR NO KEY UPDATE SKIP LOCKED
) RETURNING *
"""
NO_ONE = UUID(int=0)


async def book(
    connection: Connection,
    library: Library,
    *,
    patron_id: UUID | None,
    desk_id: UUID,
    starts_at: datetime,
    by: Principal,
    now: datetime,
) -> asyncpg.Record:
    """Agree on a slot with a patron; the last place goes to one."""
    desk, missing = library.desks.get(desk_id), []
    by_staff = by.may("holds:manage")
    patron = await connection.fetchrow(_PATRON, patron_id)
    if patron is None or not (by_staff or patron_id == by.patron_id):
        missing.append(Reason("patron-unknown", "There is no such patron.", "/patron_id"))
    if desk is None:
        missing.append(
            Reason("service-point-unknown", "There is no such service point.", "/service_point_id")
        )
    if missing or patron is None or desk is None:
        raise NotFound("The patron or the service point is unknown here.", reasons=missing)
    place, ends_at = await _place(connection, desk, patron, starts_at, NO_ONE, by_staff=by_staff, now=now)
    row = await connection.fetchrow(
        _BOOK, uuid7(), desk.id, patron["id"], starts_at, ends_at, _late(desk, ends_at), place, now
    )
    return await _tell(connection, row, PickupAppointmentBooked, now=now)


async def move(
    connection: Connection,
    library: Library,
    appointment_id: UUID,
    *,
    starts_at: datetime,
    by: Principal,
    now: datetime,
) -> asyncpg.Record:
    """Agree on another slot of the same service point; what has been put together stays so."""
    row = await _own(connection, appointment_id, by)
    _next(row, Act.MOVE)
    desk = library.desks.get(row["service_point_id"])
    if desk is None:
        raise AppointmentRefused(
            reasons=[Reason("service-point-unknown", "The service point is no more.", None, "Cancel it.")]
        )
    patron = await connection.fetchrow(_PATRON, row["patron_id"])
    assert patron is not None
    place, ends_at = await _place(
        connection, desk, patron, starts_at, appointment_id, by_staff=by.may("holds:manage"), now=now
    )
    moved = await connection.fetchrow(_MOVE, appointment_id, starts_at, ends_at, _late(desk, ends_at), place)
    return await _tell(connection, moved, PickupAppointmentMoved, now=now)


async def act(
    connection: Connection, appointment_id: UUID, what: Act, *, by: Principal, now: datetime
) -> asyncpg.Record:
    """Stage, arrive, deliver or cancel, where that comes next."""
    row = await _own(connection, appointment_id, by)
    state = _next(row, what)
    done = await connection.fetchrow(_ACT, appointment_id, state.value, now, what.value)
    return await _tell(connection, done, _TOLD[what], now=now)


async def miss(connection: Connection, *, now: datetime) -> int:
    """Appointments for which nobody came in time; how many there were."""
    rows = await connection.fetch(_MISSED, now)
    for row in rows:
        await _tell(connection, row, PickupAppointmentMissed, now=now)
    return len(rows)


_TWICE = """
SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY service_point_id ORDER BY patron_id <> $1, starts_at, id) AS place
    FROM pickup_appointment
    WHERE (patron_id = $1 OR patron_id = ANY ($2::uuid[])) AND state IN ('booked', 'staged', 'arrived')
) told WHERE place > 1 ORDER BY id
"""


async def one_at_each_point(
    connection: Connection, survivor_id: UUID, merged_ids: Sequence[UUID], *, now: datetime
) -> None:
    """Registrations become one: of two appointments at a service point the surviving one's stays, else the first."""
    for row in await connection.fetch(_TWICE, survivor_id, list(merged_ids)):
        done = await connection.fetchrow(_ACT, row["id"], State.CANCELLED.value, now, Act.CANCEL.value)
        await _tell(connection, done, PickupAppointmentCancelled, now=now)


async def _own(connection: Connection, appointment_id: UUID, by: Principal) -> asyncpg.Record:
    row = await connection.fetchrow(
        "SELECT * FROM pickup_appointment WHERE id = $1 FOR NO KEY UPDATE", appointment_id
    )
    if row is None or not (by.may("holds:manage") or row["patron_id"] == by.patron_id):
        raise NotFound("There is no such appointment.")
    return row


def _next(row: asyncpg.Record, what: Act) -> State:
    state = after(State(row["state"]), what, staged=row["staged_at"] is not None)
    if state is None:
        mend = "Put everything together first." if what is Act.DELIVER else None
        raise AppointmentNotSo(
            reasons=[Reason(f"appointment-{row['state']}", f"It is {row['state']}.", mend=mend)]
        )
    return state


async def _place(
    connection: Connection,
    desk: Desk,
    patron: asyncpg.Record,
    starts_at: datetime,
    but: UUID,
    *,
    by_staff: bool,
    now: datetime,
) -> tuple[int, datetime]:
    """A place in the slot and when it ends, or every reason why there is none; the slot is held from here on."""
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"slot {desk.id} {starts_at.isoformat()}"
    )
    facts = await connection.fetchrow(_FACTS, patron["id"], desk.id, starts_at, but)
    assert facts is not None
    booking = Booking(
        starts_at,
        len(facts["taken"]),
        facts["something_ready"],
        facts["booked_already"],
        patron["active"],
        by_staff,
    )
    refused = booking_refusals(desk.appointments, desk.calendar, booking, now=now)
    if refused or desk.appointments is None:
        raise AppointmentRefused(
            reasons=[Reason(each, TEXTS[each][0], None, TEXTS[each][1]) for each in refused]
        )
    slot = slot_at(desk.appointments, desk.calendar, starts_at)
    assert slot is not None, "else it was refused"
    return free_place(facts["taken"]), slot.ends_at


def _late(desk: Desk, ends_at: datetime) -> datetime:
    assert desk.appointments is not None, "else it was refused"
    return ends_at + timedelta(minutes=desk.appointments.late_minutes)


async def _tell(
    connection: Connection, row: asyncpg.Record | None, kind: type[PickupAppointmentEvent], *, now: datetime
) -> asyncpg.Record:
    assert row is not None
    event = kind(
        version=row["version"],
        occurred_at=now,
        appointment_id=row["id"],
        appointment=PickupAppointmentFacts(
            appointment_id=row["id"],
            patron_ref=row["patron_id"],
            service_point_id=row["service_point_id"],
            starts_at=row["starts_at"],
            ends_at=row["ends_at"],
            state=row["state"],
        ),
    )
    await outbox.record(connection, [event])
    return row
