"""Bulk edits, for those who may see them: whoever may edit sees everybody's."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ONE: Final = text("SELECT * FROM bulk_edit WHERE id = :id")
_HELD: Final = text("SELECT * FROM bulk_edit WHERE id = :id FOR UPDATE")
_ALL: Final = text("""
SELECT * FROM bulk_edit WHERE CAST(:before AS uuid) IS NULL OR id < :before ORDER BY id DESC LIMIT :limit
""")
_MINE: Final = text("""
SELECT * FROM bulk_edit WHERE requested_by = :by AND (CAST(:before AS uuid) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
""")
_COUNTS: Final = text("""
SELECT outcome, count(*) AS number FROM bulk_edit_record WHERE edit_id = :id GROUP BY outcome
""")
_OPEN: Final = text("""
SELECT count(*) FROM bulk_edit WHERE state IN ('previewing', 'applying', 'undoing') AND requested_by = :by
""")
_RECORDS: Final = """
SELECT entity_id, outcome, version_seen, differences, reasons FROM bulk_edit_record
WHERE edit_id = :id AND entity_id > :after {of} ORDER BY entity_id LIMIT :limit
"""
_ANY_RECORDS: Final = text(_RECORDS.format(of=""))
_RECORDS_OF: Final = text(_RECORDS.format(of="AND outcome = :outcome"))
SHEET: Final = """
SELECT entity_id AS id, outcome, differences, reasons FROM bulk_edit_record
WHERE edit_id = $1 AND entity_id > $2 AND outcome = ANY ($3::text[]) ORDER BY entity_id LIMIT $4
"""


async def edit(session: AsyncSession, edit_id: UUID, *, hold: bool = False) -> Any | None:
    """An edit, held from now on where that is wanted."""
    return (await session.execute(_HELD if hold else _ONE, {"id": edit_id})).first()


async def edits(session: AsyncSession, *, by: str | None, before: UUID | None, limit: int) -> Sequence[Any]:
    """Edits, newest first; everybody's, or somebody's."""
    told = {"by": by, "before": before, "limit": limit}
    if by is None:
        del told["by"]
    return (await session.execute(_ALL if by is None else _MINE, told)).all()


async def counts(session: AsyncSession, edit_id: UUID) -> dict[str, int]:
    """Records by what became of them."""
    return {row.outcome: row.number for row in await session.execute(_COUNTS, {"id": edit_id})}


async def open_of(session: AsyncSession, by: str) -> int:
    """How many edits of somebody are worked on."""
    return int(await session.scalar(_OPEN, {"by": by}) or 0)


async def records(
    session: AsyncSession, edit_id: UUID, *, outcome: str | None, after: UUID, limit: int
) -> Sequence[Any]:
    """Records by id."""
    told: dict[str, Any] = {"id": edit_id, "after": after, "limit": limit}
    if outcome is None:
        return (await session.execute(_ANY_RECORDS, told)).all()
    return (await session.execute(_RECORDS_OF, told | {"outcome": outcome})).all()
