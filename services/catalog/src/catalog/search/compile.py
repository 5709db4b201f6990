"""A query's tree as the engine's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import tantivy
from tantivy import FieldType, Occur, Query

from catalog.search.documents import AS_SEARCHED, BEGIN, END, EXACT, FACETS, TEXT, WORDS_ONLY
from catalog.search.filing import Filing
from catalog.search.folding import asked_tokens, identifier, tokens
from catalog.search.grammar import (
    And,
    Everything,
    Listed,
    Masked,
    Naming,
    Near,
    Node,
    Not,
    Or,
    QueryProblem,
    Range,
    Term,
)
from catalog.search.headings import FIELD, SEARCHED, terms

FILTERS: Final = (*FACETS, "year")
MOST_FILTER_VALUES: Final = 100
IDENTIFIER_WEIGHT: Final = 20.0
"""What a number weighs where any field is asked for."""


def compiled(node: Node, schema: tantivy.Schema, filing: Filing = AS_SEARCHED) -> Query:
    """The engine's query for a tree; `filing` is how the index that is asked files its headings."""
    if isinstance(node, Everything):
        return Query.all_query()
    if isinstance(node, Range):
        return Query.range_query(
            schema,
            "year",
            FieldType.Integer,
            node.low if node.low is not None else -9998,
            node.high if node.high is not None else 9999,
        )
    if isinstance(node, Term):
        return _term(node, schema, filing)
    if isinstance(node, Masked):
        return _masked(node, schema)
    if isinstance(node, Near):
        return _near(node, schema)
    if isinstance(node, Listed):
        listed = Query.term_set_query(schema, "number", list(node.numbers))
        return Query.const_score_query(listed, 0.0) if node.numbers else Query.empty_query()
    if isinstance(node, Naming):
        return Query.const_score_query(Query.term_set_query(schema, "linked", list(node.keys)), 0.0)
    if isinstance(node, Not):
        return Query.boolean_query(
            [(Occur.Must, Query.all_query()), (Occur.MustNot, compiled(node.part, schema, filing))]
        )
    occur = Occur.Must if isinstance(node, And) else Occur.Should
    if isinstance(node, And):
        parts = [
            (Occur.MustNot, compiled(part.part, schema, filing))
            if isinstance(part, Not)
            else (occur, compiled(part, schema, filing))
            for part in node.parts
        ]
        if all(how == Occur.MustNot for how, _ in parts):
            parts.append((Occur.Must, Query.all_query()))
        return Query.boolean_query(parts)
    assert isinstance(node, Or)
    return Query.boolean_query([(occur, compiled(part, schema, filing)) for part in node.parts])


@dataclass(frozen=True, slots=True)
class Words:
    """Words that stand together, the last of which may go on."""

    words: tuple[str, ...]
    prefix: bool

    def query(self, field: str, schema: tantivy.Schema) -> Query:
        """They are sought in a field."""
        if self.prefix:
            if len(self.words) == 1:
                return Query.regex_query(schema, field, f"{self.words[0]}.*")
            return Query.phrase_prefix_query(schema, field, list(self.words))
        if len(self.words) == 1:
            return Query.term_query(schema, field, self.words[0])
        return Query.phrase_query(schema, field, list(self.words))


def words_in(term: Term) -> Words | None:
    """A term's words as the index holds them; None for one that has none."""
    words, goes_on = asked_tokens(term.text)
    if not words:
        return None
    anchored = (*([BEGIN] * term.begins), *words, *([END] * term.ends))
    return Words(anchored, term.prefix or (goes_on and not term.ends))


def identifier_fields(term: Term, schema: tantivy.Schema) -> list[tuple[str, Query]]:
    """Where a term that is sought anywhere is sought as a number, if it may be one."""
    if term.prefix or not any(char.isdigit() for char in term.text) or len(tokens(term.text)) > 3:
        return []
    value = identifier(term.text)
    return [(name, Query.term_query(schema, f"x_{name}", value)) for name in ("identifier", "barcode")]


