"""Search on the wire, and the index's state."""

import asyncio
import re
import time
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from catalog.search.engine import Reader, SearchRequest, SearchResult, serving
from catalog.search.grammar import QueryProblem
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.consuming import LEVEL_NAME
from chassis.json import Json
from chassis.principal import Anyone, Principal, may
from chassis.problems import Forbidden, Invalid, Reason, Unauthenticated, problems
from chassis.resources import Resources

router = new_router(tag="search")

STALE_SECONDS = 5.0
WAIT_SECONDS = 2.0
_FILTER = re.compile(r"^filter\[([a-z_]{1,40})\]$")

Sort = Literal["relevance", "title", "author", "year", "-year"]


class HitOut(BaseModel):
    """A title in a list."""

    id: str
    hrid: str
    title: str
    subtitle: str | None
    author: str | None
    publisher: str | None
    year: int | None
    edition: str | None
    format: str
    languages: list[str]
    isbns: list[str]
    issns: list[str]
    availability: str
    items_total: int
    items_available: int
    suppressed: bool
    score: float | None = None


class FacetValueOut(BaseModel):
    """A value, and how many of all hits have it."""

    value: str
    count: int


class IndexOut(BaseModel):
    """How far the index has followed the changes."""

    position: int


class AvailabilityFreshnessOut(BaseModel):
    """As of when availability is known here; stale while circulation cannot be heard."""

    as_of: datetime | None
    stale: bool


class SearchOut(BaseModel):
    """A page of hits."""

    items: list[HitOut]
    total: int
    total_relation: Literal["exact", "at_least"]
    facets: dict[str, list[FacetValueOut]]
    next_cursor: str | None
    index: IndexOut
    availability: AvailabilityFreshnessOut


async def reader_of(request: Request) -> Reader:
    """The process's own."""
    found: Reader = request.app.state.resources.own["reader"]
    return found


TheReader = Annotated[Reader, Depends(reader_of)]


@router.get("/v1/titles", response_model=SearchOut, responses=problems(Invalid))
async def search(
    request: Request,
    response: Response,
    asker: Anyone,
    reader: TheReader,
    now: Now,
    query: Annotated[str, Query(max_length=2000, description="See docs/search-query.md")] = "",
    facets: Annotated[str, Query(max_length=500, description="Names, separated by commas")] = "",
    facet_size: Annotated[int, Query(ge=1, le=200)] = 20,
    sort: Sort = "relevance",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    at_least: Annotated[int, Query(ge=0, description="Wait up to 2 s for this index position")] = 0,
) -> Response:
    """Find titles. `filter[NAME]=value` narrows, and may be repeated; facets count all hits exactly."""
    asked = SearchRequest(
        query=query,
        filters=_filters(request),
        facets=tuple(name.strip() for name in facets.split(",") if name.strip()),
        facet_size=facet_size,
        sort=sort,
        limit=limit,
        offset=_offset(cursor),
        with_suppressed=asker.may("titles:write"),
    )
    await _until(reader, at_least)
    try:
        found = await asyncio.to_thread(reader.search, asked)
    except QueryProblem as problem:
        raise Invalid(
            reasons=[Reason(problem.code, f"{problem.message} (character {problem.position})", "query/query")]
        ) from problem
    more = cursors.encode(asked.offset + limit) if asked.offset + limit < min(found.total, 10_000) else None
    head = Response()
    cursors.link_next(request, head, more)
    freshness = await availability_level(request.app.state.resources, now)
    headers = {"link": head.headers["link"]} if more else None
    return Json(_page(found, more, freshness), headers=headers)


def _page(found: SearchResult, more: str | None, freshness: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": [orjson.loads(hit.stored) | {"score": hit.score} for hit in found.hits],
        "total": found.total,
        "total_relation": "exact",
        "facets": {
            name: [{"value": value, "count": count} for value, count in values]
            for name, values in found.facets.items()
        },
        "next_cursor": more,
        "index": {"position": found.position},
        "availability": freshness,
    }


def _filters(request: Request) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if (found := _FILTER.match(name)) is not None:
            told.setdefault(found[1], []).append(value)
    return told


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    (offset,) = cursors.decode(cursor, parts=1)
    if not isinstance(offset, int) or not 0 <= offset <= 10_000:
        raise cursors.wrong_cursor()
    return offset


async def _until(reader: Reader, position: int) -> None:
    """Wait a little for the index to have come so far."""
    until = time.monotonic() + WAIT_SECONDS
    while position and reader.position() < position and time.monotonic() < until:  # noqa: ASYNC110 - another process moves it
        await asyncio.sleep(0.02)


async def availability_level(resources: Resources, now: datetime) -> dict[str, Any]:
    """When circulation's queue was last read to its end; looked up once a second."""
    known = resources.own.get("level")
    if known is None or time.monotonic() - known[1] > 1:
        level = await resources.pool.fetchval("SELECT last_run_at FROM lease WHERE name = $1", LEVEL_NAME)
        resources.own["level"] = known = (level, time.monotonic())
    as_of: datetime | None = known[0]
    stale = as_of is None or (now - as_of).total_seconds() > STALE_SECONDS
    return {"as_of": as_of, "stale": stale}


class IndexStateOut(BaseModel):
    """The index that serves."""

    name: str | None
    count: int
    position: int
    waiting: int
    """Changes not yet applied."""
    lag_seconds: float
    """Age of the oldest change not yet applied."""


@router.get("/v1/search-index", response_model=IndexStateOut)
async def index_state(request: Request, reader: TheReader) -> IndexStateOut:
    """How fresh the index is."""
    resources: Resources = request.app.state.resources
    position = reader.position()
    row = await resources.pool.fetchrow(
        "SELECT count(*) AS waiting, "
        "  coalesce(extract(epoch FROM clock_timestamp() - min(changed_at)), 0)::float8 AS lag "
        "FROM (SELECT changed_at FROM title_change WHERE xact > $1 ORDER BY xact LIMIT 100000) w",
        position,
    )
    assert row is not None
    return IndexStateOut(
        name=serving(resources.settings.data_dir / "index"),
        count=reader.count(),
        position=position,
        waiting=row["waiting"],
        lag_seconds=row["lag"],
    )


class RebuildOut(BaseModel):
    """A rebuild that was asked for; `GET /v1/search-index` tells when another index serves."""

    asked_at: datetime


@router.post(
    "/v1/search-index/rebuilds",
    status_code=202,
    response_model=RebuildOut,
    responses=problems(Unauthenticated, Forbidden),
)
async def ask_rebuild(
    request: Request, _: Annotated[Principal, Depends(may("search-index:operate"))], now: Now
) -> RebuildOut:
    """Build the index anew beside the one that serves; it takes over when it is done."""
    resources: Resources = request.app.state.resources
    await resources.pool.execute(
        "INSERT INTO lease (name, last_run_at, last_took) VALUES ('index rebuild', $1, NULL) "
        "ON CONFLICT (name) DO UPDATE SET last_run_at = $1, last_took = NULL",
        now,
    )
    return RebuildOut(asked_at=now)
