"""Feeds on the wire."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import Path, Request, Response
from fastapi.responses import PlainTextResponse

from catalog.citations.csl import csl
from catalog.covers import queries as covers
from catalog.covers.rules import external
from catalog.feeds import atom, blank, opds, rss, sitemaps
from catalog.marc.extract import extract
from catalog.marc.storage import unpack
from catalog.oai.routes import address_of
from catalog.pages import queries
from catalog.pages.addresses import LAST_PAGE, PAGE_SIZE, Asked, asked, title_address
from catalog.pages.rules import links
from catalog.pages.words import LANGUAGES
from catalog.search.engine import Reader, SearchResult
from catalog.search.grammar import QueryProblem
from catalog.search.routes import TheReader, misunderstood
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx
from chassis.problems import Invalid, NotFound, problems

router = new_router(tag="discovery")

XML: Final = "application/xml"
SHELVES: Final[tuple[tuple[str, str, str], ...]] = (
    ("All e-books", "e-book", "relevance"),
    ("Newest e-books", "e-book", "-year"),
    ("E-journals", "e-journal", "title"),
)


def _answers(kind: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {kind: {"schema": {"type": "string"}}}}}


@router.get("/opensearch.xml", response_class=Response, responses=_answers(atom.DESCRIPTION))
async def describe_search(request: Request) -> Response:
    """How this catalogue is searched (OpenSearch 1.1), for browsers and aggregators."""
    settings = request.app.state.resources.settings
    told = atom.description(
        name=settings.repository_name,
        email=settings.repository_email,
        pages=_public(request, "/search?query={searchTerms}&page={startPage?}"),
        feeds={
            kind: _public(request, path + "?query={searchTerms}&page={startPage?}")
            for kind, path in ((atom.ATOM, "/search.atom"), (rss.RSS, "/search.rss"))
        },
    )
    return Response(told, media_type=atom.DESCRIPTION)


@router.get("/search.atom", response_class=Response, responses=_answers(atom.ATOM) | problems(Invalid))
async def results_feed(request: Request, reader: TheReader, tx: ReadTx, now: Now) -> Response:
    """Results as a feed: the parameters of `/search`."""
    wanted = asked(request.query_params.multi_items(), tuple(LANGUAGES))
    found = await _found(reader, wanted)
    changed = await queries.changed(tx, [hit.title_id for hit in found.hits])
    settings = request.app.state.resources.settings
    last = min(max(-(-found.total // PAGE_SIZE), 1), LAST_PAGE)
    ways = _paging(request, wanted, last, "/search.atom", atom.ATOM)
    ways["alternate"] = (_public(request, wanted.address()), "text/html")
    ways["search"] = (_public(request, "/opensearch.xml"), atom.DESCRIPTION)
    told = atom.feed(
        title=f"{settings.repository_name}: {wanted.query}" if wanted.query else settings.repository_name,
        links=ways,
        moment=max(changed.values(), default=now),
        total=found.total,
        first=(wanted.page - 1) * PAGE_SIZE + 1,
        page_size=PAGE_SIZE,
        query=wanted.query,
        author=settings.repository_name,
        entries=[
            atom.entry(
                orjson.loads(hit.stored),
                address=_public(request, title_address(hit.title_id)),
                urn=f"urn:uuid:{hit.title_id}",
                moment=changed.get(hit.title_id, now),
            )
            for hit in found.hits
        ],
    )
    return Response(told, media_type=atom.ATOM)


@router.get("/search.rss", response_class=Response, responses=_answers(rss.RSS) | problems(Invalid))
async def results_as_rss(request: Request, reader: TheReader, tx: ReadTx, now: Now) -> Response:
    """Results as RSS 2.0: the parameters of `/search`."""
    wanted = asked(request.query_params.multi_items(), tuple(LANGUAGES))
    found = await _found(reader, wanted)
    changed = await queries.changed(tx, [hit.title_id for hit in found.hits])
    name = request.app.state.resources.settings.repository_name
    last = min(max(-(-found.total // PAGE_SIZE), 1), LAST_PAGE)
    told = rss.channel(
        title=f"{name}: {wanted.query}" if wanted.query else name,
        description=f"What is found in the catalogue of {name}",
        page=_public(request, wanted.address()),
        links={
            relation: href
            for relation, (href, _) in _paging(request, wanted, last, "/search.rss", rss.RSS).items()
        },
        moment=max(changed.values(), default=now),
        total=found.total,
        first=(wanted.page - 1) * PAGE_SIZE + 1,
        page_size=PAGE_SIZE,
        query=wanted.query,
        items=[
            rss.item(
                orjson.loads(hit.stored),
                address=_public(request, title_address(hit.title_id)),
                urn=f"urn:uuid:{hit.title_id}",
                moment=changed.get(hit.title_id, now),
            )
            for hit in found.hits
        ],
    )
    return Response(told, media_type=rss.RSS)


async def _found(reader: Reader, wanted: Asked) -> SearchResult:
    try:
        return await asyncio.to_thread(reader.search, wanted.search())
    except QueryProblem as problem:
        raise misunderstood(problem) from problem


def _paging(request: Request, wanted: Asked, last: int, path: str, kind: str) -> dict[str, tuple[str, str]]:
    pages = {"self": wanted.page, "first": 1, "last": last}
    if wanted.page > 1:
        pages["previous"] = wanted.page - 1
    if wanted.page < last:
        pages["next"] = wanted.page + 1
    return {name: (_public(request, wanted.address(path, page=page)), kind) for name, page in pages.items()}


@router.get("/robots.txt", response_class=PlainTextResponse)
async def robots(request: Request) -> PlainTextResponse:
    """What crawlers are asked to leave alone, and where the sitemap is."""
    return PlainTextResponse(sitemaps.robots(_public(request, "/sitemap.xml")))


@router.get("/sitemap.xml", response_class=Response, responses=_answers(XML))
async def sitemap_index(request: Request, tx: ReadTx) -> Response:
    """The sitemaps there are: one for each 50 000 numbers that titles have had."""
    count = sitemaps.files(await queries.last_number(tx))
    told = sitemaps.index(_public(request, f"/sitemaps/{number}.xml") for number in range(1, count + 1))
    return Response(told, media_type=XML)


@router.get("/sitemaps/{number}.xml", response_class=Response, responses=_answers(XML) | problems(NotFound))
async def sitemap(request: Request, tx: ReadTx, number: Annotated[int, Path(ge=1, le=1_000_000)]) -> Response:
    """Public titles' pages, and when each last changed."""
    until = number * sitemaps.MOST_ADDRESSES
    if number > sitemaps.files(await queries.last_number(tx)):
        raise NotFound
    found = await queries.addresses(tx, until - sitemaps.MOST_ADDRESSES, until)
    base = _public(request, "")
    told = await asyncio.to_thread(
        sitemaps.file, [(base + title_address(title_id), moment) for title_id, moment in found]
    )
    return Response(told, media_type=XML)


