"""Works on the wire: with their editions, found by what finds their titles, merged and split by staff."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.marc.storage import unpack
from catalog.oai.routes import address_of
from catalog.search.byworks import find
from catalog.search.engine import ListGone
from catalog.search.grammar import QueryProblem
from catalog.search.hitlists import DEEPEST_HIT
from catalog.search.routes import (
    AtLeast,
    AvailabilityFreshnessOut,
    CursorExpired,
    FacetValueOut,
    HitOut,
    IndexBeingMade,
    IndexOut,
    SuggestionOut,
    TheReader,
    as_far_as,
    asked_by,
    availability_level,
    better_told,
    facets_told,
    list_gone,
    misunderstood,
)
from catalog.titles import media
from catalog.titles.commands import TitleUnknown
from catalog.titles.queries import title as title_row
from catalog.works import commands, queries
from catalog.works.commands import WorkUnknown
from catalog.works.describing import described
from catalog.works.graphs import creative_work, hub
from catalog.works.undoing import DecisionStands, DecisionUnknown, undo
from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.etags import IfMatch
from chassis.json import Json
from chassis.principal import Anyone, Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotAcceptable,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from chassis.resources import Resources

router = new_router(tag="works")

MayWrite = Annotated[Principal, Depends(may("titles:write"))]


class EditionOut(BaseModel):
    """A title of the work."""

    title_id: UUID
    hrid: int
    title: str
    subtitle: str | None
    author: str | None
    year: int | None
    format: str
    edition: str | None
    publisher: str | None


class ExpressionOut(BaseModel):
    """Its editions in one language and of one kind of content, the newest first."""

    language: str | None
    kind: str
    translators: list[str]
    editions: list[EditionOut]


class PartOut(BaseModel):
    """A work within a collection."""

    author: str | None
    title: str
    work_id: UUID | None
    """None where none of its titles is known here by itself."""


class CollectionOut(BaseModel):
    """A title that contains the work."""

    title_id: UUID
    hrid: int
    title: str
    author: str | None
    year: int | None
    work_id: UUID | None


class WorkOut(BaseModel):
    """A work with its editions, as far as the asker may see them."""

    id: UUID
    version: int
    title: str
    author: str | None
    addresses: list[str]
    """Of the work on the web, where records tell them."""
    original_languages: list[str]
    expressions: list[ExpressionOut]
    series: list[str]
    contains: list[PartOut]
    """Its parts, where it is a collection, as its titles' records name them (700 to 730)."""
    contained_in: list[CollectionOut]
    """Collections that it is part of, up to five hundred."""
    titles_total: int
    """Editions are told of up to five hundred."""


class FoundWorkOut(BaseModel):
    """A work, and what of it was found."""

    work_id: UUID | None
    """None for a title that has just come and not found its work yet."""
    title_ids: list[UUID]
    """The best first, a hundred at most."""
    titles_found: int
    title: HitOut
    """The best of these titles, as lists of hits show it."""


class FoundWorksOut(BaseModel):
    """A page of works, in the order of their best titles."""

    items: list[FoundWorkOut]
    total: int
    """Works; exact."""
    titles_total: int
    facets: dict[str, list[FacetValueOut]]
    """The values that most titles have, by how many works have a title among those found that has them."""
    next_cursor: str | None
    did_you_mean: SuggestionOut | None
    index: IndexOut
    availability: AvailabilityFreshnessOut


class MergedIn(BaseModel):
    """Which works become part of this one."""

    model_config = ConfigDict(extra="forbid")

    merged: list[UUID] = Field(min_length=1, max_length=50)


class SplitIn(BaseModel):
    """Which titles are of another work."""

    model_config = ConfigDict(extra="forbid")

    title_ids: list[UUID] = Field(min_length=1, max_length=500)


class DecisionOut(BaseModel):
    """That staff have merged works or split one."""

    id: UUID
    kind: Literal["merge", "split"]
    work_id: UUID
    """Which the other one became part of, or out of which titles were taken."""
    other_id: UUID
    """Which became part of it, or which has the titles that were taken out."""
    title_ids: list[UUID]
    """That it brought, or that were taken out."""
    made_at: datetime
    made_by: str
    undone_at: datetime | None
    undone_by: str | None


class DecisionsOut(BaseModel):
    """The newest first, up to a hundred."""

    items: list[DecisionOut]


class RebuildOut(BaseModel):
    """How many titles are looked at anew."""

    titles: int


