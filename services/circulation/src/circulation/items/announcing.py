"""Telling every item's availability anew, in batches of 500: how a reader starts, or starts again."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.ids import uuid7
from circulation.items.rules import State
from contracts.circulation import AvailabilityAnnounced, ItemAvailability

SLICE = 500

_NEXT = """
SELECT i.id, i.guard, i.title_ids, i.library, i.location, i.state, i.due_at,
    i.reshelving_until,
    (SELECT count(*) FROM hold h WHERE h.title_id = ANY (i.title_ids) AND h.position IS NOT NULL) AS queue_length
FROM item i WHERE ($1::uuid IS NULL OR i.id > $1) ORDER BY i.id LIMIT $2
"""


async def announce_all(pool: asyncpg.Pool, *, now: datetime) -> int:
    """Every item, a slice to a transaction; how many."""
    last: UUID | None = None
    told = 0
    while True:
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            rows = await connection.fetch(_NEXT, last, SLICE)
            if not rows:
                return told
            items = tuple(
                ItemAvailability(
                    item_id=row["id"],
                    version=row["guard"],
                    title_ids=tuple(row["title_ids"]),
                    library=row["library"] or "",
                    location=row["location"] or "",
                    state=row["state"],
                    lendable=row["state"] == State.AVAILABLE,
                    due_at=row["due_at"],
                    queue_length=row["queue_length"],
                    reshelving_until=row["reshelving_until"] if row["state"] == State.AVAILABLE else None,
                    as_of=now,
                )
                for row in rows
            )
            event = AvailabilityAnnounced(version=1, occurred_at=now, batch_id=uuid7(), items=items)
            await outbox.record(connection, [event])
        last, told = rows[-1]["id"], told + len(rows)
