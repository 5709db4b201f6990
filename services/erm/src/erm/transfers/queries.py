"""Transfers with their tasks, and what the library has of a title."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.transfers.rules import HeldLine, HeldRight

_TRANSFERS: Final = """
SELECT r.*, t.name AS title, (SELECT coalesce(jsonb_agg(to_jsonb(k) ORDER BY k.id), '[]')
    FROM title_transfer_task k WHERE k.transfer_id = r.id) AS tasks
FROM title_transfer r JOIN title_instance t ON t.id = r.title_id
WHERE r.id = ANY ($1::uuid[]) ORDER BY r.id DESC
"""
_RIGHTS: Final = "SELECT id, status, platform_id FROM perpetual_right WHERE title_id = $1 ORDER BY id"
_LINES: Final = """
SELECT DISTINCT l.id, a.status, l.active_to, pt.platform_id
FROM platform_title pt
LEFT JOIN package_item i ON i.platform_title_id = pt.id
JOIN agreement_line l ON l.platform_title_id = pt.id OR l.item_id = i.id OR l.package_id = i.package_id
JOIN agreement a ON a.id = l.agreement_id
WHERE pt.title_id = $1 ORDER BY l.id LIMIT 500
"""
_NUMBERED: Final = """
SELECT DISTINCT t.id, t.work_id, t.medium FROM unnest($1::text[], $2::text[]) AS asked (namespace, value)
JOIN title_identifier n ON n.namespace = asked.namespace AND n.value = asked.value
JOIN title_instance t ON t.id = n.title_id
"""
_SIBLINGS: Final = """
SELECT id FROM title_instance WHERE work_id = ANY ($1::uuid[]) AND merged_into IS NULL ORDER BY medium, id LIMIT 50
"""


async def transfers(connection: Connection | asyncpg.Pool, ids: Sequence[UUID]) -> list[asyncpg.Record]:
    """Several with their tasks, newest first."""
    return list(await connection.fetch(_TRANSFERS, list(ids)))


async def transfer(connection: Connection | asyncpg.Pool, transfer_id: UUID) -> asyncpg.Record | None:
    """One."""
    found = await transfers(connection, [transfer_id])
    return found[0] if found else None


async def held(connection: Connection, title_id: UUID) -> tuple[list[HeldRight], list[HeldLine]]:
    """What the library has of a title: perpetual rights, and lines by which it is to be had."""
    rights = [HeldRight(*row) for row in await connection.fetch(_RIGHTS, title_id)]
    return rights, [HeldLine(*row) for row in await connection.fetch(_LINES, title_id)]


async def titled(connection: Connection, numbers: Sequence[tuple[str, str]]) -> list[Any]:
    """The works that these numbers belong to: for each the title online, else the one in print."""
    rows = await connection.fetch(_NUMBERED, [name for name, _ in numbers], [value for _, value in numbers])
    found = []
    for work_id in sorted({row["work_id"] for row in rows}):
        mine = [row["id"] for row in rows if row["work_id"] == work_id and row["medium"] == "electronic"]
        siblings = await connection.fetch(_SIBLINGS, [work_id])
        found.append(mine[0] if len(mine) == 1 else siblings[0]["id"])
    return found
