"""A timer: titles that a former release has entered are named as those are that come now."""

from datetime import datetime
from typing import Final

from chassis.resources import Resources
from erm.instances.likeness import core_of

AT_ONCE: Final = 500
"""Titles in one transaction."""
_UNNAMED: Final = """
SELECT id, name FROM title_instance WHERE core_name IS NULL ORDER BY id LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
"""
_NAME: Final = """
UPDATE title_instance t SET core_name = told.core FROM unnest($1::uuid[], $2::text[]) AS told (id, core)
WHERE t.id = told.id
"""


async def name_titles(resources: Resources, now: datetime) -> None:
    """Until each has the name that it is found by."""
    while True:
        async with resources.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_UNNAMED, AT_ONCE)
            told = [core_of(row["name"]) for row in rows]
            await connection.execute(_NAME, [row["id"] for row in rows], told)
        if len(rows) < AT_ONCE:
            return
