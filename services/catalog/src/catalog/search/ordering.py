"""In which order hits are given: by how well they answer, or by up to four keys, and where nothing is known last.

The engine orders by one number at a time. So the first key chooses, and among those that are equal where the list ends
the next one does; what was chosen is then put in order by all of them. No list is ever cut among equals at random.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import tantivy
from tantivy import FieldType, Occur, Order, Query

from catalog.search.documents import FILED, NO_YEAR
from catalog.search.filing import NOTHING
from catalog.search.grammar import QueryProblem

NAMES: Final = (*FILED, "year", "added")
"""What a list is ordered by; `added`: in the order in which titles came to the catalogue."""
MOST_KEYS: Final = 4


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key: up or down; titles of which it is not known come last, unless they are wanted first."""

    name: str
    descending: bool = False
    unknown_first: bool = False


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    descending: bool = False
    unknown: int | None = None
    """The number that stands for nothing, where nothing has a place of its own."""
    unknown_first: bool = False

    def rank(self, value: int) -> tuple[bool, int]:
        return (value == self.unknown) != self.unknown_first, -value if self.descending else value

    @property
    def is_the_engines(self) -> bool:
        """Whether the engine puts what is unknown where it belongs, for it is the highest or lowest number."""
        if self.unknown is None:
            return True
        engine_first = (self.unknown == NO_YEAR) != self.descending
        return engine_first == self.unknown_first


def sort_keys(told: str) -> tuple[SortKey, ...]:
    """`author,-year`: the keys, a minus for downwards; none for `relevance`. Raises `QueryProblem`."""
    names = [each.strip() for each in told.split(",")]
    if names in (["relevance"], [""]):
        return ()
    found: list[SortKey] = []
    for each in names:
        name = each.removeprefix("-")
        if name not in NAMES:
            more = " (relevance stands alone)" if name == "relevance" else ""
            raise QueryProblem(
                "sort-unknown", f"There is no order {each!r}{more}: relevance, {', '.join(NAMES)}.", 0
            )
        if any(name == key.name for key in found):
            raise QueryProblem("sort-repeated", f"By {name} is ordered once.", 0)
        found.append(SortKey(name, each != name))
    if len(found) > MOST_KEYS:
        raise QueryProblem("sort-too-long", f"Up to {MOST_KEYS} keys make an order.", 0)
    return tuple(found)


def _columns(keys: Sequence[SortKey]) -> Iterator[_Column]:
    for key in keys:
        if key.name == "year":
            yield _Column("year", key.descending, NO_YEAR, key.unknown_first)
        elif key.name == "added":
            yield _Column("number", key.descending)
        else:
            for place in range(FILED[key.name]):
                unknown = NOTHING if place == 0 else None
                yield _Column(f"s_{key.name}_{place}", key.descending, unknown, key.unknown_first)
    yield _Column("number")


Addresses = list[tantivy.DocAddress]


@dataclass(frozen=True, slots=True)
class Ordered:
    """The first hits in their order, what each scored (empty where another order was asked for), and how many match."""

    addresses: Addresses
    scores: list[float]
    total: int


def ordered(
    searcher: tantivy.Searcher, schema: tantivy.Schema, query: Query, keys: Sequence[SortKey], most: int
) -> Ordered:
    """The first `most` hits."""
    if not keys:
        found = searcher.search(query, limit=most)
        total: int = found.count  # type: ignore[attr-defined]  # missing in the wheel's stubs
        hits = found.hits  # made anew whenever it is asked for
        return Ordered([at for _, at in hits], [score for score, _ in hits], total)
    columns = tuple(_columns(keys))
    choosing = _Choosing(searcher, schema)
    chosen, total = choosing.first(query, columns, most)
    return Ordered(list(choosing.in_order(chosen, columns)), [], total)


@dataclass(frozen=True, slots=True)
class _Choosing:
    searcher: tantivy.Searcher
    schema: tantivy.Schema

    def first(self, query: Query, columns: Sequence[_Column], most: int) -> tuple[Addresses, int]:
        """Which are the first `most`, in any order, and of how many."""
        column = columns[0]
        if column.is_the_engines:
            return self._chosen(query, columns, most)
        assert column.unknown is not None
        nothing = self._only(column, column.unknown)
        known = Query.boolean_query([(Occur.Must, query), (Occur.MustNot, nothing)])
        unknown = Query.boolean_query([(Occur.Must, query), (Occur.Must, nothing)])
        chosen: Addresses = []
        total = 0
        for is_known in (False, True) if column.unknown_first else (True, False):
            left = max(most - len(chosen), 0)
            more, count = (
                self._chosen(known, columns, left) if is_known else self.first(unknown, columns[1:], left)
            )
            chosen += more
            total += count
        return chosen, total

    def _chosen(self, query: Query, columns: Sequence[_Column], most: int) -> tuple[Addresses, int]:
        column, *rest = columns
        order = Order.Desc if column.descending else Order.Asc
        found = self.searcher.search(query, limit=max(most, 1), order_by_field=column.name, order=order)
        total: int = found.count  # type: ignore[attr-defined]  # missing in the wheel's stubs
        hits = found.hits[:most]
        if not rest or total <= most or not hits:
            return [at for _, at in hits], total
        last = hits[-1][0]
        kept = [at for value, at in hits if value != last]
        equal = Query.boolean_query([(Occur.Must, query), (Occur.Must, self._only(column, last))])
        more, _ = self.first(equal, rest, most - len(kept))
        return kept + more, total

    def _only(self, column: _Column, value: int) -> Query:
        return Query.range_query(self.schema, column.name, FieldType.Integer, value, value)

    def in_order(self, addresses: Addresses, columns: Sequence[_Column]) -> Iterator[tantivy.DocAddress]:
        """These by all columns; a column is read only for those that are equal by the ones before."""
        if len(addresses) < 2:
            yield from addresses
            return
        column, *rest = columns
        values = [int(value or 0) for value in self.searcher.fast_field_values(column.name, addresses)]
        ranked = sorted(range(len(addresses)), key=lambda place: column.rank(values[place]))
        for _, places in groupby(ranked, key=values.__getitem__):
            equal = [addresses[place] for place in places]
            if len(equal) == 1 or not rest:
                yield from equal
            else:
                yield from self.in_order(equal, rest)
