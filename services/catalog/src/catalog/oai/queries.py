"""Harvest records in the order of their datestamps, and the titles behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.oai.crosswalks import Crosswalk, crosswalk_of
from catalog.oai.following import LOCK
from catalog.oai.rules import Place, Selection

LEAST: Final = datetime(1, 1, 1, tzinfo=UTC)
MOST: Final = datetime(9999, 12, 31, tzinfo=UTC)
_NIL: Final = UUID(int=0)

_HEADER = """
SELECT r.title_id, r.datestamp, r.sets, r.deleted OR t.id IS NULL OR t.suppressed AS deleted,
    coalesce(octet_length(t.record), 0) AS size
FROM ({some}) s JOIN oai_record r USING (title_id) LEFT JOIN title t ON t.id = r.title_id
ORDER BY s.datestamp, s.title_id
"""
_ALL = _HEADER.format(
    some="SELECT title_id, datestamp FROM oai_record WHERE datestamp >= $1 AND datestamp < $2 "
    "AND (datestamp, title_id) > ($3, $4) ORDER BY datestamp, title_id LIMIT $5"
)
_OF_SET = _HEADER.format(
    some="SELECT title_id, datestamp FROM oai_membership WHERE datestamp >= $1 AND datestamp < $2 "
    "AND (datestamp, title_id) > ($3, $4) AND set_spec = $6 ORDER BY datestamp, title_id LIMIT $5"
)
_ONE = _HEADER.format(some="SELECT title_id, datestamp FROM oai_record WHERE title_id = $1")
_COUNT = "SELECT count(*) FROM oai_record WHERE datestamp >= $1 AND datestamp < $2"
_COUNT_OF_SET = """
SELECT count(*) FROM oai_membership WHERE datestamp >= $1 AND datestamp < $2 AND set_spec = $3
"""
_EARLIEST = "SELECT datestamp FROM oai_record ORDER BY datestamp, title_id LIMIT 1"
_STATE = "SELECT ready, secret FROM oai_state"
_SETS = "SELECT code, name, description FROM oai_set ORDER BY code"
_FORMATS = "SELECT code, document FROM oai_format ORDER BY code"
_FORMAT = text("SELECT document FROM oai_format WHERE code = :code")
_RECORDS = "SELECT id, record FROM title WHERE id = ANY ($1::uuid[]) AND NOT suppressed"


@dataclass(frozen=True, slots=True)
class Header:
    """A record as a list names it."""

    title_id: UUID
    datestamp: datetime
    sets: list[str]
    deleted: bool
    size: int
    """Bytes of the stored record."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A piece of a list, as of a moment: what becomes visible later has a later datestamp."""

    headers: list[Header]
    more: bool
    as_of: datetime
    size: int | None
    """How many the whole list has, when this was its beginning."""


@dataclass(frozen=True, slots=True)
class State:
    """Whether harvests are answered yet, and what tokens are signed with."""

    ready: bool
    secret: bytes


async def state(pool: asyncpg.Pool) -> State:
    """The state."""
    row = await pool.fetchrow(_STATE)
    assert row is not None
    return State(row["ready"], bytes(row["secret"]))


async def listed(
    pool: asyncpg.Pool, wanted: Selection, after: Place | None, *, limit: int, heaviest: int
) -> Listed:
    """Up to `limit` records behind a place, fewer when their stored bytes would pass `heaviest`."""
    since, before = wanted.since or LEAST, wanted.before or MOST
    at, behind = (after.datestamp, after.title_id) if after else (LEAST, _NIL)
    bounds = [since, before, at, behind, limit + 1]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock_shared($1)", LOCK)
        as_of = await connection.fetchval("SELECT clock_timestamp()")
        if wanted.set_spec is None:
            rows = await connection.fetch(_ALL, *bounds)
        else:
            rows = await connection.fetch(_OF_SET, *bounds, wanted.set_spec)
        headers = _bounded([Header(**row) for row in rows], limit, heaviest)
        more, size = len(headers) < len(rows), None
        if after is None and more:
            counted = [since, before] + ([wanted.set_spec] if wanted.set_spec else [])
            size = await connection.fetchval(_COUNT_OF_SET if wanted.set_spec else _COUNT, *counted)
    return Listed(headers, more, as_of, size)


def _bounded(headers: list[Header], limit: int, heaviest: int) -> list[Header]:
    weight = 0
    for place, header in enumerate(headers[:limit]):
        weight += header.size
        if place and weight > heaviest:
            return headers[:place]
    return headers[:limit]


async def one(pool: asyncpg.Pool, title_id: UUID) -> Header | None:
    """One record's header."""
    row = await pool.fetchrow(_ONE, title_id)
    return Header(**row) if row is not None else None


async def earliest(pool: asyncpg.Pool) -> datetime | None:
    """The first datestamp there is."""
    found: datetime | None = await pool.fetchval(_EARLIEST)
    return found


async def sets(pool: asyncpg.Pool) -> list[tuple[str, str, str]]:
    """setSpec, name and description of each set, and of the sets above it that are not configured themselves."""
    told = {row["code"]: (row["name"], row["description"]) for row in await pool.fetch(_SETS)}
    for code in list(told):
        parts = code.split(":")
        for depth in range(1, len(parts)):
            above = ":".join(parts[:depth])
            told.setdefault(above, (above, ""))
    return [(code, *told[code]) for code in sorted(told)]


async def formats(pool: asyncpg.Pool) -> dict[str, Crosswalk]:
    """The library's own formats, by prefix."""
    return {row["code"]: crosswalk_of(row["document"]) for row in await pool.fetch(_FORMATS)}


async def format_in(session: AsyncSession, prefix: str) -> Crosswalk | None:
    """One of the library's own formats."""
    document = await session.scalar(_FORMAT, {"code": prefix})
    return crosswalk_of(document) if document is not None else None


async def records(pool: asyncpg.Pool, ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """The stored records of those titles that are public now."""
    return {row["id"]: row["record"] for row in await pool.fetch(_RECORDS, ids)}
