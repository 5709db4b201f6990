"""An item went to another title: the loan on it, and the holds that wait for just this item, follow."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from circulation.titles import moving
from circulation.titles.queries import meant, renamed

_KNOWN = "SELECT id, title_ids FROM item WHERE id = ANY ($1::uuid[])"
_LENT = """
UPDATE loan SET title_id = i.title_ids[1] FROM item i
WHERE i.id = ANY ($1::uuid[]) AND loan.id = i.loan_id AND loan.title_id <> i.title_ids[1]
"""
_WAITING = """
SELECT h.* FROM item i JOIN hold h ON h.item_id = i.id OR h.id = i.hold_id
WHERE i.id = $1 AND h.state IN ('waiting', 'in-transit', 'ready') AND NOT h.title_id = ANY (i.title_ids)
ORDER BY h.position, h.id
"""
"""Those for the item itself, and one that it is kept for or on its way to."""


async def rename(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """News that was written before a merge calls titles by their old ids."""
    now = await meant(connection, {title for row in rows for title in row["title_ids"]})
    for row in rows if now else ():
        row["title_ids"] = renamed(row["title_ids"], now)


async def leaving(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> dict[UUID, set[UUID]]:
    """Items that are told to belong to another title than we know, with all titles concerned."""
    told = {row["id"]: row["title_ids"] for row in rows}
    known = {row["id"]: row["title_ids"] for row in await connection.fetch(_KNOWN, list(told))}
    return {
        item_id: {*before, *told[item_id]}
        for item_id, before in known.items()
        if before[0] != told[item_id][0]
    }


async def follow(connection: Connection, item_ids: Sequence[UUID], *, now: datetime) -> None:
    """Let loans and holds follow these items."""
    await connection.execute(_LENT, item_ids)
    for item_id in sorted(item_ids):
        if rows := await connection.fetch(_WAITING, item_id):
            to = await connection.fetchval("SELECT title_ids[1] FROM item WHERE id = $1", item_id)
            await moving.bring(connection, rows, to, now=now)
