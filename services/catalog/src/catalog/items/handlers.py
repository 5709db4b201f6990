"""Circulation has an item before it that was thought gone, or leaves it where it is: the catalogue believes it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from catalog.history.statements import keeping, whoever
from catalog.items.announcing import states_on
from catalog.items.standing import NOWHERE, permanent, standing
from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import ItemUpdated
from contracts.circulation import ItemFloated, ItemFound

_FOUND = keeping(
    "item",
    f"""
UPDATE item SET version = item.version + 1, base_state = 'active', updated_at = $3,
    {standing(permanent("item"), "item.temporary_location_id")}
FROM holdings h
WHERE item.id = $1 AND h.id = item.holdings_id AND item.base_state = $2
    AND item.base_state IN ('missing', 'long-missing', 'withdrawn')
""",  # noqa: S608 - our own text
    now="$3",
    by="$4",
)
_ELSEWHERE: Final = "num_nonnulls(item.permanent_location_id, item.temporary_location_id) > 0"
_FLOATED = keeping(
    "item",
    f"""
UPDATE item SET version = item.version + 1, updated_at = $4,
    temporary_location_id = CASE WHEN {_ELSEWHERE} THEN $3::uuid END,
    {
        standing(
            f"CASE WHEN {_ELSEWHERE} THEN {permanent('item')} ELSE $3::uuid END",
            f"CASE WHEN {_ELSEWHERE} THEN $3::uuid ELSE {NOWHERE} END",
        )
    }
FROM holdings h
WHERE item.id = $1 AND h.id = item.holdings_id AND item.location_id = $2
    AND EXISTS (SELECT FROM location WHERE id = $3)
""",  # noqa: S608 - our own text
    now="$4",
    by="$5",
)
"""What stands elsewhere for a time goes on doing so, at the other place; where it belongs stays as it is."""
_CHANGED = "INSERT INTO title_change (title_id) SELECT unnest(title_id || bound_with) FROM item WHERE id = $1"


async def found(connection: Connection, batch: Sequence[Heard]) -> None:
    """Active again, unless somebody has given it another state meanwhile."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemFound)
        if not await connection.fetchval(_FOUND, event.item_id, event.base_before, heard.time, whoever()):
            continue
        await _tell(connection, event.item_id, heard.time)


async def floated(connection: Connection, batch: Sequence[Heard]) -> None:
    """At home where it was brought back, unless somebody has moved it elsewhere meanwhile."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemFloated)
        moved = (event.item_id, event.from_location_id, event.to_location_id, heard.time, whoever())
        if await connection.fetchval(_FLOATED, *moved):
            await _tell(connection, event.item_id, heard.time)


async def _tell(connection: Connection, item_id: UUID, now: datetime) -> None:
    await connection.execute(_CHANGED, item_id)
    (state,) = await states_on(connection, [item_id])
    told = ItemUpdated(version=state.version, occurred_at=now, item_id=item_id, item=state)
    await outbox.record(connection, [told])
    await connection.execute("SELECT pg_notify('title_change', '')")
