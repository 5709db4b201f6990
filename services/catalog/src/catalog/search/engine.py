"""The index in a folder: one writer, any number of readers in any process, rebuilt beside the serving one."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from uuid import UUID

import tantivy
from tantivy import FieldType, Occur, Order, Query

from catalog.search.browsing import NOWHERE, Stretch, Walk, landmarks
from catalog.search.compile import compiled, filtered
from catalog.search.documents import (
    AS_SEARCHED,
    BEGIN,
    END,
    FACETS,
    make_schema,
)
from catalog.search.explaining import Part, explained
from catalog.search.folders import read_position, serving
from catalog.search.grammar import Node, QueryProblem, parse, pieces
from catalog.search.headings import Kind
from catalog.search.headings import place as place_of
from catalog.search.hitlists import DEEPEST_HIT, HitList, HitLists, digest
from catalog.search.opened import IndexAbsent, Now, Opened
from catalog.search.ordering import Addresses, Ordered, SortKey, ordered, sort_keys
from catalog.search.resultsets import ResultSets
from catalog.search.suggesting import FEW, Suggesting, Suggestion

PINNED: Final = 1000
"""Hits that a first page pins. Who reads on is given what follows by then, without what is pinned already: a title that
has come forward meanwhile is not skipped, and one that has fallen back does not come twice."""
MOST_FACET_VALUES: Final = 200
SEGMENT_VALUES: Final = 65_000
LONGEST_SCAN_PREFIX: Final = 6
LANDMARKS_KEPT: Final = 60.0
"""Seconds after which landmarks are looked for again."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is asked."""

    query: str | Node = ""
    """In the catalogue's language (docs/search-query.md), or a tree that another language has come to."""
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    facets: Sequence[str] = ()
    facet_size: int = 20
    sort: str | tuple[SortKey, ...] = "relevance"
    """`relevance`, or keys such as `author,-year`."""
    limit: int = 20
    offset: int = 0
    with_suppressed: bool = False
    paged: bool = False
    """Whether further pages may be asked for: they go on in the list of hits that the first one found."""
    list_name: str | None = None
    """Which list to go on in; None: the one that was last found for what is asked."""
    suggest: bool = False
    """Whether better words are looked for when next to nothing is found."""


class ListGone(Exception):
    """The list of hits to go on in is kept no longer."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A title found: its id, and what a list shows of it (JSON)."""

    title_id: UUID
    stored: bytes
    score: float | None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A page of hits. Totals and facet counts are exact."""

    places: list[Hit | None]
    """None: a title that was found when the list was pinned, and has gone or been hidden since."""
    total: int
    facets: dict[str, list[tuple[str, int]]]
    position: int
    list_name: str | None = None
    """The list that further pages go on in."""
    suggestion: Suggestion | None = None

    @property
    def hits(self) -> list[Hit]:
        """The titles that are there."""
        return [hit for hit in self.places if hit is not None]


@dataclass(frozen=True, slots=True)
class Walked:
    """A slice of all titles that answer: their ids, the last one's number, and how far the index had come."""

    ids: list[str]
    last: int
    position: int


@dataclass(frozen=True, slots=True)
class ScannedTerm:
    """A term of an index, and how many titles have it."""

    term: str
    count: int


