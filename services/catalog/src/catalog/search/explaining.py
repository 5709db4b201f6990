"""Why a title stands where it does: what each word adds to its score, in words.

The engine scores by BM25: a word adds the more, the fewer titles have it, the oftener it stands in the field, and the
shorter the field is; then the field's weight. What all parts add is the score.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import tantivy
from tantivy import Query

from catalog.search.compile import IDENTIFIER_WEIGHT, compiled, identifier_fields, words_in
from catalog.search.documents import AS_SEARCHED, EXACT, TEXT
from catalog.search.filing import Filing
from catalog.search.grammar import And, Masked, Near, Node, Or, Range, Term

MOST_EXPLAINED: Final = 20
"""Hits of a page that are explained at once."""
_PLACES: Final = {
    "title": "in the title",
    "author": "among the names",
    "subject": "in the subjects",
    "rest": "elsewhere in the record",
    "identifier": "as an identifier",
    "barcode": "as a barcode",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What one thing that was asked for adds, in one field."""

    field: str
    words: str
    adds: float
    weight: float
    """How often a hit in this field counts."""
    times: int | None
    """How often it stands there …"""
    titles: int | None
    """… and in how many titles of the index …"""
    of: int | None
    """… out of so many; None for what counts the same wherever it stands."""

    @property
    def text(self) -> str:
        """The same as a sentence."""
        place = _PLACES.get(self.field, f"in the field {self.field}")
        told = [f"“{self.words}” {place} adds {self.adds:.2f}"]
        if self.titles is not None and self.of is not None and self.times is not None:
            often = "once" if self.times == 1 else f"{self.times} times"
            told.append(f"it stands there {often}, and {self.titles} of {self.of} titles have it there")
        if self.weight != 1:
            told.append(f"what is found there counts {self.weight:g}-fold")
        return "; ".join(told) + "."


def explained(
    searcher: tantivy.Searcher,
    schema: tantivy.Schema,
    tree: Node,
    at: tantivy.DocAddress,
    filing: Filing = AS_SEARCHED,
) -> list[Part]:
    """The parts of a hit's score, the greatest first."""
    found = []
    for field, words, weight, query in _leaves(tree, schema, filing):
        try:
            told = json.loads(query.explain(searcher, at).to_json())
        except ValueError:  # the title does not have this
            continue
        adds = float(told["value"]) * weight
        if adds:
            numbers = dict(_numbers(told))
            times, titles, of = (
                int(numbers[name]) if name in numbers else None for name in ("freq", "n", "N")
            )
            found.append(Part(field, words, adds, weight, times, titles, of))
    return sorted(found, key=lambda part: -part.adds)


def _leaves(node: Node, schema: tantivy.Schema, filing: Filing) -> Iterator[tuple[str, str, float, Query]]:
    """Field, words, weight and query of whatever adds to a score: what is left out or narrows does not."""
    if isinstance(node, And | Or):
        for part in node.parts:
            yield from _leaves(part, schema, filing)
        return
    if isinstance(node, Term) and node.field == "any" and (words := words_in(node)) is not None:
        for name, weight in TEXT.items():
            yield name, node.text, weight, words.query(name, schema)
        for name, query in identifier_fields(node, schema):
            yield name, node.text, IDENTIFIER_WEIGHT, query
    elif isinstance(node, Term):
        yield (
            node.field if node.field not in EXACT else "identifier",
            node.text,
            1.0,
            compiled(node, schema, filing),
        )
    elif isinstance(node, Masked):
        yield node.field, node.pattern, 1.0, compiled(node, schema, filing)
    elif isinstance(node, Near):
        yield node.field, f"{node.left} … {node.right}", 1.0, compiled(node, schema, filing)
    elif isinstance(node, Range):
        yield "year", f"{node.low or ''}..{node.high or ''}", 1.0, compiled(node, schema, filing)


def _numbers(told: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """`freq`, `n` and `N` of the engine's explanation, whichever it has."""
    name, comma, _ = str(told.get("description", "")).partition(", ")
    if comma and name in ("freq", "n", "N"):
        yield name, told["value"]
    for each in told.get("details") or ():
        yield from _numbers(each)
