"""A new volume of a serial arrives: it is ordered for the groups that have subscribed to it."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from circulation.hold_groups.ordering import order
from circulation.items import handlers as items
from circulation.items.volumes import volume_key
from contracts.catalog import ItemCreated

_GROUPS = """
SELECT g.id AS group_id, g.serial_title_id FROM hold_group g
WHERE g.serial_title_id = ANY ($1::uuid[]) AND g.active ORDER BY g.id
"""
_THERE_BEFORE = """
SELECT true FROM item WHERE title_ids @> ARRAY[$1::uuid] AND volume_key = $2 AND id <> ALL ($3::uuid[]) LIMIT 1
"""


async def hear(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep what the catalogue tells of items; a serial's new volume is ordered for the groups that want it.

    Another copy of a volume that has been there before is nothing new, nor is an item told of once more.
    """
    await items.remember(connection, batch)
    new = [(heard.event.item, heard.time) for heard in batch if isinstance(heard.event, ItemCreated)]
    volumes = [(item, time, key) for item, time in new if (key := volume_key(item.volume)) is not None]
    if not volumes:
        return
    titles = {title for item, *_ in volumes for title in item.title_ids}
    groups = await connection.fetch(_GROUPS, sorted(titles))
    ids = [item.item_id for item, _ in new]
    for group in groups:
        serial = group["serial_title_id"]
        for item, time, key in volumes:
            if serial in item.title_ids and not await connection.fetchval(_THERE_BEFORE, serial, key, ids):
                await order(
                    connection,
                    group["group_id"],
                    serial,
                    volume=item.volume,
                    volume_key=key,
                    by="system:hold-groups",
                    now=time,
                )
