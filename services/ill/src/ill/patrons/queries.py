"""Who a patron is now, and that nobody makes them another while a request of theirs is written."""

from typing import overload
from uuid import UUID

import asyncpg

from chassis.database import Connection

SUCCESSOR = "SELECT patron_ref FROM merged_patron WHERE merged_ref = $1"
"""$1 a reference of former times; the patron that it leads to."""


@overload
async def of_now(by: Connection | asyncpg.Pool, patron: UUID) -> UUID: ...
@overload
async def of_now(by: Connection | asyncpg.Pool, patron: None) -> None: ...
async def of_now(by: Connection | asyncpg.Pool, patron: UUID | None) -> UUID | None:
    """The patron whom a reference means, which may be one of before a merge."""
    if patron is None:
        return None
    found: UUID | None = await by.fetchval(SUCCESSOR, patron)
    return found or patron


async def lock(connection: Connection, patron: UUID) -> None:
    """Requests of one patron are checked one after the other, and not while the patron becomes another."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", str(patron))
