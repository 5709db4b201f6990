"""A closing is worked through loan by loan and hold by hold, each in a transaction of its own, so that desks go on.

A closing is held by an advisory lock, which dies with its holder: whoever comes next goes on with what is left.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Resources
from circulation.calendars.rules import NeverOpen
from circulation.closings.rules import ClosingState, due_after_closing
from circulation.fees import reminder_blocks
from circulation.holds import queue
from circulation.items.rules import State
from circulation.loans import statements
from circulation.loans.desk import loan_facts, look
from circulation.loans.unhurried import lock
from circulation.places.library import Library, Shelf
from contracts.circulation import HoldUpdated, LoanDueDateChanged
from contracts.events import Actor

log = logging.getLogger(__name__)

BATCH: Final = 200
IDLE_SECONDS: Final = 0.5

LOANS: Final = """
SELECT l.id, l.due_at AS at FROM loan l
WHERE l.returned_at IS NULL AND l.due_at >= $1 AND l.due_at <= $2 AND l.service_point_id = ANY ($3::uuid[])
  AND NOT EXISTS (SELECT FROM closing_effect e WHERE e.closing_id = $4 AND e.subject_id = l.id)
ORDER BY l.due_at LIMIT $5
"""
HOLDS: Final = """
SELECT h.id, h.shelf_expires_at AS at FROM hold h
WHERE h.state = 'ready' AND h.shelf_expires_at >= $1 AND h.shelf_expires_at <= $2
  AND h.pickup_id = ANY ($3::uuid[])
  AND NOT EXISTS (SELECT FROM closing_effect e WHERE e.closing_id = $4 AND e.subject_id = h.id)
ORDER BY h.shelf_expires_at LIMIT $5
"""
_EFFECTS = """
SELECT * FROM closing_effect WHERE closing_id = $1 AND NOT settled ORDER BY subject_id LIMIT $2
"""
_NOTE = """
INSERT INTO closing_effect (closing_id, subject_id, subject, item_id, before, after) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""
_COUNT = "UPDATE closing SET {0} = {0} + 1 WHERE id = $1"


