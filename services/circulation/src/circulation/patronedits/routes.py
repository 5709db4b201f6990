"""Bulk edits of patrons on the wire."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import orjson
from fastapi import Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.edits import CHANGES, ERRORS, Outcome
from chassis.etags import IfMatch
from chassis.principal import Principal, demand, may
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems
from chassis.sheets import row as sheet_row
from circulation.patronedits import commands, queries, statements
from circulation.patronedits.commands import PatronEditNot, PatronEditUnknown, TooManyPatronEdits
from circulation.patronedits.documents import PatronChangesDoc, PatronsDoc
from circulation.patronedits.rules import State, Step
from circulation.places.routes import TheLibrary
from circulation.questions.looking import START
from circulation.questions.routes import Name
from circulation.registration.apart import within

router = new_router("/v1/patron-edits", tag="patrons")

MayEdit = Annotated[Principal, Depends(may("patron-edits:create"))]
MayRead = Annotated[Principal, Depends(may("patron-edits:read", "patron-edits:create"))]
PAGE = 1000
WHAT = {"errors": ERRORS, "changes": CHANGES, "all": tuple(Outcome)}
_SHEET: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "All rows"}
}
_REFUSALS = (Unauthenticated, Forbidden, PatronEditUnknown, PatronEditNot, KeyMissing)


class PatronEditIn(BaseModel):
    """Which patrons are meant, and what is to become of each."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    patrons: PatronsDoc
    changes: PatronChangesDoc


class PatronCountsOut(BaseModel):
    """Patrons by what became of them."""

    waiting: int = 0
    change: int = 0
    unchanged: int = 0
    cannot: int = 0
    edited: int = 0
    changed_meanwhile: int = 0
    refused: int = 0
    restored: int = 0
    conflict: int = 0


class PatronEditOut(BaseModel):
    """An edit, and how far it has come."""

    id: UUID
    version: int
    name: str
    source: dict[str, Any]
    """The condition by which patrons are found; empty where they were told one by one."""
    changes: dict[str, Any]
    state: State
    gathered: bool
    """Whether everybody who is asked for is found."""
    matched: int
    counts: PatronCountsOut
    unknown_count: int
    """Ids and barcodes that were told and are nobody's here."""
    unknown: list[str]
    """The first thousand of them."""
    problem: str | None
    requested_by: str
    confirmed_by: str | None
    """Who confirmed it, or asked for it to be taken back."""
    created_at: datetime
    previewed_at: datetime | None
    confirmed_at: datetime | None
    ended_at: datetime | None


class PatronEditReasonOut(BaseModel):
    """Why a patron is not changed."""

    code: str
    text: str


class PatronDifferenceOut(BaseModel):
    """A fact of a patron, as it was and as it is to be; null: it is not there."""

    field: str
    """`group`, `custom.hall`, `tags.alumni`, `block` (a template) …"""
    before: Any
    after: Any


class PatronEditRecordOut(BaseModel):
    """A patron of an edit."""

    patron_id: UUID
    outcome: Outcome
    version_seen: int
    """Which the preview saw, 0 before it; no other is changed."""
    differences: list[PatronDifferenceOut]
    reasons: list[PatronEditReasonOut]


def _alone(by: Principal, library: TheLibrary) -> bool:
    """Whether somebody sees their own edits alone, since others may be about patrons of other libraries."""
    return by.libraries is not None and within(by, library) is not None


async def _seen(tx: Tx, edit_id: UUID, by: Principal, library: TheLibrary) -> Any:
    demand(by, "patrons:read")
    row = await queries.edit(tx, edit_id)
    if row is None or (_alone(by, library) and row.requested_by != str(by.actor)):
        raise PatronEditUnknown
    return row


async def _out(tx: Tx, edit_id: UUID, response: Response) -> PatronEditOut:
    row = await queries.edit(tx, edit_id)
    assert row is not None
    etags.tag(response, row.version)
    return _told(row, await queries.counts(tx, edit_id))


def _told(row: Any, counts: dict[str, int]) -> PatronEditOut:
    told = {name: getattr(row, name) for name in PatronEditOut.model_fields if name != "counts"}
    named = {name.replace("-", "_"): number for name, number in counts.items()}
    return PatronEditOut(**told, counts=PatronCountsOut(**named))


@router.post(
    "",
    status_code=202,
    response_model=PatronEditOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, KeyMissing, TooManyPatronEdits),
)
async def ask_patron_edit(
    body: PatronEditIn,
    response: Response,
    by: MayEdit,
    library: TheLibrary,
    _: OnceRequired,
    tx: Tx,
    now: Now,
) -> PatronEditOut:
    """Ask for many patrons to be changed. Nobody is, until the preview is there and somebody has confirmed it."""
    demand(by, "patrons:write")
    edit_id = await commands.ask(
        tx,
        library,
        name=body.name,
        patrons=body.patrons,
        changes=body.changes,
        by=by,
        libraries=None if by.libraries is None else within(by, library),
        now=now,
    )
    response.headers["Location"] = f"/v1/patron-edits/{edit_id}"
    return await _out(tx, edit_id, response)


