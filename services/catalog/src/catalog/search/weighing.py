"""How much work a query is for the engine, told before it is asked: by how many titles have its words.

What is done at once is not worth a thread of its own, to hand it over takes longer; what is not must not keep others
waiting. Only what the index's dictionary tells in a moment is weighed; all else counts as work.
"""

import math
from typing import Final

import tantivy

from catalog.search.compile import identifier_fields, words_in
from catalog.search.documents import EXACT, TEXT, WORDS_ONLY
from catalog.search.folding import identifier
from catalog.search.grammar import And, Node, Not, Or, Term
from catalog.search.headings import SEARCHED
from catalog.search.opened import Now

LITTLE: Final = 20_000
"""Titles of a word that the engine goes through in less than half a millisecond."""


def is_little(node: Node, now: Now) -> bool:
    """Whether the engine answers a query in no time."""
    return _looked_at(node, now.searcher, now.schema) <= LITTLE


def _looked_at(node: Node, searcher: tantivy.Searcher, schema: tantivy.Schema) -> float:
    """Titles that the engine looks at: of several words that all must be there, those of the rarest."""
    if isinstance(node, And):
        told = [_looked_at(part, searcher, schema) for part in node.parts if not isinstance(part, Not)]
        return min(told, default=math.inf)
    if isinstance(node, Or):
        return sum(_looked_at(part, searcher, schema) for part in node.parts)
    if not isinstance(node, Term) or node.prefix or node.field in SEARCHED:
        return math.inf
    if node.field in EXACT:
        return searcher.doc_freq(f"x_{node.field}", identifier(node.text))
    found = words_in(node)
    if found is None or found.prefix:
        return math.inf
    field = "subject" if node.field == "genre" else node.field
    if field == "any":
        numbers = len(identifier_fields(node, schema))  # a number is one title's, or a few
        return numbers + sum(_rarest(searcher, name, found.words) for name in TEXT)
    return _rarest(searcher, field, found.words) if field in TEXT or field in WORDS_ONLY else math.inf


def _rarest(searcher: tantivy.Searcher, field: str, words: tuple[str, ...]) -> int:
    return min(searcher.doc_freq(field, word) for word in words)