@router.get(
    "/v1/works", response_model=FoundWorksOut, responses=problems(Invalid, CursorExpired, IndexBeingMade)
)
async def find_works(
    request: Request,
    tx: ReadTx,
    reader: TheReader,
    asker: Anyone,
    now: Now,
    query: Annotated[str, Query(max_length=2000, description="See docs/search-query.md")] = "",
    facets: Annotated[str, Query(max_length=500, description="Names, separated by commas")] = "",
    facet_size: Annotated[int, Query(ge=1, le=200)] = 20,
    sort: Annotated[
        str, Query(max_length=100, description="`relevance`, or up to four keys such as `author,-year`")
    ] = "relevance",
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    at_least: AtLeast = "0",
) -> Response:
    """Find works: each once, where its best title stands among all titles that a search finds, however many.

    `filter[NAME]=value` narrows, and may be repeated. The first page pins the works as one of titles does: pages by its
    cursor neither skip a work nor bring one twice. What has gone since is left out of its page.
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
    resources: Resources = request.app.state.resources
    wanted = await as_far_as(resources, reader, at_least)
    try:
        found = await asyncio.to_thread(find, reader, asked)
    except QueryProblem as problem:
        raise misunderstood(problem) from problem
    except ListGone:
        raise list_gone() from None
    seen, more = asked.offset + len(found.places), None
    if found.list_name is not None and found.places and seen < min(found.total, DEEPEST_HIT):
        more = cursors.encode(found.list_name, seen)
    head = Response()
    cursors.link_next(request, head, more)
    shown = [each for each in found.places if each is not None]
    works = await queries.works_of(tx, [each.best.title_id for each in shown])
    items = [
        {
            "work_id": works.get(each.best.title_id),
            "title_ids": each.title_ids,
            "titles_found": each.found,
            "title": orjson.loads(each.best.stored) | {"score": each.best.score},
        }
        for each in shown
    ]
    told = {
        "items": items,
        "total": found.total,
        "titles_total": found.titles_total,
        "facets": facets_told(found.facets),
        "next_cursor": more,
        "did_you_mean": better_told(found.suggestion),
        "index": {"position": found.position, "reached": found.position >= wanted},
        "availability": await availability_level(resources, now),
    }
    return Json(told, headers={"link": head.headers["link"]} if more else None)


async def _shown(tx: ReadTx, row: Any, asker: Principal) -> Response:
    hidden_too = asker.may("titles:write")
    titles = await queries.titles(tx, row.id, hidden_too=hidden_too)
    if not titles:
        raise WorkUnknown
    told = await asyncio.to_thread(described, titles)
    keys = [key for each in told.contains for key in each.keys]
    parts = await queries.by_keys(tx, keys, hidden_too=hidden_too)
    around = await queries.contained_in(tx, row.id, hidden_too=hidden_too)
    view = WorkOut(
        id=row.id,
        version=row.version,
        title=told.title,
        author=told.author,
        addresses=told.addresses,
        original_languages=told.original_languages,
        expressions=[
            ExpressionOut(
                language=each.language,
                kind=each.kind,
                translators=each.translators,
                editions=[
                    EditionOut(**{name: getattr(one, name) for name in EditionOut.model_fields})
                    for one in each.editions
                ],
            )
            for each in told.expressions
        ],
        series=told.series,
        contains=[
            PartOut(
                author=each.author,
                title=each.title,
                work_id=next((parts[key] for key in each.keys if key in parts), None),
            )
            for each in told.contains
        ],
        contained_in=[CollectionOut(**each._mapping) for each in around],
        titles_total=titles[0].total,
    )
    return Json(view.model_dump(), 200, {"ETag": etags.etag(row.version)})


LED: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in media.GRAPHS}},
    308: {"description": "It has become part of the work that Location names"},
}
OFFERS = (media.JSON, *media.GRAPHS)


@router.get(
    "/v1/works/{work_id}",
    response_model=WorkOut,
    responses=problems(WorkUnknown, NotAcceptable) | LED,
)
async def read_work(
    work_id: UUID,
    request: Request,
    tx: ReadTx,
    asker: Anyone,
    accept: Annotated[
        str | None, Header(max_length=2000, description="JSON, or a form of linked data")
    ] = None,
) -> Response:
    """A work with its editions by language and kind; as linked data, too, in BIBFRAME or schema.org as for titles."""
    kind = media.chosen(accept, OFFERS)
    row = await queries.work(tx, work_id)
    if row is None:
        raise WorkUnknown
    if row.merged_into is not None:
        leads_to = {"Location": f"/v1/works/{row.merged_into}", "Vary": "Accept"}
        return Response(status_code=308, headers=leads_to)
    if kind == media.JSON:
        answer = await _shown(tx, row, asker)
        answer.headers["Vary"] = "Accept"
        return answer
    titles = await queries.titles(tx, row.id, hidden_too=asker.may("titles:write"))
    if not titles:
        raise WorkUnknown
    public_url = request.app.state.resources.settings.public_url
    address = address_of(request, public_url, f"/v1/works/{row.id}")
    at = [address_of(request, public_url, f"/titles/{each.id}") for each in titles]
    words = media.vocabulary(accept, kind)
    content = await asyncio.to_thread(_graph, titles, at, address, kind, words)
    headers = {
        "ETag": media.content_tag(content),
        "Vary": "Accept",
        "Link": f'<{words}>; rel="profile", <{address}>; rel="describes"',
    }
    return Response(content, 200, headers, media_type=kind)


def _graph(titles: Sequence[Any], at: Sequence[str], address: str, kind: str, words: str) -> bytes:
    made = creative_work if words == media.SCHEMA_ORG else hub
    return media.GRAPHS[kind](made(described(titles), unpack(titles[0].record), at, address=address))


@router.get(
    "/v1/titles/{title_id}/work", response_model=WorkOut, responses=problems(TitleUnknown, WorkUnknown)
)
async def read_work_of(title_id: UUID, tx: ReadTx, asker: Anyone) -> Response:
    """The work of a title; for a moment after the title has come there is none."""
    title = await title_row(tx, title_id)
    if title is None or (title.suppressed and not asker.may("titles:write")):
        raise TitleUnknown
    work_id = await queries.work_of(tx, title_id)
    row = await queries.work(tx, work_id) if work_id is not None else None
    if row is None:
        raise WorkUnknown
    return await _shown(tx, row, asker)


CHANGED = problems(Unauthenticated, Forbidden, WorkUnknown, Invalid, Stale, PreconditionRequired)


@router.post("/v1/works/{work_id}/merges", status_code=201, response_model=WorkOut, responses=CHANGED)
async def merge_works(
    work_id: UUID, body: MergedIn, by: MayWrite, expected: IfMatch, tx: Tx, now: Now
) -> Response:
    """Other works become part of this one, whatever their titles' records say from now on."""
    await commands.merge(tx, work_id, body.merged, expected=expected, by=str(by.actor), now=now)
    return _created(await _shown(tx, await queries.work(tx, work_id), by), work_id)


