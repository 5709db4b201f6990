"""A title's queue as a whole: read in order, put into another by staff."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import etags, outbox
from chassis.database import Connection
from chassis.problems import Invalid, NotFound, Reason
from circulation.holds import queue
from circulation.holds.orders import FLAW_TEXTS, order_flaws
from contracts.circulation import HoldQueueReordered


class OrderWrong(Invalid):
    """The wished order is not one of this queue; every flaw is given."""

    code, title = "order-wrong", "This is no order of this queue."


def version_of(rows: Iterable[asyncpg.Record]) -> int:
    """The same while the same holds stand in the same order, and the same ones may be moved."""
    told = "|".join(f"{row['id']}:{row['state']}:{row['kept']}:{row['suspended']}" for row in rows)
    return int(hashlib.sha256(told.encode()).hexdigest()[:14], 16)


async def read(connection: Connection, title_id: UUID) -> list[asyncpg.Record]:
    """The queue in order; `NotFound` for a title that has no item here and no hold."""
    rows = await queue.rows_of(connection, title_id)
    if not rows and not await connection.fetchval(
        "SELECT count(*) > 0 FROM item WHERE title_ids @> ARRAY[$1::uuid]", title_id
    ):
        raise NotFound("Nothing that could be lent is known of this title here.")
    return rows


async def reorder(
    connection: Connection, title_id: UUID, wished: Sequence[UUID], *, expected: int, now: datetime
) -> list[asyncpg.Record]:
    """Put the whole queue into another order; holds that a copy is on its way to stay where they are."""
    await queue.lock_title(connection, [title_id])
    before = await read(connection, title_id)
    etags.guard(expected=expected, found=version_of(before))
    flaws = order_flaws([queue.waiting_of(row) for row in before], wished)
    if flaws:
        raise OrderWrong(
            reasons=[
                Reason(flaw, f"{FLAW_TEXTS[flaw][0]} ({hold_id})", "/hold_ids", FLAW_TEXTS[flaw][1])
                for flaw, hold_id in flaws
            ]
        )
    previous = [row["id"] for row in before]
    if previous == list(wished):
        return before
    await connection.execute(
        "UPDATE hold SET position = w.position FROM unnest($2::uuid[]) WITH ORDINALITY AS w (id, position) "
        "WHERE hold.id = w.id AND hold.title_id = $1",
        title_id,
        list(wished),
    )
    version = await connection.fetchval(
        "INSERT INTO hold_queue (title_id, version) VALUES ($1, 1) "
        "ON CONFLICT (title_id) DO UPDATE SET version = hold_queue.version + 1 RETURNING version",
        title_id,
    )
    event = HoldQueueReordered(
        version=version,
        occurred_at=now,
        title_id=title_id,
        hold_ids=tuple(wished),
        previous_hold_ids=tuple(previous),
    )
    await outbox.record(connection, [event])
    return await queue.rows_of(connection, title_id)
