"""The queue of a title as it is written: holds change their state, positions stay dense, events are told.

Callers hold the title's queue (`lock_title`), so that it is changed by one at a time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from circulation.holds.rules import HoldState, Waiting
from contracts.circulation import HoldEvent, HoldFacts

OPEN_STATES = ("waiting", "in-transit", "ready")


async def lock_title(connection: Connection, title_ids: Iterable[UUID]) -> None:
    """Take the title's queue: its advisory lock, in one order everywhere."""
    for title_id in sorted(set(title_ids)):
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", str(title_id))


_QUEUE = """
SELECT id, position, state, item_id, level FROM hold h
WHERE title_id = ANY ($1::uuid[]) AND state IN ('waiting', 'in-transit', 'ready')
"""
_UNSERVED = (
    f"{_QUEUE} AND NOT EXISTS (SELECT FROM item i WHERE i.title_ids && $1::uuid[] AND i.hold_id = h.id)"
)


async def queue_of(connection: Connection, title_ids: Sequence[UUID]) -> list[Waiting]:
    """The open holds on these titles, in order."""
    return _waiting(await connection.fetch(f"{_QUEUE} ORDER BY position", title_ids))


async def unserved(connection: Connection, title_ids: Sequence[UUID]) -> list[Waiting]:
    """Those for which no copy is kept yet."""
    return _waiting(await connection.fetch(f"{_UNSERVED} ORDER BY position", title_ids))


def _waiting(rows: Iterable[asyncpg.Record]) -> list[Waiting]:
    return [
        Waiting(row["id"], row["position"], HoldState(row["state"]), row["item_id"], row["level"])
        for row in rows
    ]


def facts_of(row: asyncpg.Record) -> HoldFacts:
    """A hold's row as events tell it."""
    return HoldFacts(
        hold_id=row["id"],
        kind=row["kind"],
        level=row["level"],
        title_id=row["title_id"],
        item_id=row["item_id"],
        patron_ref=row["patron_id"],
        pickup_id=row["pickup_id"],
        state=row["state"],
        position=row["position"],
        expires_at=row["expires_at"],
        shelf_expires_at=row["shelf_expires_at"],
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a hold."""

    state: HoldState
    item_id: UUID | None = None
    ready_at: datetime | None = None
    shelf_expires_at: datetime | None = None
    reason: str | None = None


async def change(
    connection: Connection,
    hold_id: UUID,
    change: Change,
    kind: type[HoldEvent],
    *,
    now: datetime,
    **more: Any,
) -> asyncpg.Record:
    """Write a hold's new state and its event; a closed one leaves the queue, which closes up behind it."""
    closing = change.state.value not in OPEN_STATES
    row = await connection.fetchrow(
        "UPDATE hold SET state = $2, version = version + 1, reason = coalesce($3, reason), "
        "  item_id = CASE WHEN $4::uuid IS NOT NULL THEN $4 WHEN level = 'title' AND NOT $7 THEN NULL "
        "    ELSE item_id END, "
        "  ready_at = CASE WHEN $2 IN ('waiting', 'in-transit') THEN NULL ELSE coalesce($5, ready_at) END, "
        "  shelf_expires_at = CASE WHEN $2 IN ('waiting', 'in-transit') THEN NULL "
        "    ELSE coalesce($6, shelf_expires_at) END, "
        "  closed_at = CASE WHEN $7 THEN $8::timestamptz END, "
        "  position = CASE WHEN $7 THEN NULL ELSE position END "
        "WHERE id = $1 RETURNING *, (SELECT position FROM hold WHERE id = $1) AS before",
        hold_id,
        change.state.value,
        change.reason,
        change.item_id,
        change.ready_at,
        change.shelf_expires_at,
        closing,
        now,
    )
    assert row is not None
    if closing and row["before"] is not None:
        await connection.execute(
            "UPDATE hold SET position = position - 1 WHERE title_id = $1 AND position > $2",
            row["title_id"],
            row["before"],
        )
        await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", row["patron_id"])
    event = kind(
        version=row["version"],
        occurred_at=now,
        hold_id=hold_id,
        title_id=row["title_id"],
        hold=facts_of(row),
        **more,
    )
    await outbox.record(connection, [event])
    return row
