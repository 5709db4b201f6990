"""Circulation has cleared an item, or refused it: the withdrawal ends, once."""

from collections.abc import Sequence

from catalog.acquisitions.commands import withdrawal_ended
from catalog.binding.commands import withdrawal_ended as binding_goes_on
from catalog.history.statements import keeping, whoever
from catalog.items.announcing import states_on
from catalog.withdrawals.rules import WithdrawalState
from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import ItemWithdrawn
from contracts.circulation import ItemWithdrawalCleared, ItemWithdrawalRefused

_END = """
UPDATE withdrawal SET version = version + 1, state = $2::text, refusals = $3, ended_at = $4,
    steps = steps || jsonb_build_array(jsonb_build_object('state', $2::text, 'at', $4::timestamptz))
WHERE id = $1 AND state = 'requested' RETURNING item_id, reason
"""
_WITHDRAW = keeping(
    "item",
    """
UPDATE item SET version = version + 1, base_state = 'withdrawn', updated_at = $2
WHERE id = $1 AND base_state <> 'withdrawn'
""",
    now="$2",
    by="$3",
)
_CHANGED = """
INSERT INTO title_change (title_id) SELECT unnest(title_id || bound_with) FROM item WHERE id = $1
"""


async def cleared(connection: Connection, batch: Sequence[Heard]) -> None:
    """Circulation has marked its copy, so no loan can slip in: the item goes."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemWithdrawalCleared)
        ended = await connection.fetchrow(
            _END, event.withdrawal_id, WithdrawalState.DONE.value, [], heard.time
        )
        if ended is None:
            continue
        await connection.execute(_WITHDRAW, ended["item_id"], heard.time, whoever())
        await connection.execute(_CHANGED, ended["item_id"])
        (state,) = await states_on(connection, [ended["item_id"]])
        withdrawn = ItemWithdrawn(
            version=state.version,
            occurred_at=heard.time,
            item_id=state.item_id,
            withdrawal_id=event.withdrawal_id,
            reason=ended["reason"],
            item=state,
        )
        await outbox.record(connection, [withdrawn])
        await withdrawal_ended(connection, event.withdrawal_id, removed=True, reasons=(), now=heard.time)
        await binding_goes_on(connection, event.withdrawal_id, removed=True, reasons=(), now=heard.time)
        await connection.execute("SELECT pg_notify('title_change', '')")


async def refused(connection: Connection, batch: Sequence[Heard]) -> None:
    """Circulation needs the item: it stays, and the reasons are kept."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemWithdrawalRefused)
        ended = await connection.fetchrow(
            _END, event.withdrawal_id, WithdrawalState.REFUSED.value, list(event.reasons), heard.time
        )
        if ended is not None:
            for goes_on in (withdrawal_ended, binding_goes_on):
                await goes_on(
                    connection, event.withdrawal_id, removed=False, reasons=event.reasons, now=heard.time
                )
