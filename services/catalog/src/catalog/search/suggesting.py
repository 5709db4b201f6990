"""Did you mean? A query that finds nothing or next to nothing, with words that the catalogue itself has.

The engine walks its dictionary for words a letter or two away (Damerau-Levenshtein), among titles that the asker may
see. Words are compared as they are indexed, and suggested as a record writes them: `wurdee` becomes `Würde`, `вайна`
`Война`. A suggestion is searched before it is made, so none ever finds nothing.

Pairs of characters (Chinese, Japanese, Korean) are no words: a letter away from one stands any other.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
import tantivy
from tantivy import Occur, Query

from catalog.search.compile import compiled
from catalog.search.documents import AS_SEARCHED, TEXT
from catalog.search.filing import Filing
from catalog.search.folding import tokens, unspaced
from catalog.search.grammar import LONGEST, Piece, parse

FEW: Final = 5
"""Fewer hits than these may be a slip of the pen that a record shares."""
TIMES_MORE: Final = 10
"""How many times as many hits a suggestion has then, at least."""
MOST_WORDS: Final = 6
"""A longer query is rather a title that is not here than a slip."""
SHORTEST: Final = 4
FAR_FROM: Final = 8
"""Words of so many letters may have two wrong; shorter ones one."""
ROUNDS: Final = 4
PATIENCE: Final = 0.25
"""Seconds after which no further word is looked for: somebody waits for an answer that has nothing else in it."""
SEEN: Final = 40
"""Titles looked at in a round."""
FIELDS: Final = {"any": ("title", "author", "subject"), "genre": ("subject",)}
_FORM: Final = re.compile(r"[^\W_]+(?:[\u0300-\u036f\u0900-\u0dff'’][^\W_]*)*")
"""A word as it is written, with the signs that belong to it."""
_SPECIAL: Final = re.compile(r'[\\":()*\s]|^-')
_FACETS: Final = {"author": "f_author", "subject": "f_subject", "genre": "f_genre"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A query that finds something."""

    query: str
    total: int


@dataclass(frozen=True, slots=True)
class _Word:
    """A word as the index has it, and as some record writes it."""

    folded: str
    written: str
    distance: int
    titles: int


@dataclass(frozen=True)
class Suggesting:
    """What is needed to look for better words."""

    searcher: tantivy.Searcher
    schema: tantivy.Schema
    narrowed: Query
    """What the asker may see, and the filters."""
    filing: Filing = AS_SEARCHED
    until: float = field(default_factory=lambda: time.monotonic() + PATIENCE)

    def better(self, text: str, pieces: Sequence[Piece], total: int) -> Suggestion | None:
        """The query with its strange words mended, if that finds more (see `FEW` and `TIMES_MORE`)."""
        words = [piece for piece in pieces if piece.field in ("any", "genre", *TEXT, "series", "publisher")]
        if not words or len(words) > MOST_WORDS:
            return None
        mended = text
        for piece in reversed(words):  # from behind, so that places before stay what they are
            told = self._mended(piece)
            if told is not None:
                mended = mended[: piece.at] + told + mended[piece.end :]
        if mended == text or len(mended) > LONGEST:
            return None
        found = self._count(compiled(parse(mended), self.schema, self.filing))
        return Suggestion(mended, found) if found and found > total * TIMES_MORE else None

    def _mended(self, piece: Piece) -> str | None:
        """A word or phrase with better words in it; None where none is better."""
        told = []
        is_better = False
        for word in piece.text.split():
            better = self._best(word, FIELDS.get(piece.field, (piece.field,)))
            is_better |= better is not None
            told.append(better or word)
        if not is_better:
            return None
        if piece.phrase:
            return '"' + re.sub(r'[\\"]', r"\\\g<0>", " ".join(told)) + '"'
        return "\\ ".join(_SPECIAL.sub(r"\\\g<0>", each) for each in told)

    def _best(self, written: str, fields: Sequence[str]) -> str | None:
        folded = tokens(written)
        if len(folded) != 1 or len(folded[0]) < SHORTEST or folded[0].isdigit() or unspaced(folded[0]):
            return None
        (word,) = folded
        here = self._count(_in_any(self.schema, fields, word))
        if here >= FEW:
            return None
        best = min(
            self._near(word, fields),
            key=lambda each: (each.distance, -each.titles, each.folded),
            default=None,
        )
        if best is None or best.titles <= here * TIMES_MORE:
            return None
        return best.written

    def _near(self, word: str, fields: Sequence[str]) -> Iterator[_Word]:
        most = 2 if len(word) >= FAR_FROM else 1
        for distance in range(1, most + 1):
            told = list(self._at(word, fields, distance))
            if told:
                yield from told
                return

    def _at(self, word: str, fields: Sequence[str], distance: int) -> Iterator[_Word]:
        """Words of the dictionary so far away at most, with a form that a record has them in."""
        seen = {word}
        for name in fields:
            fuzzy = Query.fuzzy_term_query(self.schema, name, word, distance=distance)
            for _ in range(ROUNDS):
                if time.monotonic() > self.until:
                    return
                others = [(Occur.MustNot, Query.term_query(self.schema, name, each)) for each in sorted(seen)]
                query = Query.boolean_query([(Occur.Must, fuzzy), (Occur.Must, self.narrowed), *others])
                fresh: dict[str, str] = {}
                for text in self._texts(query, name):
                    for form in _FORM.findall(text):
                        for folded in tokens(form)[:1] if len(tokens(form)) == 1 else ():
                            if folded not in seen and distant(word, folded, distance) is not None:
                                fresh.setdefault(folded, folded if form in ("AND", "OR", "NOT") else form)
                if not fresh:
                    break
                for folded, form in fresh.items():
                    far = distant(word, folded, distance)
                    assert far is not None
                    yield _Word(folded, form, far, self._count(_in_any(self.schema, fields, folded)))
                seen |= fresh.keys()

    def _texts(self, query: Query, field: str) -> Iterator[str]:
        """Where records may have what the engine found: in headings, by how many have them, and in titles."""
        if field in _FACETS:
            wanted = {"told": {"terms": {"field": _FACETS[field], "size": SEEN}}}
            for bucket in self.searcher.aggregate(query, wanted)["told"]["buckets"]:
                yield str(bucket["key"])
            return
        for _, at in self.searcher.search(query, limit=SEEN).hits:
            shown = orjson.loads(bytes(self.searcher.doc(at)["stored"][0]))
            for name in ("title", "subtitle", "original_title", "publisher"):
                yield shown.get(name) or ""

    def _count(self, query: Query) -> int:
        both = Query.boolean_query([(Occur.Must, query), (Occur.Must, self.narrowed)])
        found = self.searcher.search(both, limit=1)
        return int(found.count)  # type: ignore[attr-defined]  # missing in the wheel's stubs


def _in_any(schema: tantivy.Schema, fields: Sequence[str], word: str) -> Query:
    return Query.boolean_query([(Occur.Should, Query.term_query(schema, name, word)) for name in fields])


def distant(one: str, other: str, most: int) -> int | None:
    """How many letters are to be changed, added, left out or swapped with the next; None for more than `most`."""
    if abs(len(one) - len(other)) > most:
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        last, before, row = before, row, [place]
        for at, theirs in enumerate(other, 1):
            cost = min(before[at] + 1, row[at - 1] + 1, before[at - 1] + (letter != theirs))
            if place > 1 and at > 1 and letter == other[at - 2] and one[place - 2] == theirs:
                cost = min(cost, last[at - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None
