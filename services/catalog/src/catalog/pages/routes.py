"""The pages: results, and a page per title."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import orjson
from fastapi import Header, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from catalog.citations.csl import csl
from catalog.citations.routes import FORMATS
from catalog.citations.styles import offered
from catalog.covers import queries as covers
from catalog.covers.rules import external
from catalog.marc.extract import extract
from catalog.marc.storage import unpack
from catalog.oai.routes import address_of
from catalog.pages import coins, linking, queries, signposting
from catalog.pages.addresses import LAST_PAGE, PAGE_SIZE, SORTS, Asked, asked, title_address
from catalog.pages.holdings import held_shown
from catalog.pages.languages import tag
from catalog.pages.rendering import Tongue, page, tongue
from catalog.pages.rules import Phrase, Value, pages_around, phrase, shown
from catalog.pages.words import LANGUAGES
from catalog.search.engine import SearchResult
from catalog.search.grammar import QueryProblem
from catalog.search.opened import IndexAbsent
from catalog.search.routes import RETRY_SECONDS, TheReader, availability_level
from catalog.titles import queries as titles
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx
from chassis.resources import Resources
from chassis.wording import language_wanted

router = new_router(tag="pages")

FACETS: Final = (
    "availability",
    "format",
    "language",
    "library",
    "location",
    "subject",
    "author",
    "genre",
    "decade",
)
FACET_VALUES: Final = 8
SAVED_AS: Final = ("ris", "endnote", "bibtex", "csl", "mods", "marcxml")
NAMES_FRESH: Final = 60.0
PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/html": {"schema": {"type": "string"}}}},
    304: {"description": "What the browser holds is what is here"},
}
Accept = Annotated[str | None, Header(max_length=2000, description="text/html, or a form of linked data")]
AcceptLanguage = Annotated[str | None, Header(max_length=2000)]


@router.get("/", response_class=RedirectResponse, status_code=303)
async def front(request: Request) -> RedirectResponse:
    """To the search."""
    return RedirectResponse("/search", 303)


@router.get(
    "/search",
    response_class=HTMLResponse,
    responses=PAGE | {422: {"description": "The query cannot be understood; the page says why"}},
)
async def results(
    request: Request, tx: ReadTx, reader: TheReader, now: Now, accept_language: AcceptLanguage = None
) -> Response:
    """Results as a page: `query`, `filter[NAME]`, `sort`, `page`, `lang`."""
    wanted = asked(request.query_params.multi_items(), tuple(LANGUAGES))
    language = language_wanted(wanted.language, accept_language, LANGUAGES)
    try:
        found = await asyncio.to_thread(reader.search, wanted.search(FACETS, values=FACET_VALUES))
    except QueryProblem as problem:
        return await asyncio.to_thread(_misunderstood, request, wanted, language, problem)
    except IndexAbsent:
        return await asyncio.to_thread(
            being_made, request, language, wanted.language, lambda told: wanted.address(language=told)
        )
    resources: Resources = request.app.state.resources
    freshness = await availability_level(resources, now)
    names = await names_of(resources, tx)
    with_cover = await covers.of_several(tx, [hit.title_id for hit in found.hits])
    return await asyncio.to_thread(
        _listed, request, wanted, language, found, names, with_cover, stale=freshness["stale"]
    )


async def names_of(resources: Resources, tx: ReadTx) -> Mapping[tuple[str, str], str]:
    """What libraries and locations are called; looked up once a minute."""
    known = resources.own.get("place names")
    if known is None or time.monotonic() - known[1] > NAMES_FRESH:
        resources.own["place names"] = known = (await queries.names(tx), time.monotonic())
    found: Mapping[tuple[str, str], str] = known[0]
    return found


def being_made(
    request: Request, language: str, chosen: str | None, address: Callable[[str | None], str]
) -> Response:
    """That nothing can be found just now; `address` is the page's own in a language."""
    say = tongue(request, language)
    return page(
        request,
        "message.html",
        language,
        chosen_language=chosen,
        address=_public(request, address(None)),
        translations={each: address(each) for each in LANGUAGES},
        status=503,
        headers={"Retry-After": RETRY_SECONDS},
        heading=say("no-index"),
        sentences=[say("no-index-yet")],
        sentences_lang=None,
    )


