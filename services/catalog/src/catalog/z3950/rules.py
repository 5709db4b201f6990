"""What Bib-1's attributes mean here: a term and its attributes as a clause of CQL, whose meaning SRU shares.

What is not to be had raises `Diagnosed`, with its number in Bib-1's list of diagnostics. No I/O.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from catalog.cql.parsing import CqlProblem
from catalog.cql.tree import Clause, Modifier
from catalog.search.ordering import MOST_KEYS, SortKey
from catalog.sru.indexes import INDEXES, WORDS, Index

FIELDS: Final[Mapping[str, tuple[int, ...]]] = {
    "title": (4, *range(33, 45), 6, 1097),
    "author": (1, 2, 3, 1002, 1003, 1004, 1005, 1006, 1020, 1098),
    "subject": (*range(21, 30), 45, 46, 47, 58, 1008, 1009, 1079, 1099),
    "genre": (1075,),
    "series": (5,),
    "publisher": (59, 1018, 1101),
    "year": (30, 31, 1102),
    "language": (54, 1105),
    "format": (1001, 1031, 1103),
    "isbn": (7,),
    "issn": (8,),
    "identifier": (9, 10, 11, 12, 48, 49, 50, 51, 52, 60, 1007, 1027, 1028, 1032, 1104),
    "call_number": (13, 14, 15, 16, 17, 18, 19, 20, 53),
    "library": (56, 1044),
    "any": (1016, 1017, 1035, 1036),
}  # fmt: skip
"""Use attributes by the index behind them (docs/integrators.md)."""
USES: Final = {use: field for field, uses in FIELDS.items() for use in uses}
_INDEXES: Final = {index.field: index for index in INDEXES}
ALL_RECORDS: Final = "_ALLRECORDS"
"""A use attribute by name, which YAZ's clients have for it."""

USE, RELATION, POSITION, STRUCTURE, TRUNCATION, COMPLETENESS = 1, 2, 3, 4, 5, 6
_ALWAYS: Final = 103
_RELATIONS: Final = {1: "<", 2: "<=", 3: "=", 4: ">=", 5: ">", 6: "<>", 102: "=", 104: "within"}
_STRUCTURES: Final = {1: "=", 2: "=", 101: "=", 108: "=", 6: "all", 102: "all", 105: "any", 106: "any"}
"""Phrase, word, name as it files, string; list of words, name as it is said; free text, a document's text."""
_DATES: Final = (4, 5, 100)
_NUMBERS: Final = (107, 109)
_DATE: Final = re.compile(r"\s*([0-9]{1,4})(?:[-/.]?(?:0[1-9]|1[0-2])(?:[-/.]?[0-3][0-9])?)?\s*", re.ASCII)
_BETWEEN: Final = re.compile(r"\s*([0-9]{1,4})\s*[-/, ]\s*([0-9]{1,4})\s*", re.ASCII)
_MASKS: Final = re.compile(r'([\\*?^"])')


class Diagnosed(ValueError):
    """What stands in the place of an answer: a number of Bib-1's diagnostics, and what it is about."""

    def __init__(self, number: int, more: str = "") -> None:
        super().__init__(f"{number} {more}")
        self.number, self.more = number, more


_OF_SRU: Final[Mapping[int, int]] = {
    10: 108, 12: 11, 13: 108, 14: 108, 15: 121, 16: 114, 19: 117, 20: 117, 22: 123, 23: 11, 27: 125, 28: 120, 29: 9,
    32: 119, 36: 126, 38: 6, 39: 201, 40: 131, 41: 202, 42: 132, 46: 110, 48: 3, 51: 30, 61: 13, 84: 211, 92: 213,
    120: 233,
}  # fmt: skip
"""SRU's diagnostics as Bib-1 numbers them."""


def diagnosed(problem: CqlProblem) -> Diagnosed:
    """What is wrong with a query, as this protocol says it."""
    more = f"{problem.details}: {problem.message}" if problem.message else problem.details
    return Diagnosed(_OF_SRU.get(problem.number, 3), more)


@dataclass(frozen=True, slots=True)
class Meant:
    """Attributes of a term, one of each type."""

    use: int | str | None = None
    relation: int | str = 3
    position: int | str = 3
    structure: int | str | None = None
    truncation: int | str = 100
    completeness: int | str = 1


_NAMES: Final = {
    USE: "use",
    RELATION: "relation",
    POSITION: "position",
    STRUCTURE: "structure",
    TRUNCATION: "truncation",
    COMPLETENESS: "completeness",
}


def meant(attributes: Sequence[tuple[int, int | str]]) -> Meant:
    """Attributes by their types; of several of one type the first."""
    told: dict[str, int | str] = {}
    for kind, value in attributes:
        if kind not in _NAMES:
            raise Diagnosed(113, str(kind))
        told.setdefault(_NAMES[kind], value)
    return Meant(**told)


def index_of(use: int | str | None) -> Index:
    """The index of a use attribute; anywhere, where there is none. A name is one of ours."""
    if use is None:
        return _INDEXES["any"]
    field = USES.get(use) if isinstance(use, int) else use.casefold()
    if field is None or field not in _INDEXES:
        raise Diagnosed(114, str(use))
    return _INDEXES[field]


