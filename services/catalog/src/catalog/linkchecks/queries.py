"""Checks, their links, and what is known of links, for cataloguers."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.linkchecks.tables import OPEN

MOST_PLACES: Final = 5
"""Records that are told of one link; all are counted."""
_CHECK: Final = text("SELECT * FROM link_check WHERE id = :id")
_CHECKS: Final = text("""
SELECT * FROM link_check WHERE (CAST(:before AS uuid) IS NULL OR id < :before)
    AND (CAST(:schedule AS text) IS NULL OR schedule = :schedule)
ORDER BY id DESC LIMIT :limit
""")
_OF_CHECK: Final = text("""
SELECT w.link_id AS id, l.url, w.outcome, w.problem, w.status, w.final_address, w.moved_to, w.hops, w.checked_at,
    w.before, w.change, w.tries, l.since, l.mended_at
FROM link_check_link w JOIN link l ON l.id = w.link_id
WHERE w.check_id = :id AND (CAST(:after AS uuid) IS NULL OR w.link_id > :after)
    AND (CAST(:outcome AS text) IS NULL OR w.outcome = :outcome)
    AND (CAST(:change AS text) IS NULL OR w.change = :change)
ORDER BY w.link_id LIMIT :limit
""")
_LINKS: Final = text("""
SELECT l.* FROM link l
WHERE l.outcome = :outcome AND (CAST(:after AS uuid) IS NULL OR l.id > :after)
    AND (CAST(:host AS text) IS NULL OR l.host = :host)
    AND EXISTS (SELECT FROM link_place p WHERE p.link_id = l.id)
ORDER BY l.id LIMIT :limit
""")
_OF_TITLE: Final = text("""
SELECT l.* FROM link l
WHERE l.id IN (SELECT p.link_id FROM link_place p WHERE p.title_id = :title_id)
    AND (CAST(:outcome AS text) IS NULL OR l.outcome = :outcome) AND (CAST(:after AS uuid) IS NULL OR l.id > :after)
ORDER BY l.id LIMIT :limit
""")
_ONE: Final = text("SELECT * FROM link WHERE id = :id")
_PLACES: Final = text("""
SELECT p.*, l.url, t.hrid, t.title, coalesce(h.record, t.record) AS record, n.count
FROM unnest(CAST(:ids AS uuid[])) AS told (id)
CROSS JOIN LATERAL (
    SELECT p.* FROM link_place p WHERE p.link_id = told.id ORDER BY p.kind, p.entity_id LIMIT :most
) p
CROSS JOIN LATERAL (SELECT count(*) AS count FROM link_place c WHERE c.link_id = told.id) n
JOIN link l ON l.id = p.link_id
JOIN title t ON t.id = p.title_id AND t.deleted_at IS NULL
LEFT JOIN holdings h ON p.kind = 'holdings' AND h.id = p.entity_id AND h.deleted_at IS NULL
WHERE p.kind = 'title' OR h.record IS NOT NULL
ORDER BY p.link_id, p.kind, p.entity_id
""")
_OPEN_OF: Final = text(f"SELECT count(*) FROM link_check WHERE {OPEN} AND requested_by = :by")  # noqa: S608 - our own text
_OPEN_OF_SCHEDULE: Final = text(f"SELECT id FROM link_check WHERE {OPEN} AND schedule = :code")  # noqa: S608 - our own text
_SCHEDULE: Final = text("SELECT * FROM link_check_schedule WHERE code = :code")
_HELD: Final = text("SELECT * FROM link_check_schedule WHERE code = :code FOR UPDATE")
_SCHEDULES: Final = text("SELECT * FROM link_check_schedule WHERE code > :after ORDER BY code LIMIT :limit")


async def check(session: AsyncSession, check_id: UUID) -> Any | None:
    """A check."""
    return (await session.execute(_CHECK, {"id": check_id})).first()


async def checks(
    session: AsyncSession, *, schedule: str | None, before: UUID | None, limit: int
) -> Sequence[Any]:
    """Checks, newest first."""
    told = {"schedule": schedule, "before": before, "limit": limit}
    return (await session.execute(_CHECKS, told)).all()


async def links_of(
    session: AsyncSession,
    check_id: UUID,
    *,
    outcome: str | None,
    change: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    """What a check has found of its links."""
    told = {"id": check_id, "outcome": outcome, "change": change, "after": after, "limit": limit}
    return (await session.execute(_OF_CHECK, told)).all()


async def links(
    session: AsyncSession, *, outcome: str, host: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """Links that came to this when they were last checked."""
    told = {"outcome": outcome, "host": host, "after": after, "limit": limit}
    return (await session.execute(_LINKS, told)).all()


async def links_of_title(
    session: AsyncSession, title_id: UUID, *, outcome: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    """What is known of a title's links, and those of its holdings."""
    told = {"title_id": title_id, "outcome": outcome, "after": after, "limit": limit}
    return (await session.execute(_OF_TITLE, told)).all()


async def link(session: AsyncSession, link_id: UUID) -> Any | None:
    """What is known of a link."""
    return (await session.execute(_ONE, {"id": link_id})).first()


async def places(session: AsyncSession, ids: Sequence[UUID]) -> Sequence[Any]:
    """Records in which links stood when they were gathered, a few of each, with the records as they are now."""
    return (await session.execute(_PLACES, {"ids": list(ids), "most": MOST_PLACES})).all()


async def open_of(session: AsyncSession, by: str) -> int:
    """How many checks of an asker are under way."""
    return int(await session.scalar(_OPEN_OF, {"by": by}) or 0)


async def under_way(session: AsyncSession, code: str) -> UUID | None:
    """The check of a schedule that is not done yet."""
    found: UUID | None = await session.scalar(_OPEN_OF_SCHEDULE, {"code": code})
    return found


async def schedule(session: AsyncSession, code: str, *, hold: bool = False) -> Any | None:
    """A schedule, held from now on where that is wanted."""
    return (await session.execute(_HELD if hold else _SCHEDULE, {"code": code})).first()


async def schedules(session: AsyncSession, *, after: str, limit: int) -> Sequence[Any]:
    """Schedules, by code."""
    return (await session.execute(_SCHEDULES, {"after": after, "limit": limit})).all()
