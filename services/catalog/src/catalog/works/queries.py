"""Works with their titles."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

MOST_TITLES: Final = 500
"""A work tells of no more of its titles: the Bible has thousands."""
MOST_DECISIONS: Final = 100
_WORK: Final = text("SELECT id, version, merged_into FROM work WHERE id = :id")
_TITLES: Final = text("""
SELECT t.id, t.hrid, t.title, t.subtitle, t.author, t.year, t.format, t.record, count(*) OVER () AS total
FROM work_title w JOIN title t ON t.id = w.title_id
WHERE w.work_id = :id AND t.deleted_at IS NULL AND t.merged_into IS NULL AND (:hidden_too OR NOT t.suppressed)
ORDER BY w.title_id LIMIT :most
""")
_SHOWN: Final = "t.deleted_at IS NULL AND t.merged_into IS NULL AND (:hidden_too OR NOT t.suppressed)"
_BY_KEYS: Final = text(f"""
SELECT k.key, k.work_id FROM work_key k WHERE k.key = ANY (:keys) AND EXISTS (
    SELECT FROM work_title w JOIN title t ON t.id = w.title_id WHERE w.work_id = k.work_id AND {_SHOWN})
""")  # noqa: S608 - our own text
_CONTAINED_IN: Final = text(f"""
SELECT t.id AS title_id, t.hrid, t.title, t.author, t.year, w.work_id
FROM (SELECT DISTINCT p.title_id FROM work_key k JOIN work_part p ON p.key = k.key WHERE k.work_id = :id) p
JOIN title t ON t.id = p.title_id LEFT JOIN work_title w ON w.title_id = t.id
WHERE {_SHOWN} AND w.work_id IS DISTINCT FROM :id
ORDER BY t.id LIMIT :most
""")  # noqa: S608 - the same
_DECISIONS: Final = text("""
SELECT id, kind, work_id, other_id, title_ids, made_at, made_by, undone_at, undone_by FROM work_decision
WHERE work_id = :id OR other_id = :id ORDER BY number DESC LIMIT :most
""")
_WORK_OF: Final = text("SELECT work_id FROM work_title WHERE title_id = :id")
_WORKS_OF: Final = text("SELECT title_id, work_id FROM work_title WHERE title_id = ANY (:ids)")


async def work(session: AsyncSession, work_id: UUID) -> Any | None:
    """A work's row."""
    return (await session.execute(_WORK, {"id": work_id})).first()


async def titles(session: AsyncSession, work_id: UUID, *, hidden_too: bool) -> Sequence[Any]:
    """Its titles, the eldest first; `total` counts those beyond `MOST_TITLES` as well."""
    told = {"id": work_id, "hidden_too": hidden_too, "most": MOST_TITLES}
    return (await session.execute(_TITLES, told)).all()


async def by_keys(session: AsyncSession, keys: Sequence[str], *, hidden_too: bool) -> dict[str, UUID]:
    """The work of each key, where there is one of which the asker may see something."""
    if not keys:
        return {}
    told = {"keys": list(keys), "hidden_too": hidden_too}
    return {row.key: row.work_id for row in await session.execute(_BY_KEYS, told)}


async def contained_in(session: AsyncSession, work_id: UUID, *, hidden_too: bool) -> Sequence[Any]:
    """Titles that contain this work, the eldest first, `MOST_TITLES` at most."""
    told = {"id": work_id, "hidden_too": hidden_too, "most": MOST_TITLES}
    return (await session.execute(_CONTAINED_IN, told)).all()


async def decisions(session: AsyncSession, work_id: UUID) -> Sequence[Any]:
    """What staff have said of a work, the newest first, `MOST_DECISIONS` at most."""
    return (await session.execute(_DECISIONS, {"id": work_id, "most": MOST_DECISIONS})).all()


async def work_of(session: AsyncSession, title_id: UUID) -> UUID | None:
    """The work of a title; None while it has not been looked at."""
    found: UUID | None = await session.scalar(_WORK_OF, {"id": title_id})
    return found


async def works_of(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, UUID]:
    """The works of titles."""
    return {row.title_id: row.work_id for row in await session.execute(_WORKS_OF, {"ids": list(ids)})}
