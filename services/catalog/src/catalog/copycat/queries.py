"""Servers, found records, and which of our titles they may be."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.copycat.documents import TargetDoc
from chassis.resources import Resources

KEPT: Final = timedelta(days=1)
_TARGETS = text("SELECT code, document FROM search_target ORDER BY code")
_KEEP = text("""
INSERT INTO found_record (id, target, record, found_by, found_at) VALUES (:id, :target, :record, :by, :now)
""")
_FOUND = text("SELECT id, target, record, found_at FROM found_record WHERE id = :id AND found_at > :since")
_OURS = text("""
SELECT told.key, found.id FROM unnest(CAST(:keys AS text[])) AS told (key) CROSS JOIN LATERAL (
    SELECT id FROM title WHERE keys @> ARRAY[told.key] AND deleted_at IS NULL LIMIT 5
) AS found
""")


async def targets(session: AsyncSession) -> list[TargetDoc]:
    """Every server, by code."""
    return [TargetDoc(code=row.code, **row.document) for row in await session.execute(_TARGETS)]


async def keep(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Keep what was found."""
    if rows:
        await session.execute(_KEEP, list(rows))


async def found(session: AsyncSession, found_id: UUID, *, now: datetime) -> Any | None:
    """A record that was found within a day."""
    return (await session.execute(_FOUND, {"id": found_id, "since": now - KEPT})).first()


async def ours(session: AsyncSession, keys: Sequence[str]) -> dict[str, list[UUID]]:
    """Titles of ours by a number that they share with what was found."""
    told: dict[str, list[UUID]] = defaultdict(list)
    for row in await session.execute(_OURS, {"keys": list(keys)}):
        told[row.key].append(row.id)
    return told


async def forget_found(resources: Resources, now: datetime) -> None:
    """A timer: what was found a day ago."""
    await resources.pool.execute("DELETE FROM found_record WHERE found_at <= $1", now - KEPT)
