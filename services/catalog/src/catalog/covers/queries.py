"""Covers by title and by ISBN, as far as the asker sees the title."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_ONE = """
SELECT c.version, c.alternative, c.width, c.height, c.{which} AS picture FROM cover c JOIN title t ON t.id = c.title_id
WHERE c.title_id = :id AND t.deleted_at IS NULL AND (:hidden_too OR NOT t.suppressed)
"""
_PICTURES = {which: text(_ONE.format(which=which)) for which in ("image", "thumbnail")}
_SHOWN = text("SELECT version, alternative, width, height FROM cover WHERE title_id = :id")
_OF_SEVERAL = text("SELECT title_id, width, height FROM cover WHERE title_id = ANY (:ids)")
_MERGED = text("SELECT merged_into FROM title WHERE id = :id")
_COME_ALONG = text("""
UPDATE cover SET title_id = :to,
    version = 1 + greatest(version, (SELECT g.version FROM cover_gone g WHERE g.title_id = :to))
WHERE title_id = (
    SELECT c.title_id FROM unnest(CAST(:gone AS uuid[])) WITH ORDINALITY AS told (id, place)
    JOIN cover c ON c.title_id = told.id ORDER BY told.place LIMIT 1
) AND NOT EXISTS (SELECT FROM cover WHERE title_id = :to)
""")
_BY_ISBN = text("""
SELECT t.id FROM title t JOIN cover c ON c.title_id = t.id
WHERE t.keys @> ARRAY[CAST(:key AS text)] AND t.deleted_at IS NULL AND NOT t.suppressed ORDER BY t.id LIMIT 1
""")


async def picture(session: AsyncSession, title_id: UUID, *, small: bool, hidden_too: bool) -> Any | None:
    """The cover, or its thumbnail."""
    statement = _PICTURES["thumbnail" if small else "image"]
    return (await session.execute(statement, {"id": title_id, "hidden_too": hidden_too})).first()


async def shown(session: AsyncSession, title_id: UUID) -> Any | None:
    """What a page must know of a cover to show it."""
    return (await session.execute(_SHOWN, {"id": title_id})).first()


async def title_with_isbn(session: AsyncSession, isbn: str) -> UUID | None:
    """A public title that has this ISBN, of 13 digits, and a cover."""
    found: UUID | None = await session.scalar(_BY_ISBN, {"key": f"isbn:{isbn}"})
    return found


async def of_several(session: AsyncSession, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """Those of these titles that have a cover, and how large it is."""
    if not ids:
        return {}
    return {row.title_id: row for row in await session.execute(_OF_SEVERAL, {"ids": list(ids)})}


async def merged_into(session: AsyncSession, title_id: UUID) -> UUID | None:
    """The title that has become of one that was merged away."""
    found: UUID | None = await session.scalar(_MERGED, {"id": title_id})
    return found


async def come_along(session: AsyncSession, to: UUID, gone: Sequence[UUID]) -> None:
    """A title that stays and has no cover gets that of the first that goes and has one; both are held."""
    await session.execute(_COME_ALONG, {"to": to, "gone": list(gone)})
