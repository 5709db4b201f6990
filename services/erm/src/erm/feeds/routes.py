"""Knowledge bases that are followed, on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from erm.kbart.routes import MayRead, MayWrite
from erm.rows import change, insert, page, pool_of
from erm.sources.rules import Fetched
from erm.wire import Limit, Strict

router = new_router("/v1/kb-feeds", tag="knowledge base")


class FeedUnknown(NotFound):
    """There is no such feed."""

    code, title = "kb-feed-unknown", "There is no such feed of a knowledge base."


class FeedTaken(Refused):
    """Another feed has this source."""

    code, title = "kb-feed-taken", "Another feed has this source."


class KbFeedIn(Strict):
    """A knowledge base elsewhere whose packages are followed by what it tells has changed."""

    source: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,59}$", examples=["gokb"])]
    """Its packages bear it as their source."""
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    """By https, of the public internet; asked with `since` (a moment) and `cursor` (what the page before named)."""
    platform_id: UUID
    """Of packages that are new, until somebody says otherwise."""
    follow_new: bool = False
    """Packages that are new follow their lists at once; else somebody sets `sync` of those that are wanted."""
    every_hours: Annotated[int, Field(ge=1, le=24 * 92)] = 24
    active: bool = True


class FeedFindingOut(BaseModel):
    """A record that could not be taken, or whose list is not fetched."""

    reference: str | None
    code: str
    text: str


class KbFeedOut(KbFeedIn):
    """A knowledge base that is followed, and what came of it."""

    id: UUID
    next_at: datetime | None
    """None: it is not asked."""
    since: datetime | None
    """What changed from then on is asked for next."""
    began_at: datetime | None
    """The harvest under way, or the one that broke off and goes on."""
    asked_at: datetime | None
    outcome: Fetched | None
    error: str | None
    failures: int
    """In a row."""
    pages: int
    """Of the harvest under way, or of the last."""
    changed: int
    """Packages that it has changed."""
    findings: list[FeedFindingOut]
    created_at: datetime
    version: int


def _out(row: Any) -> KbFeedOut:
    return KbFeedOut(**{name: row[name] for name in KbFeedOut.model_fields})


async def _feed(connection: Connection | asyncpg.Pool, feed_id: UUID) -> KbFeedOut:
    row = await connection.fetchrow("SELECT * FROM kb_feed WHERE id = $1", feed_id)
    if row is None:
        raise FeedUnknown
    return _out(row)


def _values(request: Request, body: KbFeedIn, now: datetime) -> dict[str, Any]:
    networks = request.app.state.resources.settings.networks
    if reasons := [Reason(one.code, one.text, "/url", one.mend) for one in refusals(body.url, networks)]:
        raise Invalid(reasons=reasons)
    return body.model_dump() | {"next_at": now if body.active else None, "failures": 0}


def _refused(error: asyncpg.PostgresError, body: KbFeedIn) -> Refused | Invalid:
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return Invalid(reasons=[Reason("platform-unknown", "There is no such platform.", "/platform_id")])
    text = f"Another feed is {body.source}."
    return FeedTaken(reasons=[Reason("source-taken", text, "/source", "Change that one instead.")])


@router.post(
    "",
    status_code=201,
    response_model=KbFeedOut,
    responses=problems(Unauthenticated, Forbidden, FeedTaken, InFlight, Invalid),
)
async def create_kb_feed(
    request: Request, body: KbFeedIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Follow a knowledge base; it is asked at once, for everything."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        feed_id = uuid7()
        try:
            await insert(connection, "kb_feed", id=feed_id, created_at=now, **_values(request, body, now))
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            raise _refused(error, body) from error
        where = {"location": f"/v1/kb-feeds/{feed_id}", "etag": etags.etag(1)}
        return 201, await _feed(connection, feed_id), where

    return await whole(pool_of(request), once, act)


@router.get(
    "", response_model=cursors.Page[KbFeedOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_kb_feeds(
    request: Request, response: Response, _: MayRead, cursor: str | None = None, limit: Limit = 100
) -> cursors.Page[KbFeedOut]:
    """Knowledge bases that are followed, newest first."""
    rows, more = await page(request, response, "SELECT * FROM kb_feed", {}, cursor=cursor, limit=limit)
    return cursors.Page(items=[_out(row) for row in rows], next_cursor=more)


@router.get(
    "/{feed_id}", response_model=KbFeedOut, responses=problems(Unauthenticated, Forbidden, FeedUnknown)
)
async def get_kb_feed(request: Request, response: Response, feed_id: UUID, _: MayRead) -> KbFeedOut:
    """A knowledge base that is followed, and what came of it last."""
    told = await _feed(pool_of(request), feed_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{feed_id}",
    response_model=KbFeedOut,
    responses=problems(
        Unauthenticated, Forbidden, FeedUnknown, FeedTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_kb_feed(
    request: Request,
    response: Response,
    feed_id: UUID,
    body: KbFeedIn,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> KbFeedOut:
    """Replace what is told of it; it is asked at once, and from another address for everything anew."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        row = await connection.fetchrow("SELECT * FROM kb_feed WHERE id = $1 FOR UPDATE", feed_id)
        if row is None:
            raise FeedUnknown
        etags.guard(expected=expected, found=row["version"])
        anew = {"since": None, "began_at": None, "cursor": None} if row["url"] != body.url else {}
        try:
            await change(connection, "kb_feed", feed_id, **_values(request, body, now), **anew)
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            raise _refused(error, body) from error
        told = await _feed(connection, feed_id)
    etags.tag(response, told.version)
    return told
