"""What counts, for a journal in a year. Two requests for one journal are judged one after the other."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from ill.copyright.rules import GUIDELINES

_COUNTS: Final = """
FROM request WHERE journals && $1::text[] AND counted_in = $2 AND compliance = $3 AND side = 'borrowing'
"""
_COUNTED = f"""
SELECT count(*) {_COUNTS} AND id IS DISTINCT FROM $4
    AND (NOT ended OR state = 'complete' OR status = 'CopyCompleted')
"""  # noqa: S608 - our own text
_BOTH = f"""
SELECT count(*) FILTER (WHERE state IN ('delivered', 'complete') OR status = 'CopyCompleted') AS supplied,
    count(*) FILTER (WHERE NOT ended AND state <> 'delivered') AS under_way {_COUNTS}
"""


async def counted(connection: Connection, journal: Sequence[str], year: int, request_id: UUID) -> int:
    """Copies of the journal in the year, supplied or under way, besides this one; nobody else counts meanwhile."""
    for number in sorted(journal):
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"copies of {number}"
        )
    found: int = await connection.fetchval(_COUNTED, list(journal), year, GUIDELINES, request_id)
    return found


async def counts(pool: asyncpg.Pool, journal: Sequence[str], year: int) -> tuple[int, int]:
    """Supplied, and under way."""
    row = await pool.fetchrow(_BOTH, list(journal), year, GUIDELINES)
    assert row is not None
    return row["supplied"], row["under_way"]
