"""Titles that are out of the catalogue, on the wire: deleting, bringing back, and the list of what may come back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from catalog.titles import deleting, media, queries
from catalog.titles.commands import TitleGone, TitleUnknown
from catalog.titles.deleting import TitleInUse, TitleNotDeleted
from catalog.titles.routes import MayWrite, TitleOut, answer
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems

router = new_router(tag="titles")

_REFUSALS = (Unauthenticated, Forbidden, TitleUnknown, TitleGone, Stale, PreconditionRequired, Invalid)


class DeletedOut(BaseModel):
    """A title that is out of the catalogue."""

    id: UUID
    hrid: int
    version: int
    title: str
    author: str | None
    deleted_at: datetime


_DELETED = text("""
SELECT id, hrid, version, title, author, deleted_at FROM title
WHERE deleted_at IS NOT NULL AND merged_into IS NULL
  AND (CAST(:at AS timestamptz) IS NULL OR (deleted_at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
ORDER BY deleted_at DESC, id DESC LIMIT :limit
""")


@router.get(
    "/v1/titles:deleted",
    response_model=cursors.Page[DeletedOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_deleted_titles(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayWrite,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Titles that were deleted and may be brought back, the newest first."""
    at, last = cursors.moment_and_id(cursor) if cursor else (None, None)
    rows = list((await tx.execute(_DELETED, {"at": at, "id": last, "limit": limit + 1})).all())
    more = None
    if len(rows) > limit:
        more = cursors.encode(rows[limit - 1].deleted_at.isoformat(), str(rows[limit - 1].id))
    cursors.link_next(request, response, more)
    return {"items": [row._mapping for row in rows[:limit]], "next_cursor": more}


@router.delete("/v1/titles/{title_id}", status_code=204, responses=problems(*_REFUSALS, TitleInUse))
async def delete_title(title_id: UUID, by: MayWrite, expected: IfMatch, tx: Tx, now: Now) -> Response:
    """Take a title out of the catalogue. Search and shelf show it no more, harvesters are told that it is gone;
    staff still read it, and may bring it back."""
    await deleting.delete(tx, title_id, expected=expected, by=str(by.actor), now=now)
    return Response(status_code=204)


@router.post(
    "/v1/titles/{title_id}/undeletions",
    response_model=TitleOut,
    responses=problems(*_REFUSALS, TitleNotDeleted),
)
async def undelete_title(title_id: UUID, by: MayWrite, expected: IfMatch, tx: Tx, now: Now) -> Response:
    """Bring a deleted title back as it was."""
    await deleting.undelete(tx, title_id, expected=expected, by=str(by.actor), now=now)
    return answer(await queries.title(tx, title_id), media.JSON)
