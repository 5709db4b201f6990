"""Taking imports back, on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from catalog.imports.commands import ImportUnknown
from catalog.imports.routes import MayImport, MayRead, ReasonOut, ordinal_in
from catalog.undoing import commands, queries
from catalog.undoing.commands import UndoImpossible, UndoUnknown
from catalog.undoing.rules import Undone, UndoState
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.problems import Forbidden, Unauthenticated, problems

router = new_router(tag="imports")


class UndoCountsOut(BaseModel):
    """Records by what became of what they had made; those that had made nothing are not counted."""

    removed: int = 0
    restored: int = 0
    waiting: int = 0
    conflict: int = 0


class UndoOut(BaseModel):
    """An import that is taken back."""

    import_id: UUID
    state: UndoState
    position: int
    """The last record that has been looked at."""
    counts: UndoCountsOut
    requested_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class UndoOutcomeOut(BaseModel):
    """What became of what one record had made."""

    ordinal: int
    title_id: UUID
    outcome: Undone
    reasons: list[ReasonOut]


async def _out(tx: Tx, import_id: UUID, response: Response) -> UndoOut:
    found = await queries.undo_of(tx, import_id)
    if found is None:
        raise UndoUnknown
    row, counts = found
    etags.tag(response, row.version)
    told = {name: getattr(row, name) for name in UndoOut.model_fields if name != "counts"}
    return UndoOut(**told, counts=UndoCountsOut(**counts))


@router.post(
    "/v1/imports/{import_id}/undoing",
    status_code=202,
    response_model=UndoOut,
    responses=problems(Unauthenticated, Forbidden, ImportUnknown, UndoImpossible, KeyMissing),
)
async def undo_import(
    import_id: UUID, by: MayImport, _: OnceRequired, tx: Tx, now: Now, response: Response
) -> UndoOut:
    """Take an import back: titles, holdings and items that it made go, what it changed is as it was. What somebody has
    worked with since is left alone and told; asked again, that is tried again."""
    await commands.request(tx, import_id, by=str(by.actor), now=now)
    return await _out(tx, import_id, response)


@router.get(
    "/v1/imports/{import_id}/undoing",
    response_model=UndoOut,
    responses=problems(Unauthenticated, Forbidden, UndoUnknown),
)
async def read_undoing(import_id: UUID, tx: ReadTx, _: MayRead, response: Response) -> UndoOut:
    """How far an import has been taken back."""
    return await _out(tx, import_id, response)


@router.get(
    "/v1/imports/{import_id}/undoing/outcomes",
    response_model=cursors.Page[UndoOutcomeOut],
    responses=problems(Unauthenticated, Forbidden, UndoUnknown),
)
async def list_undoing_outcomes(
    request: Request,
    response: Response,
    import_id: UUID,
    tx: ReadTx,
    _: MayRead,
    outcome: Undone | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[UndoOutcomeOut]:
    """What became of each record, in the file's order."""
    found = await queries.undo_of(tx, import_id)
    if found is None:
        raise UndoUnknown
    rows = await queries.outcomes(tx, found[0].id, outcome=outcome, after=ordinal_in(cursor), limit=limit + 1)
    more = cursors.encode(rows[limit - 1].ordinal) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[UndoOutcomeOut](
        items=[UndoOutcomeOut(**row._mapping) for row in rows[:limit]], next_cursor=more
    )
