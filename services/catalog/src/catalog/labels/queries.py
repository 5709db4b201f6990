"""What stands on items' labels, and whose are wanted."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.labels.documents import SHIPPED, LabelTemplateDoc

_TEMPLATES = text(
    "SELECT document || jsonb_build_object('code', code) AS document FROM label_template ORDER BY code"
)
_FACTS = text("""
SELECT i.id, coalesce(i.call_number, nullif(h.call_number, '')) AS call_number,
    CASE WHEN i.call_number IS NULL THEN h.call_number_scheme ELSE i.call_number_scheme END AS call_number_scheme,
    i.enumeration, i.chronology, i.year_caption, i.volume, i.copy_number, b.code AS library, b.name AS library_name,
    l.code AS location, l.name AS location_name, t.title, t.author, i.barcode, i.accession_number
FROM item i JOIN holdings h ON h.id = i.holdings_id JOIN title t ON t.id = i.title_id
LEFT JOIN location l ON l.id = coalesce(i.permanent_location_id, i.location_id)
LEFT JOIN library b ON b.id = l.library_id
WHERE i.id = ANY (:ids)
""")
_BY_BARCODE = text("SELECT id, barcode FROM item WHERE barcode = ANY (:barcodes)")
_OF_HOLDINGS = text("""
SELECT id FROM item WHERE holdings_id = :id AND base_state <> 'withdrawn' ORDER BY place, id LIMIT :limit
""")
_OF_LIST = text("""
SELECT m.entity_id AS id FROM saved_list s
JOIN saved_list_member m ON m.list_id = s.id AND m.generation = s.generation
JOIN item i ON i.id = m.entity_id JOIN holdings h ON h.id = i.holdings_id
WHERE s.id = :id AND s.kind = 'items' AND (s.shared OR s.owner = :by) AND i.base_state <> 'withdrawn'
ORDER BY coalesce(i.shelving_key, h.shelving_key), i.holdings_id, i.place, i.id LIMIT :limit
""")


async def templates(session: AsyncSession) -> list[LabelTemplateDoc]:
    """Those of the library, or the shipped ones as long as it has none."""
    told = [LabelTemplateDoc.model_validate(row.document) for row in await session.execute(_TEMPLATES)]
    return told or list(SHIPPED)


async def facts(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Items by id, with all that a label may say."""
    return {row.id: row._mapping for row in await session.execute(_FACTS, {"ids": list(ids)})}


async def by_barcode(session: AsyncSession, barcodes: Sequence[str]) -> dict[str, UUID]:
    """Items by barcode."""
    return {row.barcode: row.id for row in await session.execute(_BY_BARCODE, {"barcodes": list(barcodes)})}


async def of_holdings(session: AsyncSession, holdings_id: UUID, *, limit: int) -> list[UUID]:
    """Items of holdings as they stand there."""
    return [row.id for row in await session.execute(_OF_HOLDINGS, {"id": holdings_id, "limit": limit})]


async def of_list(session: AsyncSession, list_id: UUID, *, by: str, limit: int) -> list[UUID]:
    """Items of a list that the asker may see, as they stand on the shelf."""
    told = {"id": list_id, "by": by, "limit": limit}
    return [row.id for row in await session.execute(_OF_LIST, told)]
