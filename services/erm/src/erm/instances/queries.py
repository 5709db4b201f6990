"""Titles of the knowledge base with what they are known by."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection

_TITLES: Final = """
SELECT t.*, (SELECT coalesce(jsonb_agg(jsonb_build_object('id', n.id, 'namespace', n.namespace, 'value', n.value,
    'approved', n.approved) ORDER BY n.namespace, n.value), '[]') FROM title_identifier n WHERE n.title_id = t.id)
    AS identifiers
FROM title_instance t
"""
_NAMED: Final = f"""
{_TITLES} WHERE (t.sort_name, t.id) > ($1, $2::uuid) AND t.sort_name < $4 ORDER BY t.sort_name, t.id LIMIT $3
"""
_KNOWN_BY: Final = f"""
{_TITLES} WHERE t.id IN (SELECT title_id FROM title_identifier WHERE namespace = $1 AND value = $2) ORDER BY t.id
"""  # noqa: S608 - our own text
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('title instances'))"
"""Who matches, merges, splits or renumbers titles does it alone: what a title is must not change in between."""


async def title(connection: Connection | asyncpg.Pool, title_id: UUID) -> asyncpg.Record | None:
    """One."""
    return await connection.fetchrow(f"{_TITLES} WHERE t.id = $1", title_id)


async def titles(
    connection: Connection | asyncpg.Pool, ids: Sequence[UUID], *, lock: bool = False
) -> dict[UUID, asyncpg.Record]:
    """Several, by id."""
    if lock:
        await connection.fetch(
            "SELECT FROM title_instance WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE", list(ids)
        )
    rows = await connection.fetch(f"{_TITLES} WHERE t.id = ANY ($1::uuid[])", list(ids))
    return {row["id"]: row for row in rows}


async def siblings(connection: Connection | asyncpg.Pool, work_id: UUID) -> list[asyncpg.Record]:
    """Every title of a work."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"{_TITLES} WHERE t.work_id = $1 AND t.merged_into IS NULL ORDER BY t.id LIMIT 200", work_id
    )
    return rows


async def by_name(
    connection: Connection | asyncpg.Pool, *, prefix: str, after: tuple[str, UUID], limit: int
) -> list[asyncpg.Record]:
    """Titles by name, only those that begin so."""
    start = max(after, (prefix, UUID(int=0)))
    rows: list[asyncpg.Record] = await connection.fetch(_NAMED, *start, limit, prefix + "\U0010ffff")
    return rows


async def known_by(connection: Connection | asyncpg.Pool, namespace: str, value: str) -> list[asyncpg.Record]:
    """Titles with an identifier."""
    rows: list[asyncpg.Record] = await connection.fetch(_KNOWN_BY, namespace, value)
    return rows


def names(row: Any) -> tuple[str, ...]:
    """What it is known by, as events tell it."""
    return tuple(f"{each['namespace']}:{each['value']}" for each in row["identifiers"])
