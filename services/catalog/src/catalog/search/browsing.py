"""A walk along the headings of one kind, on or back from any place, while titles come and go.

The engine gives the terms that begin with something, all of them, in no order. So the walk goes down digit by digit
wherever landmarks say that many headings begin so, and asks for no more than a few hundred at once. Landmarks may be
a little old: they say where to go down, not what is there.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import tantivy
from tantivy import Query

from catalog.search.headings import CODES, END, FIELD, LANDMARK, MORE, NEXT, Kind, heading_of

FEW: Final = 4
"""Landmarks in a part that is looked at whole: some 250 headings on the average."""
BEHIND: Final = "\U0010ffff"
"""Is behind whatever a term goes on with."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, and how many titles that the public sees have it."""

    term: str
    count: int

    @property
    def text(self) -> str:
        """As it is written in their records."""
        return heading_of(self.term)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Headings that stand next to one another, in order."""

    headings: list[Heading]
    less: int
    """How many of them stand before the place that was asked for."""
    more_before: bool
    more_behind: bool
    position: int
    """How far the index had followed the changes."""


NOWHERE: Final = Stretch([], 0, more_before=False, more_behind=False, position=0)


def landmarks(searcher: tantivy.Searcher, kind: Kind) -> list[str]:
    """The landmarks of a kind, in order."""
    mark = LANDMARK + CODES[kind]
    return sorted(told[len(LANDMARK) :] for told, _ in searcher.terms_with_prefix(FIELD, mark))


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk needs."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    kind: Kind
    landmarks: Sequence[str]

    def on(self, start: str, most: int) -> list[Heading]:
        """The first so many from a place on."""
        return self._first(self._terms(CODES[self.kind], start, back=False), most)

    def back(self, start: str, most: int) -> list[Heading]:
        """The last so many before a place, in their order."""
        return self._first(self._terms(CODES[self.kind], start, back=True), most)[::-1]

    def _first(self, terms: Iterator[str], most: int) -> list[Heading]:
        found: list[Heading] = []
        while len(found) < most and (told := next(terms, None)) is not None:
            # of titles that have gone or been hidden, the engine knows the terms until it merges
            if count := self._count(told):
                found.append(Heading(told, count))
        return found

    def _terms(self, prefix: str, start: str, *, back: bool) -> Iterator[str]:
        """Terms that begin so, from the start on, or back from it."""
        if prefix[-1] in (END, MORE) or self._landmarks(prefix) <= FEW:
            found = self.searcher.terms_with_prefix(FIELD, prefix)
            wanted = [told for told, _ in found if (told < start) == back]
            wanted.sort(reverse=back)
            yield from wanted
            return
        for each in reversed(NEXT) if back else NEXT:
            part = prefix + each
            edge = start[: len(part)]
            if part <= edge if back else part >= edge:
                yield from self._terms(part, start, back=back)

    def _landmarks(self, prefix: str) -> int:
        return bisect_left(self.landmarks, prefix + BEHIND) - bisect_left(self.landmarks, prefix)

    def _count(self, told: str) -> int:
        found = self.searcher.search(Query.term_query(self.schema, FIELD, told), limit=1)
        return int(found.count)  # type: ignore[attr-defined]  # missing in the wheel's stubs
