"""Steps as they were kept."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.history.statements import Entity

_PAGE: Final = """
SELECT version, at, by, changes FROM {0}_step WHERE {0}_id = :id AND version < :before
ORDER BY version DESC LIMIT :limit
"""
_VERSIONS: Final = "SELECT version FROM {0}_step WHERE {0}_id = :id"
_EARLIER: Final = """
SELECT DISTINCT ON (fact.key) fact.key AS name, fact.value -> 0 AS was
FROM {0}_step s CROSS JOIN LATERAL jsonb_each(s.changes) fact
WHERE s.{0}_id = :id AND s.version > :version ORDER BY fact.key, s.version
"""
_STATEMENTS: Final = {
    (entity, name): text(sql.format(entity))
    for entity in ("item", "holdings")
    for name, sql in (("page", _PAGE), ("versions", _VERSIONS), ("earlier", _EARLIER))
}


async def page(session: AsyncSession, entity: Entity, id_: UUID, *, before: int, limit: int) -> Sequence[Any]:
    """Steps below a version, newest first."""
    told = {"id": id_, "before": before, "limit": limit}
    return (await session.execute(_STATEMENTS[entity, "page"], told)).all()


async def versions(session: AsyncSession, entity: Entity, id_: UUID) -> set[int]:
    """The versions that steps have made."""
    rows = await session.execute(_STATEMENTS[entity, "versions"], {"id": id_})
    return {row.version for row in rows}


async def earlier(session: AsyncSession, entity: Entity, id_: UUID, version: int) -> dict[str, Any]:
    """Facts that have changed since a version, as they were then."""
    rows = await session.execute(_STATEMENTS[entity, "earlier"], {"id": id_, "version": version})
    return {row.name: row.was for row in rows}
