"""Search on the wire, and the index's state."""

import asyncio
import re
import time
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from catalog.search.engine import ListGone, Reader, SearchRequest, SearchResult
from catalog.search.explaining import MOST_EXPLAINED, Part
from catalog.search.grammar import QueryProblem
from catalog.search.hitlists import DEEPEST_HIT, KEPT_SECONDS
from catalog.search.opened import IndexAbsent
from catalog.search.pacing import AWAITED
from catalog.search.suggesting import Suggestion
from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.consuming import LEVEL_NAME
from chassis.json import Json
from chassis.principal import Anyone, Principal
from chassis.problems import Invalid, Problem, Reason, Unavailable, problems, render
from chassis.resources import Resources

router = new_router(tag="search")

STALE_SECONDS = 5.0
WAIT_SECONDS = 2.0
PATIENCE_SECONDS = 0.3
"""Longer than changes wait but for an import: whoever waits tells the indexer so, again and again."""
RETRY_SECONDS = "10"
_WRITTEN = "SELECT coalesce(max(xact), 0) FROM title_change"
_AWAITED = f"SELECT pg_notify('title_change', '{AWAITED}')"
_FILTER = re.compile(r"^filter\[([a-z_]{1,40})\]$")


class CursorExpired(Problem):
    """The list of hits that a cursor goes on in is kept no longer."""

    status, code, title = 410, "cursor-expired", "The list of hits that this cursor goes on in is gone."


class IndexBeingMade(Unavailable):
    """No index serves yet: after a release that keeps it otherwise, or where its folder was lost."""

    code, title = "index-being-made", "The index of the catalogue is being made; ask again in a while."


async def on_index_absent(request: Request, error: Exception) -> Response:
    """That nothing is found would not be true."""
    assert isinstance(error, IndexAbsent)
    return render(IndexBeingMade(headers={"Retry-After": RETRY_SECONDS}))


class PartOut(BaseModel):
    """What one thing that was asked for adds to a title's score, in one field."""

    field: str
    words: str
    adds: float
    weight: float
    times: int | None
    titles: int | None
    of: int | None
    text: str


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
    original_title: str | None
    """In the script of the title page, where the record has it so (MARC 880)."""
    original_author: str | None
    availability: str
    items_total: int
    items_available: int
    suppressed: bool
    score: float | None = None
    explanation: list[PartOut] | None = None
    """What the score is made of, where that was asked for; empty where the order is not by score."""


class FacetValueOut(BaseModel):
    """A value, and how many of all hits have it."""

    value: str
    count: int


class IndexOut(BaseModel):
    """How far the index has followed the changes."""

    position: int
    reached: bool
    """Whether it had come as far as `at_least` wanted; true where nothing was wanted."""


class AvailabilityFreshnessOut(BaseModel):
    """As of when availability is known here; stale while circulation cannot be heard."""

    as_of: datetime | None
    stale: bool


class SuggestionOut(BaseModel):
    """A query that finds something, where this one finds next to nothing: did you mean that?"""

    query: str
    total: int


class SearchOut(BaseModel):
    """A page of hits."""

    items: list[HitOut]
    total: int
    total_relation: Literal["exact", "at_least"]
    facets: dict[str, list[FacetValueOut]]
    next_cursor: str | None
    did_you_mean: SuggestionOut | None
    index: IndexOut
    availability: AvailabilityFreshnessOut


async def reader_of(request: Request) -> Reader:
    """The process's own."""
    found: Reader = request.app.state.resources.own["reader"]
    return found


TheReader = Annotated[Reader, Depends(reader_of)]
AtLeast = Annotated[
    str,
    Query(
        pattern="^(now|[0-9]{1,19})$",
        description="Wait up to 2 s for this position of the index; `now`: for all that is written by now",
    ),
]


def asked_by(
    request: Request,
    asker: Principal,
    *,
    query: str,
    facets: str,
    facet_size: int,
    sort: str,
    limit: int,
    cursor: str | None,
) -> SearchRequest:
    """What a request's parameters ask for, a page of a list that others follow; raises `Invalid` for a cursor that is
    none."""
    list_name, offset = place_in_list(cursor)
    return SearchRequest(
        query=query,
        filters=filters_in(request),
        facets=tuple(name.strip() for name in facets.split(",") if name.strip()),
        facet_size=facet_size,
        sort=sort,
        limit=min(limit, DEEPEST_HIT - offset),
        offset=offset,
        with_suppressed=asker.may("titles:write"),
        paged=True,
        list_name=list_name,
        suggest=True,
    )