class Reader:
    """Searches the serving index; sees a commit of the writer with the next search."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lists = HitLists(folder / "lists")
        self._opened = Opened(folder)
        self.sets = ResultSets(self.lists, self._opened)
        self._landmarks: dict[Kind, tuple[str, float, list[str]]] = {}

    def now(self) -> Now | None:
        """The serving index as it is now; None before there is anything to find. Raises `IndexAbsent`."""
        return self._opened.now()

    def position(self) -> int:
        """How far the index has followed the changes."""
        while (name := serving(self._folder)) is not None:
            found = read_position(self._folder / name)
            if found or serving(self._folder) == name:
                return found
        return 0

    def count(self) -> int:
        """Titles in the index, suppressed ones included; none where there is no index."""
        try:
            now = self.now()
        except IndexAbsent:
            return 0
        return now.searcher.num_docs if now is not None else 0

    def search(self, asked: SearchRequest) -> SearchResult:
        """Search. Raises `QueryProblem`, and `ListGone`. Releases the interpreter's lock while the engine works."""
        tree, keys = understood(asked)
        now = self.now()
        query = query_of(asked, tree, now)
        if now is None:
            return SearchResult([], 0, {name: [] for name in asked.facets}, 0)
        facets = facet_counts(now.searcher, query, asked)
        if not asked.paged:
            found = ordered(now.searcher, now.schema, query, keys, asked.offset + max(asked.limit, 1))
            hits = _hits(now, found.addresses, found.scores, asked)
            return SearchResult(
                hits, found.total, facets, now.position, suggestion=better(now, asked, found.total)
            )
        what = digest(tree, sorted(asked.filters.items()), keys, asked.with_suppressed)
        end = asked.offset + max(asked.limit, 1)
        if asked.list_name is not None or asked.offset:
            kept = self._kept(what, asked.list_name)
            if kept is not None:
                if len(kept.numbers) < min(end, kept.total):
                    kept = self._read_on(
                        kept, ordered(now.searcher, now.schema, query, keys, DEEPEST_HIT), now
                    )
                return self.page(kept, asked, facets)
        name = f"{what}.{now.state}"
        fresh = not self.lists.has(name)
        found = ordered(now.searcher, now.schema, query, keys, max(PINNED, end) if fresh else end)
        goes_on = found.total > asked.limit
        if fresh and goes_on:
            numbers = _numbers(now, found.addresses)
            self.lists.keep(HitList(name, found.total, now.position, numbers, found.scores))
        hits = _hits(now, found.addresses, found.scores, asked)
        suggestion = better(now, asked, found.total)
        return SearchResult(hits, found.total, facets, now.position, name if goes_on else None, suggestion)

    def _read_on(self, kept: HitList, found: Ordered, now: Now) -> HitList:
        """A list with what follows what it pinned, as it is now; whoever reads on first says so for all."""
        pinned = set(kept.numbers)
        scores = found.scores or (0.0,) * len(found.addresses)
        rest = [
            (number, score)
            for number, score in zip(_numbers(now, found.addresses), scores, strict=True)
            if number not in pinned
        ][: DEEPEST_HIT - len(kept.numbers)]
        numbers = (*kept.numbers, *(number for number, _ in rest))
        told = replace(
            kept,
            total=len(numbers) if found.total <= DEEPEST_HIT else kept.total,
            numbers=numbers,
            scores=(*kept.scores, *(score for _, score in rest)) if kept.scores else (),
        )
        return self.lists.keep_on(told)

    def explain(self, asked: SearchRequest, title_ids: Iterable[UUID]) -> dict[UUID, list[Part]]:
        """Why each of these titles scores as it does for what is asked. Raises `QueryProblem`."""
        now = self.now()
        if now is None:
            return {}
        tree: Node = parse(asked.query) if isinstance(asked.query, str) else asked.query
        told = {}
        for title_id in title_ids:
            one = Query.term_query(now.schema, "key", str(title_id))
            for _, at in now.searcher.search(one, limit=1).hits:
                told[title_id] = explained(now.searcher, now.schema, tree, at, now.filing)
        return told

    def _kept(self, what: str, name: str | None) -> HitList | None:
        """The list to go on in. `ListGone` for one that a cursor names and that is not kept, or not of this search."""
        if name is None:
            return self.lists.newest(what)
        kept = self.lists.get(name) if name.startswith(f"{what}.") else None
        if kept is None:
            raise ListGone(name)
        return kept

    def page(
        self, kept: HitList, asked: SearchRequest, facets: Mapping[str, list[tuple[str, int]]] | None = None
    ) -> SearchResult:
        """A page of a list that is kept: its titles as they are now, without those that have gone or are hidden."""
        numbers = list(kept.numbers[asked.offset : asked.offset + asked.limit])
        scores = dict(zip(numbers, kept.scores[asked.offset : asked.offset + asked.limit], strict=False))
        titles = self._titles(numbers, with_suppressed=asked.with_suppressed)
        places = [
            Hit(*titles[number], scores.get(number)) if number in titles else None for number in numbers
        ]
        return SearchResult(places, kept.total, dict(facets or {}), kept.position, kept.name)

    def _titles(self, numbers: Sequence[int], *, with_suppressed: bool) -> dict[int, tuple[UUID, bytes]]:
        """The titles of these numbers, as far as the asker may see them."""
        now = self.now()
        if now is None or not numbers:
            return {}
        listed = Query.term_set_query(now.schema, "number", list(numbers))
        query = filtered(listed, {}, schema=now.schema, with_suppressed=with_suppressed)
        addresses = [at for _, at in now.searcher.search(query, limit=len(numbers)).hits]
        told = {}
        for number, at in zip(_numbers(now, addresses), addresses, strict=True):
            title = now.searcher.doc(at)
            told[number] = (UUID(title["key"][0]), bytes(title["stored"][0]))
        return told

    def walk(self, asked: SearchRequest, *, after: int, most: int) -> Walked:
        """The next titles that answer, by their numbers, behind a number: all there are, page by page."""
        now = self.now()
        if now is None:
            return Walked([], after, 0)
        tree: Node = parse(asked.query) if isinstance(asked.query, str) else asked.query
        query = query_of(asked, tree, now)
        behind = Query.range_query(now.schema, "number", FieldType.Integer, after, None, include_lower=False)
        both = Query.boolean_query([(Occur.Must, query), (Occur.Must, behind)])
        hits = now.searcher.search(both, limit=most, order_by_field="number", order=Order.Asc).hits
        ids = [str(now.searcher.doc(at)["key"][0]) for _, at in hits]
        return Walked(ids, hits[-1][0] if hits else after, now.position)

    def numbers(
        self, query: str, *, among: Sequence[int] | None = None, most: int
    ) -> tuple[list[int], int] | None:
        """Numbers of the titles, hidden ones too, that answer a query – of those among which it is asked – and how far
        the index had come; None where there are more than `most`, or there is no index yet. Raises `QueryProblem`."""
        tree: Node = parse(query)
        now = self.now()
        if now is None:
            return None
        if among is not None and not among:
            return [], now.position
        asked = compiled(tree, now.schema, now.filing)
        if among is not None:
            listed = Query.term_set_query(now.schema, "number", list(among))
            asked = Query.boolean_query([(Occur.Must, listed), (Occur.Must, asked)])
        hits = now.searcher.search(
            asked, limit=most + 1, order_by_field="number", order=Order.Asc, count=False
        ).hits
        return None if len(hits) > most else ([int(number) for number, _ in hits], now.position)

    def scan(self, field: str, start: str, *, before: int, after: int) -> tuple[list[ScannedTerm], int]:
        """The index's terms around `start`: up to `before` that are less, up to `after` from it on, in the order of
        their characters; and how many of them are less. Only terms of titles that the public sees are told.

        The engine walks its dictionary by prefix, so the neighbourhood is widened letter by letter until there is
        enough of it.
        """
        now = self.now()
        if now is None:
            return [], 0
        searcher, schema = now.searcher, now.schema
        public = Query.term_query(schema, "public", "yes")
        less: list[ScannedTerm] = []
        more: list[ScannedTerm] = []
        seen: set[str] = {BEGIN, END}
        for length in range(min(len(start), LONGEST_SCAN_PREFIX), -1, -1):
            found = sorted(
                term for term, _ in searcher.terms_with_prefix(field, start[:length]) if term not in seen
            )
            seen.update(found)
            for term in reversed([each for each in found if each < start]):
                if len(less) >= before:
                    break
                if count := _count(searcher, schema, public, field, term):
                    less.append(ScannedTerm(term, count))
            for term in (each for each in found if each >= start):
                if len(more) >= after:
                    break
                if count := _count(searcher, schema, public, field, term):
                    more.append(ScannedTerm(term, count))
            if len(less) >= before and len(more) >= after:
                break
        return [*reversed(less), *more], len(less)

    def browse(self, kind: Kind, near: str, *, before: int, after: int) -> Stretch:
        """Headings of a kind around what somebody looks for: as the library files them, so many before that place and
        from it on."""
        now = self.now()
        if now is None:
            return NOWHERE
        walk = self._walk(now, kind)
        start = place_of(kind, near, now.filing)
        less, more = walk.back(start, before + 1) if near else [], walk.on(start, after + 1)
        shown = less[max(len(less) - before, 0) :]
        return Stretch(
            [*shown, *more[:after]],
            len(shown),
            more_before=len(less) > before,
            more_behind=len(more) > after,
            position=now.position,
        )

    def browse_on(self, kind: Kind, term: str, *, back: bool, most: int) -> Stretch:
        """Headings behind this one, or before it; the one itself may be gone."""
        now = self.now()
        if now is None:
            return NOWHERE
        walk = self._walk(now, kind)
        found = walk.back(term, most + 1) if back else walk.on(term + "\0", most + 1)
        beyond = len(found) > most
        shown = found[-most:] if back else found[:most]
        return Stretch(
            shown,
            0,
            more_before=beyond if back else True,
            more_behind=True if back else beyond,
            position=now.position,
        )

    def _walk(self, now: Now, kind: Kind) -> Walk:
        """A walk by landmarks that are new enough."""
        known = self._landmarks.get(kind)
        if known is None or known[0] != now.name or time.monotonic() - known[1] > LANDMARKS_KEPT:
            known = (now.name, time.monotonic(), landmarks(now.searcher, kind))
            self._landmarks[kind] = known
        return Walk(now.searcher, now.schema, kind, known[2])