def clause(attributes: Sequence[tuple[int, int | str]], term: str) -> Clause:
    """A term with its attributes as a clause of CQL. Raises `Diagnosed`."""
    asked = meant(attributes)
    if asked.relation == _ALWAYS or asked.use == ALL_RECORDS:
        return _everything(asked)
    index = index_of(asked.use)
    if asked.relation not in _RELATIONS:
        raise Diagnosed(117, str(asked.relation))
    relation = _RELATIONS[asked.relation]
    name = f"carrel.{index.field}"
    if index.field == "year":
        return _year(asked, name, relation, term)
    how = _how(asked.structure, index)
    if relation not in ("=", "<>"):
        raise Diagnosed(123, f"relation {asked.relation}, use {asked.use}")
    if how in ("all", "any"):
        if relation == "<>" or _is_whole(asked) or _is_first(asked):
            raise Diagnosed(123, f"structure {asked.structure}, relation, position or completeness")
        words = (_truncated(word, asked.truncation) for word in term.split())
        return Clause(" ".join(words), name, how)
    text = _truncated(term, asked.truncation)
    if _is_whole(asked):
        if relation == "<>":
            raise Diagnosed(123, f"completeness {asked.completeness}, relation {asked.relation}")
        return Clause(text, name, "==")
    if _is_first(asked):
        if index.field not in WORDS:
            raise Diagnosed(123, f"position {asked.position}, use {asked.use}")
        text = f"^{text}"
    return Clause(text, name, relation)


def _everything(asked: Meant) -> Clause:
    """All titles. Those that have something in one index are not to be had, unless it is all of them."""
    if asked.use not in (None, ALL_RECORDS) and index_of(asked.use).field != "any":
        raise Diagnosed(123, f"relation {asked.relation}, use {asked.use}")
    return Clause("1", "cql.allRecords")


def _how(structure: int | str | None, index: Index) -> str:
    if structure is None:
        return "="
    if structure in _STRUCTURES:
        return _STRUCTURES[structure]
    if structure in _NUMBERS and index.field not in WORDS:
        return "="
    if structure in (*_DATES, *_NUMBERS):
        raise Diagnosed(123, f"structure {structure}, index {index.field}")
    raise Diagnosed(118, str(structure))


def _is_whole(asked: Meant) -> bool:
    """Whether the term is all that a field says. A subfield of its own and a field are one here."""
    if asked.completeness not in (1, 2, 3):
        raise Diagnosed(122, str(asked.completeness))
    return asked.completeness != 1


def _is_first(asked: Meant) -> bool:
    """Whether the term begins a field. (It begins a subfield, too: an index holds them one by one.)"""
    if asked.position not in (1, 2, 3):
        raise Diagnosed(119, str(asked.position))
    return asked.position != 3


def escaped(text: str) -> str:
    """A text in which nothing masks."""
    return _MASKS.sub(r"\\\1", text)


def _truncated(term: str, truncation: int | str) -> str:
    """A term with its masks: `#` stands for any letters (101), or for one and `?` for any (104, ANSI Z39.58)."""
    if truncation == 100:
        return escaped(term)
    if truncation == 1:
        return f"{escaped(term.rstrip())}*"
    if truncation == 101:
        return escaped(term).replace("#", "*")
    if truncation == 104:
        if re.search(r"\?[0-9]", term):
            raise Diagnosed(120, "104: ? with a number")
        return "".join({"#": "?", "?": "*"}.get(char) or escaped(char) for char in term)
    raise Diagnosed(120, str(truncation))


def _year(asked: Meant, name: str, relation: str, term: str) -> Clause:
    if asked.structure not in (None, 1, 2, 6, 105, 108, *_DATES, *_NUMBERS):
        raise Diagnosed(118, str(asked.structure))
    if asked.truncation != 100:
        raise Diagnosed(123, f"truncation {asked.truncation}, use {asked.use}")
    _is_whole(asked)
    _is_first(asked)
    between = _BETWEEN.fullmatch(term)
    if relation == "within":
        if between is None:
            raise Diagnosed(126, term)
        return Clause(f"{between[1]} {between[2]}", name, relation)
    told = _DATE.fullmatch(term)
    if told is None:
        raise Diagnosed(126, term)
    return Clause(told[1], name, relation)


_NEAR: Final = {1: "<", 2: "<=", 3: "="}


def near(
    *, exclusion: bool, distance: int, ordered: bool, relation: int, unit: int | None
) -> tuple[Modifier, ...]:
    """Two words near one another, as CQL says it."""
    if exclusion:
        raise Diagnosed(201, "exclusion")
    if unit != 2:
        raise Diagnosed(132, str(unit))
    if relation not in _NEAR:
        raise Diagnosed(131, str(relation))
    return (
        Modifier("unit", "=", "word"),
        Modifier("distance", _NEAR[relation], str(max(distance, 0))),
        Modifier("ordered" if ordered else "unordered"),
    )


def sort_key(
    attributes: Sequence[tuple[int, int | str]], field: str | None, relation: int, missing: int | None
) -> SortKey:
    """What is ordered by. Upper and lower case file alike whatever is said, as diacritics do."""
    if relation not in (0, 1):
        raise Diagnosed(214, str(relation))
    if missing in (1, 3):
        raise Diagnosed(213, str(missing))
    if field is None and not attributes:
        raise Diagnosed(207)
    uses = [value for kind, value in attributes if kind == USE]
    use = uses[0] if uses else field or ""
    named = "year" if use == "date" else use
    try:
        index = index_of(named)
    except Diagnosed:
        raise Diagnosed(207, str(use)) from None
    if index.sort is None:
        raise Diagnosed(207, str(use))
    down = relation == 1
    return SortKey(index.sort, down, unknown_first=missing == 2 and not down)


def order(keys: Sequence[SortKey]) -> tuple[SortKey, ...]:
    """Keys, each once: what is asked for again makes no difference."""
    if len(keys) > MOST_KEYS:
        raise Diagnosed(211, str(MOST_KEYS))
    told: dict[str, SortKey] = {}
    for key in keys:
        told.setdefault(key.name, key)
    return tuple(told.values())
