"""Ask circulation for an item. It answers by event, and `handlers.py` ends the withdrawal."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.items.commands import ItemUnknown
from catalog.withdrawals.rules import obstacles
from chassis import outbox
from chassis.ids import uuid7
from chassis.problems import Reason, Refused
from contracts.catalog import ItemWithdrawalRequested


class WithdrawalImpossible(Refused):
    """The item is withdrawn already, or somebody has asked for it to be."""

    code, title = "withdrawal-impossible", "This item's withdrawal cannot be asked for."


_TEXTS = {
    "item-withdrawn": "The item has been withdrawn already.",
    "withdrawal-under-way": "Its withdrawal has been asked for and is not decided yet.",
}
_ITEM = text("SELECT base_state FROM item WHERE id = :id FOR UPDATE")
_OPEN = text("SELECT id FROM withdrawal WHERE item_id = :id AND state = 'requested'")
_INSERT = text("""
INSERT INTO withdrawal (id, item_id, state, reason, steps, requested_by, requested_at)
VALUES (:id, :item_id, 'requested', :reason,
    jsonb_build_array(jsonb_build_object('state', 'requested', 'at', CAST(:now AS timestamptz))), :by, :now)
""")
_READ = text("SELECT * FROM withdrawal WHERE id = :id")


async def request(session: AsyncSession, item_id: UUID, *, reason: str, by: str, now: datetime) -> UUID:
    """Ask; the item stays as it is until circulation has cleared it."""
    item = (await session.execute(_ITEM, {"id": item_id})).first()
    if item is None:
        raise ItemUnknown
    under_way = await session.scalar(_OPEN, {"id": item_id})
    if codes := obstacles(base_state=item.base_state, under_way=under_way is not None):
        raise WithdrawalImpossible(
            reasons=[Reason(code, _TEXTS[code]) for code in codes],
            withdrawal_id=str(under_way) if under_way else None,
        )
    withdrawal_id = uuid7()
    try:
        await session.execute(
            _INSERT, {"id": withdrawal_id, "item_id": item_id, "reason": reason, "by": by, "now": now}
        )
    except IntegrityError as error:
        raise WithdrawalImpossible(
            reasons=[Reason("withdrawal-under-way", _TEXTS["withdrawal-under-way"])]
        ) from error
    await outbox.publish(
        session,
        ItemWithdrawalRequested(
            version=1, occurred_at=now, withdrawal_id=withdrawal_id, item_id=item_id, reason=reason
        ),
    )
    return withdrawal_id


async def withdrawal(session: AsyncSession, withdrawal_id: UUID) -> Any | None:
    """A withdrawal as it stands."""
    return (await session.execute(_READ, {"id": withdrawal_id})).first()
