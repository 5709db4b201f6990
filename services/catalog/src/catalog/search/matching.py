"""Whether one title answers a query, without the engine: for rules that sort titles as they change.

The same tree and the same folding as `compile`, over the same fields as `documents.as_fields` fills.
"""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from catalog.search.compile import words_in
from catalog.search.documents import EXACT, TEXT, Fields, TitleDocument, as_fields
from catalog.search.folding import identifier, tokens
from catalog.search.grammar import And, Everything, Listed, Masked, Naming, Near, Node, Not, Or, Range, Term
from catalog.search.headings import CODES, FIELD, SEARCHED, heading_of, written


def fields_of(title: TitleDocument) -> Fields:
    """A title's fields as the index would hold them."""
    return as_fields(title)


def matches(node: Node, fields: Fields) -> bool:
    """Does the title answer?"""
    if isinstance(node, Everything):
        return True
    if isinstance(node, And):
        return all(matches(part, fields) for part in node.parts)
    if isinstance(node, Or):
        return any(matches(part, fields) for part in node.parts)
    if isinstance(node, Not):
        return not matches(node.part, fields)
    if isinstance(node, Masked):
        names = tuple(TEXT) if node.field == "any" else ("subject" if node.field == "genre" else node.field,)
        texts = (text for name in names for text in fields.get(name, ()))
        return any(fnmatchcase(word, node.pattern) for text in texts for word in text.split())
    if isinstance(node, Range):
        low, high = node.low if node.low is not None else -9998, node.high if node.high is not None else 9999
        return any(low <= year <= high for year in fields.get("year", ()))
    if isinstance(node, Listed):
        return fields["number"] in node.numbers
    if isinstance(node, Naming):
        return not set(node.keys).isdisjoint(fields.get("linked", ()))
    if isinstance(node, Near):
        raise ValueError("a rule has no words near one another: its language cannot say so")
    return _term(node, fields)


def _term(term: Term, fields: Fields) -> bool:
    field = term.field
    if (kind := SEARCHED.get(field)) is not None:
        line = written(term.text)
        held = fields.get(FIELD, ())
        return any(each[0] == CODES[kind] and heading_of(each) == line for each in held)
    if field in EXACT:
        value = identifier(term.text)
        held = fields.get(f"x_{field}", ())
        return any(each.startswith(value) for each in held) if term.prefix and value else value in held
    if field in ("language", "format", "library", "location"):
        return term.text in fields.get(f"f_{field}", ())
    words = words_in(term)
    if words is None:
        return field == "any"
    if field == "any":
        if not term.prefix and len(tokens(term.text)) <= 3 and any(char.isdigit() for char in term.text):
            value = identifier(term.text)
            if value in fields.get("x_identifier", ()) or value in fields.get("x_barcode", ()):
                return True
        return any(_said(words.words, fields.get(name, ()), prefix=words.prefix) for name in TEXT)
    name = "subject" if field == "genre" else field
    return _said(words.words, fields.get(name, ()), prefix=words.prefix)


def _said(words: Sequence[str], texts: Iterable[str], *, prefix: bool) -> bool:
    """Whether the words stand together in one of the texts; the last one may go on when a prefix is meant."""
    *first, last = words
    for text in texts:
        held = text.split()
        for at in range(len(held) - len(first)):
            found = held[at + len(first)]
            if held[at : at + len(first)] == first and (found.startswith(last) if prefix else found == last):
                return True
    return False