@router.get(
    "", response_model=cursors.Page[PatronEditOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_patron_edits(
    request: Request,
    response: Response,
    tx: ReadTx,
    by: MayRead,
    library: TheLibrary,
    whose: Literal["mine", "all"] = "all",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[PatronEditOut]:
    """Edits, newest first; what became of their patrons is told of each alone."""
    demand(by, "patrons:read")
    rows = await queries.edits(
        tx,
        by=str(by.actor) if whose == "mine" or _alone(by, library) else None,
        before=cursors.uuid_in(cursor) if cursor else None,
        limit=limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[PatronEditOut](items=[_told(row, {}) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/{edit_id}",
    response_model=PatronEditOut,
    responses=problems(Unauthenticated, Forbidden, PatronEditUnknown),
)
async def read_patron_edit(
    edit_id: UUID, response: Response, tx: ReadTx, by: MayRead, library: TheLibrary
) -> PatronEditOut:
    """An edit, and how far it has come."""
    await _seen(tx, edit_id, by, library)
    return await _out(tx, edit_id, response)


@router.get(
    "/{edit_id}/records",
    response_model=cursors.Page[PatronEditRecordOut],
    responses=problems(Unauthenticated, Forbidden, Invalid, PatronEditUnknown),
)
async def list_patron_edit_records(
    request: Request,
    response: Response,
    edit_id: UUID,
    tx: ReadTx,
    by: MayRead,
    library: TheLibrary,
    outcome: Outcome | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[PatronEditRecordOut]:
    """What is to become of each patron, or became of them: what differs, and why not."""
    await _seen(tx, edit_id, by, library)
    after = cursors.uuid_in(cursor) if cursor else START
    rows = await queries.records(tx, edit_id, outcome=outcome, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].patron_id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = [PatronEditRecordOut.model_validate(row._asdict()) for row in rows[:limit]]
    return cursors.Page[PatronEditRecordOut](items=items, next_cursor=more)


@router.get(
    "/{edit_id}/sheet",
    response_class=StreamingResponse,
    responses=_SHEET | problems(Unauthenticated, Forbidden, Invalid, PatronEditUnknown),
)
async def read_patron_edit_sheet(
    request: Request,
    edit_id: UUID,
    tx: ReadTx,
    by: MayRead,
    library: TheLibrary,
    what: Annotated[
        Literal["errors", "changes", "all"],
        Query(description="`errors`: who is or was not changed, and why"),
    ] = "errors",
) -> StreamingResponse:
    """The same as CSV, a row for each reason or difference."""
    await _seen(tx, edit_id, by, library)
    rows = _sheet(request.app.state.resources.pool, edit_id, WHAT[what])
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f'attachment; filename="patron-edit-{edit_id}-{what}.csv"',
    }
    return StreamingResponse(rows, media_type="text/csv", headers=headers)


async def _sheet(pool: asyncpg.Pool, edit_id: UUID, outcomes: tuple[Outcome, ...]) -> AsyncIterator[bytes]:
    yield sheet_row(("id", "barcode", "outcome", "code", "text", "field", "before", "after"))
    after = START
    while True:
        rows = await pool.fetch(statements.SHEET, edit_id, after, [*outcomes], PAGE)
        yield b"".join(_lines(row, differences=outcomes != ERRORS) for row in rows)
        if len(rows) < PAGE:
            return
        after = rows[-1]["id"]


def _lines(row: asyncpg.Record, *, differences: bool) -> bytes:
    head = (str(row["id"]), row["barcode"], row["outcome"])
    lines = [(*head, each["code"], each["text"], None, None, None) for each in row["reasons"]]
    lines += [
        (*head, None, None, each["field"], _cell(each["before"]), _cell(each["after"]))
        for each in row["differences"]
        if differences
    ]
    return b"".join(map(sheet_row, lines or [(*head, None, None, None, None, None)]))


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else orjson.dumps(value).decode()


async def _taken(
    tx: Tx,
    edit_id: UUID,
    step: Step,
    by: Principal,
    library: TheLibrary,
    now: datetime,
    response: Response,
    expected: int | None = None,
) -> PatronEditOut:
    demand(by, "patrons:write")
    await commands.take(tx, edit_id, step, expected=expected, by=by, alone=_alone(by, library), now=now)
    return await _out(tx, edit_id, response)


@router.post(
    "/{edit_id}/confirmations",
    status_code=202,
    response_model=PatronEditOut,
    responses=problems(*_REFUSALS, Stale, PreconditionRequired),
)
async def confirm_patron_edit(
    edit_id: UUID,
    expected: IfMatch,
    response: Response,
    by: MayEdit,
    library: TheLibrary,
    _: OnceRequired,
    tx: Tx,
    now: Now,
) -> PatronEditOut:
    """Change what the preview has shown; If-Match says that it was read. A patron whom somebody changes meanwhile is
    left alone and told."""
    return await _taken(tx, edit_id, Step.CONFIRM, by, library, now, response, expected)


@router.post(
    "/{edit_id}/cancellations",
    status_code=202,
    response_model=PatronEditOut,
    responses=problems(*_REFUSALS),
)
async def cancel_patron_edit(
    edit_id: UUID, response: Response, by: MayEdit, library: TheLibrary, _: OnceRequired, tx: Tx, now: Now
) -> PatronEditOut:
    """Stop for good. What is changed by then stays so, and can be taken back."""
    return await _taken(tx, edit_id, Step.CANCEL, by, library, now, response)


@router.post(
    "/{edit_id}/undoing",
    status_code=202,
    response_model=PatronEditOut,
    responses=problems(*_REFUSALS),
)
async def undo_patron_edit(
    edit_id: UUID, response: Response, by: MayEdit, library: TheLibrary, _: OnceRequired, tx: Tx, now: Now
) -> PatronEditOut:
    """Take it back: whatever the edit changed and nobody has changed since is as it was; the others are told."""
    return await _taken(tx, edit_id, Step.UNDO, by, library, now, response)
