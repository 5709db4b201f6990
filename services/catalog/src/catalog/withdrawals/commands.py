"""The withdrawal saga, the catalogue's side: asked for, then done or refused, every step with its time.

Circulation has a say: it clears the wish (and lets no loan slip in from then on) or refuses it with reasons.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.items.commands import ItemUnknown
from chassis import outbox
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Reason, Refused
from contracts.catalog import ItemWithdrawalRequested


class WithdrawalRefused(Refused):
    """The item is withdrawn already, or about to be."""

    code, title = "withdrawal-refused", "This item cannot be asked to be withdrawn now."


def step(name: str, at: datetime, **more: Any) -> dict[str, Any]:
    """A step as it is kept."""
    return {"step": name, "at": at.isoformat(), **more}


async def ask(session: AsyncSession, item_id: UUID, *, by: Principal, reason: str, now: datetime) -> UUID:
    """Ask for an item to be withdrawn; the withdrawal's id. One at a time."""
    state = await session.scalar(
        text("SELECT base_state FROM item WHERE id = :id FOR NO KEY UPDATE"), {"id": item_id}
    )
    if state is None:
        raise ItemUnknown
    if state == "withdrawn":
        raise WithdrawalRefused(reasons=[Reason("item-withdrawn", "The item has been withdrawn.")])
    withdrawal_id = uuid7()
    try:
        await session.execute(
            text(
                "INSERT INTO withdrawal (id, item_id, state, reason, refusals, steps, requested_by, requested_at) "
                "VALUES (:id, :item_id, 'requested', :reason, '[]', CAST(:steps AS jsonb), :by, :now)"
            ),
            {
                "id": withdrawal_id,
                "item_id": item_id,
                "reason": reason,
                "steps": orjson.dumps([step("requested", now, by=str(by.actor))]).decode(),
                "by": str(by.actor),
                "now": now,
            },
        )
    except IntegrityError as error:
        raise WithdrawalRefused(
            reasons=[
                Reason(
                    "withdrawal-under-way", "A withdrawal of this item is under way.", mend="See how it ends."
                )
            ]
        ) from error
    event = ItemWithdrawalRequested(
        version=1, occurred_at=now, withdrawal_id=withdrawal_id, item_id=item_id, reason=reason
    )
    await outbox.publish(session, event)
    return withdrawal_id
