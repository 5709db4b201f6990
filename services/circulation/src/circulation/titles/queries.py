"""Which title is meant by an id that may be an old one."""

from collections.abc import Iterable
from uuid import UUID

import asyncpg

from chassis.database import Connection

_NOW = "SELECT id, title_id FROM merged_title WHERE id = ANY ($1::uuid[])"


async def meant(connection: Connection | asyncpg.Pool, ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The titles that these were merged into; those that were not are left out."""
    rows = await connection.fetch(_NOW, list(ids))
    return {row["id"]: UUID(int=row["title_id"].int) for row in rows}  # the driver's own kind is no JSON


async def current(connection: Connection | asyncpg.Pool, title_id: UUID) -> UUID:
    """The title itself, or the one it was merged into."""
    return (await meant(connection, [title_id])).get(title_id, title_id)


def renamed(titles: Iterable[UUID], now: dict[UUID, UUID]) -> tuple[UUID, ...]:
    """The titles as they are called now, each once, in order."""
    return tuple(dict.fromkeys(now.get(title, title) for title in titles))