def understood(asked: SearchRequest) -> tuple[Node, tuple[SortKey, ...]]:
    """What is asked for, and in which order. Raises `QueryProblem`."""
    tree: Node = parse(asked.query) if isinstance(asked.query, str) else asked.query
    keys = sort_keys(asked.sort) if isinstance(asked.sort, str) else asked.sort
    if asked.offset + asked.limit > DEEPEST_HIT:
        raise QueryProblem("too-deep", f"Hits are given up to the {DEEPEST_HIT}th: narrow the query.", 0)
    if unknown := [name for name in asked.facets if name not in FACETS]:
        raise QueryProblem("facet-unknown", f"There is no facet {unknown[0]!r}: {', '.join(FACETS)}.", 0)
    return tree, keys


def _count(searcher: tantivy.Searcher, schema: tantivy.Schema, public: Query, field: str, term: str) -> int:
    both = Query.boolean_query([(Occur.Must, public), (Occur.Must, Query.term_query(schema, field, term))])
    found = searcher.search(both, limit=1)
    return int(found.count)  # type: ignore[attr-defined]  # missing in the wheel's stubs


def _numbers(now: Now, addresses: Addresses) -> list[int]:
    return [int(each or 0) for each in now.searcher.fast_field_values("number", addresses)]


def _hits(now: Now, addresses: Addresses, scores: Sequence[float], asked: SearchRequest) -> list[Hit | None]:
    hits: list[Hit | None] = []
    for place, at in enumerate(addresses[asked.offset : asked.offset + asked.limit], asked.offset):
        told = now.searcher.doc(at)
        score = scores[place] if scores else None
        hits.append(Hit(UUID(told["key"][0]), bytes(told["stored"][0]), score))
    return hits


