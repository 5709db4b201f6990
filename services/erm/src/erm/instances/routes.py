"""Titles of the knowledge base on the wire, and questions about matches."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from erm.configuration.queries import in_force
from erm.coverage.rules import Span, merged, open_on
from erm.identifiers.rules import read
from erm.instances import commands, queries
from erm.instances.commands import ReviewUnknown, TitleRefused, TitleUnknown
from erm.instances.entering import MergeIn, NewTitleIn, SettleIn, SiblingOut, SplitIn, TitleIn, TitleOut
from erm.instances.likeness import TEXTS, Why
from erm.instances.rules import folded
from erm.packages.entering import ItemOut
from erm.packages.queries import items_of_work, statement
from erm.packages.routes import FIRST, item_out, named_and_id
from erm.rows import page, pool_of
from erm.wire import Limit

router = new_router("/v1", tag="knowledge base")

MayRead = Annotated[Principal, Depends(may("packages:read", "packages:write"))]
MayWrite = Annotated[Principal, Depends(may("packages:write"))]
MOST_ITEMS = 1000
"""Places in packages that are told of one title."""


class TitleWholeOut(TitleOut):
    """A title with its siblings."""

    siblings: list[SiblingOut]
    """Others of the same work."""


class SpanOut(BaseModel):
    """Days that are covered; none: open at that end."""

    first: date | None
    last: date | None


class TitleCoverageOut(BaseModel):
    """From when to when a title is there, over everything that packages hold of it."""

    on: date
    """The day for which moving walls and days of access are reckoned."""
    paid: list[SpanOut]
    """Joined where they touch; gaps stay."""
    free: list[SpanOut]
    items: list[ItemOut]
    """What it is made from, and what does not count that day."""


class LikenessOut(BaseModel):
    """What speaks for two titles being one, or against it."""

    code: Why
    text: str


class ReviewOut(BaseModel):
    """A match that a load could not be sure of."""

    id: UUID
    kind: Literal["identifiers-disagree", "identifier-shared", "name-alike"]
    title_id: UUID
    other_id: UUID
    package_id: UUID
    load_id: UUID
    line: int
    score: int | None
    """Of `name-alike`: how alike they are, in percent."""
    why: list[LikenessOut]
    """Of `name-alike`: what speaks for it, and against."""
    state: Literal["open", "settled"]
    note: str | None
    created_at: datetime
    settled_at: datetime | None
    settled_by: str | None


def _review(row: Any) -> ReviewOut:
    why = [LikenessOut(code=Why(code), text=TEXTS[Why(code)]) for code in row["why"]]
    return ReviewOut(**dict(row) | {"why": why})


def _out(row: Any) -> TitleOut:
    return TitleOut.model_validate(dict(row))


def _identifier(told: str) -> tuple[str, str]:
    """`issn:2049-3630` as it is kept; `Invalid`."""
    namespace, _, value = told.partition(":")
    if namespace == "title-id":  # a provider's own: title-id:SOURCE:VALUE
        source, _, value = value.partition(":")
        namespace = f"{namespace}:{source}"
    found = read(namespace, value)
    if found.value is None:
        raise Invalid(
            reasons=[
                Reason(
                    found.flaw or "identifier-malformed",
                    f"{told[:60]!r} is no identifier.",
                    "query/identifier",
                    "Write it like issn:2049-3630 or title-id:SOURCE:VALUE.",
                )
            ]
        )
    return namespace, found.value


@router.post(
    "/title-instances",
    status_code=201,
    response_model=TitleOut,
    responses=problems(Unauthenticated, Forbidden, TitleRefused, InFlight, Invalid),
)
async def create_title_instance(
    request: Request, body: NewTitleIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter a title that no list has brought."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = _out(await commands.enter(connection, body, now=now))
        return 201, told, {"location": f"/v1/title-instances/{told.id}", "etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.get(
    "/title-instances",
    response_model=cursors.Page[TitleOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_title_instances(
    request: Request,
    response: Response,
    _: MayRead,
    identifier: Annotated[
        str | None, Query(max_length=500, description="Only those known by it: issn:2049-3630")
    ] = None,
    name: Annotated[
        str | None, Query(max_length=300, description="Only those whose name begins so, folded")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=2000)] = None,
    limit: Limit = 100,
) -> cursors.Page[TitleOut]:
    """Titles of the knowledge base by name."""
    after = named_and_id(cursor)
    pool = pool_of(request)
    if identifier is not None:
        found = [] if after > FIRST else await queries.known_by(pool, *_identifier(identifier))
        return cursors.Page(items=[_out(row) for row in found])
    rows = await queries.by_name(pool, prefix=folded(name or ""), after=after, limit=limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(last["sort_name"], last["id"]) if last else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(row) for row in rows[:limit]], next_cursor=more)


@router.get(
    "/title-instances/{title_id}",
    response_model=TitleWholeOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown),
)
async def get_title_instance(
    request: Request, response: Response, title_id: UUID, _: MayRead
) -> TitleWholeOut:
    """A title, and its siblings in other media."""
    pool = pool_of(request)
    row = await queries.title(pool, title_id)
    if row is None:
        raise TitleUnknown
    others = [dict(each) for each in await queries.siblings(pool, row["work_id"]) if each["id"] != title_id]
    etags.tag(response, row["version"])
    return TitleWholeOut.model_validate(dict(row) | {"siblings": others})


@router.get(
    "/title-instances/{title_id}/coverage",
    response_model=TitleCoverageOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, Invalid),
)
async def read_coverage(
    request: Request,
    title_id: UUID,
    _: MayRead,
    now: Now,
    on: Annotated[date | None, Query(description="The day to reckon for; today unless another")] = None,
) -> TitleCoverageOut:
    """From when to when a title is there in all packages together, as moving walls and access stand on a day."""
    pool = pool_of(request)
    row = await queries.title(pool, title_id)
    if row is None:
        raise TitleUnknown
    day = on or (await in_force(pool)).today(now)
    items = await items_of_work(pool, row["work_id"], limit=MOST_ITEMS)
    spans: dict[str, list[Span]] = {"P": [], "F": []}
    for item in items:
        if not _accessible(item, day):
            continue
        for each in map(statement, item["statements"]):
            if (span := open_on(each, today=day)) is not None:
                spans[each.access_type].append(span)
    paid, free = ([SpanOut(first=s.first, last=s.last) for s in merged(spans[kind])] for kind in ("P", "F"))
    return TitleCoverageOut(on=day, paid=paid, free=free, items=[item_out(item) for item in items])


def _accessible(item: Any, day: date) -> bool:
    starts, ends = item["access_start_on"], item["access_end_on"]
    return (starts is None or starts <= day) and (ends is None or day <= ends)


@router.put(
    "/title-instances/{title_id}",
    response_model=TitleOut,
    responses=problems(
        Unauthenticated, Forbidden, TitleUnknown, TitleRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def change_title_instance(
    request: Request,
    response: Response,
    title_id: UUID,
    body: TitleIn,
    _: MayWrite,
    expected: IfMatch,
    now: Now,
) -> TitleOut:
    """Replace what is told of a title. What is changed here follows its list no more."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        row = await commands.change_title(connection, title_id, body, expected=expected, now=now)
    etags.tag(response, row["version"])
    return _out(row)


