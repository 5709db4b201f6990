"""Circulation's answers to a withdrawal. Heard twice, late or after the end, they change nothing more."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from catalog.items.announcing import states_on
from catalog.withdrawals.commands import step
from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import ItemWithdrawn
from contracts.circulation import ItemWithdrawalCleared, ItemWithdrawalRefused

_END = """
UPDATE withdrawal SET state = $2, version = version + 1, refusals = $3, steps = steps || $4::jsonb, ended_at = $5
WHERE id = $1 AND state = 'requested' RETURNING *
"""
_WITHDRAW = """
UPDATE item SET base_state = 'withdrawn', version = version + 1, updated_at = $2
WHERE id = $1 AND base_state <> 'withdrawn' RETURNING title_id, bound_with
"""
_CHANGED = "INSERT INTO title_change (title_id) SELECT * FROM unnest($1::uuid[])"


async def settle(connection: Connection, batch: Sequence[Heard]) -> None:
    """End each withdrawal as circulation says."""
    for heard in batch:
        event = heard.event
        if isinstance(event, ItemWithdrawalRefused):
            await _end(connection, event.withdrawal_id, "refused", list(event.reasons), heard.time)
        elif isinstance(event, ItemWithdrawalCleared):
            row = await _end(connection, event.withdrawal_id, "done", [], heard.time)
            if row is not None:
                await _withdraw(connection, row, heard.time)


async def _end(
    connection: Connection, withdrawal_id: UUID, state: str, reasons: list[str], now: datetime
) -> asyncpg.Record | None:
    how = "cleared" if state == "done" else "refused"
    steps = [step(how, now, **({"reasons": reasons} if reasons else {}))]
    row: asyncpg.Record | None = await connection.fetchrow(_END, withdrawal_id, state, reasons, steps, now)
    return row


async def _withdraw(connection: Connection, row: asyncpg.Record, now: datetime) -> None:
    item = await connection.fetchrow(_WITHDRAW, row["item_id"], now)
    if item is None:
        return
    await connection.execute(_CHANGED, [item["title_id"], *item["bound_with"]])
    (state,) = await states_on(connection, [row["item_id"]])
    event = ItemWithdrawn(
        version=state.version,
        occurred_at=now,
        item_id=row["item_id"],
        withdrawal_id=row["id"],
        reason=row["reason"],
        item=state,
    )
    await outbox.record(connection, [event])
