"""What owners look up: their subscriptions, how far each is, and the log of deliveries."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

COUNTED = 10_000
"""Waiting deliveries are counted up to here."""

_LIST = text("""
SELECT * FROM webhook WHERE state <> 'deleted' AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid))
ORDER BY id LIMIT :limit
""")
_LIST_OF = text("""
SELECT * FROM webhook WHERE owner_kind = :kind AND owner_ref = :ref AND state <> 'deleted'
AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)) ORDER BY id LIMIT :limit
""")
_WAITING = text("""
SELECT count(*) FROM (SELECT FROM webhook_delivery WHERE webhook_id = :id AND state = 'pending' LIMIT :most) AS first
""")
_BEHIND = text("SELECT source FROM webhook_place WHERE webhook_id = :id ORDER BY source")

_DELIVERY = """
SELECT d.id, d.webhook_id, d.kind, d.message_id, d.type, d.state, d.created_at, d.due_at, d.ended_at, d.tries,
    t.at AS last_tried_at, t.status AS last_status, t.error AS last_error
FROM webhook_delivery d LEFT JOIN webhook_try t ON t.delivery_id = d.id AND t.number = d.tries
"""
_DELIVERIES = text(
    _DELIVERY
    + """WHERE d.webhook_id = :id AND (CAST(:before AS uuid) IS NULL OR d.id < CAST(:before AS uuid))
ORDER BY d.id DESC LIMIT :limit"""
)
_DELIVERIES_IN = text(
    _DELIVERY
    + """WHERE d.webhook_id = :id AND d.state = :state
AND (CAST(:before AS uuid) IS NULL OR d.id < CAST(:before AS uuid))
ORDER BY d.id DESC LIMIT :limit"""
)
_ONE = text(
    _DELIVERY.replace("SELECT d.id,", "SELECT d.body, d.id,", 1)
    + "WHERE d.id = :delivery AND d.webhook_id = :id"
)
_TRIES = text("""
SELECT number, at, took_ms, status, error, answer FROM webhook_try WHERE delivery_id = :delivery ORDER BY number DESC
LIMIT 500
""")

Row = RowMapping


async def webhooks(
    session: AsyncSession, *, owner: tuple[str, str] | None, after: UUID | None, limit: int
) -> Sequence[Row]:
    """Subscriptions, oldest first: of one owner, or of all."""
    if owner is None:
        return (await session.execute(_LIST, {"after": after, "limit": limit})).mappings().all()
    asked = {"kind": owner[0], "ref": owner[1], "after": after, "limit": limit}
    return (await session.execute(_LIST_OF, asked)).mappings().all()


async def waiting(session: AsyncSession, webhook_id: UUID) -> int:
    """Deliveries that are still to be made, counted up to some thousands."""
    return int(await session.scalar(_WAITING, {"id": webhook_id, "most": COUNTED}) or 0)


async def behind(session: AsyncSession, webhook_id: UUID) -> list[str]:
    """The services whose events it has not yet caught up with."""
    return list((await session.execute(_BEHIND, {"id": webhook_id})).scalars())


async def deliveries(
    session: AsyncSession, *, webhook_id: UUID, state: str | None, before: UUID | None, limit: int
) -> Sequence[Row]:
    """The log, newest first."""
    asked: dict[str, Any] = {"id": webhook_id, "before": before, "limit": limit}
    if state is None:
        return (await session.execute(_DELIVERIES, asked)).mappings().all()
    return (await session.execute(_DELIVERIES_IN, asked | {"state": state})).mappings().all()


async def delivery(session: AsyncSession, *, webhook_id: UUID, delivery_id: UUID) -> Row | None:
    """One delivery with what is sent."""
    found = await session.execute(_ONE, {"id": webhook_id, "delivery": delivery_id})
    return found.mappings().first()


async def tries(session: AsyncSession, delivery_id: UUID) -> Sequence[Row]:
    """What came of each try, the last one first."""
    return (await session.execute(_TRIES, {"delivery": delivery_id})).mappings().all()
