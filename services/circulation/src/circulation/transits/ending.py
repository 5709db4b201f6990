"""A transit that ends without an arrival. Whoever calls holds the title's queue and the item, and tells of both."""

from datetime import datetime

import asyncpg

from chassis import outbox
from chassis.database import Connection
from circulation.holds import queue
from circulation.holds.rules import HoldState
from circulation.items.rules import Copy, state_of
from contracts.circulation import HoldRequeued, ItemTransitCancelled

_HOLD = "SELECT true FROM hold WHERE id = $1 AND state = 'in-transit'"
_STOP = """
UPDATE item SET transit_to = NULL, transit_from = NULL, transit_since = NULL, hold_id = NULL, kept_for = NULL,
    state = $2, guard = guard + 1, told = told + 1
WHERE id = $1 RETURNING told
"""


async def end_transit(connection: Connection, item: asyncpg.Record, reason: str, *, now: datetime) -> None:
    """The item is on its way no more; the hold it was to fill waits again, first of those that wait."""
    if item["hold_id"] is not None and await connection.fetchval(_HOLD, item["hold_id"]):
        await queue.change(
            connection, item["hold_id"], queue.Change(HoldState.WAITING), HoldRequeued, now=now
        )
    copy = Copy(
        item["base"],
        on_loan=item["loan_id"] is not None,
        awaited_on_shelf=item["hold_shelf"],
        withdrawing=item["withdrawal_id"] is not None,
        loss=item["loss"],
    )
    version = await connection.fetchval(_STOP, item["id"], state_of(copy).value)
    event = ItemTransitCancelled(
        version=version,
        occurred_at=now,
        item_id=item["id"],
        from_service_point_id=item["transit_from"],
        to_service_point_id=item["transit_to"],
        hold_id=item["hold_id"],
        reason=reason,
    )
    await outbox.record(connection, [event])