@router.get(
    "/v1/titles",
    response_model=SearchOut,
    responses=problems(Invalid, CursorExpired, IndexBeingMade),
)
async def search(
    request: Request,
    response: Response,
    asker: Anyone,
    reader: TheReader,
    now: Now,
    query: Annotated[str, Query(max_length=2000, description="See docs/search-query.md")] = "",
    facets: Annotated[str, Query(max_length=500, description="Names, separated by commas")] = "",
    facet_size: Annotated[int, Query(ge=1, le=200)] = 20,
    sort: Annotated[
        str, Query(max_length=100, description="`relevance`, or up to four keys such as `author,-year`")
    ] = "relevance",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    at_least: AtLeast = "0",
    explain: Annotated[bool, Query(description="Say what each title's score is made of")] = False,
) -> Response:
    """Find titles. `filter[NAME]=value` narrows, and may be repeated; facets count all hits exactly.

    The first page pins the hits: pages by its cursor neither skip a title nor bring one twice, whatever is written
    meanwhile. What has gone since is left out of its page. A list is kept for a quarter of an hour after it was read.
    """
    asked = asked_by(
        request,
        asker,
        query=query,
        facets=facets,
        facet_size=facet_size,
        sort=sort,
        limit=limit,
        cursor=cursor,
    )
    if explain and limit > MOST_EXPLAINED:
        raise Invalid(
            reasons=[
                Reason(
                    "explain-too-many",
                    f"Up to {MOST_EXPLAINED} hits are explained at once.",
                    "query/limit",
                    f"Ask with limit={MOST_EXPLAINED}.",
                    value=limit,
                    limit=MOST_EXPLAINED,
                )
            ]
        )
    resources: Resources = request.app.state.resources
    wanted = await as_far_as(resources, reader, at_least)
    try:
        found = await asyncio.to_thread(reader.search, asked)
    except QueryProblem as problem:
        raise misunderstood(problem) from problem
    except ListGone:
        raise list_gone() from None
    more = None
    seen = asked.offset + len(found.places)
    if found.list_name is not None and found.places and seen < min(found.total, DEEPEST_HIT):
        more = cursors.encode(found.list_name, seen)
    head = Response()
    cursors.link_next(request, head, more)
    freshness = await availability_level(resources, now)
    headers = {"link": head.headers["link"]} if more else None
    told = _page(found, more, freshness)
    told["index"]["reached"] = found.position >= wanted
    if explain:
        by_score = found.places and all(hit.score is not None for hit in found.hits)
        parts = (
            await asyncio.to_thread(reader.explain, asked, [hit.title_id for hit in found.hits])
            if by_score
            else {}
        )
        for item, hit in zip(told["items"], found.hits, strict=True):
            item["explanation"] = [_part(each) for each in parts.get(hit.title_id, ())]
    return Json(told, headers=headers)


def list_gone() -> CursorExpired:
    """A cursor of a list that is gone, or that is another search's."""
    return CursorExpired(
        f"A list is kept for {KEPT_SECONDS // 60} minutes after it was last read, and goes on only in the search "
        "that it was given out for. Ask again without a cursor."
    )


def _part(part: Part) -> dict[str, Any]:
    return {
        "field": part.field,
        "words": part.words,
        "adds": part.adds,
        "weight": part.weight,
        "times": part.times,
        "titles": part.titles,
        "of": part.of,
        "text": part.text,
    }


def misunderstood(problem: QueryProblem, where: str = "query") -> Invalid:
    """What is wrong with a search, at what says it."""
    if problem.code.startswith("sort-"):
        return Invalid(reasons=[Reason(problem.code, problem.message, f"{where}/sort")])
    words = f"{problem.message} (character {problem.position})"
    return Invalid(reasons=[Reason(problem.code, words, f"{where}/query")])


def _page(found: SearchResult, more: str | None, freshness: dict[str, Any]) -> dict[str, Any]:
    return {
        "items": [orjson.loads(hit.stored) | {"score": hit.score} for hit in found.hits],
        "total": found.total,
        "total_relation": "exact",
        "facets": facets_told(found.facets),
        "next_cursor": more,
        "did_you_mean": better_told(found.suggestion),
        "index": {"position": found.position},
        "availability": freshness,
    }


def facets_told(facets: dict[str, list[tuple[str, int]]]) -> dict[str, list[dict[str, Any]]]:
    """As `FacetValueOut`."""
    return {
        name: [{"value": value, "count": count} for value, count in values] for name, values in facets.items()
    }


def better_told(better: Suggestion | None) -> dict[str, Any] | None:
    """As `SuggestionOut`."""
    return {"query": better.query, "total": better.total} if better is not None else None


def filters_in(request: Request) -> dict[str, list[str]]:
    """What `filter[NAME]=value` narrows to, by name."""
    told: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        if (found := _FILTER.match(name)) is not None:
            told.setdefault(found[1], []).append(value)
    return told


def place_in_list(cursor: str | None) -> tuple[str | None, int]:
    """The list that a cursor goes on in, and from which hit on."""
    if cursor is None:
        return None, 0
    name, offset = cursors.decode(cursor, parts=2)
    if not isinstance(name, str) or type(offset) is not int or not 0 < offset < DEEPEST_HIT:
        raise cursors.wrong_cursor()
    return name, offset


async def as_far_as(resources: Resources, reader: Reader, at_least: str) -> int:
    """Wait a little for the index to have come as far as is wanted; how far that is."""
    position: int = await resources.pool.fetchval(_WRITTEN) if at_least == "now" else int(at_least)
    began = told = time.monotonic()
    while position and reader.position() < position and (now := time.monotonic()) < began + WAIT_SECONDS:
        if now - told >= PATIENCE_SECONDS:
            told = now
            await resources.pool.execute(_AWAITED)
        await asyncio.sleep(0.02)
    return position


async def availability_level(resources: Resources, now: datetime) -> dict[str, Any]:
    """When circulation's queue was last read to its end; looked up once a second."""
    known = resources.own.get("level")
    if known is None or time.monotonic() - known[1] > 1:
        level = await resources.pool.fetchval("SELECT last_run_at FROM lease WHERE name = $1", LEVEL_NAME)
        resources.own["level"] = known = (level, time.monotonic())
    as_of: datetime | None = known[0]
    stale = as_of is None or (now - as_of).total_seconds() > STALE_SECONDS
    return {"as_of": as_of, "stale": stale}
