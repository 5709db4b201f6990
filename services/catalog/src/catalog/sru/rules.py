"""A CQL query as the catalogue's own, or the diagnostic that says what of it is not to be had. No I/O."""

from collections.abc import Callable, Mapping
from typing import Final, Literal

from catalog.cql.parsing import CqlProblem
from catalog.cql.tree import Clause, Modifier, Node, SortKey
from catalog.search import grammar
from catalog.search.folding import folded, tokens
from catalog.search.grammar import SHORTEST_PREFIX, And, Everything, Masked, Or, Range, Term
from catalog.sru.indexes import ALL_RECORDS, RESULT_SET, WORDS, Index, Unknown, found

Wanted = grammar.Node

_HARMLESS: Final = frozenset(
    ("relevant", "ignorecase", "ignoreaccents", "word", "masked", "unmasked", "isodate", "number")
)
"""Relation modifiers that say what is so anyway; `unmasked` is heeded."""
LONGEST_TERM: Final = 500


def compiled(node: Node) -> Wanted:
    """The query's tree in the catalogue's terms. Raises `CqlProblem`."""
    if isinstance(node, Clause):
        return _clause(node)
    if node.operator == "prox":
        raise CqlProblem(39, "prox")
    if node.modifiers:
        raise CqlProblem(46, node.modifiers[0].name)
    left, right = compiled(node.left), compiled(node.right)
    if node.operator == "or":
        return Or((*_parts(left, Or), right))
    return And((*_parts(left, And), grammar.Not(right) if node.operator == "not" else right))


def _parts(node: Wanted, kind: type[And] | type[Or]) -> tuple[Wanted, ...]:
    return node.parts if isinstance(node, kind) else (node,)


def index_of(clause: Clause | SortKey) -> Index | str:
    """The index that a clause or sort key names."""
    try:
        return found(clause.index, dict(clause.prefixes))
    except Unknown as unknown:
        raise CqlProblem(unknown.number, unknown.details) from None


def _clause(clause: Clause) -> Wanted:
    index = index_of(clause)
    relation = _relation(clause)
    literal = _heeded(clause.modifiers)
    if index == RESULT_SET:
        raise CqlProblem(50, clause.term)
    if index == ALL_RECORDS:
        if relation not in ("=", "scr", "=="):
            raise CqlProblem(22, f"{clause.index} {clause.relation}")
        return Everything()
    assert isinstance(index, Index)
    if len(clause.term) > LONGEST_TERM:
        raise CqlProblem(23, str(LONGEST_TERM))
    if not clause.term.strip():
        raise CqlProblem(27, clause.index)
    if relation == "<>":
        return And((grammar.Not(_sought(index, "=", clause, literal)),))
    return _sought(index, relation, clause, literal)


def _relation(clause: Clause) -> str:
    """The relation, without the prefix of CQL's own set; named ones alone are left."""
    prefix, dot, name = clause.relation.rpartition(".")
    if dot:
        uri = dict(clause.prefixes).get(prefix)
        if prefix != "cql" and uri is None:
            raise CqlProblem(15, prefix)
    relation = name if dot else clause.relation
    if relation not in ("=", "==", "<>", "<", ">", "<=", ">=", "scr", "adj", "all", "any", "exact", "within"):
        raise CqlProblem(19, clause.relation)
    return "==" if relation == "exact" else relation


def _heeded(modifiers: tuple[Modifier, ...]) -> bool:
    """Whether masking characters are meant as they are."""
    literal = False
    for each in modifiers:
        name = each.name.removeprefix("cql.")
        if name not in _HARMLESS or each.comparison:
            raise CqlProblem(20, each.name)
        literal |= name == "unmasked"
    return literal


def _sought(index: Index, relation: str, clause: Clause, literal: bool) -> Wanted:
    if index.field == "year":
        return _years(relation, clause)
    if relation in ("<", ">", "<=", ">=", "within") or (relation == "==" and index.field in WORDS):
        raise CqlProblem(22, f"{clause.index} {clause.relation}")
    if relation in ("all", "any"):
        parts = tuple(_term(index, word, clause, literal) for word in _split(clause.term))
        if len(parts) == 1:
            return parts[0]
        return And(parts) if relation == "all" else Or(parts)
    return _term(index, clause.term, clause, literal)


def _split(term: str) -> list[str]:
    """A term's words; an escaped blank stands in its word."""
    words, word, escaped = [], "", False
    for char in term:
        if char.isspace() and not escaped:
            words.append(word)
            word = ""
        else:
            word += char
        escaped = char == "\\" and not escaped
    return [each for each in (*words, word) if each]


