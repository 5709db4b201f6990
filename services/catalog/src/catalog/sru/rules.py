"""A CQL query as the catalogue's own, or the diagnostic that says what of it is not to be had. No I/O."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from catalog.cql import tree
from catalog.cql.parsing import CqlProblem
from catalog.cql.tree import Boolean, Clause, Modifier, Node
from catalog.search import grammar
from catalog.search.folding import folded, tokens
from catalog.search.grammar import SHORTEST_PREFIX, And, Everything, Masked, Near, Or, Range, Term
from catalog.search.ordering import MOST_KEYS, SortKey
from catalog.sru.indexes import ALL_RECORDS, RESULT_SET, WORDS, Index, Unknown, found

Wanted = grammar.Node

_HARMLESS: Final = frozenset(
    ("relevant", "ignorecase", "ignoreaccents", "word", "masked", "unmasked", "isodate", "number")
)
"""Relation modifiers that say what is so anyway; `unmasked` is heeded."""
LONGEST_TERM: Final = 500


FARTHEST: Final = 50
"""Words between two that are near one another."""
Sets = Callable[[str], Wanted | None]
"""A result set in the catalogue's terms, by its name."""


def compiled(node: Node, sets: Sets) -> Wanted:
    """The query's tree in the catalogue's terms. Raises `CqlProblem`."""
    if isinstance(node, Clause):
        return _clause(node, sets)
    if node.operator == "prox":
        return _near(node)
    if node.modifiers:
        raise CqlProblem(46, node.modifiers[0].name)
    left, right = compiled(node.left, sets), compiled(node.right, sets)
    if node.operator == "or":
        return Or((*_parts(left, Or), right))
    return And((*_parts(left, And), grammar.Not(right) if node.operator == "not" else right))


def named_set(node: Node) -> str | None:
    """The result set that a query asks for and nothing else, if it is such a query."""
    alone = isinstance(node, Clause) and index_of(node) == RESULT_SET
    return plain_text(node.term) if alone and isinstance(node, Clause) else None


def _near(node: Boolean) -> Near:
    """`a prox/unit=word/distance<=3 b`: two words or phrases of one index (CQL 1.2; by default next to each other)."""
    told = []
    for side in (node.left, node.right):
        if not isinstance(side, Clause):
            raise CqlProblem(39, "prox", "Words or phrases stand on both sides, and no other query.")
        index = index_of(side)
        if not isinstance(index, Index) or index.field not in WORDS:
            raise CqlProblem(39, side.index, "Words alone are near one another.")
        if _relation(side) not in ("=", "scr", "adj") or _heeded(side.modifiers):
            raise CqlProblem(39, f"{side.index} {side.relation}")
        term = _term(index, side.term, side, literal=False)
        if not isinstance(term, Term) or term.prefix or term.begins or term.ends:
            raise CqlProblem(39, side.term, "A word that masks is near to no other.")
        told.append(term)
    left, right = told
    if left.field != right.field:
        raise CqlProblem(39, f"{left.field} prox {right.field}", "Both are sought in one index.")
    distance, is_ordered = _distance(node.modifiers)
    return Near(left.text, right.text, distance, is_ordered, left.field)


def _distance(modifiers: tuple[Modifier, ...]) -> tuple[int, bool]:
    distance, is_ordered = 1, False
    for each in modifiers:
        name = each.name.removeprefix("cql.")
        if name in ("ordered", "unordered") and not each.comparison:
            is_ordered = name == "ordered"
        elif name == "unit":
            if (each.comparison, each.value.removeprefix("cql.")) != ("=", "word"):
                raise CqlProblem(42, each.value, "Distance is counted in words.")
        elif name == "distance":
            if not (each.value.isascii() and each.value.isdigit() and len(each.value) < 4):
                raise CqlProblem(41, each.value)
            distance = int(each.value) - (each.comparison == "<")
            if each.comparison not in ("<", "<=") and not (each.comparison == "=" and distance == 1):
                raise CqlProblem(40, each.comparison, "A distance is told by < or <=.")
            if not 1 <= distance <= FARTHEST:
                raise CqlProblem(41, each.value, f"Up to {FARTHEST} words.")
        else:
            raise CqlProblem(46, each.name)
    return distance, is_ordered


def _parts(node: Wanted, kind: type[And] | type[Or]) -> tuple[Wanted, ...]:
    return node.parts if isinstance(node, kind) else (node,)


def index_of(clause: Clause | tree.SortKey) -> Index | str:
    """The index that a clause or sort key names."""
    try:
        return found(clause.index, dict(clause.prefixes))
    except Unknown as unknown:
        raise CqlProblem(unknown.number, unknown.details) from None


def _clause(clause: Clause, sets: Sets) -> Wanted:
    index = index_of(clause)
    relation = _relation(clause)
    literal = _heeded(clause.modifiers)
    if index == RESULT_SET:
        if relation not in ("=", "scr", "=="):
            raise CqlProblem(22, f"{clause.index} {clause.relation}")
        if (named := sets(plain_text(clause.term))) is None:
            raise CqlProblem(51, clause.term[:200])
        return named
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