def query_of(asked: SearchRequest, tree: Node, now: Now | None) -> Query:
    """What is asked, with its filters, as the engine takes it. Raises `QueryProblem`, without an index, too."""
    schema = now.schema if now is not None else make_schema()
    return filtered(
        compiled(tree, schema, now.filing if now is not None else AS_SEARCHED),
        asked.filters,
        schema=schema,
        with_suppressed=asked.with_suppressed,
    )


def better(now: Now, asked: SearchRequest, total: int) -> Suggestion | None:
    """A query that finds something, where this one finds next to nothing."""
    if not asked.suggest or total >= FEW or not isinstance(asked.query, str):
        return None
    narrowed = filtered(
        Query.all_query(), asked.filters, schema=now.schema, with_suppressed=asked.with_suppressed
    )
    return Suggesting(now.searcher, now.schema, narrowed, now.filing).better(
        asked.query, pieces(asked.query), total
    )


def facet_counts(
    searcher: tantivy.Searcher, query: Query, asked: SearchRequest
) -> dict[str, list[tuple[str, int]]]:
    """The values of the facets that are asked for, those first that most titles have."""
    if not asked.facets:
        return {}
    size = min(max(asked.facet_size, 1), MOST_FACET_VALUES)
    wanted = {
        name: {"terms": {"field": f"f_{name}", "size": size, "segment_size": SEGMENT_VALUES}}
        for name in dict.fromkeys(asked.facets)
    }
    told = searcher.aggregate(query, wanted)
    return {
        name: [(bucket["key"], bucket["doc_count"]) for bucket in told[name]["buckets"]]
        for name in asked.facets
    }