def _term(term: Term, schema: tantivy.Schema, filing: Filing) -> Query:
    field = term.field
    if (kind := SEARCHED.get(field)) is not None:
        return Query.term_set_query(schema, FIELD, terms(kind, term.text, filing))
    if field in EXACT:
        value = identifier(term.text)
        if term.prefix:
            return Query.regex_query(schema, f"x_{field}", f"{value}.*") if value else Query.empty_query()
        return Query.term_query(schema, f"x_{field}", value)
    if field in ("language", "format", "library", "location"):
        return Query.term_query(schema, f"f_{field}", term.text)
    if field == "genre":
        field = "subject"
    words = words_in(term)
    if words is None:
        return Query.all_query() if field == "any" else Query.empty_query()
    if field == "any":
        parts = [
            (Occur.Should, Query.boost_query(words.query(name, schema), weight))
            for name, weight in TEXT.items()
        ]
        parts += [
            (Occur.Should, Query.boost_query(query, IDENTIFIER_WEIGHT))
            for _, query in identifier_fields(term, schema)
        ]
        return Query.boolean_query(parts)
    if field in TEXT or field in WORDS_ONLY:
        return words.query(field, schema)
    raise QueryProblem("field-unknown", f"{field} cannot be searched.", 0)


def _masked(word: Masked, schema: tantivy.Schema) -> Query:
    """The words of the index that fit; the pattern is folded, so nothing in it but the masks means anything."""
    pattern = "".join({"*": ".*", "?": "."}.get(char, char) for char in word.pattern)
    if word.field != "any":
        return Query.regex_query(schema, "subject" if word.field == "genre" else word.field, pattern)
    return Query.boolean_query(
        [
            (Occur.Should, Query.boost_query(Query.regex_query(schema, name, pattern), weight))
            for name, weight in TEXT.items()
        ]
    )


def _near(near: Near, schema: tantivy.Schema) -> Query:
    """Either order is asked for by itself: the engine's phrases keep theirs."""
    left, right = tokens(near.left), tokens(near.right)
    orders: list[list[str | tuple[int, str]]] = (
        [[*left, *right]] if near.ordered else [[*left, *right], [*right, *left]]
    )
    name = "subject" if near.field == "genre" else near.field
    return Query.boolean_query(
        [
            (
                Occur.Should,
                Query.boost_query(Query.phrase_query(schema, field, words, slop=near.distance - 1), weight),
            )
            for field, weight in (TEXT.items() if name == "any" else ((name, 1.0),))
            for words in orders
        ]
    )


def filtered(
    query: Query, filters: Mapping[str, Sequence[str]], *, schema: tantivy.Schema, with_suppressed: bool
) -> Query:
    """The query narrowed: any of a filter's values, all of the filters; filters do not change the score."""
    parts: list[tuple[Occur, Query]] = [(Occur.Must, query)]
    for name, values in filters.items():
        if name not in FILTERS:
            raise QueryProblem("filter-unknown", f"There is no filter {name!r}: {', '.join(FILTERS)}.", 0)
        if len(values) > MOST_FILTER_VALUES:
            raise QueryProblem("filter-too-long", f"A filter may name {MOST_FILTER_VALUES} values.", 0)
        if name == "year":
            choices = [compiled(_year(value), schema) for value in values]
            narrowed = Query.boolean_query([(Occur.Should, choice) for choice in choices])
        else:
            narrowed = Query.term_set_query(schema, f"f_{name}", list(values))
        parts.append((Occur.Must, Query.const_score_query(narrowed, 0.0)))
    if not with_suppressed:
        public = Query.term_query(schema, "public", "yes")
        parts.append((Occur.Must, Query.const_score_query(public, 0.0)))
    return Query.boolean_query(parts) if len(parts) > 1 else query


def _year(value: str) -> Range:
    low, dots, high = value.partition("..")
    try:
        first = int(low) if low else None
        last = (int(high) if high else None) if dots else first
    except ValueError:
        raise QueryProblem("year-wrong", "A year is a number, or a range such as 1990..2000.", 0) from None
    if any(year is not None and abs(year) > 9999 for year in (first, last)):
        raise QueryProblem("year-wrong", "A year has four digits at most.", 0)
    return Range(first, last)
