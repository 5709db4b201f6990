"""Saved lists, for those who may see them: their owner, and everybody where they are shared."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.lists.tables import OPEN

_ONE: Final = text("SELECT * FROM saved_list WHERE id = :id AND (shared OR owner = :by)")
_OWN: Final = text("SELECT * FROM saved_list WHERE id = :id AND owner = :by FOR UPDATE")
_SEVERAL: Final = text("""
SELECT id, kind, state, generation FROM saved_list WHERE id = ANY (:ids) AND (shared OR owner = :by)
""")
_LIST: Final = """
SELECT * FROM saved_list WHERE {whose} AND NOT passing AND (CAST(:before AS uuid) IS NULL OR id < :before)
    AND (CAST(:kind AS text) IS NULL OR kind = :kind)
ORDER BY id DESC LIMIT :limit
"""
_MINE: Final = text(_LIST.format(whose="owner = :by"))
_SHARED: Final = text(_LIST.format(whose="shared"))
_COUNTS: Final = text(f"""
SELECT count(*) FILTER (WHERE NOT passing) AS kept, count(*) FILTER (WHERE {OPEN}) AS open FROM saved_list
WHERE owner = :by
""")  # noqa: S608 - our own text


async def one(session: AsyncSession, list_id: UUID, *, by: str) -> Any | None:
    """A list that the asker may see."""
    return (await session.execute(_ONE, {"id": list_id, "by": by})).first()


async def own(session: AsyncSession, list_id: UUID, *, by: str) -> Any | None:
    """A list of the asker's own, held from now on."""
    return (await session.execute(_OWN, {"id": list_id, "by": by})).first()


async def several(session: AsyncSession, ids: Sequence[UUID], *, by: str) -> dict[UUID, Any]:
    """Those of these lists that the asker may see."""
    return {row.id: row for row in await session.execute(_SEVERAL, {"ids": list(ids), "by": by})}


async def lists(
    session: AsyncSession, *, by: str, shared: bool, kind: str | None, before: UUID | None, limit: int
) -> Sequence[Any]:
    """The asker's lists, or all that are shared; newest first."""
    told = {"by": by, "kind": kind, "before": before, "limit": limit}
    return (await session.execute(_SHARED if shared else _MINE, told)).all()


async def counts(session: AsyncSession, *, by: str) -> Any:
    """How many lists somebody keeps, and how many of them are being filled."""
    return (await session.execute(_COUNTS, {"by": by})).one()
