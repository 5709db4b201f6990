"""Lists of ids, for those who asked for them."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ONE: Final = text("SELECT * FROM id_list WHERE id = :id AND requested_by = :by")
_MINE: Final = text("""
SELECT * FROM id_list WHERE requested_by = :by AND (CAST(:before AS uuid) IS NULL OR id < :before)
ORDER BY id DESC LIMIT :limit
""")
_COUNT: Final = text("SELECT count(*) FROM id_list WHERE requested_by = :by")


async def one(session: AsyncSession, list_id: UUID, *, by: str) -> Any | None:
    """A list; nobody sees another's."""
    return (await session.execute(_ONE, {"id": list_id, "by": by})).first()


async def mine(session: AsyncSession, *, by: str, before: UUID | None, limit: int) -> Sequence[Any]:
    """Lists of an asker, newest first."""
    return (await session.execute(_MINE, {"by": by, "before": before, "limit": limit})).all()


async def count(session: AsyncSession, *, by: str) -> int:
    """How many lists an asker has."""
    found: int = (await session.execute(_COUNT, {"by": by})).scalar_one()
    return found
