"""The queue of a title as it is written: holds change their state, positions stay dense, events are told.

Callers hold the title's queue (`lock_title`), so that it is changed by one at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from circulation.holds.recalling import lift
from circulation.holds.rules import IN_FULFILMENT, HoldState, Waiting
from contracts.circulation import HoldEvent, HoldFacts

OPEN_STATES = ("waiting", "in-transit", "ready")


_LOCK = """
WITH taken AS MATERIALIZED (SELECT pg_advisory_xact_lock(hashtextextended(($1::uuid)::text, 0)))
INSERT INTO hold_queue AS q (title_id, guard) SELECT $1, 1 FROM taken
ON CONFLICT (title_id) DO UPDATE SET guard = q.guard + 1
"""


async def lock_title(connection: Connection, title_ids: Iterable[UUID]) -> None:
    """Take the title's queue, in one order everywhere: its advisory lock, and its guard is raised.

    Whoever has looked at the queue before, to place a hold, looks again.
    """
    for title_id in sorted(set(title_ids)):
        await connection.execute(_LOCK, title_id)


_QUEUE = """
SELECT h.*, h.suspended_at IS NOT NULL AS suspended, EXISTS (
    SELECT FROM item i WHERE i.title_ids && $1::uuid[] AND i.hold_id = h.id AND i.state = 'paged') AS kept
FROM hold h
WHERE title_id = ANY ($1::uuid[]) AND state IN ('waiting', 'in-transit', 'ready')
"""
_ONE = _QUEUE.rsplit("WHERE", 1)[0] + "WHERE h.id = $2"
_UNSERVED = (
    f"{_QUEUE} AND NOT EXISTS (SELECT FROM item i WHERE i.title_ids && $1::uuid[] AND i.hold_id = h.id)"
)


_QUEUES = """
SELECT h.title_id, h.patron_id,
    ARRAY(SELECT DISTINCT t.id FROM item i, unnest(i.title_ids) AS t (id) WHERE i.hold_id = h.id) AS others
FROM hold h WHERE h.id = $1
"""
_KEPT = "SELECT k.id FROM item k WHERE k.hold_id = $1 UNION ALL SELECT $2::uuid"
_COPIES = f"SELECT FROM item WHERE id IN ({_KEPT}) ORDER BY id FOR NO KEY UPDATE"
_COPIES_OUT = f"""
SELECT FROM item WHERE id IN ({_KEPT} UNION ALL SELECT o.id FROM item o
    WHERE o.title_ids @> ARRAY[$3::uuid] AND (o.loan_id IS NOT NULL OR o.transit_to IS NOT NULL))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - our own text


async def rows_of(connection: Connection, title_id: UUID) -> list[asyncpg.Record]:
    """The queue of one title, in order."""
    return list(await connection.fetch(f"{_QUEUE} ORDER BY position", [title_id]))


async def locked(
    connection: Connection,
    hold_id: UUID,
    *,
    ending: bool = False,
    item_id: UUID | None = None,
    out: bool = False,
) -> asyncpg.Record | None:
    """A hold that is held from now on, with what goes with it, in the order in which everybody takes them.

    The queues of its title and of those that a copy kept for it stands in; its patron, where it is `ending` and
    counts no longer; the copies kept for it, the one named by `item_id`, and those of its title that are `out`; its
    own row.
    """
    held: set[UUID] = set()
    while (told := await connection.fetchrow(_QUEUES, hold_id)) is not None:
        if not (more := {told["title_id"], *told["others"]} - held):
            break
        await lock_title(connection, more)  # again, where its title was merged into another meanwhile
        held |= more
    if told is None:
        return None
    title_id: UUID = told["title_id"]
    if ending:
        await connection.execute("SELECT FROM patron WHERE id = $1 FOR NO KEY UPDATE", told["patron_id"])
    await connection.execute(_COPIES_OUT if out else _COPIES, hold_id, item_id, *([title_id] if out else []))
    await connection.execute("SELECT FROM hold WHERE id = $1 FOR NO KEY UPDATE", hold_id)
    row: asyncpg.Record | None = await connection.fetchrow(_ONE, [title_id], hold_id)
    return row


async def queue_of(connection: Connection, title_ids: Sequence[UUID]) -> list[Waiting]:
    """The open holds on these titles, in order."""
    return _waiting(await connection.fetch(f"{_QUEUE} ORDER BY position", title_ids))


async def unserved(connection: Connection, title_ids: Sequence[UUID]) -> list[Waiting]:
    """Those for which no copy is kept yet."""
    return _waiting(await connection.fetch(f"{_UNSERVED} ORDER BY position", title_ids))


def _waiting(rows: Iterable[asyncpg.Record]) -> list[Waiting]:
    return [waiting_of(row) for row in rows]


def waiting_of(row: asyncpg.Record) -> Waiting:
    """A hold's row as the rules see it."""
    return Waiting(
        row["id"],
        row["position"],
        HoldState(row["state"]),
        row["item_id"],
        row["level"],
        suspended=row["suspended"],
        kept=row["kept"],
        volume=row["volume_key"],
        pickup_id=row["pickup_id"],
    )


