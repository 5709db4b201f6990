"""Schedules of exports on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.exports import queries, scheduling
from catalog.exports.documents import ScheduleDoc
from catalog.exports.routes import MayExport, MayRead
from catalog.exports.scheduling import ExportUnderWay, ScheduleUnknown
from catalog.exports.wire import ExportOut, allowed, told
from catalog.search.routes import misunderstood
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.etags import IfMatch
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)

router = new_router(tag="exports")

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class ScheduleOut(ScheduleDoc):
    """A schedule of exports."""

    code: str
    version: int
    next_at: datetime | None
    """When the next one is made; none where only somebody's asking makes one."""
    last_done: UUID | None
    """The last export that was finished; a `delta` tells what has changed since."""


class RunIn(BaseModel):
    """What is to be made now."""

    model_config = ConfigDict(extra="forbid")

    full: bool = Field(default=False, description="Everything anew, for a reader that has missed a file")


def _out(row: Any) -> ScheduleOut:
    doc = ScheduleDoc.model_validate(row.document)
    return ScheduleOut(
        code=row.code, version=row.version, next_at=row.next_at, last_done=row.last_done, **dict(doc)
    )


@router.get(
    "/v1/export-schedules",
    response_model=cursors.Page[ScheduleOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_export_schedules(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayRead,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[ScheduleOut]:
    """Schedules, by code."""
    after = cursors.words_in(cursor) if cursor else ""
    rows = await queries.schedules(tx, after=after, limit=limit + 1)
    more = cursors.encode(rows[limit - 1].code) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[ScheduleOut](items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/export-schedules/{code}",
    response_model=ScheduleOut,
    responses=problems(Unauthenticated, Forbidden, ScheduleUnknown),
)
async def read_export_schedule(code: Code, tx: ReadTx, _: MayRead, response: Response) -> ScheduleOut:
    """What a schedule exports, and when."""
    row = await queries.schedule(tx, code)
    if row is None:
        raise ScheduleUnknown
    etags.tag(response, row.version)
    return _out(row)


@router.put(
    "/v1/export-schedules/{code}",
    response_model=ScheduleOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, Stale, PreconditionRequired, ExportUnderWay),
)
async def write_export_schedule(
    code: Code, body: ScheduleDoc, by: MayExport, expected: IfMatch, tx: Tx, now: Now, response: Response
) -> ScheduleOut:
    """Write a schedule; a new one by `If-Match: "0"`. Another query needs no new beginning: titles that are no longer
    among those that are asked for are told to be gone. Another format, mode or `with_ids` does: the next export gives
    everything."""
    allowed(body, by)
    if (problem := body.problem()) is not None:
        raise misunderstood(problem, "body")
    version = await scheduling.put(tx, code, body, expected=expected, by=str(by.actor), now=now)
    etags.tag(response, version)
    return _out(await queries.schedule(tx, code))


@router.delete(
    "/v1/export-schedules/{code}",
    status_code=204,
    responses=problems(
        Unauthenticated, Forbidden, ScheduleUnknown, Stale, PreconditionRequired, ExportUnderWay
    ),
)
async def delete_export_schedule(code: Code, _: MayExport, expected: IfMatch, tx: Tx) -> Response:
    """Make no more of them; files that are there are kept their time."""
    await scheduling.delete(tx, code, expected=expected)
    return Response(status_code=204)


@router.post(
    "/v1/export-schedules/{code}/runs",
    status_code=202,
    response_model=ExportOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, ScheduleUnknown, KeyMissing, ExportUnderWay),
)
async def run_export_schedule(
    code: Code, body: RunIn, by: MayExport, _: OnceRequired, tx: Tx, now: Now, response: Response
) -> ExportOut:
    """Make one now, before its time; the schedule's times stay as they are."""
    return told(await scheduling.run(tx, code, full=body.full, by=str(by.actor), now=now), response)
