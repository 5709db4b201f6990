"""Kept questions, for those who may see them: their owner, and everybody where they are shared."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ONE: Final = text("SELECT * FROM saved_question WHERE id = :id AND (shared OR owner = :by)")
_OWN: Final = text("SELECT * FROM saved_question WHERE id = :id AND owner = :by FOR UPDATE")
_LIST: Final = """
SELECT * FROM saved_question WHERE {whose} AND (CAST(:before AS uuid) IS NULL OR id < :before)
    AND (CAST(:kind AS text) IS NULL OR kind = :kind)
ORDER BY id DESC LIMIT :limit
"""
_MINE: Final = text(_LIST.format(whose="owner = :by"))
_SHARED: Final = text(_LIST.format(whose="shared"))
_COUNT: Final = text("SELECT count(*) FROM saved_question WHERE owner = :by")


async def one(session: AsyncSession, question_id: UUID, *, by: str) -> Any | None:
    """A question that the asker may see."""
    return (await session.execute(_ONE, {"id": question_id, "by": by})).first()


async def own(session: AsyncSession, question_id: UUID, *, by: str) -> Any | None:
    """A question of the asker's own, held from now on."""
    return (await session.execute(_OWN, {"id": question_id, "by": by})).first()


async def questions(
    session: AsyncSession, *, by: str, shared: bool, kind: str | None, before: UUID | None, limit: int
) -> Sequence[Any]:
    """The asker's questions, or all that are shared; newest first."""
    told: dict[str, Any] = {"kind": kind, "before": before, "limit": limit}
    if shared:
        return (await session.execute(_SHARED, told)).all()
    return (await session.execute(_MINE, told | {"by": by})).all()


async def kept(session: AsyncSession, *, by: str) -> int:
    """How many questions somebody keeps."""
    return int(await session.scalar(_COUNT, {"by": by}) or 0)