def _term(index: Index, text: str, clause: Clause, literal: bool) -> Term | Masked:
    pieces = _pieces(text, literal=literal)
    if len(pieces) > 2 or (len(pieces) == 2 and pieces[1] == "?"):
        return _gapped(index, pieces, clause)
    plain, prefix = pieces[0], len(pieces) == 2
    words = tokens(plain)
    if not words and (index.field in WORDS or not plain.strip()):
        raise CqlProblem(36, clause.term)
    if prefix:
        if len(words[-1] if words else plain) < SHORTEST_PREFIX:
            raise CqlProblem(29, clause.term)
        if index.field in ("language", "format", "library", "location"):
            raise CqlProblem(28, clause.term)
    phrase = len(words) > 1 and index.field in WORDS and not prefix
    return Term(plain, index.field, phrase=phrase, prefix=prefix)


def _gapped(index: Index, pieces: list[str], clause: Clause) -> Masked:
    """One word with masks in it, which begins with two letters that are none: the index's dictionary is walked."""
    told = [each if place % 2 else folded(each) for place, each in enumerate(pieces)]
    if index.field not in WORDS or any(each and not each.isalnum() for each in told[::2]):
        raise CqlProblem(28, clause.term)
    if len(told[0]) < SHORTEST_PREFIX:
        raise CqlProblem(29, clause.term)
    return Masked("".join(told), index.field)


def _pieces(text: str, *, literal: bool) -> list[str]:
    """A term's text and the masks in it, by turns, without its backslashes. `literal`: nothing masks."""
    pieces, at = [""], 0
    while at < len(text):
        char = text[at]
        if char == "\\" and at + 1 < len(text):
            pieces[-1] += text[at + 1]
            at += 2
            continue
        if not literal and char in "*?":
            pieces += [char, ""]
        elif not literal and char == "^":
            raise CqlProblem(32, char)
        else:
            pieces[-1] += char
        at += 1
    return pieces if pieces[-1] or len(pieces) == 1 else pieces[:-1]


def plain_text(text: str) -> str:
    """A term's text without its backslashes, in which nothing masks."""
    return _pieces(text, literal=True)[0]


def _years(relation: str, clause: Clause) -> Wanted:
    if relation == "within":
        low, high = (_year(each, clause) for each in _two(clause))
        return Range(low, high)
    if relation in ("any", "all"):
        years = [_year(each, clause) for each in _split(clause.term)]
        parts = tuple(Range(year, year) for year in years)
        return Or(parts) if relation == "any" else And(parts)
    year = _year(clause.term, clause)
    bounds: dict[str, Callable[[int], tuple[int | None, int | None]]] = {
        "<": lambda year: (None, year - 1),
        "<=": lambda year: (None, year),
        ">": lambda year: (year + 1, None),
        ">=": lambda year: (year, None),
    }
    return Range(*bounds[relation](year)) if relation in bounds else Range(year, year)


def _two(clause: Clause) -> list[str]:
    found = _split(clause.term)
    if len(found) != 2:
        raise CqlProblem(36, clause.term, 'A range is two years, such as "1990 2000".')
    return found


def _year(text: str, clause: Clause) -> int:
    told = text.strip()
    if not (told.isascii() and told.isdigit() and len(told) <= 4):
        raise CqlProblem(36, clause.term, "A year has up to four digits.")
    return int(told)


Order = Literal["relevance", "title", "author", "year", "-title", "-author", "-year"]
_ORDERS: Final[Mapping[str, tuple[Order, Order]]] = {
    "title": ("title", "-title"),
    "author": ("author", "-author"),
    "year": ("year", "-year"),
}
"""Upwards and downwards."""


def order_of(keys: tuple[SortKey, ...]) -> Order:
    """The search's order for CQL's `sortBy`. Raises `CqlProblem` for what is not to be had."""
    if not keys:
        return "relevance"
    if len(keys) > 1:
        raise CqlProblem(80, "more than one key")
    (key,) = keys
    index = index_of(key)
    if isinstance(index, str) or index.sort is None:
        raise CqlProblem(16, key.index)
    down = False
    for each in key.modifiers:
        name = each.name.removeprefix("sort.")
        if name not in ("ascending", "descending", "ignorecase", "ignoreaccents") or each.comparison:
            raise CqlProblem(20, each.name)
        down = name == "descending" or (down and name != "ascending")
    return _ORDERS[index.sort][down]


def order_of_keys(told: str) -> Order:
    """The same for SRU 1.1's `sortKeys`: path, schema, ascending (1 or 0), case, missing value."""
    keys = told.split()
    if not keys:
        return "relevance"
    if len(keys) > 1:
        raise CqlProblem(80, "more than one key")
    path, schema, ascending, *_ = (*keys[0].split(","), "", "", "")
    if schema and schema not in ("dc", "info:srw/schema/1/dc-v1.1", "cql"):
        raise CqlProblem(83, schema)
    try:
        index = found(path, {})
    except Unknown:
        raise CqlProblem(86, path) from None
    if isinstance(index, str) or index.sort is None:
        raise CqlProblem(86, path)
    if ascending not in ("", "0", "1"):
        raise CqlProblem(80, keys[0])
    return _ORDERS[index.sort][ascending == "0"]
