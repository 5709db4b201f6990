"""Batches of slips on the wire: listed, read, and printed as often as is wanted. Whoever mails them fetches them."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.problems import Forbidden, Invalid, NotFound, Unauthenticated, problems
from ill.pulling import queries
from ill.pulling.routes import PRINTED
from ill.pulling.slips import PullSlipOut, page, paper
from ill.requests.seeing import MayRead, pool_of

router = new_router("/v1/ill/pull-batches", tag="interlibrary loan")


class NoSuchBatch(NotFound):
    """There is no such batch."""

    title = "There is no such batch of slips, or not any more."


class PullBatchOut(BaseModel):
    """A batch of slips, without what is in it."""

    id: UUID
    made_at: datetime
    made_by: str
    """kind:reference"""
    schedule: str | None
    """Its code in `lending.pulling`; none: somebody has taken it."""
    library: str | None
    location: str | None
    """What was asked for; none: wherever it stands."""
    slip_count: int
    more: bool
    """Whether more was waiting than it took."""


class MailOut(BaseModel):
    """A batch on its way to one address."""

    recipient: str
    state: str
    """queued, sent or given-up."""
    attempts: int
    error: str | None
    """What the mail server said last, or that there is none."""
    next_at: datetime | None
    """When it is tried again."""
    sent_at: datetime | None


class WholePullBatchOut(PullBatchOut):
    """A batch of slips. What is in it never changes."""

    slips: list[PullSlipOut]
    mails: list[MailOut]


@router.get(
    "",
    response_model=cursors.Page[PullBatchOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_pull_batches(
    request: Request,
    response: Response,
    _: MayRead,
    library: Annotated[str | None, Query(max_length=200)] = None,
    schedule: Annotated[str | None, Query(max_length=40)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> cursors.Page[PullBatchOut]:
    """Batches, the newest first."""
    before = cursors.uuid_in(cursor) if cursor is not None else None
    rows = await queries.batches(
        pool_of(request), before=before, library=library, schedule=schedule, limit=limit + 1
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[PullBatchOut(**row) for row in rows[:limit]], next_cursor=more)


async def _found(request: Request, batch_id: UUID) -> dict[str, Any]:
    row = await queries.batch(pool_of(request), batch_id)
    if row is None:
        raise NoSuchBatch
    return row


def _slips(row: dict[str, Any]) -> list[PullSlipOut]:
    return [PullSlipOut.model_validate(slip) for slip in row["slips"]]


@router.get(
    "/{batch_id}",
    response_model=WholePullBatchOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchBatch, Invalid),
)
async def read_pull_batch(request: Request, batch_id: UUID, _: MayRead) -> WholePullBatchOut:
    """A batch with its slips, as the shelves are walked along."""
    mails = [MailOut(**row) for row in await queries.mails(pool_of(request), batch_id)]
    return WholePullBatchOut(**await _found(request, batch_id), mails=mails)


@router.get(
    "/{batch_id}/page",
    response_class=HTMLResponse,
    responses={
        200: {"description": "A page to print", "content": {"text/html": {"schema": {"type": "string"}}}},
        **problems(Unauthenticated, Forbidden, NoSuchBatch, Invalid),
    },
)
async def print_pull_batch(request: Request, batch_id: UUID, _: MayRead) -> HTMLResponse:
    """As a page to print, in every script; again as often as is wanted."""
    row = await _found(request, batch_id)
    return HTMLResponse(page(_slips(row), more=row["more"], at=row["made_at"]), headers=PRINTED)


_PDF = {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}


@router.get(
    "/{batch_id}/pdf",
    response_class=Response,
    responses={
        200: {"description": "The slips as PDF", "content": _PDF},
        **problems(Unauthenticated, Forbidden, NoSuchBatch, Invalid),
    },
)
async def print_pull_batch_as_pdf(request: Request, batch_id: UUID, _: MayRead) -> Response:
    """As PDF, the same bytes each time. Letters that are not of Western Europe are boxes in it, and a slip that has
    such says so: the page has them."""
    row = await _found(request, batch_id)
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="pull-slips-{row["made_at"]:%Y%m%d-%H%M}.pdf"',
    }
    told = paper(_slips(row), more=row["more"], at=row["made_at"])
    return Response(told, media_type="application/pdf", headers=headers)
