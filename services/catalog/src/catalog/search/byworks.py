"""What a search finds, work by work: each work once, where its best title stands.

All titles of a work have one number in the index, and those that share their work with others are marked
(`documents.document`). A title that shares its work with none counts for one, so works are counted, in all and by
facet, by looking at the marked ones alone.

A first page pins works as one of titles does (`hitlists`, decision 15), each by two numbers: its own and its best
title's. Works that have become one meanwhile are shown where the first of them stood.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

import tantivy
from tantivy import Occur, Order, Query

from catalog.search.compile import filtered
from catalog.search.engine import (
    PINNED,
    SEGMENT_VALUES,
    Hit,
    ListGone,
    Reader,
    SearchRequest,
    better,
    facet_counts,
    query_of,
    understood,
)
from catalog.search.hitlists import DEEPEST_HIT, HitList, digest
from catalog.search.ordering import Ordered, SortKey, ordered
from catalog.search.suggesting import Suggestion

Facets = dict[str, list[tuple[str, int]]]
EVERY: Final = {"size": SEGMENT_VALUES, "segment_size": SEGMENT_VALUES}
MOST_NAMED: Final = 2000
"""Titles, several of a work, whose facets are counted together; the engine does so for some tens of thousands of works
and values, and for more it takes no longer to ask for one value after the other."""
MOST_TOLD: Final = 100
"""Titles of a work that are told of in a list; how many were found is told whatever there are."""


@dataclass(frozen=True, slots=True)
class FoundWork:
    """A work, by those of its titles that were found."""

    best: Hit
    title_ids: list[UUID]
    """The best first, up to `MOST_TOLD`."""
    found: int


@dataclass(frozen=True, slots=True)
class FoundWorks:
    """A page of works. Totals and facet counts are exact."""

    places: list[FoundWork | None]
    """None: of this work nothing is there any more, or it has become one with a work before it."""
    total: int
    titles_total: int
    facets: Facets
    """By how many works have a title among those found that has the value."""
    position: int
    list_name: str | None = None
    suggestion: Suggestion | None = None


@dataclass(frozen=True, slots=True)
class _Pinned:
    """A list of hits as works: the total of titles, then two numbers for each work."""

    kept: HitList
    titles_total: int
    works: list[tuple[int, int]]
    """The number of each work, and that of its best title."""

    @classmethod
    def of(cls, kept: HitList) -> Self:
        numbers = kept.numbers
        return cls(kept, numbers[0], list(zip(numbers[1::2], numbers[2::2], strict=True)))

    @classmethod
    def made(
        cls, name: str, position: int, total: int, titles_total: int, works: list[tuple[int, int]]
    ) -> Self:
        numbers = [titles_total, *(number for pair in works for number in pair)]
        return cls(HitList(name, total, position, numbers), titles_total, works)


def find(reader: Reader, asked: SearchRequest) -> FoundWorks:
    """A page of the works of all titles that answer: `limit` and `offset` count works. Raises `QueryProblem`, and
    `ListGone`. Releases the interpreter's lock while the engine works."""
    tree, keys = understood(asked)
    now = reader.now()
    query = query_of(asked, tree, now)
    if now is None:
        return FoundWorks([], 0, 0, {name: [] for name in asked.facets}, 0)
    seeking = _Seeking(now.searcher, now.schema, query, keys, asked.with_suppressed)
    what = digest("works", tree, sorted(asked.filters.items()), keys, asked.with_suppressed)
    end = asked.offset + asked.limit
    if asked.list_name is not None:
        kept = reader.lists.get(asked.list_name) if asked.list_name.startswith(f"{what}.") else None
        if kept is None:
            raise ListGone(asked.list_name)
    else:
        kept = reader.lists.get(f"{what}.{now.state}")
    if kept is not None:
        pinned = _Pinned.of(kept)
        if len(pinned.works) < min(end, kept.total):
            pinned = _Pinned.of(reader.lists.keep_on(seeking.read_on(pinned).kept))
    else:
        titles_total, total = seeking.totals()
        works, _ = seeking.first(end, looked=max(PINNED, end))
        pinned = _Pinned.made(f"{what}.{now.state}", now.position, total, titles_total, works)
        if total > asked.limit:
            reader.lists.keep(pinned.kept)
    total = pinned.kept.total
    return FoundWorks(
        seeking.page(pinned.works[:end], asked.offset),
        total,
        pinned.titles_total,
        seeking.by_works(facet_counts(now.searcher, query, asked)),
        pinned.kept.position,
        pinned.kept.name if total > asked.limit else None,
        better(now, asked, total),
    )


