"""The timer: what was to have come by yesterday is proposed to be claimed."""

from datetime import datetime
from typing import Final

from chassis.ids import uuid7
from chassis.resources import Resources
from erm.configuration.queries import in_force

SLICE: Final = 500
"""Lines in one transaction."""
_DUE = """
SELECT l.id FROM order_line l WHERE l.claim_on <= $1 ORDER BY l.claim_on LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_PROPOSE = """
INSERT INTO claim (id, order_line_id, vendor_id, number, missing, state, created_at, actor)
SELECT due.claim_id, l.id, o.vendor_id,
    1 + (SELECT count(*) FROM claim c WHERE c.order_line_id = l.id AND c.state = 'sent'), l.quantity - l.received,
    'proposed', $3, 'system:claims'
FROM unnest($1::uuid[], $2::uuid[]) due (line_id, claim_id) JOIN order_line l ON l.id = due.line_id
JOIN purchase_order o ON o.id = l.order_id
ON CONFLICT (order_line_id) WHERE state = 'proposed' DO NOTHING
"""
_DONE = "UPDATE order_line SET claim_on = NULL WHERE id = ANY ($1::uuid[])"


async def propose(resources: Resources, now: datetime) -> None:
    """Propose a claim for each line whose day has come; a line that somebody is at waits for the next time."""
    while True:
        async with resources.pool.acquire() as connection, connection.transaction():
            today = (await in_force(connection)).today(now)
            due = [row["id"] for row in await connection.fetch(_DUE, today, SLICE)]
            await connection.execute(_PROPOSE, due, [uuid7() for _ in due], now)
            await connection.execute(_DONE, due)
        if len(due) < SLICE:
            return