@router.post("/v1/works/{work_id}/splits", status_code=201, response_model=WorkOut, responses=CHANGED)
async def split_work(
    work_id: UUID, body: SplitIn, by: MayWrite, expected: IfMatch, tx: Tx, now: Now
) -> Response:
    """Some titles become a work of their own, which is answered; they stay there, whatever is imported again."""
    apart = await commands.split(tx, work_id, body.title_ids, expected=expected, by=str(by.actor), now=now)
    return _created(await _shown(tx, await queries.work(tx, apart), by), apart)


@router.get(
    "/v1/works/{work_id}/decisions",
    response_model=DecisionsOut,
    responses=problems(Unauthenticated, Forbidden, WorkUnknown),
)
async def list_work_decisions(work_id: UUID, tx: ReadTx, _: MayWrite) -> DecisionsOut:
    """What staff have said of a work: merges and splits, also those that were taken back. A work that has become part
    of another tells of its own, too."""
    if await queries.work(tx, work_id) is None:
        raise WorkUnknown
    rows = await queries.decisions(tx, work_id)
    return DecisionsOut(items=[DecisionOut(**row._mapping) for row in rows])


@router.post(
    "/v1/works/{work_id}/decisions/{decision_id}/undoing",
    response_model=WorkOut,
    responses=problems(
        Unauthenticated, Forbidden, WorkUnknown, DecisionUnknown, DecisionStands, Stale, PreconditionRequired
    ),
)
async def undo_work_decision(
    work_id: UUID, decision_id: UUID, by: MayWrite, expected: IfMatch, tx: Tx, now: Now
) -> Response:
    """Take back a merge or a split. A merged work comes forth again under its id and is answered, with the titles that
    it had and those that came by its keys; titles that were taken out return to their work, which is answered.

    It is refused where records hold both works together by now, or where a later decision has to be taken back first.
    """
    back = await undo(tx, work_id, decision_id, expected=expected, by=str(by.actor), now=now)
    return await _shown(tx, await queries.work(tx, back), by)


def _created(answer: Response, work_id: UUID) -> Response:
    answer.status_code = 201
    answer.headers["Location"] = f"/v1/works/{work_id}"
    return answer


@router.post(
    "/v1/works:rebuild",
    status_code=202,
    response_model=RebuildOut,
    responses=problems(Unauthenticated, Forbidden),
)
async def rebuild_works(by: Annotated[Principal, Depends(may("search-index:operate"))], tx: Tx) -> RebuildOut:
    """Let every title be looked at anew, in the background. Ids of works and what staff have said stay."""
    return RebuildOut(titles=await commands.rebuild(tx))
