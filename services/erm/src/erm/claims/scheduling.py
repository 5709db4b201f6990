"""The day on which each line is to be claimed is kept with it, and follows whatever becomes of its order."""

from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from erm.claims.rules import Awaited, claim_on, stands
from erm.configuration.queries import in_force
from erm.orders.queries import Order
from erm.orders.rules import RECEIPT_FINAL, receipt_state

_FACTS = """
SELECT l.id, v.claim_after_days, coalesce(l.claim_interval_days, v.claim_interval_days) AS interval_days,
    v.claims_at_most, c.claimed, c.last_at
FROM order_line l JOIN purchase_order o ON o.id = l.order_id JOIN organisation v ON v.id = o.vendor_id
LEFT JOIN LATERAL (SELECT count(*) AS claimed, max(sent_at) AS last_at FROM claim
    WHERE order_line_id = l.id AND state = 'sent') c ON true
WHERE l.order_id = $1
"""
_KEEP = """
UPDATE order_line l SET claim_on = t.claim_on FROM unnest($1::uuid[], $2::date[]) t (id, claim_on)
WHERE l.id = t.id AND l.claim_on IS DISTINCT FROM t.claim_on
"""
_STOP = """
UPDATE claim SET state = 'stopped', stopped_at = $2, stop_reason = 'not-awaited', version = version + 1
WHERE order_line_id = ANY ($1::uuid[]) AND state = 'proposed'
"""
_PROPOSED = "SELECT order_line_id FROM claim WHERE order_line_id = ANY ($1::uuid[]) AND state = 'proposed'"


async def schedule(connection: Connection, order: Order, now: datetime) -> None:
    """Keep when each line is to be claimed next; what is not awaited any more stops being claimed."""
    doc = await in_force(connection)
    ids = [line.id for line in order.lines]
    facts: dict[UUID, Any] = {row["id"]: row for row in await connection.fetch(_FACTS, order.id)}
    proposed = {row["order_line_id"] for row in await connection.fetch(_PROPOSED, ids)}
    approved = order.row["approved_at"] if order.row["state"] == "open" else None
    days, ended = [], []
    for line in order.lines:
        told = facts[line.id]
        awaited = Awaited(
            ordered_on=None if approved is None else doc.today(approved),
            expected_on=line.row["expected_on"],
            claim_after_days=told["claim_after_days"],
            interval_days=told["interval_days"],
            claims_at_most=told["claims_at_most"],
            claimed=told["claimed"],
            last_on=None if told["last_at"] is None else doc.today(told["last_at"]),
            put_off_until=line.row["claim_put_off_until"],
            complete=line.progress.ongoing or receipt_state(line.progress) in RECEIPT_FINAL,
        )
        days.append(None if line.id in proposed and stands(awaited) else claim_on(awaited))
        if not stands(awaited):
            ended.append(line.id)
    await connection.execute(_KEEP, ids, days)
    await connection.execute(_STOP, ended, now)