async def work_closings(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: one closing after another until told to stop."""
    while not stop.is_set():
        try:
            worked = await work_once(resources, stop)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("a closing waits for the database", extra={"error": str(error)})
            worked = False
            await asyncio.sleep(1)
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def work_once(resources: Resources, stop: asyncio.Event) -> bool:
    """Take a closing that nobody is at, and carry it as far as it goes; whether there was one."""
    waiting = await resources.pool.fetch(
        "SELECT id FROM closing WHERE state IN ('running', 'undoing') ORDER BY id LIMIT 10"
    )
    if not waiting:
        return False
    async with resources.pool.acquire() as holding:
        for row in waiting:
            name = f"closing {row['id']}"
            if not await holding.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name):
                continue
            try:
                await _carry(resources, row["id"], stop)
            finally:
                if not holding.is_closed():
                    await holding.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)
            return True
    return False


async def _carry(resources: Resources, closing_id: UUID, stop: asyncio.Event) -> None:
    closing = await resources.pool.fetchrow("SELECT * FROM closing WHERE id = $1", closing_id)
    assert closing is not None
    undoing = closing["state"] == ClosingState.UNDOING
    kind, _, who = (closing["undone_by"] if undoing else closing["requested_by"]).partition(":")
    token = outbox.origin.set(resources.origin(Actor(kind, who)))
    try:
        whole = await (_undo if undoing else _apply)(resources, closing, stop)
    finally:
        outbox.origin.reset(token)
    if whole:
        ended = ClosingState.UNDONE if undoing else ClosingState.FINISHED
        column = "undone_at" if undoing else "finished_at"
        await resources.pool.execute(
            f"UPDATE closing SET state = $2, {column} = $3, version = version + 1 "  # noqa: S608 - one of two words
            "WHERE id = $1 AND state = $4",
            closing_id,
            ended.value,
            resources.clock(),
            closing["state"],
        )


async def _apply(resources: Resources, closing: asyncpg.Record, stop: asyncio.Event) -> bool:
    """Move everything due within; whether it is done."""
    span = (closing["from_at"], closing["until_at"], closing["service_point_ids"], closing["id"], BATCH)
    for statement, move in ((LOANS, _move_loan), (HOLDS, _move_hold)):
        while rows := await resources.pool.fetch(statement, *span):
            for row in rows:
                if stop.is_set():
                    return False
                async with resources.pool.acquire() as connection, connection.transaction():
                    await move(connection, resources, closing, row["id"])
    return True


async def _move_loan(connection: Connection, resources: Resources, closing: Any, loan_id: UUID) -> None:
    """Due after the closing; a loan that ended or changed meanwhile is left, and noted as seen."""
    now, shelf = resources.clock(), resources.own["shelf"]
    seen = await _seen(connection, shelf, loan_id, now)
    row, library = seen.row, seen.library
    due = row["due_at"]
    calendar = library.calendar_at(row["lent_from"], row["due_zone"])
    policy = library.rules.loan.get(row["policy"])
    after = due
    lent = row["returned_at"] is None and row["state"] == State.ON_LOAN  # neither claimed returned nor lost
    if lent and closing["from_at"] <= due <= closing["until_at"]:
        try:
            after = due_after_closing(calendar, due, offset=policy.opening_offset if policy else timedelta(0))
        except NeverOpen:
            log.warning("a loan has no open day to be due on", extra={"loan": str(loan_id)})
    await connection.execute(_NOTE, closing["id"], loan_id, "loan", row["item_id"], due, after)
    if after != due:
        await _redate(connection, seen, after, now=now)
        await connection.execute(_COUNT.format("loans_moved"), closing["id"])


async def _seen(connection: Connection, shelf: Shelf, loan_id: UUID, now: datetime) -> Any:
    """The loan with its rows locked."""
    asked = (loan_id, None, "", "", now)
    seen = await look(connection, shelf, statements.LOOK_RENEWAL, *asked)
    await lock(connection, seen)
    return await look(connection, shelf, statements.LOOK_RENEWAL, *asked)


async def _redate(connection: Connection, seen: Any, due: datetime, *, now: datetime) -> None:
    row = seen.row
    version = await connection.fetchval(
        "UPDATE loan SET due_at = $2, auto_at = CASE WHEN auto_at IS NOT NULL THEN $3::timestamptz END, "
        "  version = version + 1 WHERE id = $1 RETURNING version",
        row["open_loan_id"],
        due,
        now,
    )
    await connection.execute(
        "UPDATE item SET due_at = $2, guard = guard + 1 WHERE id = $1", row["item_id"], due
    )
    event = LoanDueDateChanged(
        version=version,
        occurred_at=now,
        loan_id=row["open_loan_id"],
        item_id=row["item_id"],
        loan=loan_facts(seen, due_at=due),
        previous_due_at=row["due_at"],
        reason="closing",
        availability=seen.availability(state=row["state"], lendable=False, due_at=due, now=now),
    )
    await outbox.record(connection, [event])
    await reminder_blocks.lift(connection, [row["open_loan_id"]], now=now)


async def _hold(connection: Connection, hold_id: UUID) -> asyncpg.Record:
    title_id = await connection.fetchval("SELECT title_id FROM hold WHERE id = $1", hold_id)
    await queue.lock_title(connection, [title_id])
    row = await connection.fetchrow("SELECT * FROM hold WHERE id = $1 FOR NO KEY UPDATE", hold_id)
    assert row is not None
    return row


async def _move_hold(connection: Connection, resources: Resources, closing: Any, hold_id: UUID) -> None:
    """On the shelf until the end of the first open day after the closing."""
    library: Library = await resources.own["shelf"].fresh()
    row = await _hold(connection, hold_id)
    until = row["shelf_expires_at"]
    if row["state"] != "ready" or not closing["from_at"] <= until <= closing["until_at"]:
        await connection.execute(
            _NOTE, closing["id"], hold_id, "hold", row["item_id"], closing["from_at"], closing["from_at"]
        )
        return
    calendar = library.calendar_at(row["pickup_id"], "UTC")
    after = until
    try:
        after = calendar.end_of_day(calendar.open_day_from(calendar.day_of(until), 1))
    except NeverOpen:
        log.warning("a hold has no open day to wait until", extra={"hold": str(hold_id)})
    await connection.execute(_NOTE, closing["id"], hold_id, "hold", row["item_id"], until, after)
    if after != until:
        await _extend(connection, hold_id, after, now=resources.clock())
        await connection.execute(_COUNT.format("holds_moved"), closing["id"])


async def _extend(connection: Connection, hold_id: UUID, until: datetime, *, now: datetime) -> None:
    row = await connection.fetchrow(
        "UPDATE hold SET shelf_expires_at = $2, version = version + 1 WHERE id = $1 RETURNING *",
        hold_id,
        until,
    )
    assert row is not None
    event = HoldUpdated(
        version=row["version"],
        occurred_at=now,
        hold_id=hold_id,
        title_id=row["title_id"],
        hold=queue.facts_of(row),
        changed=("shelf_expires_at",),
    )
    await outbox.record(connection, [event])


async def _undo(resources: Resources, closing: asyncpg.Record, stop: asyncio.Event) -> bool:
    """Back to where it was, unless it ended or changed since, or would be overdue at once."""
    while rows := await resources.pool.fetch(_EFFECTS, closing["id"], BATCH):
        for effect in rows:
            if stop.is_set():
                return False
            async with resources.pool.acquire() as connection, connection.transaction():
                await _undo_one(connection, resources, effect)
    return True


async def _undo_one(connection: Connection, resources: Resources, effect: asyncpg.Record) -> None:
    now, shelf = resources.clock(), resources.own["shelf"]
    ahead = effect["before"] > now and effect["after"] != effect["before"]
    back = False
    if effect["subject"] == "loan":
        seen = await _seen(connection, shelf, effect["subject_id"], now)
        back = ahead and seen["returned_at"] is None and seen["due_at"] == effect["after"]
        if back:
            await _redate(connection, seen, effect["before"], now=now)
    else:
        row = await _hold(connection, effect["subject_id"])
        back = ahead and row["state"] == "ready" and row["shelf_expires_at"] == effect["after"]
        if back:
            await _extend(connection, effect["subject_id"], effect["before"], now=now)
    await connection.execute(
        "UPDATE closing_effect SET settled = true WHERE closing_id = $1 AND subject_id = $2",
        effect["closing_id"],
        effect["subject_id"],
    )
    if effect["after"] != effect["before"]:
        column = "moved_back" if back else "kept"
        await connection.execute(_COUNT.format(column), effect["closing_id"])
