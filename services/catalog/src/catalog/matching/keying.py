"""Titles that were written before they had keys are given them."""

import asyncio
from datetime import datetime
from typing import Final

import asyncpg

from catalog.marc.storage import unpack
from catalog.matching.keys import keys_of
from chassis.resources import Resources

SLICE: Final = 1000
MOST_SLICES: Final = 100
_NEXT = "SELECT id, record FROM title WHERE keys IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED"
_KEY = """
UPDATE title t SET keys = string_to_array(n.keys, chr(10)) FROM unnest($1::uuid[], $2::text[]) AS n (id, keys)
WHERE t.id = n.id
"""


async def _key_slice(connection: asyncpg.pool.PoolConnectionProxy) -> int:
    async with connection.transaction():
        rows = await connection.fetch(_NEXT, SLICE)
        if rows:
            keys = await asyncio.to_thread(
                lambda: ["\n".join(keys_of(unpack(row["record"]))) for row in rows]
            )
            await connection.execute(_KEY, [row["id"] for row in rows], keys)
    return len(rows)


async def key_titles_on(connection: asyncpg.pool.PoolConnectionProxy) -> None:
    """All of them, before something is asked of keys."""
    while await _key_slice(connection):
        pass


async def key_titles(resources: Resources, now: datetime) -> None:
    """A timer: some slices."""
    async with resources.pool.acquire() as connection:
        for _ in range(MOST_SLICES):
            if await _key_slice(connection) < SLICE:
                return
