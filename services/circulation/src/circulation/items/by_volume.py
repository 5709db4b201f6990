"""A title's availability volume by volume: for whoever wants one of them."""

from datetime import datetime
from uuid import UUID

import asyncpg
from pydantic import BaseModel


class VolumeAvailabilityOut(BaseModel):
    """The copies of one volume."""

    volume: str
    """As a label has it; what a hold on the volume names."""
    available: int
    total: int
    queue_length: int
    """Open holds that a copy of it could fill: on the volume, on one of its items, and on the title."""
    next_due_at: datetime | None


_VOLUMES = """
WITH v AS (
    SELECT volume_key, min(volume) AS volume, count(*) AS total,
        count(*) FILTER (WHERE state = 'available') AS available, min(due_at) AS next_due_at, array_agg(id) AS ids
    FROM item WHERE title_ids @> ARRAY[$1::uuid] AND NOT suppressed AND base <> 'withdrawn' AND volume_key > $2
    GROUP BY volume_key ORDER BY volume_key LIMIT $3
)
SELECT v.volume_key, v.volume, v.total, v.available, v.next_due_at, (
    SELECT count(*) FROM hold h WHERE h.title_id = $1 AND h.position IS NOT NULL
      AND (h.level = 'title' OR h.volume_key = v.volume_key OR h.item_id = ANY (v.ids))
) AS queue_length
FROM v ORDER BY v.volume_key
"""


async def volumes_of(pool: asyncpg.Pool, title_id: UUID, after: str, limit: int) -> list[asyncpg.Record]:
    """Volumes in the order of their keys, behind one of them; copies of no volume are left out."""
    return list(await pool.fetch(_VOLUMES, title_id, after, limit))
