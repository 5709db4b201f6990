"""The copies that a title's page lists, and titles by the order in which they came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MOST_COPIES: Final = 100
"""A page lists no more: a serial may have thousands."""
_COPIES: Final = text("""
SELECT count(*) OVER () AS total, b.name AS library, l.name AS location, i.volume, i.copy_number, i.barcode,
    coalesce(i.call_number, nullif(h.call_number, '')) AS call_number, i.base_state,
    a.state, a.lendable, a.due_at, a.as_of
FROM (
    SELECT * FROM item WHERE title_id = :id
    UNION ALL
    SELECT * FROM item WHERE bound_with <> '{}' AND bound_with @> ARRAY[CAST(:id AS uuid)]
) i
JOIN holdings h ON h.id = i.holdings_id
LEFT JOIN item_availability a ON a.item_id = i.id
LEFT JOIN location l ON l.id = i.location_id
LEFT JOIN library b ON b.id = l.library_id
WHERE NOT (i.suppressed OR h.suppressed) AND i.base_state <> 'withdrawn'
ORDER BY b.name, l.name,
    coalesce(CASE WHEN i.place IS NULL THEN i.shelving_key END, h.shelving_key), i.place, i.volume, i.copy_number, i.id
LIMIT :most
""")
_ADDRESSES: Final = text("""
SELECT id, updated_at FROM title
WHERE hrid > :after AND hrid <= :until AND NOT suppressed AND deleted_at IS NULL AND merged_into IS NULL
ORDER BY hrid
""")
_LAST: Final = text("SELECT coalesce(max(hrid), 0) FROM title")
_NAMES: Final = text("""
SELECT 'library' AS kind, code, name FROM library
UNION ALL
SELECT 'location', code, min(name) FROM location GROUP BY code HAVING count(DISTINCT name) = 1
""")
_CHANGED: Final = text("SELECT id, updated_at FROM title WHERE id = ANY(:ids)")
_RECORDS: Final = text("""
SELECT id, hrid, record, updated_at FROM title
WHERE id = ANY(:ids) AND NOT suppressed AND deleted_at IS NULL AND merged_into IS NULL
""")


_HELD: Final = text("""
SELECT b.name AS library, l.name AS location, nullif(h.call_number, '') AS call_number, h.record,
    d.name AS digitisation
FROM holdings h JOIN location l ON l.id = h.location_id JOIN library b ON b.id = l.library_id
LEFT JOIN digitisation_policy d ON d.code = h.digitisation_policy
WHERE h.title_id = :id AND h.deleted_at IS NULL AND NOT h.suppressed
    AND (h.record IS NOT NULL OR h.digitisation_policy IS NOT NULL)
ORDER BY b.name, l.name, h.shelving_key, h.id LIMIT 200
""")


async def held(session: AsyncSession, title_id: UUID) -> Sequence[Any]:
    """Holdings of which more is known than their place."""
    return (await session.execute(_HELD, {"id": title_id})).all()


async def copies(session: AsyncSession, title_id: UUID) -> Sequence[Any]:
    """What stands on shelves, in their order; `total` counts those that are left out, too."""
    return (await session.execute(_COPIES, {"id": title_id, "most": MOST_COPIES})).all()


async def addresses(session: AsyncSession, after: int, until: int) -> list[tuple[UUID, datetime]]:
    """Public titles with numbers in between, and when each last changed."""
    rows = await session.execute(_ADDRESSES, {"after": after, "until": until})
    return [(row.id, row.updated_at) for row in rows]


async def last_number(session: AsyncSession) -> int:
    """The highest number that a title has."""
    found: int = (await session.execute(_LAST)).scalar_one()
    return found


async def names(session: AsyncSession) -> dict[tuple[str, str], str]:
    """Names of libraries and locations by kind and code, where a code has but one."""
    return {(row.kind, row.code): row.name for row in await session.execute(_NAMES)}


async def changed(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, datetime]:
    """When titles last changed."""
    return {row.id: row.updated_at for row in await session.execute(_CHANGED, {"ids": list(ids)})}


async def records(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Public titles' rows with their records."""
    return {row.id: row for row in await session.execute(_RECORDS, {"ids": list(ids)})}
