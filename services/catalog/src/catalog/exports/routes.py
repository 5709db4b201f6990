"""Exports on the wire."""

import base64
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from fastapi.responses import FileResponse

from catalog.exports import commands, queries
from catalog.exports.commands import ExportEnded, ExportUnknown, TooManyExports
from catalog.exports.documents import ExportDoc
from catalog.exports.formats import FORMS
from catalog.exports.rules import Format, Outcome, State
from catalog.exports.wire import ExportOut, ExportTitleOut, allowed, sees_hidden, told
from catalog.exports.worker import place
from catalog.search.routes import misunderstood
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Refused, Unauthenticated, problems
from chassis.resources import Resources

router = new_router(tag="exports")

MayExport = Annotated[Principal, Depends(may("exports:create"))]
MayRead = Annotated[Principal, Depends(may("exports:read", "exports:create"))]
_FILE: dict[int | str, dict[str, Any]] = {
    code: {
        "content": {
            each.media_type.partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
            for each in FORMS.values()
        },
        "description": what,
    }
    for code, what in ((200, "The whole file"), (206, "The range that was asked for"))
}


class ExportUnfinished(Refused):
    """There is no whole file (yet)."""

    code, title = "export-unfinished", "This export is not done; its state says how far it has come."


@router.post(
    "/v1/exports",
    status_code=202,
    response_model=ExportOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, KeyMissing, TooManyExports),
)
async def ask_export(
    body: ExportDoc, response: Response, by: MayExport, _: OnceRequired, tx: Tx, now: Now
) -> ExportOut:
    """Ask for titles in one file, however many; it is written in the background, and kept for seven days.

    All titles and records in it are those of one moment (`selected_at`), and a query knows all that was written
    before it was asked for.
    """
    allowed(body, by)
    if (problem := body.problem()) is not None:
        raise misunderstood(problem, "body")
    return told(await commands.ask(tx, body, by=str(by.actor), now=now), response)


@router.get(
    "/v1/exports",
    response_model=cursors.Page[ExportOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_exports(
    request: Request,
    response: Response,
    tx: ReadTx,
    by: MayRead,
    schedule: Annotated[str | None, Query(max_length=40, description="Only those of this schedule")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[ExportOut]:
    """Exports, newest first."""
    before = cursors.uuid_in(cursor) if cursor else None
    rows = await queries.exports(
        tx, schedule=schedule, hidden=sees_hidden(by), before=before, limit=limit + 1
    )
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[ExportOut](items=[told(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/exports/{export_id}",
    response_model=ExportOut,
    responses=problems(Unauthenticated, Forbidden, ExportUnknown),
)
async def read_export(export_id: UUID, tx: ReadTx, by: MayRead) -> ExportOut:
    """How far an export has come; of one that is done, what its file holds."""
    return told(await _one(tx, export_id, by))


@router.get(
    "/v1/exports/{export_id}/content",
    response_class=FileResponse,
    responses=_FILE | problems(Unauthenticated, Forbidden, ExportUnknown, ExportUnfinished),
)
async def read_export_content(export_id: UUID, request: Request, tx: ReadTx, by: MayRead) -> FileResponse:
    """The file. Whoever was cut off goes on by `Range: bytes=N-` (RFC 9110 §14); `Repr-Digest` (RFC 9530) is of the
    whole."""
    row = await _one(tx, export_id, by)
    if row.state != State.DONE:
        raise ExportUnfinished
    path = _path(request, export_id)
    if not path.is_file():
        raise ExportUnknown
    form = FORMS[Format(row.format)]
    digest = base64.b64encode(bytes.fromhex(row.sha256)).decode()
    return FileResponse(
        path,
        media_type=form.media_type,
        filename=f"{row.schedule or 'titles'}-{row.selected_at:%Y%m%dT%H%M%SZ}-{row.mode}.{form.suffix}",
        headers={
            "Cache-Control": "private, no-store",
            "ETag": f'"{row.sha256}"',
            "Repr-Digest": f"sha-256=:{digest}:",
        },
    )


@router.get(
    "/v1/exports/{export_id}/titles",
    response_model=cursors.Page[ExportTitleOut],
    responses=problems(Unauthenticated, Forbidden, Invalid, ExportUnknown, ExportUnfinished),
)
async def list_export_titles(
    request: Request,
    response: Response,
    export_id: UUID,
    tx: ReadTx,
    by: MayRead,
    outcome: Annotated[Outcome, Query(description="`gone` or `left-out`")] = Outcome.GONE,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[ExportTitleOut]:
    """Titles that an export tells to be gone – deleted, hidden, or no longer among those that are asked for – and those
    that it could not say. What the file gives is not listed again."""
    row = await _one(tx, export_id, by)
    if row.state != State.DONE:
        raise ExportUnfinished
    after = _number_in(cursor) if cursor else 0
    rows = await queries.titles(tx, export_id, outcome=outcome, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].number)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = [ExportTitleOut(**each._mapping) for each in rows[:limit]]
    return cursors.Page[ExportTitleOut](items=items, next_cursor=more)


@router.post(
    "/v1/exports/{export_id}/cancellations",
    status_code=202,
    response_model=ExportOut,
    responses=problems(Unauthenticated, Forbidden, ExportUnknown, ExportEnded),
)
async def cancel_export(export_id: UUID, request: Request, tx: Tx, by: MayExport, now: Now) -> ExportOut:
    """Stop an export; nothing of its file stays."""
    row = await commands.cancel(tx, export_id, hidden=sees_hidden(by), now=now)
    _path(request, export_id).unlink(missing_ok=True)
    return told(row)


async def _one(tx: ReadTx, export_id: UUID, by: Principal) -> Any:
    row = await queries.export(tx, export_id, hidden=sees_hidden(by))
    if row is None:
        raise ExportUnknown
    return row


def _path(request: Request, export_id: UUID) -> Any:
    resources: Resources = request.app.state.resources
    return place(resources.settings.data_dir, export_id)


def _number_in(cursor: str) -> int:
    (told_,) = cursors.decode(cursor, parts=1)
    if not (isinstance(told_, str) and told_.isascii() and told_.isdigit() and len(told_) < 19):
        raise cursors.wrong_cursor()
    return int(told_)