@dataclass(frozen=True, slots=True)
class _Seeking:
    """The index at one moment, and what is asked of it."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    query: Query
    keys: Sequence[SortKey]
    with_suppressed: bool

    def totals(self) -> tuple[int, int]:
        """How many titles answer, and how many works they are of."""
        titles = self._count(self.query)
        marked = self._works(self._both(self.query, self._shared()), titles)
        return titles, titles - len(marked) + len(set(marked))

    def by_works(self, facets: Facets) -> Facets:
        """Of values with their titles, how many works have each, those first that most have."""
        if not any(facets.values()):
            return facets
        shared = self._both(self.query, self._shared())
        works = Counter(self._works(shared, self._count(shared)))
        several = [work for work, titles in works.items() if titles > 1]
        named = self._both(self.query, Query.term_set_query(self.schema, "work", several))
        is_few = sum(works[work] for work in several) <= MOST_NAMED
        told = {}
        for name, values in facets.items():
            beyond = self._beyond_first(named, name) if is_few else None
            counted = [
                (
                    value,
                    titles - (self._beyond(shared, name, value, titles) if beyond is None else beyond[value]),
                )
                for value, titles in values
            ]
            told[name] = sorted(counted, key=lambda each: -each[1])
        return told

    def _shared(self) -> Query:
        return Query.term_query(self.schema, "shared", "yes")

    def _beyond_first(self, query: Query, facet: str) -> Counter[str] | None:
        """By value, how many titles are found beside the first of each work that has it; None where there are so many
        of both that the engine does not count them together."""
        by_work = {"terms": {"field": "work", **EVERY}}
        wanted = {"values": {"terms": {"field": f"f_{facet}", **EVERY}, "aggs": {"works": by_work}}}
        try:
            values = self.searcher.aggregate(query, wanted)["values"]["buckets"]
        except ValueError:
            return None
        return Counter(
            {each["key"]: sum(work["doc_count"] - 1 for work in each["works"]["buckets"]) for each in values}
        )

    def _beyond(self, query: Query, facet: str, value: str, most: int) -> int:
        """The same of one value."""
        has_it = Query.term_query(self.schema, f"f_{facet}", value)
        works = self._works(self._both(query, has_it), most)
        return len(works) - len(set(works))

    def _works(self, query: Query, most: int) -> list[int]:
        """The works of all that answers, title by title, the same ones together."""
        if not most:
            return []
        hits = self.searcher.search(
            query, limit=most, count=False, order_by_field="work", order=Order.Asc
        ).hits
        return [work for work, _ in hits]

    def first(
        self, most: int, *, looked: int, without: Set[int] = frozenset()
    ) -> tuple[list[tuple[int, int]], bool]:
        """The first `most` works at least, if there are as many, and whether these are all; in the order of their best
        titles, and without some. So many titles are looked at, from the best one on, and more where it takes more."""
        while True:
            found = ordered(self.searcher, self.schema, self.query, self.keys, looked)
            best: dict[int, int] = {}
            for place, work in enumerate(self._values("work", found.addresses)):
                if work not in without:
                    best.setdefault(work, place)
            if len(best) >= most or looked >= found.total:
                break
            looked = min(looked * 4, found.total)
        numbers = self._values("number", [found.addresses[place] for place in best.values()])
        return list(zip(best, numbers, strict=True)), looked >= found.total

    def read_on(self, pinned: _Pinned) -> _Pinned:
        """A list with what follows what it pinned, as it is now."""
        known = {work for work, _ in pinned.works} | set(self._now_of(pinned.works))
        room = DEEPEST_HIT - len(pinned.works)
        rest, is_all = self.first(room, looked=DEEPEST_HIT, without=known)
        works = [*pinned.works, *rest[:room]]
        return _Pinned.made(
            pinned.kept.name,
            pinned.kept.position,
            len(works) if is_all and len(rest) <= room else pinned.kept.total,
            pinned.titles_total,
            works,
        )

    def page(self, works: Sequence[tuple[int, int]], offset: int) -> list[FoundWork | None]:
        """The works from a place on, as they are now."""
        places: list[int | None] = []
        seen: set[int] = set()
        for work in self._now_of(works):
            places.append(work if work not in seen else None)
            seen.add(work)
        shown = places[offset:]
        found = self._found({work for work in shown if work is not None})
        lost = [
            best
            for work, (_, best) in zip(shown, works[offset:], strict=True)
            if work is not None and work not in found
        ]
        alone = self._alone(lost)
        return [
            (found.get(work) or alone.get(best)) if work is not None else None
            for work, (_, best) in zip(shown, works[offset:], strict=True)
        ]

    def _now_of(self, works: Sequence[tuple[int, int]]) -> list[int]:
        """The numbers that works have now: another, once they have become part of an older one or lost their eldest."""
        numbers = {number for pair in works for number in pair}
        if not numbers:
            return []
        listed = Query.term_set_query(self.schema, "number", list(numbers))
        at = [address for _, address in self.searcher.search(listed, limit=len(numbers)).hits]
        now = dict(zip(self._values("number", at), self._values("work", at), strict=True))
        return [now.get(best, now.get(work, work)) for work, best in works]

    def _found(self, works: Set[int]) -> dict[int, FoundWork]:
        """What answers of these works."""
        if not works:
            return {}
        narrowed = self._both(self.query, Query.term_set_query(self.schema, "work", list(works)))
        found = ordered(self.searcher, self.schema, narrowed, self.keys, len(works) * 4)
        if found.total > len(found.addresses):
            found = ordered(self.searcher, self.schema, narrowed, self.keys, found.total)
        places: dict[int, list[int]] = {}
        for place, work in enumerate(self._values("work", found.addresses)):
            places.setdefault(work, []).append(place)
        return {work: self._told(found, of_it) for work, of_it in places.items()}

    def _told(self, found: Ordered, places: Sequence[int]) -> FoundWork:
        titles = [self.searcher.doc(found.addresses[place]) for place in places[:MOST_TOLD]]
        ids = [UUID(each["key"][0]) for each in titles]
        score = found.scores[places[0]] if found.scores else None
        return FoundWork(Hit(ids[0], bytes(titles[0]["stored"][0]), score), ids, len(places))

    def _alone(self, numbers: Sequence[int]) -> dict[int, FoundWork]:
        """Titles that have been changed so that they answer no more: they are shown as they are now."""
        if not numbers:
            return {}
        listed = filtered(
            Query.term_set_query(self.schema, "number", list(numbers)),
            {},
            schema=self.schema,
            with_suppressed=self.with_suppressed,
        )
        at = [address for _, address in self.searcher.search(listed, limit=len(numbers)).hits]
        found = Ordered(at, [], len(at))
        return {
            number: self._told(found, [place])
            for place, number in enumerate(self._values("number", found.addresses))
        }

    def _count(self, query: Query) -> int:
        found = self.searcher.search(query, limit=1)
        return int(found.count)  # type: ignore[attr-defined]  # missing in the wheel's stubs

    def _both(self, query: Query, narrowing: Query) -> Query:
        """The query narrowed; what narrows it does not change the score."""
        return Query.boolean_query(
            [(Occur.Must, query), (Occur.Must, Query.const_score_query(narrowing, 0.0))]
        )

    def _values(self, field: str, at: Sequence[tantivy.DocAddress]) -> list[int]:
        return [int(each or 0) for each in self.searcher.fast_field_values(field, list(at))]