def is_whole(clause: Clause) -> bool:
    """Whether a clause is about the whole of a field: `==`, or `exact`, as CQL 1.1 has it."""
    return _relation(clause) == "=="


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
    if relation in ("<", ">", "<=", ">=", "within"):
        raise CqlProblem(22, f"{clause.index} {clause.relation}")
    if relation == "==" and index.field in WORDS:
        return _whole(index, clause, literal)
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


def _whole(index: Index, clause: Clause, literal: bool) -> Term:
    """`==`: the term is all that a field says (a title proper, a heading, a name), but for case and diacritics."""
    term = _term(index, clause.term, clause, literal)
    if not isinstance(term, Term) or term.prefix:
        raise CqlProblem(28, clause.term, "Nothing masks in a term that is a whole field.")
    return replace(term, phrase=True, begins=True, ends=True)


def _term(index: Index, text: str, clause: Clause, literal: bool) -> Term | Masked:
    begins, ends, text = _anchored(text) if not literal else (False, False, text)
    if (begins or ends) and index.field not in WORDS:
        raise CqlProblem(32, "^", "Fields of words alone have a beginning and an end to be told.")
    pieces = _pieces(text, literal=literal)
    if len(pieces) > 2 or (len(pieces) == 2 and pieces[1] == "?"):
        if begins or ends:
            raise CqlProblem(32, "^", "Before or behind a word with gaps nothing is anchored.")
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
    if prefix and ends:
        raise CqlProblem(32, "^", "Where a word goes on, there is no end.")
    phrase = (len(words) > 1 and index.field in WORDS and not prefix) or begins or ends
    return Term(plain, index.field, phrase=phrase, prefix=prefix, begins=begins, ends=ends)


def _anchored(text: str) -> tuple[bool, bool, str]:
    """Whether a term is anchored at a field's beginning and end (`^rome`, `rome^`), and the term without the signs."""
    text = text.strip()
    begins = text.startswith("^")
    text = text[begins:]
    kept = text.rstrip("^")
    ends = kept != text and (len(kept) - len(kept.rstrip("\\"))) % 2 == 0
    return begins, ends, text[:-1] if ends else text


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


_UNKNOWN: Final = {"missinglow": False, "missinghigh": True}
"""Whether a title of which the key is not known is above all others (sort context set 1.0)."""


def order_of(keys: tuple[tree.SortKey, ...]) -> tuple[SortKey, ...]:
    """The search's order for CQL's `sortBy`. Raises `CqlProblem` for what is not to be had."""
    return _order([_key_of(key) for key in keys])


def _order(keys: Sequence[SortKey]) -> tuple[SortKey, ...]:
    if len(keys) > MOST_KEYS:
        raise CqlProblem(84, str(MOST_KEYS))
    told: dict[str, SortKey] = {}
    for key in keys:  # what is asked for again makes no difference
        told.setdefault(key.name, key)
    return tuple(told.values())


def _key_of(key: tree.SortKey) -> SortKey:
    index = index_of(key)
    if isinstance(index, str) or index.sort is None:
        raise CqlProblem(16, key.index)
    down = False
    high: bool | None = None
    for each in key.modifiers:
        name = each.name.removeprefix("sort.")
        if name.startswith("missing"):
            if name not in _UNKNOWN or each.comparison:
                raise CqlProblem(92, each.name)
            high = _UNKNOWN[name]
        elif name not in ("ascending", "descending", "ignorecase", "ignoreaccents") or each.comparison:
            raise CqlProblem(20, each.name)
        down = name == "descending" or (down and name != "ascending")
    return SortKey(index.sort, down, unknown_first=high is not None and high == down)


def order_of_keys(told: str) -> tuple[SortKey, ...]:
    """The same for SRU 1.1's `sortKeys`: path, schema, ascending (1 or 0), case, missing value."""
    return _order([_key_told(each) for each in told.split()])


def _key_told(told: str) -> SortKey:
    path, schema, ascending, case, missing, *_ = (*told.split(","), "", "", "", "")
    if schema and schema not in ("dc", "info:srw/schema/1/dc-v1.1", "cql"):
        raise CqlProblem(87, schema)
    try:
        index = found(path, {})
    except Unknown:
        raise CqlProblem(88, path) from None
    if isinstance(index, str) or index.sort is None:
        raise CqlProblem(88, path)
    if ascending not in ("", "0", "1"):
        raise CqlProblem(90, ascending)
    if case not in ("", "0"):
        raise CqlProblem(91, case)
    if missing not in ("", "highValue", "lowValue"):
        raise CqlProblem(92, missing)
    down = ascending == "0"
    return SortKey(index.sort, down, unknown_first=missing != "" and (missing == "highValue") == down)
