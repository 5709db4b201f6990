"""What time does: reminders are charged, items age to lost, lost items are billed, settled loans end.

Ageing goes by slices of whole sets: a loan is looked at when it is overdue, then once a day at most and when
its time has come, so that a renewal, a recall or another policy is noticed within a day. Reminders, bills and ends are
done one by one, each in a transaction of its own, so that one fault stops no other.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Resources
from circulation.calendars.rules import Calendar
from circulation.fees import reminding
from circulation.items.handlers import tell_availability
from circulation.lost import commands
from circulation.lost.rules import LostPolicy, ages_at, bills_at
from circulation.places.library import Library, NotConfigured, Shelf
from contracts.circulation import LoanAgedToLost

log = logging.getLogger(__name__)

SLICE: Final = 500
LOOK_AGAIN: Final = timedelta(days=1)

OVERDUE = """
(SELECT id, item_id FROM loan
 WHERE lost_check_at IS NULL AND due_at <= $1 AND returned_at IS NULL AND lost_at IS NULL AND claimed_at IS NULL
 ORDER BY due_at LIMIT $2)
UNION ALL
(SELECT id, item_id FROM loan
 WHERE lost_check_at <= $1 AND returned_at IS NULL AND lost_at IS NULL AND claimed_at IS NULL
 ORDER BY lost_check_at LIMIT $2)
LIMIT $2
"""
_LATER = """
UPDATE loan SET lost_check_at = t.at, remind_at = CASE WHEN t.wanted THEN $4::timestamptz END
FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) AS t (id, at, wanted) WHERE loan.id = t.id
"""
_AGE = """
UPDATE loan SET lost_at = $4, lost_cause = 'aged', lost_policy = t.policy, bill_at = t.bill_at, version = version + 1
FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS t (id, policy, bill_at) WHERE loan.id = t.id
"""
_LOSE = "UPDATE item SET loss = 'lost', state = 'lost', guard = guard + 1 WHERE id = ANY ($1::uuid[])"


async def lost_items(resources: Resources, now: datetime) -> None:
    """Age, remind, bill, end. Where nothing is configured yet nothing can have been lent."""
    shelf: Shelf = resources.own["shelf"]
    try:
        library = await shelf.fresh()
    except NotConfigured:
        return
    while True:
        async with resources.pool.acquire() as connection, connection.transaction():
            if await age(connection, library, now=now) < SLICE:
                break
    await _each(resources, REMINDERS, _remind, library, now)
    await _each(resources, BILLS, _bill, library, now)
    await _each(resources, ENDS, _end, library, now)


async def age(connection: Connection, library: Library, *, now: datetime) -> int:
    """A slice of the overdue loans: those whose time has come are lost from now on; how many were looked at."""
    due = await connection.fetch(OVERDUE, now, SLICE)
    if not due:
        return 0
    await connection.execute(
        "SELECT FROM item WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        [row["item_id"] for row in due],
    )
    await connection.execute(
        "SELECT FROM loan WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        [row["id"] for row in due],
    )
    rows = await connection.fetch(
        commands.LOAN
        + "WHERE l.id = ANY ($1::uuid[]) AND l.returned_at IS NULL AND l.lost_at IS NULL AND l.claimed_at IS NULL",
        [row["id"] for row in due],
    )
    later: list[tuple[asyncpg.Record, datetime, bool]] = []
    lost: list[tuple[asyncpg.Record, LostPolicy, Calendar]] = []
    for row in rows:
        policy, calendar = commands.policy_for(library, row), commands.calendar_for(library, row)
        at = ages_at(policy, calendar, due_at=row["due_at"], recalled=row["recalled_at"] is not None)
        if at is not None and at <= now:
            lost.append((row, policy, calendar))
        else:
            wanted, ahead = reminding.wanted(library, row, now)
            again = max(now, row["due_at"]) + LOOK_AGAIN
            later.append((row, min(filter(None, (at, ahead, again))), wanted))
    await connection.execute(
        _LATER,
        [row["id"] for row, _, _ in later],
        [at for _, at, _ in later],
        [wanted for _, _, wanted in later],
        now,
    )
    if lost:
        await _lose(connection, lost, now)
    return len(due)


async def _lose(
    connection: Connection, lost: list[tuple[asyncpg.Record, LostPolicy, Calendar]], now: datetime
) -> None:
    bills = [
        bills_at(policy, calendar, aged_at=now, recalled=row["recalled_at"] is not None)
        for row, policy, calendar in lost
    ]
    await connection.execute(
        _AGE, [row["id"] for row, _, _ in lost], [policy.code for _, policy, _ in lost], bills, now
    )
    items = [row["item_id"] for row, _, _ in lost]
    await connection.execute(_LOSE, items)
    told = [commands.event(LoanAgedToLost, row, row["version"] + 1, now) for row, _, _ in lost]
    await outbox.record(connection, told)
    await tell_availability(connection, items, now)


BILLS = """
SELECT id FROM loan WHERE bill_at <= $1 AND returned_at IS NULL AND claimed_at IS NULL ORDER BY bill_at LIMIT $2
"""
ENDS = """
SELECT id FROM loan WHERE closes_at <= $1 AND returned_at IS NULL AND claimed_at IS NULL ORDER BY closes_at LIMIT $2
"""
_POSTPONE = """
UPDATE loan SET bill_at = bill_at + interval '1 hour', closes_at = closes_at + interval '1 hour',
    remind_at = remind_at + interval '1 hour'
WHERE id = $1
"""
REMINDERS = """
SELECT id FROM loan WHERE remind_at <= $1 AND returned_at IS NULL AND claimed_at IS NULL ORDER BY remind_at LIMIT $2
"""
One = Callable[[Connection, Library, asyncpg.Record, datetime], Awaitable[None]]


async def _each(resources: Resources, due: str, act: One, library: Library, now: datetime) -> None:
    """Everything whose time has come; what fails is tried again an hour later."""
    while rows := await resources.pool.fetch(due, now, SLICE):
        for row in rows:
            try:
                async with resources.pool.acquire() as connection, connection.transaction():
                    await act(connection, library, await commands.locked(connection, row["id"]), now)
            except Exception:
                log.exception("a lost item could not be settled", extra={"loan": str(row["id"])})
                await resources.pool.execute(_POSTPONE, row["id"])


async def _remind(connection: Connection, library: Library, row: asyncpg.Record, now: datetime) -> None:
    if row["returned_at"] is None and row["claimed_at"] is None and row["lost_at"] is None:
        await reminding.remind(connection, library, row, now=now)
    await connection.execute("UPDATE loan SET remind_at = NULL WHERE id = $1", row["id"])


async def _bill(connection: Connection, library: Library, row: asyncpg.Record, now: datetime) -> None:
    if row["bill_at"] is not None and row["returned_at"] is None and row["claimed_at"] is None:
        await commands.bill(connection, library, row, now=now)


async def _end(connection: Connection, library: Library, row: asyncpg.Record, now: datetime) -> None:
    await commands.close_settled(connection, library, [row["id"]], now=now)
    await connection.execute("UPDATE loan SET closes_at = NULL WHERE id = $1", row["id"])
