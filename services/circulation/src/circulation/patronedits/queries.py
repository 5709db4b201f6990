"""Bulk edits of patrons, for those who may see them."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from circulation.patronedits.tables import WORKING

_ONE: Final = text("SELECT * FROM patron_edit WHERE id = :id")
_HELD: Final = text("SELECT * FROM patron_edit WHERE id = :id FOR UPDATE")
_LIST: Final = "SELECT * FROM patron_edit WHERE {whose} (CAST(:before AS uuid) IS NULL OR id < :before) "
_ALL: Final = text(_LIST.format(whose="") + "ORDER BY id DESC LIMIT :limit")
_MINE: Final = text(_LIST.format(whose="requested_by = :by AND") + "ORDER BY id DESC LIMIT :limit")
_COUNTS: Final = text("""
SELECT outcome, count(*) AS number FROM patron_edit_record WHERE edit_id = :id GROUP BY outcome
""")
_OPEN: Final = text(f"SELECT count(*) FROM patron_edit WHERE {WORKING} AND requested_by = :by")  # noqa: S608 - our own text
_RECORDS: Final = """
SELECT patron_id, outcome, version_seen, differences, reasons FROM patron_edit_record
WHERE edit_id = :id AND patron_id > :after {of} ORDER BY patron_id LIMIT :limit
"""
_ANY_RECORDS: Final = text(_RECORDS.format(of=""))
_RECORDS_OF: Final = text(_RECORDS.format(of="AND outcome = :outcome"))


async def edit(session: AsyncSession, edit_id: UUID, *, hold: bool = False) -> Any | None:
    """An edit, held from now on where that is wanted."""
    return (await session.execute(_HELD if hold else _ONE, {"id": edit_id})).first()


async def edits(session: AsyncSession, *, by: str | None, before: UUID | None, limit: int) -> Sequence[Any]:
    """Edits, newest first; everybody's, or somebody's."""
    told: dict[str, Any] = {"before": before, "limit": limit}
    if by is None:
        return (await session.execute(_ALL, told)).all()
    return (await session.execute(_MINE, told | {"by": by})).all()


async def counts(session: AsyncSession, edit_id: UUID) -> dict[str, int]:
    """Patrons by what became of them."""
    return {row.outcome: row.number for row in await session.execute(_COUNTS, {"id": edit_id})}


async def open_of(session: AsyncSession, by: str) -> int:
    """How many edits of somebody are worked on."""
    return int(await session.scalar(_OPEN, {"by": by}) or 0)


async def records(
    session: AsyncSession, edit_id: UUID, *, outcome: str | None, after: UUID, limit: int
) -> Sequence[Any]:
    """Patrons of an edit by id."""
    told: dict[str, Any] = {"id": edit_id, "after": after, "limit": limit}
    if outcome is None:
        return (await session.execute(_ANY_RECORDS, told)).all()
    return (await session.execute(_RECORDS_OF, told | {"outcome": outcome})).all()