def facts_of(row: asyncpg.Record | Mapping[str, Any]) -> HoldFacts:
    """A hold's row as events tell it."""
    return HoldFacts(
        hold_id=row["id"],
        kind=row["kind"],
        level=row["level"],
        title_id=row["title_id"],
        item_id=row["item_id"],
        volume=row["volume"],
        fulfilment=row["fulfilment"],
        delivery_address_type=row["delivery_address_type"],
        patron_ref=row["patron_id"],
        proxy_ref=row["proxy_id"],
        pickup_id=row["pickup_id"],
        state=row["state"],
        position=row["position"],
        expires_at=row["expires_at"],
        shelf_expires_at=row["shelf_expires_at"],
        suspended=row["suspended_at"] is not None,
        suspended_until=row["suspended_until"],
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a hold."""

    state: HoldState
    item_id: UUID | None = None
    ready_at: datetime | None = None
    shelf_expires_at: datetime | None = None
    reason: str | None = None
    reason_text: str | None = None
    """For staff; events do not tell it."""


async def look_elsewhere(connection: Connection, hold_id: UUID, *, now: datetime) -> None:
    """The copy that was to be fetched will not be: the next run of the timer fetches another, if there is one."""
    await connection.execute("UPDATE hold SET retarget_at = $2 WHERE id = $1", hold_id, now)


async def take_place(connection: Connection, title_id: UUID, hold_id: UUID, now_at: int, to: int) -> None:
    """Move one hold within the queue; those between make room, so that positions stay dense."""
    if to != now_at:
        await connection.execute(
            "UPDATE hold SET position = CASE WHEN id = $2 THEN $4::int WHEN $4 < $3::int THEN position + 1 "
            "  ELSE position - 1 END "
            "WHERE title_id = $1 AND position BETWEEN least($3::int, $4::int) AND greatest($3::int, $4::int)",
            title_id,
            hold_id,
            now_at,
            to,
        )


async def tell(
    connection: Connection, hold_id: UUID, kind: type[HoldEvent], *, now: datetime, **more: Any
) -> asyncpg.Record:
    """Announce what a hold has become; its version was raised by the caller."""
    row = await connection.fetchrow("SELECT * FROM hold WHERE id = $1", hold_id)
    assert row is not None
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


_AHEAD = """
SELECT 1 + count(*) FROM hold WHERE title_id = $1 AND id <> $2 AND state IN ('in-transit', 'ready')
"""


async def change(
    connection: Connection,
    hold_id: UUID,
    change: Change,
    kind: type[HoldEvent],
    *,
    now: datetime,
    **more: Any,
) -> asyncpg.Record:
    """Write a hold's new state and its event; a closed one leaves the queue, which closes up behind it.

    Holds in fulfilment stand first: who gets a copy moves up behind them, who loses it waits first of the rest.
    """
    closing = change.state.value not in OPEN_STATES
    row = await connection.fetchrow(
        "UPDATE hold SET state = $2, version = version + 1, reason = coalesce($3, reason), "
        "  item_id = CASE WHEN $4::uuid IS NOT NULL THEN $4 WHEN level <> 'item' AND NOT $7 THEN NULL "
        "    ELSE item_id END, "
        "  ready_at = CASE WHEN $2 IN ('waiting', 'in-transit') THEN NULL ELSE coalesce($5, ready_at) END, "
        "  shelf_expires_at = CASE WHEN $2 IN ('waiting', 'in-transit') THEN NULL "
        "    ELSE coalesce($6, shelf_expires_at) END, "
        "  suspended_at = NULL, suspended_until = NULL, retarget_at = NULL, "
        "  reason_text = coalesce($9, reason_text), "
        "  closed_at = CASE WHEN $7 THEN $8::timestamptz END, "
        "  position = CASE WHEN $7 THEN NULL ELSE position END "
        "WHERE id = $1 RETURNING title_id, patron_id, kind, (SELECT position FROM hold WHERE id = $1) AS before, "
        "  (SELECT state FROM hold WHERE id = $1) AS state_before",
        hold_id,
        change.state.value,
        change.reason,
        change.item_id,
        change.ready_at,
        change.shelf_expires_at,
        closing,
        now,
        change.reason_text,
    )
    assert row is not None
    if closing and row["before"] is not None:
        await connection.execute(
            "UPDATE hold SET position = position - 1 WHERE title_id = $1 AND position > $2",
            row["title_id"],
            row["before"],
        )
        await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", row["patron_id"])
        if row["kind"] == "recall":
            await lift(connection, hold_id, now=now)
    elif (change.state in IN_FULFILMENT) != (row["state_before"] in IN_FULFILMENT):
        to = await connection.fetchval(_AHEAD, row["title_id"], hold_id)
        await take_place(connection, row["title_id"], hold_id, row["before"], to)
    return await tell(connection, hold_id, kind, now=now, **more)
