"""Circulation has an item before it that was thought gone, or leaves it where it is: the catalogue believes it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from catalog.items.announcing import states_on
from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import ItemUpdated
from contracts.circulation import ItemFloated, ItemFound

_FOUND = """
UPDATE item SET version = version + 1, base_state = 'active', updated_at = $3
WHERE id = $1 AND base_state = $2 AND base_state IN ('missing', 'long-missing', 'withdrawn') RETURNING true
"""
_FLOATED = """
UPDATE item SET version = version + 1, location_id = $3, updated_at = $4
WHERE id = $1 AND location_id = $2 AND EXISTS (SELECT FROM location WHERE id = $3) RETURNING true
"""
_CHANGED = "INSERT INTO title_change (title_id) SELECT unnest(title_id || bound_with) FROM item WHERE id = $1"


async def found(connection: Connection, batch: Sequence[Heard]) -> None:
    """Active again, unless somebody has given it another state meanwhile."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemFound)
        if not await connection.fetchval(_FOUND, event.item_id, event.base_before, heard.time):
            continue
        await _tell(connection, event.item_id, heard.time)


async def floated(connection: Connection, batch: Sequence[Heard]) -> None:
    """At home where it was brought back, unless somebody has moved it elsewhere meanwhile."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemFloated)
        moved = (event.item_id, event.from_location_id, event.to_location_id, heard.time)
        if await connection.fetchval(_FLOATED, *moved):
            await _tell(connection, event.item_id, heard.time)


async def _tell(connection: Connection, item_id: UUID, now: datetime) -> None:
    await connection.execute(_CHANGED, item_id)
    (state,) = await states_on(connection, [item_id])
    told = ItemUpdated(version=state.version, occurred_at=now, item_id=item_id, item=state)
    await outbox.record(connection, [told])
    await connection.execute("SELECT pg_notify('title_change', '')")
