"""Holds change their queue: because two titles have become one, or with an item that went to another title.

Callers hold the queues of all titles concerned, and the items' rows.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds import queue
from circulation.holds.rules import IN_FULFILMENT
from circulation.titles.rules import Standing, numbered, one_queue
from contracts.circulation import HoldUpdated

_PLACE = """
UPDATE hold SET title_id = $1, position = n.position, nth = coalesce(n.nth, hold.nth),
    version = version + (hold.title_id <> $1)::int
FROM unnest($2::uuid[], $3::int[], $4::int[]) AS n (id, position, nth) WHERE hold.id = n.id
"""
_OPEN = "SELECT * FROM hold WHERE title_id = $1 AND position IS NOT NULL ORDER BY position"
_CLOSE_UP = """
UPDATE hold SET position = n.position
FROM (SELECT id, row_number() OVER (ORDER BY position) AS position FROM hold
      WHERE title_id = $1 AND position IS NOT NULL) n
WHERE hold.id = n.id AND hold.position <> n.position
"""
_LOOK = """
UPDATE hold SET retarget_at = $2 WHERE title_id = $1 AND state = 'waiting' AND level <> 'item'
  AND suspended_at IS NULL
  AND NOT EXISTS (SELECT FROM item i WHERE i.title_ids @> ARRAY[$1::uuid] AND i.hold_id = hold.id)
"""
"""There may be copies for them now that there were none of before."""


async def join(connection: Connection, to: UUID, others: Sequence[UUID], *, now: datetime) -> int:
    """All that wait for these titles wait for one; how many have come."""
    queues = [[_standing(row) for row in await connection.fetch(_OPEN, title)] for title in (to, *others)]
    coming = [each for waiting in queues[1:] for each in waiting]
    if not coming:
        return 0
    numbers = numbered(queues[0], coming)
    await _write(connection, to, one_queue(queues), numbers)
    for each in coming:
        await queue.tell(connection, each.hold_id, HoldUpdated, now=now, changed=("title_id",))
    await connection.execute(_LOOK, to, now)
    return len(coming)


async def bring(connection: Connection, rows: Sequence[asyncpg.Record], to: UUID, *, now: datetime) -> None:
    """These holds, of whatever titles, wait for this one from now on: behind those who wait already."""
    staying = [_standing(row) for row in await connection.fetch(_OPEN, to)]
    coming = [_standing(row) for row in rows]
    order = sorted([*staying, *coming], key=lambda each: not each.in_fulfilment)
    await _write(connection, to, order, numbered(staying, coming))
    for title in {row["title_id"] for row in rows}:
        await connection.execute(_CLOSE_UP, title)
    for each in coming:
        await queue.tell(connection, each.hold_id, HoldUpdated, now=now, changed=("title_id",))


async def _write(
    connection: Connection, to: UUID, order: Sequence[Standing], numbers: Mapping[UUID, int]
) -> None:
    await connection.execute(
        _PLACE,
        to,
        [each.hold_id for each in order],
        list(range(1, len(order) + 1)),
        [numbers.get(each.hold_id) for each in order],
    )


def _standing(row: asyncpg.Record) -> Standing:
    in_fulfilment = row["state"] in IN_FULFILMENT
    return Standing(row["id"], row["patron_id"], row["placed_at"], in_fulfilment, row["nth"])
