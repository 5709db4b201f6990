"""Holdings whose record came before its policies were kept beside it: those of earlier releases."""

from datetime import datetime
from typing import Final

from catalog.holdings.policy_rules import policies
from catalog.marc.storage import unpack
from chassis.json import dumped
from chassis.resources import Resources

SLICE: Final = 1000
MOST_SLICES: Final = 50
_NEXT: Final = """
SELECT id, record FROM holdings WHERE record IS NOT NULL AND policies IS NULL ORDER BY id LIMIT $1
FOR UPDATE SKIP LOCKED
"""
_WRITE: Final = """
UPDATE holdings h SET policies = n.policies::jsonb FROM unnest($1::uuid[], $2::text[]) AS n (id, policies)
WHERE h.id = n.id
"""


async def read_policies(resources: Resources, now: datetime) -> None:
    """A timer: slices of them, each in a transaction of its own."""
    for _ in range(MOST_SLICES):
        async with resources.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_NEXT, SLICE)
            told = [dumped(policies(unpack(row["record"]))).decode() for row in rows]
            if rows:
                await connection.execute(_WRITE, [row["id"] for row in rows], told)
        if len(rows) < SLICE:
            return
