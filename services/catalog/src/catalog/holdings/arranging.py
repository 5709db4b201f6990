"""The order in which items of holdings stand: given by hand, kept for those that somebody has arranged.

Whoever adds an item, or takes one elsewhere, writes no place and waits for nobody: what has none stands behind what has
one. Whoever arranges holds the holdings and then all their items, and numbers them from 1.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.holdings.commands import locked
from catalog.holdings.order_rules import MOST_ARRANGED, arranged, arranging_faults
from catalog.holdings.telling import holdings_states
from catalog.items.commands import HoldingsUnknown
from catalog.titles.queries import mark_changed
from chassis import outbox
from chassis.problems import Invalid, Reason, Refused
from contracts.catalog import HoldingsUpdated


class TooManyItems(Refused):
    """Nobody arranges so many by hand."""

    code, title = "too-many-items", "These holdings have too many items to be arranged."


_STANDING = text("SELECT id FROM item WHERE holdings_id = :id ORDER BY id FOR UPDATE")
_ORDER = text("SELECT id FROM item WHERE holdings_id = :id ORDER BY place, id")
_PLACE = text("""
UPDATE item i SET place = n.place
FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS n (id, place)
WHERE i.id = n.id AND i.holdings_id = :id AND i.place IS DISTINCT FROM n.place
""")
_RAISE = text("UPDATE holdings SET version = version + 1, updated_at = :now WHERE id = :id")


async def arrange(
    session: AsyncSession,
    holdings_id: UUID,
    moved: Sequence[UUID],
    *,
    before: UUID | None,
    after: UUID | None,
    expected: int,
    now: datetime,
) -> list[UUID]:
    """Let some items stand together, in the order that is told, before or behind another one, else in front of all;
    all items as they stand now."""
    row = await locked(session, holdings_id, expected)
    if row.deleted_at is not None:
        raise HoldingsUnknown("These holdings are deleted.")
    here = {"id": holdings_id}
    if len((await session.execute(_STANDING, here)).all()) > MOST_ARRANGED:
        raise TooManyItems(f"Up to {MOST_ARRANGED} are.")
    standing = [item.id for item in await session.execute(_ORDER, here)]
    if faults := arranging_faults(standing, moved, before=before, after=after):
        raise Invalid(reasons=[Reason(each.code, each.text, each.pointer) for each in faults])
    order = arranged(standing, moved, before=before, after=after)
    await session.execute(_PLACE, here | {"ids": order})
    if order == standing:
        return order
    await session.execute(_RAISE, here | {"now": now})
    await mark_changed(session, [row.title_id])
    ((state, _),) = await holdings_states(session, [holdings_id])
    told = state.model_copy(update={"item_ids": tuple(order)})
    await outbox.publish(
        session,
        HoldingsUpdated(version=state.version, occurred_at=now, holdings_id=holdings_id, holdings=told),
    )
    return order
