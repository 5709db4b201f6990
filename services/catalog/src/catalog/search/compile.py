"""A query's tree as the engine's own."""

from collections.abc import Mapping, Sequence
from typing import Final

import tantivy
from tantivy import FieldType, Occur, Query

from catalog.search.documents import EXACT, FACETS, TEXT, WORDS_ONLY
from catalog.search.folding import identifier, tokens
from catalog.search.grammar import And, Everything, Masked, Node, Not, Or, QueryProblem, Range, Term

FILTERS: Final = (*FACETS, "year")
MOST_FILTER_VALUES: Final = 100


def compiled(node: Node, schema: tantivy.Schema) -> Query:
    """The engine's query for a tree."""
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
        return _term(node, schema)
    if isinstance(node, Masked):
        return _masked(node, schema)
    if isinstance(node, Not):
        return Query.boolean_query(
            [(Occur.Must, Query.all_query()), (Occur.MustNot, compiled(node.part, schema))]
        )
    occur = Occur.Must if isinstance(node, And) else Occur.Should
    if isinstance(node, And):
        parts = [
            (Occur.MustNot, compiled(part.part, schema))
            if isinstance(part, Not)
            else (occur, compiled(part, schema))
            for part in node.parts
        ]
        if all(how == Occur.MustNot for how, _ in parts):
            parts.append((Occur.Must, Query.all_query()))
        return Query.boolean_query(parts)
    assert isinstance(node, Or)
    return Query.boolean_query([(occur, compiled(part, schema)) for part in node.parts])


def _term(term: Term, schema: tantivy.Schema) -> Query:
    field = term.field
    if field in EXACT:
        value = identifier(term.text)
        if term.prefix:
            return Query.regex_query(schema, f"x_{field}", f"{value}.*") if value else Query.empty_query()
        return Query.term_query(schema, f"x_{field}", value)
    if field in ("language", "format", "library", "location"):
        return Query.term_query(schema, f"f_{field}", term.text)
    if field == "genre":
        field = "subject"
    words = tokens(term.text)
    if not words:
        return Query.all_query() if field == "any" else Query.empty_query()
    if field == "any":
        parts = [
            (Occur.Should, Query.boost_query(_words(words, name, term.prefix, schema), weight))
            for name, weight in TEXT.items()
        ]
        if len(words) <= 3 and not term.prefix and any(char.isdigit() for char in term.text):
            value = identifier(term.text)
            parts += [
                (Occur.Should, Query.boost_query(Query.term_query(schema, f"x_{name}", value), 20.0))
                for name in ("identifier", "barcode")
            ]
        return Query.boolean_query(parts)
    if field in TEXT or field in WORDS_ONLY:
        return _words(words, field, term.prefix, schema)
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


def _words(words: Sequence[str], field: str, prefix: bool, schema: tantivy.Schema) -> Query:
    if prefix:
        if len(words) == 1:
            return Query.regex_query(schema, field, f"{words[0]}.*")
        return Query.phrase_prefix_query(schema, field, list(words))
    if len(words) == 1:
        return Query.term_query(schema, field, words[0])
    return Query.phrase_query(schema, field, list(words))


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
