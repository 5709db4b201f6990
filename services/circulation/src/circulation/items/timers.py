"""Labels that were kept before anybody read volumes in them are read, a few thousand at a time."""

from datetime import datetime

from chassis.resources import Resources
from circulation.items.volumes import volume_key

_UNREAD = "SELECT id, volume FROM item WHERE volume IS NOT NULL AND volume_key IS NULL LIMIT 2000"
_READ = """
UPDATE item SET volume_key = t.volume_key, guard = guard + 1
FROM unnest($1::uuid[], $2::text[], $3::text[]) AS t (id, volume, volume_key)
WHERE item.id = t.id AND item.volume = t.volume AND item.volume_key IS NULL
"""


async def read_volumes(resources: Resources, now: datetime) -> None:
    """Read the volume in what labels say; nothing to do once all have been read."""
    while rows := await resources.pool.fetch(_UNREAD):
        labels = [row["volume"] for row in rows]
        await resources.pool.execute(
            _READ, [row["id"] for row in rows], labels, [volume_key(label) or "" for label in labels]
        )
