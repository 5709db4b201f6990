"""Exports, for whoever may see them: those with hidden titles only for those who see hidden titles."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.exports.rules import Outcome
from catalog.exports.tables import OPEN

_ONE: Final = text("SELECT * FROM export WHERE id = :id AND (:hidden OR NOT with_suppressed)")
_ALL: Final = """
SELECT * FROM export WHERE (:hidden OR NOT with_suppressed) AND (CAST(:before AS uuid) IS NULL OR id < :before) {of}
ORDER BY id DESC LIMIT :limit
"""
_ANY: Final = text(_ALL.format(of=""))
_OF_SCHEDULE: Final = text(_ALL.format(of="AND schedule = :schedule"))
_TITLES: Final = text("""
SELECT number, title_id, version, outcome, reason FROM export_title
WHERE export_id = :id AND number > :after AND outcome = :outcome ORDER BY number LIMIT :limit
""")
_UNDER_WAY: Final = "SELECT {what} FROM export WHERE {open} AND {whose}"
_OPEN_OF: Final = text(_UNDER_WAY.format(what="count(*)", open=OPEN, whose="requested_by = :by"))
_OPEN_OF_SCHEDULE: Final = text(_UNDER_WAY.format(what="id", open=OPEN, whose="schedule = :schedule"))
_SCHEDULE: Final = text("SELECT * FROM export_schedule WHERE code = :code")
_HELD: Final = text("SELECT * FROM export_schedule WHERE code = :code FOR UPDATE")
_SCHEDULES: Final = text("SELECT * FROM export_schedule WHERE code > :after ORDER BY code LIMIT :limit")
_WRITTEN: Final = text("SELECT coalesce(max(xact), 0) FROM title_change")


async def export(session: AsyncSession, export_id: UUID, *, hidden: bool) -> Any | None:
    """An export."""
    return (await session.execute(_ONE, {"id": export_id, "hidden": hidden})).first()


async def exports(
    session: AsyncSession, *, schedule: str | None, hidden: bool, before: UUID | None, limit: int
) -> Sequence[Any]:
    """Exports, newest first."""
    told = {"hidden": hidden, "before": before, "limit": limit}
    if schedule is None:
        return (await session.execute(_ANY, told)).all()
    return (await session.execute(_OF_SCHEDULE, told | {"schedule": schedule})).all()


async def titles(
    session: AsyncSession, export_id: UUID, *, outcome: Outcome, after: int, limit: int
) -> Sequence[Any]:
    """Titles of an export that were told to be gone, or left out, by their numbers."""
    told = {"id": export_id, "outcome": outcome, "after": after, "limit": limit}
    return (await session.execute(_TITLES, told)).all()


async def open_of(session: AsyncSession, by: str) -> int:
    """How many exports of an asker are not done yet."""
    return int(await session.scalar(_OPEN_OF, {"by": by}) or 0)


async def under_way(session: AsyncSession, schedule: str) -> UUID | None:
    """The export of a schedule that is not done yet."""
    found: UUID | None = await session.scalar(_OPEN_OF_SCHEDULE, {"schedule": schedule})
    return found


async def schedule(session: AsyncSession, code: str, *, hold: bool = False) -> Any | None:
    """A schedule, held from now on where that is wanted."""
    return (await session.execute(_HELD if hold else _SCHEDULE, {"code": code})).first()


async def schedules(session: AsyncSession, *, after: str, limit: int) -> Sequence[Any]:
    """Schedules, by code."""
    return (await session.execute(_SCHEDULES, {"after": after, "limit": limit})).all()


async def written(session: AsyncSession) -> int:
    """The last change that is committed."""
    return int(await session.scalar(_WRITTEN) or 0)
