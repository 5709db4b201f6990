"""Checks of links are asked for, looked at and cancelled; links that are broken or have moved are told."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.holdings.describing import RecordUnknown
from catalog.linkchecks import commands, queries
from catalog.linkchecks.commands import CheckEnded, CheckUnknown, LinkUnknown, NotMoved, TooManyChecks
from catalog.linkchecks.documents import LinkCheckDoc
from catalog.linkchecks.rules import LONGEST, Change, Outcome
from catalog.linkchecks.wire import CheckedLinkOut, FoundLinkOut, LinkCheckOut, told, with_places
from catalog.titles.commands import TitleGone, TitleUnknown
from catalog.titles.routes import shown
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import KeyMissing, OnceRequired, ReadTx, Tx
from chassis.etags import IfMatch
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)

router = new_router(tag="links")

MayCheck = Annotated[Principal, Depends(may("titles:write"))]
Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[str | None, Query(max_length=200)]


class ReplacementIn(BaseModel):
    """The record whose link is to lead to the new address from now on."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["title", "holdings"]
    id: UUID
    to: str = Field(min_length=1, max_length=LONGEST, description="`moved_to` of the link, as it was read")


class ReplacementOut(BaseModel):
    """The record, and its version now."""

    kind: Literal["title", "holdings"]
    id: UUID
    version: int


@router.post(
    "/v1/link-checks",
    status_code=202,
    response_model=LinkCheckOut,
    responses=problems(Unauthenticated, Forbidden, Invalid, KeyMissing, TooManyChecks),
)
async def ask_link_check(
    body: LinkCheckDoc, response: Response, by: MayCheck, _: OnceRequired, tx: Tx, now: Now
) -> LinkCheckOut:
    """Have links (856) of titles and of their holdings records checked, in the background.

    Each address is asked once, each host one question at a time with a pause behind it; redirections are followed and
    told. Nothing is asked within our own walls, unless the operator names a network (`CATALOG_LINK_NETWORKS`).
    """
    return told(await commands.ask(tx, body, by=str(by.actor), now=now), response)


@router.get(
    "/v1/link-checks",
    response_model=cursors.Page[LinkCheckOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_link_checks(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayCheck,
    schedule: Annotated[str | None, Query(max_length=40, description="Only those of this schedule")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> cursors.Page[LinkCheckOut]:
    """Checks, newest first."""
    before = cursors.uuid_in(cursor) if cursor else None
    rows = await queries.checks(tx, schedule=schedule, before=before, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page[LinkCheckOut](items=[told(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/v1/link-checks/{check_id}",
    response_model=LinkCheckOut,
    responses=problems(Unauthenticated, Forbidden, CheckUnknown),
)
async def read_link_check(check_id: UUID, tx: ReadTx, _: MayCheck) -> LinkCheckOut:
    """How far a check has come, and what it has found."""
    return told(await _one(tx, check_id))


@router.get(
    "/v1/link-checks/{check_id}/links",
    response_model=cursors.Page[FoundLinkOut],
    responses=problems(Unauthenticated, Forbidden, Invalid, CheckUnknown),
)
async def list_checked_links(
    request: Request,
    response: Response,
    check_id: UUID,
    tx: ReadTx,
    _: MayCheck,
    outcome: Annotated[Outcome | None, Query(description="Only those that came to this")] = None,
    change: Annotated[Change | None, Query(description="Only those that `broke`, or were `mended`")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> cursors.Page[FoundLinkOut]:
    """A check's links, and what each came to; those that wait still have no outcome."""
    await _one(tx, check_id)
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await queries.links_of(tx, check_id, outcome=outcome, change=change, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = await with_places(tx, rows[:limit], only_there=False)
    return cursors.Page[FoundLinkOut](items=[FoundLinkOut(**each) for each in items], next_cursor=more)


@router.post(
    "/v1/link-checks/{check_id}/cancellations",
    status_code=202,
    response_model=LinkCheckOut,
    responses=problems(Unauthenticated, Forbidden, CheckUnknown, CheckEnded),
)
async def cancel_link_check(check_id: UUID, tx: Tx, _: MayCheck, now: Now) -> LinkCheckOut:
    """Stop a check; what it has found by then stays."""
    return told(await commands.cancel(tx, check_id, now=now))


@router.get(
    "/v1/links",
    response_model=cursors.Page[CheckedLinkOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_links(
    request: Request,
    response: Response,
    tx: ReadTx,
    _: MayCheck,
    outcome: Annotated[Outcome, Query(description="What they came to when they were last checked")] = (
        Outcome.BROKEN
    ),
    host: Annotated[str | None, Query(max_length=253, description="Only those at this host")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> cursors.Page[CheckedLinkOut]:
    """Links that are broken, have moved, or are unclear, by the last check of each. What no record has any more is left
    out, so that a page may be shorter than its limit."""
    after = cursors.uuid_in(cursor) if cursor else None
    named = host.lower() if host is not None else None
    rows = await queries.links(tx, outcome=outcome, host=named, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = await with_places(tx, rows[:limit], only_there=True)
    return cursors.Page[CheckedLinkOut](items=[CheckedLinkOut(**each) for each in items], next_cursor=more)


@router.get(
    "/v1/titles/{title_id}/links",
    response_model=cursors.Page[CheckedLinkOut],
    responses=problems(Unauthenticated, Forbidden, Invalid, TitleUnknown),
)
async def list_links_of_title(
    request: Request,
    response: Response,
    title_id: UUID,
    tx: ReadTx,
    by: MayCheck,
    outcome: Annotated[Outcome | None, Query(description="Only those that came to this")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> cursors.Page[CheckedLinkOut]:
    """What is known of a title's links and those of its holdings; `/v1/titles/{id}/relations` has them as they are."""
    await shown(tx, title_id, by)
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await queries.links_of_title(tx, title_id, outcome=outcome, after=after, limit=limit + 1)
    more = cursors.encode(str(rows[limit - 1].id)) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    items = await with_places(tx, rows[:limit], only_there=True)
    return cursors.Page[CheckedLinkOut](items=[CheckedLinkOut(**each) for each in items], next_cursor=more)


@router.post(
    "/v1/links/{link_id}/replacements",
    response_model=ReplacementOut,
    responses=problems(
        Unauthenticated,
        Forbidden,
        LinkUnknown,
        TitleUnknown,
        RecordUnknown,
        NotMoved,
        TitleGone,
        Invalid,
        Stale,
        PreconditionRequired,
    ),
)
async def replace_link(
    link_id: UUID,
    body: ReplacementIn,
    by: MayCheck,
    expected: IfMatch,
    tx: Tx,
    now: Now,
    response: Response,
) -> ReplacementOut:
    """Write the address that a link has moved to into one record, in the old one's place; the record as it was is kept.
    Nothing else ever does so: a redirection may lead to a provider's front page."""
    version = await commands.take_over(
        tx,
        link_id,
        kind=body.kind,
        entity_id=body.id,
        to=body.to,
        expected=expected,
        by=str(by.actor),
        now=now,
    )
    etags.tag(response, version)
    return ReplacementOut(kind=body.kind, id=body.id, version=version)


async def _one(tx: ReadTx, check_id: UUID) -> Any:
    row = await queries.check(tx, check_id)
    if row is None:
        raise CheckUnknown
    return row
