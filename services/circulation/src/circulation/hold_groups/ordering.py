"""Something new is held for everybody in a group: patron by patron, each in a transaction of its own."""

import logging
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Problem
from chassis.resources import Resources
from circulation.holds.commands import place_within
from circulation.holds.looking import Placing
from circulation.places.library import Shelf
from contracts.events import Actor

log = logging.getLogger(__name__)

_OPEN = "SELECT id FROM hold_group_order WHERE done_at IS NULL ORDER BY id LIMIT 20"
_ORDER = """
SELECT o.*, g.active FROM hold_group_order o JOIN hold_group g ON g.id = o.group_id WHERE o.id = $1
"""
_NEXT = """
SELECT m.patron_id, m.pickup_id FROM hold_group_member m
WHERE m.group_id = $1 AND m.added_at <= $2
  AND NOT EXISTS (SELECT FROM hold_group_result r WHERE r.order_id = $3 AND r.patron_id = m.patron_id)
ORDER BY m.added_at, m.patron_id LIMIT 100
"""
_TRIED = "SELECT true FROM hold_group_result WHERE order_id = $1 AND patron_id = $2"
_RESULT = """
WITH kept AS (
    INSERT INTO hold_group_result (order_id, patron_id, hold_id, refusals, tried_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT DO NOTHING RETURNING hold_id
)
UPDATE hold_group_order SET placed = placed + (kept.hold_id IS NOT NULL)::int,
    refused = refused + (kept.hold_id IS NULL)::int
FROM kept WHERE id = $1
"""
_INSERT = """
INSERT INTO hold_group_order (id, group_id, title_id, volume, volume_key, ordered_at, ordered_by)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (group_id, title_id, volume_key) DO NOTHING RETURNING *
"""


async def order(
    connection: Connection,
    group_id: UUID,
    title_id: UUID,
    *,
    volume: str | None,
    volume_key: str | None,
    by: str,
    now: datetime,
) -> tuple[asyncpg.Record, bool]:
    """The order, and whether it is new: what was held for a group before is not held for it again."""
    known = (group_id, title_id, volume_key or "")
    row = await connection.fetchrow(_INSERT, uuid7(), *known[:2], volume, known[2], now, by)
    if row is not None:
        return row, True
    row = await connection.fetchrow(
        "SELECT * FROM hold_group_order WHERE group_id = $1 AND title_id = $2 AND volume_key = $3", *known
    )
    assert row is not None
    return row, False


async def work_orders(resources: Resources, now: datetime) -> None:
    """Place what is ordered and not placed yet; where it broke off, it goes on."""
    waiting = await resources.pool.fetch(_OPEN)
    if not waiting:
        return
    shelf: Shelf = resources.own["shelf"]
    for row in waiting:
        try:
            await _work(resources, shelf, row["id"], now)
        except Exception:
            log.exception("an order of a hold group broke off", extra={"order": str(row["id"])})


async def _work(resources: Resources, shelf: Shelf, order_id: UUID, now: datetime) -> None:
    asked = await resources.pool.fetchrow(_ORDER, order_id)
    assert asked is not None
    kind, _, who = asked["ordered_by"].partition(":")
    token = outbox.origin.set(resources.origin(Actor(kind, who)))
    by = Principal(kind, who, frozenset({"holds:create"}))
    try:
        while members := await resources.pool.fetch(_NEXT, asked["group_id"], asked["ordered_at"], order_id):
            for member in members if asked["active"] else ():
                async with resources.pool.acquire() as connection:
                    await _one(connection, shelf, asked, member, by, now=now)
            if not asked["active"]:
                break
    finally:
        outbox.origin.reset(token)
    await resources.pool.execute("UPDATE hold_group_order SET done_at = $2 WHERE id = $1", order_id, now)


async def _one(
    connection: Connection,
    shelf: Shelf,
    asked: asyncpg.Record,
    member: asyncpg.Record,
    by: Principal,
    *,
    now: datetime,
) -> None:
    """One patron's hold, with all that stands against it: limits, blocks, and what they have already."""
    wanted = Placing(
        member["patron_id"], None, asked["title_id"], None, member["pickup_id"], None, asked["volume"]
    )
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT FROM hold_group_order WHERE id = $1 FOR NO KEY UPDATE", asked["id"]
            )
            if await connection.fetchval(_TRIED, asked["id"], member["patron_id"]):
                return
            hold = await place_within(connection, shelf, wanted, by, now=now)
            await connection.execute(_RESULT, asked["id"], member["patron_id"], hold["id"], None, now)
    except Problem as refused:
        codes = " ".join(str(reason.code) for reason in refused.reasons) or refused.code
        await connection.execute(_RESULT, asked["id"], member["patron_id"], None, codes, now)
