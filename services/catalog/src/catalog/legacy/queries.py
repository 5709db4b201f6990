"""Titles and items by legacy id, as they are now; and what they come to as a whole.

A record's line is its legacy id and what a system that hands it over can tell of it, parted by tabs. The checksum is
the SHA-256 of the SHA-256s of all lines, in the order of the legacy ids' bytes: whoever has the same records comes to
the same sum. What was merged counts as what it was merged into; what was deleted or withdrawn since has no id, and
does not count.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.database import Connection

_KNOWN = "SELECT legacy_id, record_id FROM legacy_id WHERE source = $1 AND kind = $2 AND legacy_id = ANY ($3::text[])"
_TITLES: Final = """
SELECT l.legacy_id, t.id, CASE WHEN t.id IS NOT NULL THEN jsonb_build_object(
        'control_number', t.control_number, 'title', t.title, 'year', t.year) END AS fields,
    concat_ws(chr(9), l.legacy_id, coalesce(t.control_number, ''), t.title, coalesce(t.year::text, '')) AS line
FROM legacy_id l
LEFT JOIN title o ON o.id = l.record_id
LEFT JOIN title t ON t.id = coalesce(o.merged_into, o.id) AND t.deleted_at IS NULL
WHERE l.source = :source AND l.kind = 'title'
"""
_ITEMS: Final = """
SELECT l.legacy_id, i.id, CASE WHEN i.id IS NOT NULL THEN jsonb_build_object(
        'title', o.legacy_id, 'title_id', i.title_id, 'barcode', i.barcode, 'library', b.code, 'location', c.code,
        'material_type', i.material_type, 'loan_type', i.loan_type,
        'call_number', coalesce(i.call_number, nullif(h.call_number, '')), 'volume', i.volume,
        'copy_number', i.copy_number) END AS fields,
    concat_ws(chr(9), l.legacy_id, coalesce(o.legacy_id, ''), coalesce(i.barcode, ''), b.code, c.code,
        i.material_type, i.loan_type, coalesce(i.call_number, h.call_number), coalesce(i.volume, ''),
        coalesce(i.copy_number, '')) AS line
FROM legacy_id l
LEFT JOIN item i ON i.id = l.record_id AND i.base_state <> 'withdrawn'
LEFT JOIN holdings h ON h.id = i.holdings_id
LEFT JOIN location c ON c.id = coalesce(i.permanent_location_id, i.location_id)
LEFT JOIN library b ON b.id = c.library_id
LEFT JOIN LATERAL (
    SELECT min(m.legacy_id) AS legacy_id FROM legacy_id m
    WHERE m.record_id = i.title_id AND m.source = l.source AND m.kind = 'title'
) o ON true
WHERE l.source = :source AND l.kind = 'item'
"""
_OF: Final = {"title": _TITLES, "item": _ITEMS}
PAGES: Final = {
    kind: text(f"""
SELECT legacy_id, id, fields FROM ({of} AND l.legacy_id > :after) r ORDER BY legacy_id LIMIT :limit
""")  # noqa: S608 - our own text
    for kind, of in _OF.items()
}
_NAMED: Final = {
    kind: text(f"SELECT legacy_id, id, fields FROM ({of} AND l.legacy_id = ANY (:ids)) r ORDER BY legacy_id")  # noqa: S608 - our own text
    for kind, of in _OF.items()
}
_SUMS: Final = {
    kind: text(f"""
SELECT count(*) AS count, encode(sha256(coalesce(string_agg(sha256(convert_to(line, 'UTF8')), ''::bytea
    ORDER BY legacy_id), ''::bytea)), 'hex') AS checksum FROM ({of}) r WHERE id IS NOT NULL
""")  # noqa: S608 - our own text
    for kind, of in _OF.items()
}


async def known(connection: Connection, source: str, kind: str, ids: Sequence[str]) -> dict[str, UUID]:
    """Which of these ids name a record, and which."""
    if not ids:
        return {}
    return {row["legacy_id"]: row["record_id"] for row in await connection.fetch(_KNOWN, source, kind, ids)}


async def page(session: AsyncSession, source: str, kind: str, *, after: str, limit: int) -> Sequence[Any]:
    """Records in the order of their legacy ids, behind one."""
    told = {"source": source, "after": after, "limit": limit}
    return (await session.execute(PAGES[kind], told)).all()


async def named(session: AsyncSession, source: str, kind: str, ids: Sequence[str]) -> Sequence[Any]:
    """Those that these ids name."""
    return (await session.execute(_NAMED[kind], {"source": source, "ids": list(ids)})).all()


async def whole(session: AsyncSession, source: str, kind: str) -> Any:
    """How many there are, and their checksum."""
    return (await session.execute(_SUMS[kind], {"source": source})).one()
