"""Schedules of link checks on the wire."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from catalog.linkchecks import queries, scheduling
from catalog.linkchecks.documents import LinkScheduleDoc
from catalog.linkchecks.routes import MayCheck
from catalog.linkchecks.scheduling import CheckUnderWay, ScheduleUnknown
from catalog.linkchecks.wire import LinkCheckOut, told
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

router = new_router(tag="links")

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]


class LinkScheduleOut(LinkScheduleDoc):
    """A schedule of link checks."""

    code: str
    version: int
    next_at: datetime | None
    """When the next one is made; none where only somebody's asking makes one."""


def _out(row: Any) -> LinkScheduleOut:
    doc = LinkScheduleDoc.model_validate(row.document)
    return LinkScheduleOut(code=row.code, version=row.version, next_at=row.next_at, **dict(doc))


@router.get(
    "/v1/link-check-schedules",
    response_model=cursors.Page[LinkScheduleOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_link_check_schedules(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayCheck,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> cursors.Page[LinkScheduleOut]:
    """Schedules, by code."""
    after = cursors.words_in(cursor) if cursor else ""
    rows = await queries.schedules(tx, after=after, limit=limit + 1)
    more = cursors.encode(rows[limit - 1].code) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[LinkScheduleOut](items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/link-check-schedules/{code}",
    response_model=LinkScheduleOut,
    responses=problems(Unauthenticated, Forbidden, ScheduleUnknown),
)
async def read_link_check_schedule(
    code: Code, tx: ReadTx, _: MayCheck, response: Response
) -> LinkScheduleOut:
    """Which links a schedule has checked, and when."""
    row = await queries.schedule(tx, code)
    if row is None:
        raise ScheduleUnknown
    etags.tag(response, row.version)
    return _out(row)


@router.put(
    "/v1/link-check-schedules/{code}",
    response_model=LinkScheduleOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, Stale, PreconditionRequired),
)
async def write_link_check_schedule(
    code: Code, body: LinkScheduleDoc, by: MayCheck, expected: IfMatch, tx: Tx, now: Now, response: Response
) -> LinkScheduleOut:
    """Write a schedule; a new one by `If-Match: "0"`. A check under way goes on as it was begun."""
    version = await scheduling.put(tx, code, body, expected=expected, by=str(by.actor), now=now)
    etags.tag(response, version)
    return _out(await queries.schedule(tx, code))


@router.delete(
    "/v1/link-check-schedules/{code}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, ScheduleUnknown, Stale, PreconditionRequired),
)
async def delete_link_check_schedule(code: Code, _: MayCheck, expected: IfMatch, tx: Tx) -> Response:
    """Make no more of them; a check under way goes on, and those that were made are kept their time."""
    await scheduling.delete(tx, code, expected=expected)
    return Response(status_code=204)


@router.post(
    "/v1/link-check-schedules/{code}/runs",
    status_code=202,
    response_model=LinkCheckOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, ScheduleUnknown, KeyMissing, CheckUnderWay),
)
async def run_link_check_schedule(
    code: Code, by: MayCheck, _: OnceRequired, tx: Tx, now: Now, response: Response
) -> LinkCheckOut:
    """Make one now, before its time; the schedule's times stay as they are."""
    return told(await scheduling.run(tx, code, by=str(by.actor), now=now), response)