@router.get("/opds", response_class=Response, responses=_answers(opds.OPDS))
async def shelves(request: Request) -> Response:
    """Where reading apps begin (OPDS 2.0)."""
    settings = request.app.state.resources.settings
    told = opds.navigation(
        settings.repository_name,
        here=_public(request, "/opds"),
        shelves=[
            (
                name,
                _public(request, Asked(filters={"format": [form]}, sort=sort).address("/opds/publications")),
            )
            for name, form, sort in SHELVES
        ],
        search=_public(request, "/opds/publications{?query}"),
    )
    return Response(orjson.dumps(told), media_type=opds.OPDS)


@router.get("/opds/publications", response_class=Response, responses=_answers(opds.OPDS) | problems(Invalid))
async def publications(request: Request, reader: TheReader, tx: ReadTx) -> Response:
    """Titles that are read online (OPDS 2.0): the parameters of `/search`, narrowed to what is online."""
    asked_for = asked(request.query_params.multi_items(), tuple(LANGUAGES))
    narrowed: Mapping[str, Any] = {**asked_for.filters, "availability": ["online"]}
    found = await _found(reader, Asked(asked_for.query, narrowed, asked_for.sort, asked_for.page))
    rows = await queries.records(tx, [hit.title_id for hit in found.hits])
    shown = await covers.of_several(tx, list(rows))
    last = min(max(-(-found.total // PAGE_SIZE), 1), LAST_PAGE)
    ways = _paging(request, asked_for, last, "/opds/publications", opds.OPDS)
    told = opds.shelf(
        asked_for.query or "E-books and e-journals",
        total=found.total,
        page=asked_for.page,
        page_size=PAGE_SIZE,
        links=[(relation, href) for relation, (href, _) in ways.items()],
        books=await asyncio.to_thread(_books, request, found, rows, shown),
    )
    return Response(orjson.dumps(told), media_type=opds.OPDS)


@router.get(
    "/opds/publications/{title_id}",
    response_class=Response,
    responses=_answers(opds.PUBLICATION) | problems(NotFound),
)
async def publication(title_id: UUID, request: Request, tx: ReadTx) -> Response:
    """A title that is read online (OPDS 2.0)."""
    row = (await queries.records(tx, [title_id])).get(title_id)
    if row is None:
        raise NotFound
    shown = await covers.of_several(tx, [title_id])
    told = await asyncio.to_thread(_book, request, row, shown.get(title_id))
    if told is None:
        raise NotFound("This title is not read online.")
    return Response(orjson.dumps(told), media_type=opds.PUBLICATION)


@router.get("/opds/cover.png", response_class=Response, responses=_answers("image/png"))
async def blank_cover() -> Response:
    """What stands for the cover of a title that has none: a plain book."""
    headers = {"Cache-Control": "public, max-age=604800, immutable"}
    return Response(await asyncio.to_thread(blank.png), headers=headers, media_type="image/png")


def _books(
    request: Request, found: SearchResult, rows: Mapping[UUID, Any], shown: Mapping[UUID, Any]
) -> list[dict[str, Any]]:
    """`shown` has the covers that there are."""
    told = []
    for hit in found.hits:
        if (row := rows.get(hit.title_id)) is None:
            continue
        if (book := _book(request, row, shown.get(row.id))) is not None:
            told.append(book)
    return told


def _book(request: Request, row: Any, cover: Any | None) -> dict[str, Any] | None:
    record = unpack(row.record)
    return opds.publication(
        csl(record, key=f"t{row.hrid}"),
        urn=f"urn:uuid:{row.id}",
        here=_public(request, f"/opds/publications/{row.id}"),
        address=_public(request, title_address(row.id)),
        changed=row.updated_at,
        ways=list(links(record)),
        pictures=_pictures(request, row.id, cover, extract(record).isbns),
    )


def _pictures(
    request: Request, title_id: UUID, cover: Any | None, isbns: Sequence[str]
) -> list[dict[str, Any]]:
    """A title's cover in both sizes; else another house's, where the library has named one."""
    if cover is None:
        pattern = request.app.state.resources.settings.cover_address
        elsewhere = external(pattern, isbns)
        return [opds.picture(elsewhere)] if elsewhere else [_no_picture(request)]
    address = _public(request, f"/v1/titles/{title_id}/cover")
    return [
        opds.picture(f"{address}?size=large", width=cover.width, height=cover.height),
        opds.picture(f"{address}?size=small"),
    ]


def _no_picture(request: Request) -> dict[str, Any]:
    wide, tall = blank.SIZE
    return opds.picture(_public(request, "/opds/cover.png"), kind="image/png", width=wide, height=tall)


def _public(request: Request, path: str) -> str:
    return address_of(request, request.app.state.resources.settings.public_url, path)
