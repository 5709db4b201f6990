"""Bulk edits on the wire."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, model_validator

from catalog.bulkedits import commands, queries
from catalog.bulkedits.commands import BulkEditNot, BulkEditUnknown, TooManyEdits
from catalog.bulkedits.documents import ChangesDoc
from catalog.bulkedits.rules import State, Step
from catalog.conditions.looking import START, shown
from catalog.conditions.vocabulary import Kind
from catalog.lists.commands import ListFull, TooManyLists
from catalog.lists.documents import SourceDoc
from catalog.lists.routes import Name
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.edits import CHANGES, ERRORS, Outcome
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems
from chassis.sheets import row as sheet_row

router = new_router(tag="bulk edits")

MayEdit = Annotated[Principal, Depends(may("bulk-edits:create"))]
MayRead = Annotated[Principal, Depends(may("bulk-edits:read", "bulk-edits:create"))]
PAGE = 1000
LABELS = {Kind.TITLES: "title.number", Kind.HOLDINGS: "holdings.call_number", Kind.ITEMS: "item.barcode"}
WHAT = {"errors": ERRORS, "changes": CHANGES, "all": tuple(Outcome)}
_SHEET: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "All rows"}
}
_REFUSALS = (Unauthenticated, Forbidden, BulkEditUnknown, BulkEditNot, KeyMissing)


class BulkEditIn(BaseModel):
    """What is to be changed, and of which records: those of a list, or of a source as a list is made of one."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    list_id: UUID | None = None
    source: SourceDoc | None = None
    changes: ChangesDoc

    @model_validator(mode="after")
    def one(self) -> "BulkEditIn":
        """Records come from one place."""
        if (self.list_id is None) == (self.source is None):
            raise ValueError("name either list_id or source")
        return self


class BulkCountsOut(BaseModel):
    """Records by what became of them."""

    waiting: int = 0
    change: int = 0
    unchanged: int = 0
    cannot: int = 0
    edited: int = 0
    changed_meanwhile: int = 0
    refused: int = 0
    restored: int = 0
    conflict: int = 0


class BulkEditOut(BaseModel):
    """An edit, and how far it has come."""

    id: UUID
    version: int
    kind: Kind
    name: str
    list_id: UUID
    changes: dict[str, Any]
    state: State
    paused_from: State | None
    matched: int
    """Records that were taken over from the list."""
    counts: BulkCountsOut
    problem: str | None
    requested_by: str
    confirmed_by: str | None
    """Who confirmed it, or asked for it to be taken back."""
    created_at: datetime
    previewed_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None


class BulkReasonOut(BaseModel):
    """Why a record is not changed."""

    code: str
    text: str


class BulkRecordOut(BaseModel):
    """A record of an edit."""

    id: UUID
    outcome: Outcome
    version_seen: int | None
    """Which the preview saw; no other is changed."""
    differences: list[dict[str, Any]]
    """`field`, `before` and `after`."""
    reasons: list[BulkReasonOut]


async def _out(tx: Tx, edit_id: UUID, response: Response) -> BulkEditOut:
    row = await queries.edit(tx, edit_id)
    if row is None:
        raise BulkEditUnknown
    etags.tag(response, row.version)
    return _told(row, await queries.counts(tx, edit_id))


def _told(row: Any, counts: dict[str, int]) -> BulkEditOut:
    told = {name: getattr(row, name) for name in BulkEditOut.model_fields if name != "counts"}
    named = {name.replace("-", "_"): number for name, number in counts.items()}
    return BulkEditOut(**told, counts=BulkCountsOut(**named))


@router.post(
    "/v1/bulk-edits",
    status_code=202,
    response_model=BulkEditOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, KeyMissing, TooManyEdits, TooManyLists, ListFull),
)
async def ask_bulk_edit(
    body: BulkEditIn, response: Response, by: MayEdit, _: OnceRequired, tx: Tx, now: Now
) -> BulkEditOut:
    """Ask for many records to be changed. Nothing is, until the preview is there and somebody has confirmed it."""
    edit_id = await commands.ask(
        tx, body.changes, name=body.name, list_id=body.list_id, source=body.source, by=by, now=now
    )
    response.headers["Location"] = f"/v1/bulk-edits/{edit_id}"
    return await _out(tx, edit_id, response)