def _misunderstood(request: Request, wanted: Asked, language: str, problem: QueryProblem) -> Response:
    say = tongue(request, language)
    return page(
        request,
        "message.html",
        language,
        chosen_language=wanted.language,
        address=_public(request, wanted.address(language=None)),
        translations={each: wanted.address(language=each) for each in LANGUAGES},
        status=422,
        query_shown=wanted.query,
        heading=say("wrong-query"),
        sentences=[problem.message],
        sentences_lang="en",
    )


def _listed(
    request: Request,
    wanted: Asked,
    language: str,
    found: SearchResult,
    names: Mapping[tuple[str, str], str],
    with_cover: Mapping[UUID, Any],
    *,
    stale: bool,
) -> Response:
    say = tongue(request, language)
    elsewhere = request.app.state.resources.settings.cover_address
    hits = [_hit(hit.stored, say, wanted.language) for hit in found.hits]
    for hit, one in zip(found.hits, hits, strict=True):
        cover = with_cover.get(hit.title_id)
        one["cover"] = max(round(64 * cover.height / cover.width), 1) if cover is not None else None
        one["cover_elsewhere"] = None if one["cover"] else external(elsewhere, one["isbns"])
    last_page = min(max(-(-found.total // PAGE_SIZE), 1), LAST_PAGE)
    first = (wanted.page - 1) * PAGE_SIZE + 1
    return page(
        request,
        "results.html",
        language,
        chosen_language=wanted.language,
        address=_public(request, wanted.address(language=None)),
        translations={each: wanted.address(language=each) for each in LANGUAGES},
        query_shown=wanted.query,
        feed=wanted.address("/search.atom", language=None, page=1),
        rss=wanted.address("/search.rss", language=None, page=1),
        robots="noindex, follow",
        chosen=[
            {
                "label": say("facet-" + name),
                "value": value_name(say, names, name, value),
                "without": wanted.widened(name, value),
            }
            for name, values in wanted.filters.items()
            for value in values
        ],
        stale=stale,
        hits=hits,
        pictures="/".join(elsewhere.split("/")[:3])
        if elsewhere and any(one["cover_elsewhere"] for one in hits)
        else None,
        first=first,
        last=first + len(found.hits) - 1,
        total=found.total,
        kept=[(name, value) for name, value in wanted.parameters() if name not in ("sort", "page")],
        sorts=SORTS,
        sort=wanted.sort,
        pages=[
            {"number": each, "current": each == wanted.page, "href": wanted.address(page=each)}
            if each
            else None
            for each in pages_around(wanted.page, last_page)
        ],
        before=wanted.address(page=wanted.page - 1) if wanted.page > 1 else None,
        after=wanted.address(page=wanted.page + 1) if wanted.page < last_page else None,
        better=found.suggestion
        and {
            "query": found.suggestion.query,
            "total": found.suggestion.total,
            "href": wanted.address(query=found.suggestion.query, page=1),
        },
        deep=wanted.page == LAST_PAGE and found.total > LAST_PAGE * PAGE_SIZE,
        facets=_facets(wanted, found, say, names),
    )


def _facets(
    wanted: Asked, found: SearchResult, say: Tongue, names: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    told = []
    for name in FACETS:
        values = [
            {
                "name": value_name(say, names, name, value),
                "count": count,
                "href": wanted.narrowed(name, value),
            }
            for value, count in found.facets.get(name, ())
            if value not in wanted.filters.get(name, ())
        ]
        if values:
            told.append({"label": say("facet-" + name), "entries": values})
    return told


def value_name(say: Tongue, names: Mapping[tuple[str, str], str], facet: str, value: str) -> str:
    """A facet's value as people say it."""
    if facet == "language":
        return say.language(tag(value))
    if facet in ("library", "location"):
        return names.get((facet, value), value)
    return say.either(f"{facet}-{value}", value) if facet in ("format", "availability") else value


def _hit(stored: bytes, say: Tongue, language: str | None) -> dict[str, Any]:
    hit: dict[str, Any] = orjson.loads(stored)
    languages = tuple(hit["languages"])
    year = str(hit["year"]) if hit["year"] else None
    line = filter(
        None, (say.either("format-" + hit["format"], hit["format"]), hit["edition"], hit["publisher"], year)
    )
    return hit | {
        "href": title_address(hit["id"], language),
        "shown_title": Value(
            phrase(": ".join(filter(None, (hit["title"], hit["subtitle"]))), languages),
            phrase(hit["original_title"], languages) if hit["original_title"] else None,
        ),
        "shown_author": hit["author"]
        and Value(
            Phrase(hit["author"], None),
            phrase(hit["original_author"], languages) if hit["original_author"] else None,
        ),
        "line": " · ".join(line),
        "coins": coins.span(coins.of_hit(hit)),
    }


@router.get(
    "/titles/{title_id}",
    response_class=HTMLResponse,
    responses=PAGE
    | {
        404: {"description": "There is no such title; the page says so", "content": {"text/html": {}}},
        303: {"description": "The linked data that was asked for is where Location says"},
        308: {"description": "It was merged into the title that Location names"},
    },
)
async def title_page(
    title_id: str,
    request: Request,
    tx: ReadTx,
    now: Now,
    accept_language: AcceptLanguage = None,
    accept: Accept = None,
) -> Response:
    """A title as a page: its description in every script it has, its copies, and ways to save it.

    Whoever asks for linked data at a title's address is led to where that is (303).
    """
    chosen = asked(request.query_params.multi_items(), tuple(LANGUAGES)).language
    language = language_wanted(chosen, accept_language, LANGUAGES)
    row = await public_title(tx, title_id)
    if row is None:
        return await asyncio.to_thread(_not_here, request, language, chosen)
    if row.merged_into is not None:
        return RedirectResponse(title_address(row.merged_into, chosen), 308)
    if linking.asks_for_a_graph(accept):
        return RedirectResponse(f"/v1/titles/{row.id}", 303, {"Vary": "Accept"})
    copies = await queries.copies(tx, row.id)
    freshness = await availability_level(request.app.state.resources, now)
    cover = await covers.shown(tx, row.id)
    held = await queries.held(tx, row.id)
    return await asyncio.to_thread(_described, request, row, copies, held, cover, language, chosen, freshness)


async def public_title(tx: ReadTx, title_id: str) -> Any | None:
    """The row of a title that everybody may see, or of one that was merged away."""
    try:
        row = await titles.title(tx, UUID(title_id))
    except ValueError:
        return None
    if row is None or row.merged_into is not None:
        return row
    return None if row.suppressed or row.deleted_at is not None else row


def saves(title_id: UUID, say: Tongue) -> list[tuple[str, str, str, str]]:
    """Name, label, media type and address of each form that a record is saved in."""
    return [
        (name, say("save-" + name), FORMATS[name], f"/unapi?id={title_id}&format={name}") for name in SAVED_AS
    ]


def _not_here(request: Request, language: str, chosen: str | None) -> Response:
    say = tongue(request, language)
    return page(
        request,
        "message.html",
        language,
        chosen_language=chosen,
        address=_public(request, "/search"),
        translations={each: f"/search?lang={each}" for each in LANGUAGES},
        status=404,
        heading=say("gone-title"),
        sentences=[say("gone-hint")],
        sentences_lang=None,
    )


def _described(
    request: Request,
    row: Any,
    copies: Sequence[Any],
    held: Sequence[Any],
    cover: Any | None,
    language: str,
    chosen: str | None,
    freshness: Mapping[str, Any],
) -> Response:
    say = tongue(request, language)
    record = unpack(row.record)
    facts = extract(record)
    view = shown(record, facts, [unpack(each.record) for each in held if each.record is not None])
    item = csl(record, key=f"t{row.hrid}")
    public = _public(request, title_address(row.id))
    ways = saves(row.id, say)
    listed = [copy_shown(each, say) for each in copies]
    elsewhere = None
    if cover is None:
        elsewhere = external(request.app.state.resources.settings.cover_address, facts.isbns)
    absolute = [(kind, _public(request, href)) for _, _, kind, href in ways] + linking.graphs(
        _public(request, f"/v1/titles/{row.id}")
    )
    return page(
        request,
        "title.html",
        language,
        chosen_language=chosen,
        address=public,
        translations={each: title_address(row.id, each) for each in LANGUAGES},
        headers={
            "Link": signposting.header(public, signposting.links(public, item, absolute)),
            "Vary": "Accept, Accept-Language",
        },
        pictures="/".join(elsewhere.split("/")[:3]) if elsewhere else None,
        cover=cover,
        cover_elsewhere=elsewhere,
        id=row.id,
        shown=view,
        coins=coins.span(item),
        linked=linking.offered(public, item, copies, listed),
        saves=ways,
        cites=offered.every(item, language),
        copies=listed,
        held=[
            {
                "where": place(each["row"].library, each["row"].location),
                "call_number": each["row"].call_number or "",
            }
            | {"lines": each["lines"]}
            for each in held_shown(held, say)
        ],
        more=copies[0].total - len(copies) if copies else 0,
        as_of=max((each.as_of for each in copies if each.as_of is not None), default=None),
        stale=freshness["stale"],
        format=facts.format,
        spoken=", ".join(say.language(tag(each)) for each in facts.languages),
        narrowed=lambda facet: Asked(language=chosen).narrowed(*facet),
    )


def copy_shown(row: Any, say: Tongue) -> dict[str, Any]:
    """A copy as the page's table has it."""
    state, good = copy_state(row.state, row.lendable, row.base_state, row.due_at, say)
    return {
        "where": place(row.library, row.location),
        "call_number": row.call_number or "",
        "which": " ".join(filter(None, (row.volume, row.copy_number))),
        "state": state,
        "good": good,
    }


def place(library: str | None, location: str | None) -> str:
    """Library and location; many locations begin with their library's name."""
    if library and location and location.startswith(library):
        return location
    return ", ".join(filter(None, (library, location)))


def copy_state(
    state: str | None, lendable: bool | None, base: str, due_at: datetime | None, say: Tongue
) -> tuple[str, bool]:
    """What is said of a copy, and whether it can be had now.

    A copy that circulation has not told of yet is what the catalogue thinks of it.
    """
    if state is None:
        state = "available" if base in ("active", "restricted") else "unavailable"
        lendable = base == "active"
    if state in ("available", "reshelving"):
        return say(f"state-{state}" if lendable else "state-use-here"), True
    if state == "on-loan" and due_at is not None:
        return say("state-due", when=say.day(due_at)), False
    return say.either(f"state-{state}", say("state-unavailable")), False


@router.get(
    "/titles/{title_id}/linkset",
    response_class=Response,
    responses={
        200: {"content": {signposting.LINKSET: {"schema": {"type": "object"}}}},
        404: {"description": "There is no such title"},
    },
)
async def title_links(title_id: str, request: Request, tx: ReadTx) -> Response:
    """A title's typed links (RFC 9264): what to cite, what it is, where it is described."""
    row = await public_title(tx, title_id)
    if row is None:
        return await asyncio.to_thread(_not_here, request, "en", None)
    if row.merged_into is not None:
        return RedirectResponse(title_address(row.merged_into) + "/linkset", 308)
    item = csl(unpack(row.record), key=f"t{row.hrid}")
    public = _public(request, title_address(row.id))
    absolute = [(FORMATS[name], _public(request, f"/unapi?id={row.id}&format={name}")) for name in SAVED_AS]
    absolute += linking.graphs(_public(request, f"/v1/titles/{row.id}"))
    told = signposting.linkset(public, signposting.links(public, item, absolute))
    return Response(orjson.dumps(told), media_type=signposting.LINKSET)


def _public(request: Request, path: str) -> str:
    return address_of(request, request.app.state.resources.settings.public_url, path)
