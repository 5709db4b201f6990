"""An item stays where it is brought back: our copy says so at once, and the catalogue is told."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from circulation.floating.rules import Place
from contracts.circulation import ItemFloated

_PLACE = "SELECT id FROM location WHERE library = $1 AND code = $2"
_FLOAT = """
UPDATE item SET location_id = l.id, location = l.code, library = l.library, campus = l.campus,
    institution = l.institution, guard = guard + 1, told = told + 1
FROM location l WHERE item.id = $1 AND l.id = $2
RETURNING item.told, (SELECT location_id FROM item WHERE id = $1) AS previous
"""


async def location_of(connection: Connection, place: Place) -> UUID | None:
    """The location that the catalogue told of under these codes; None where it has told of none."""
    found: UUID | None = await connection.fetchval(_PLACE, place.library, place.location)
    return found


async def stay(
    connection: Connection, item: asyncpg.Record, location_id: UUID, desk_id: UUID, *, now: datetime
) -> None:
    """The item, which the caller holds, is at home at another location from now on."""
    row = await connection.fetchrow(_FLOAT, item["item_id"], location_id)
    assert row is not None
    event = ItemFloated(
        version=row["told"],
        occurred_at=now,
        item_id=item["item_id"],
        from_location_id=row["previous"],
        to_location_id=location_id,
        service_point_id=desk_id,
    )
    await outbox.record(connection, [event])