@router.get(
    "/v1/bulk-edits",
    response_model=cursors.Page[BulkEditOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_bulk_edits(
    request: Request,
    response: Response,
    tx: ReadTx,
    by: MayRead,
    whose: Literal["mine", "all"] = "all",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[BulkEditOut]:
    """Edits, newest first; what became of their records is told of each alone."""
    rows = await queries.edits(
        tx,
        by=str(by.actor) if whose == "mine" else None,
        before=cursors.uuid_in(cursor) if cursor else None,
        limit=limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[BulkEditOut](items=[_told(row, {}) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/bulk-edits/{edit_id}",
    response_model=BulkEditOut,
    responses=problems(Unauthenticated, Forbidden, BulkEditUnknown),
)
async def read_bulk_edit(edit_id: UUID, response: Response, tx: ReadTx, _: MayRead) -> BulkEditOut:
    """An edit, and how far it has come."""
    return await _out(tx, edit_id, response)


@router.get(
    "/v1/bulk-edits/{edit_id}/records",
    response_model=cursors.Page[BulkRecordOut],
    responses=problems(Unauthenticated, Forbidden, Invalid, BulkEditUnknown),
)
async def list_bulk_edit_records(
    request: Request,
    response: Response,
    edit_id: UUID,
    tx: ReadTx,
    _: MayRead,
    outcome: Outcome | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[BulkRecordOut]:
    """What is to become of each record, or became of it: what differs, and why not."""
    if await queries.edit(tx, edit_id) is None:
        raise BulkEditUnknown
    after = cursors.uuid_in(cursor) if cursor else START
    rows = await queries.records(tx, edit_id, outcome=outcome, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].entity_id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = [
        BulkRecordOut(
            id=row.entity_id,
            outcome=row.outcome,
            version_seen=row.version_seen,
            differences=row.differences,
            reasons=row.reasons,
        )
        for row in rows[:limit]
    ]
    return cursors.Page[BulkRecordOut](items=items, next_cursor=more)


@router.get(
    "/v1/bulk-edits/{edit_id}/sheet",
    response_class=StreamingResponse,
    responses=_SHEET | problems(Unauthenticated, Forbidden, Invalid, BulkEditUnknown),
)
async def read_bulk_edit_sheet(
    request: Request,
    edit_id: UUID,
    tx: ReadTx,
    _: MayRead,
    what: Annotated[
        Literal["errors", "changes", "all"],
        Query(description="`errors`: what is or was not changed, and why"),
    ] = "errors",
) -> StreamingResponse:
    """The same as CSV, a row for each reason or difference."""
    row = await queries.edit(tx, edit_id)
    if row is None:
        raise BulkEditUnknown
    rows = _sheet(request.app.state.resources.pool, edit_id, Kind(row.kind), WHAT[what])
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="bulk-edit-{edit_id}-{what}.csv"',
    }
    return StreamingResponse(rows, media_type="text/csv", headers=headers)


async def _sheet(
    pool: asyncpg.Pool, edit_id: UUID, kind: Kind, outcomes: tuple[Outcome, ...]
) -> AsyncIterator[bytes]:
    label = LABELS[kind]
    yield sheet_row(("id", label, "outcome", "code", "text", "field", "before", "after"))
    after = START
    while True:
        async with pool.acquire() as connection:
            rows = await connection.fetch(queries.SHEET, edit_id, after, [*outcomes], PAGE)
            ids = [row["id"] for row in rows]
            names = {row["id"]: row[label] for row in await shown(connection, kind, [label], ids)}
        yield b"".join(_lines(row, names.get(row["id"]), differences=outcomes != ERRORS) for row in rows)
        if len(rows) < PAGE:
            return
        after = ids[-1]


def _lines(row: asyncpg.Record, name: Any, *, differences: bool) -> bytes:
    head = (str(row["id"]), name, row["outcome"])
    lines = [(*head, each["code"], each["text"], None, None, None) for each in row["reasons"]]
    lines += [
        (*head, None, None, each["field"], _cell(each["before"]), _cell(each["after"]))
        for each in row["differences"]
        if differences
    ]
    return b"".join(map(sheet_row, lines or [(*head, None, None, None, None, None)]))


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


@router.post(
    "/v1/bulk-edits/{edit_id}/confirmations",
    status_code=202,
    response_model=BulkEditOut,
    responses=problems(*_REFUSALS, Stale, PreconditionRequired),
)
async def confirm_bulk_edit(
    edit_id: UUID, expected: IfMatch, response: Response, by: MayEdit, _: OnceRequired, tx: Tx, now: Now
) -> BulkEditOut:
    """Change what the preview has shown; If-Match says that it was read. A record that somebody changes meanwhile is
    left alone and told."""
    await commands.take(tx, edit_id, Step.CONFIRM, expected=expected, by=by, now=now)
    return await _out(tx, edit_id, response)


@router.post(
    "/v1/bulk-edits/{edit_id}/pauses",
    status_code=202,
    response_model=BulkEditOut,
    responses=problems(*_REFUSALS),
)
async def pause_bulk_edit(
    edit_id: UUID, response: Response, by: MayEdit, _: OnceRequired, tx: Tx, now: Now
) -> BulkEditOut:
    """Stop after the slice that is written, to go on later."""
    await commands.take(tx, edit_id, Step.PAUSE, by=by, now=now)
    return await _out(tx, edit_id, response)


@router.post(
    "/v1/bulk-edits/{edit_id}/resumptions",
    status_code=202,
    response_model=BulkEditOut,
    responses=problems(*_REFUSALS),
)
async def resume_bulk_edit(
    edit_id: UUID, response: Response, by: MayEdit, _: OnceRequired, tx: Tx, now: Now
) -> BulkEditOut:
    """Go on."""
    await commands.take(tx, edit_id, Step.RESUME, by=by, now=now)
    return await _out(tx, edit_id, response)


@router.post(
    "/v1/bulk-edits/{edit_id}/cancellations",
    status_code=202,
    response_model=BulkEditOut,
    responses=problems(*_REFUSALS),
)
async def cancel_bulk_edit(
    edit_id: UUID, response: Response, by: MayEdit, _: OnceRequired, tx: Tx, now: Now
) -> BulkEditOut:
    """Stop for good. What is changed by then stays so, and can be taken back."""
    await commands.take(tx, edit_id, Step.CANCEL, by=by, now=now)
    return await _out(tx, edit_id, response)


@router.post(
    "/v1/bulk-edits/{edit_id}/undoing",
    status_code=202,
    response_model=BulkEditOut,
    responses=problems(*_REFUSALS),
)
async def undo_bulk_edit(
    edit_id: UUID, response: Response, by: MayEdit, _: OnceRequired, tx: Tx, now: Now
) -> BulkEditOut:
    """Take it back: every record that nobody has changed since is as it was; the others are told."""
    await commands.take(tx, edit_id, Step.UNDO, by=by, now=now)
    return await _out(tx, edit_id, response)