@router.post(
    "/title-instances/{title_id}/merges",
    status_code=201,
    response_model=TitleOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, TitleRefused, InFlight, Invalid),
)
async def merge_title_instances(
    request: Request, title_id: UUID, body: MergeIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Other titles are this one: everything they have goes over to it, and their ids lead on."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = _out(await commands.merge(connection, title_id, body, by=str(by.actor), now=now))
        return 201, told, {"location": f"/v1/title-instances/{told.id}", "etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.post(
    "/title-instances/{title_id}/splits",
    status_code=201,
    response_model=TitleOut,
    responses=problems(Unauthenticated, Forbidden, TitleUnknown, TitleRefused, InFlight, Invalid),
)
async def split_title_instance(
    request: Request, title_id: UUID, body: SplitIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Identifiers and places on platforms that were joined wrongly become a title of their own."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = _out(await commands.split(connection, title_id, body, now=now))
        return 201, told, {"location": f"/v1/title-instances/{told.id}", "etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.get(
    "/title-reviews",
    response_model=cursors.Page[ReviewOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_title_reviews(
    request: Request,
    response: Response,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ReviewOut]:
    """Matches that loads could not be sure of and nobody has settled, newest first."""
    rows, more = await page(
        request,
        response,
        "SELECT * FROM (SELECT * FROM title_review WHERE state = 'open') AS asked",
        {},
        cursor=cursor,
        limit=limit,
    )
    return cursors.Page(items=[_review(row) for row in rows], next_cursor=more)


@router.post(
    "/title-reviews/{review_id}/settlements",
    response_model=ReviewOut,
    responses=problems(Unauthenticated, Forbidden, ReviewUnknown, InFlight, Invalid),
)
async def settle_title_review(
    request: Request, review_id: UUID, body: SettleIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Say that a match is right, or that it was set right. (Merging the two titles settles it, too.)"""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await commands.settle(connection, review_id, body.note, by=str(by.actor), now=now)
        return 200, _review(row), {}

    return await whole(pool_of(request), once, act)
