"""Which drawer is open where, and what went in and out."""

from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.drawers.rules import Movement
from circulation.fees.rules import Money


async def open_at(connection: Connection, service_point_id: UUID | None) -> UUID | None:
    """The drawer that is open at a service point; it cannot be closed before this transaction ends."""
    if service_point_id is None:
        return None
    found: UUID | None = await connection.fetchval(
        "SELECT id FROM drawer WHERE service_point_id = $1 AND closed_at IS NULL FOR SHARE", service_point_id
    )
    return found


_MOVEMENTS = """
SELECT m.method, f.owner, m.currency, sum(m.amount)::bigint AS amount FROM (
    SELECT fee_id, method, currency, amount FROM payment WHERE drawer_id = $1
    UNION ALL
    SELECT fee_id, method, currency, -amount FROM fee_action WHERE drawer_id = $1 AND act = 'refund'
) m JOIN fee f ON f.id = m.fee_id
GROUP BY m.method, f.owner, m.currency ORDER BY m.method, f.owner
"""


async def movements(connection: Connection | asyncpg.Pool, drawer_id: UUID, currency: str) -> list[Movement]:
    """What went in and out, summed by method and owner."""
    return [
        Movement(row["method"], row["owner"], Money(row["amount"], currency))
        for row in await connection.fetch(_MOVEMENTS, drawer_id)
        if row["currency"] == currency
    ]
