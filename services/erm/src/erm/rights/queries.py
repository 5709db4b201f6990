"""Perpetual rights with the names of what they are of."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection

_RIGHTS: Final = """
SELECT r.*, t.name AS title, f.name AS platform FROM perpetual_right r
JOIN title_instance t ON t.id = r.title_id LEFT JOIN platform f ON f.id = r.platform_id
WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id DESC
"""
HELD: Final = """
SELECT pt.title_id, pt.platform_id, t.name, i.access_start_on, i.access_end_on, l.active_from, l.active_to,
    CASE WHEN l.coverage <> '[]' THEN
        (SELECT jsonb_agg(jsonb_build_array(c ->> 'start_on', c ->> 'end_on')) FROM jsonb_array_elements(l.coverage) c)
    ELSE coalesce((SELECT jsonb_agg(jsonb_build_array(c.start_on, c.end_on)) FROM coverage_statement c
        WHERE c.item_id = i.id AND c.depth = 'fulltext'), '[]') END AS published
FROM agreement_line l
LEFT JOIN package_item i ON i.package_id = l.package_id OR i.id = l.item_id
JOIN platform_title pt ON pt.id = coalesce(i.platform_title_id, l.platform_title_id)
JOIN title_instance t ON t.id = pt.title_id
WHERE l.id = $1 ORDER BY t.sort_name, pt.id LIMIT $2
"""
"""Titles that a line let be used, those that left the package included."""
KNOWN: Final = "SELECT title_id, start_on, end_on FROM perpetual_right WHERE agreement_id = $1"


async def rights(connection: Connection | asyncpg.Pool, ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """Several, newest first."""
    return list(await connection.fetch(_RIGHTS, list(ids)))


async def right(connection: Connection | asyncpg.Pool, right_id: UUID) -> asyncpg.Record | None:
    """One."""
    found = await rights(connection, [right_id])
    return found[0] if found else None
