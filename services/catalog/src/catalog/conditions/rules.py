"""A tree of conditions: what may be asked of which field, read with every fault at once. No I/O.

    node = {"all": [node …]} | {"any": [node …]} | {"not": node}
         | {"some": "items" | "holdings", "where": node}
         | {"field": "item.base_state", "is": "missing"}

A question is about titles, holdings or items. Of an item its holdings and title may be asked, too, and of holdings
their title; of a title whether *some* of its items (or holdings) answer all that is asked of it at once.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from catalog.holdings.policy_rules import ASKED
from catalog.search.grammar import QueryProblem, parse

DEEPEST: Final = 12
MOST_LEAVES: Final = 100
MOST_SEARCHES: Final = 5
"""Leaves that ask the search index."""
MOST_VALUES: Final = 1000
MOST_LANGUAGES: Final = 50
LONGEST: Final = 500
BIGGEST: Final = 2**62


class Kind(StrEnum):
    """What is asked for."""

    TITLES = "titles"
    HOLDINGS = "holdings"
    ITEMS = "items"


class Of(StrEnum):
    """What a field's values are."""

    CODE = "code"
    TEXT = "text"
    ID = "id"
    NUMBER = "number"
    FLAG = "flag"
    MOMENT = "moment"
    LANGUAGE = "language"
    """Asked of the search index."""
    SEARCH = "search"
    """A query in the catalogue's language (docs/search-query.md)."""


OPS: Final[Mapping[Of, tuple[str, ...]]] = {
    Of.CODE: ("is", "in", "known"),
    Of.TEXT: ("is", "in", "starts", "contains", "known"),
    Of.ID: ("is", "in"),
    Of.NUMBER: ("is", "in", "from", "to", "known"),
    Of.FLAG: ("is",),
    Of.MOMENT: ("from", "before"),
    Of.LANGUAGE: ("is", "in"),
    Of.SEARCH: ("finds",),
}
INDEXED: Final = frozenset({Of.LANGUAGE, Of.SEARCH})
FIELDS: Final[Mapping[str, Of]] = {
    "title.id": Of.ID,
    "title.number": Of.NUMBER,
    "title.title": Of.TEXT,
    "title.author": Of.TEXT,
    "title.year": Of.NUMBER,
    "title.format": Of.CODE,
    "title.language": Of.LANGUAGE,
    "title.control_number": Of.TEXT,
    "title.control_agency": Of.CODE,
    "title.suppressed": Of.FLAG,
    "title.statistical_code": Of.CODE,
    "title.tag": Of.CODE,
    "title.created_at": Of.MOMENT,
    "title.updated_at": Of.MOMENT,
    "title.search": Of.SEARCH,
    "holdings.id": Of.ID,
    "holdings.location_id": Of.ID,
    "holdings.location": Of.CODE,
    "holdings.library": Of.CODE,
    "holdings.call_number": Of.TEXT,
    "holdings.described": Of.FLAG,
    "holdings.suppressed": Of.FLAG,
    "holdings.statistical_code": Of.CODE,
    "holdings.digitisation_policy": Of.CODE,
    **{f"holdings.{name}": Of.CODE for name in ASKED},
    "holdings.created_at": Of.MOMENT,
    "holdings.updated_at": Of.MOMENT,
    "item.id": Of.ID,
    "item.barcode": Of.TEXT,
    "item.location_id": Of.ID,
    "item.location": Of.CODE,
    "item.library": Of.CODE,
    "item.material_type": Of.CODE,
    "item.loan_type": Of.CODE,
    "item.base_state": Of.CODE,
    "item.availability": Of.CODE,
    "item.call_number": Of.TEXT,
    "item.volume": Of.TEXT,
    "item.copy_number": Of.TEXT,
    "item.note": Of.TEXT,
    "item.pieces": Of.NUMBER,
    "item.missing_pieces": Of.NUMBER,
    "item.accession_number": Of.TEXT,
    "item.enumeration": Of.TEXT,
    "item.chronology": Of.TEXT,
    "item.year_caption": Of.TEXT,
    "item.damaged_status": Of.CODE,
    "item.statistical_code": Of.CODE,
    "item.tag": Of.CODE,
    "item.suppressed": Of.FLAG,
    "item.created_at": Of.MOMENT,
    "item.updated_at": Of.MOMENT,
}
_OWN: Final = re.compile(r"(?:title|item)\.custom\.[a-z][a-z0-9_]{0,39}")
"""A fact of the library's own: what it says is compared as text."""


def of_field(name: str) -> Of | None:
    """What a field is made of; None where there is no such field."""
    return Of.TEXT if _OWN.fullmatch(name) else FIELDS.get(name)


SEEN_FROM: Final[Mapping[Kind, tuple[str, ...]]] = {
    Kind.TITLES: ("title",),
    Kind.HOLDINGS: ("holdings", "title"),
    Kind.ITEMS: ("item", "holdings", "title"),
}
SOME: Final[Mapping[Kind, tuple[Kind, ...]]] = {
    Kind.TITLES: (Kind.ITEMS, Kind.HOLDINGS),
    Kind.HOLDINGS: (Kind.ITEMS,),
    Kind.ITEMS: (),
}


@dataclass(frozen=True, slots=True)
class Leaf:
    """One thing that is asked of a field."""

    field: str
    op: str
    values: tuple[Any, ...]

    @property
    def asks_index(self) -> bool:
        """Whether the search index knows the answer, and the database does not."""
        return of_field(self.field) in INDEXED

    @property
    def search(self) -> str:
        """What the index is asked."""
        if of_field(self.field) is Of.SEARCH:
            return str(self.values[0])
        return " OR ".join(f'language:"{each}"' for each in self.values)


@dataclass(frozen=True, slots=True)
class All:
    """Every one of them."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of them."""

    parts: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """What does not answer."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Some:
    """There is one, of which all of this is true."""

    kind: Kind
    where: "Node"


Node = Leaf | All | Either | Not | Some


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a tree cannot be asked, and where in it (RFC 6901)."""

    code: str
    text: str
    pointer: str
    mend: str | None = None


def leaves(node: Node) -> list[Leaf]:
    """All that is asked of fields, in order."""
    if isinstance(node, Leaf):
        return [node]
    if isinstance(node, Not):
        return leaves(node.part)
    if isinstance(node, Some):
        return leaves(node.where)
    return [leaf for part in node.parts for leaf in leaves(part)]


def read(told: Any, kind: Kind, *, at: str = "") -> tuple[Node | None, list[Fault]]:
    """The tree, or everything that is wrong with it."""
    reading = _Reading()
    node = reading.node(told, kind, at, depth=1)
    if reading.leaves > MOST_LEAVES:
        words = f"There are {reading.leaves} conditions; up to {MOST_LEAVES} are asked at a time."
        reading.faults.append(Fault("too-many-conditions", words, at))
    if reading.searches > MOST_SEARCHES:
        words = f"{reading.searches} of the conditions ask the search; up to {MOST_SEARCHES} may."
        reading.faults.append(Fault("too-many-searches", words, at))
    return (None, reading.faults) if reading.faults else (node, [])


@dataclass(slots=True)
class _Reading:
    """What has been met so far."""

    faults: list[Fault] = field(default_factory=list)
    leaves: int = 0
    searches: int = 0

    def wrong(self, code: str, text: str, at: str, mend: str | None = None) -> None:
        self.faults.append(Fault(code, text, at, mend))

    def node(self, told: Any, kind: Kind, at: str, *, depth: int, within: bool = False) -> Node | None:
        if depth > DEEPEST:
            self.wrong("too-deep", f"Conditions go {DEEPEST} levels deep at most.", at)
            return None
        if not isinstance(told, dict):
            self.wrong("condition-malformed", "A condition is an object.", at)
            return None
        if "field" in told:
            return self.leaf(told, kind, at)
        shapes = ({"all"}, {"any"}, {"not"}, {"some", "where"})
        if set(told) not in shapes:
            words = "A condition is one of: all, any, not, some with where, or a field with one thing asked."
            self.wrong("condition-malformed", words, at)
            return None
        if "not" in told:
            part = self.node(told["not"], kind, f"{at}/not", depth=depth + 1, within=within)
            return None if part is None else Not(part)
        if "some" in told:
            return self.some(told, kind, at, depth=depth, within=within)
        name = "all" if "all" in told else "any"
        return self.several(told[name], kind, f"{at}/{name}", depth=depth, within=within)

    def several(self, told: Any, kind: Kind, at: str, *, depth: int, within: bool) -> Node | None:
        if not isinstance(told, list) or not told:
            self.wrong("condition-malformed", "A list of conditions, at least one, belongs here.", at)
            return None
        if len(told) > MOST_LEAVES:
            self.wrong("too-many-conditions", f"Up to {MOST_LEAVES} conditions are asked at a time.", at)
            return None
        parts = [
            self.node(each, kind, f"{at}/{place}", depth=depth + 1, within=within)
            for place, each in enumerate(told)
        ]
        known = tuple(each for each in parts if each is not None)
        return All(known) if at.endswith("/all") else Either(known)

    def some(self, told: Mapping[str, Any], kind: Kind, at: str, *, depth: int, within: bool) -> Node | None:
        choices = () if within else SOME[kind]
        if told["some"] not in choices:
            words = "There is no some within some." if within else f"Of {kind} there is no such some."
            mend = f"Ask for some {' or '.join(choices)}." if choices else None
            self.wrong("some-unknown", words, f"{at}/some", mend)
            return None
        inner = Kind(told["some"])
        where = self.node(told["where"], inner, f"{at}/where", depth=depth + 1, within=True)
        return None if where is None else Some(inner, where)

    def leaf(self, told: Mapping[str, Any], kind: Kind, at: str) -> Node | None:
        self.leaves += 1
        name = told["field"]
        if not isinstance(name, str) or (of := of_field(name)) is None:
            self.wrong("field-unknown", f"There is no field {str(name)[:80]!r}.", f"{at}/field", _names(kind))
            return None
        entity = name.partition(".")[0]
        if entity not in SEEN_FROM[kind]:
            some = "holdings" if entity == "holdings" else "items"
            mend = f'Ask {{"some": "{some}", "where": …}}.'
            self.wrong("field-elsewhere", f"{name} is not a fact of {kind}.", f"{at}/field", mend)
            return None
        asked = [each for each in told if each != "field"]
        if len(asked) != 1 or asked[0] not in OPS[of]:
            words = f"Of {name} one of these is asked: {', '.join(OPS[of])}."
            self.wrong("condition-malformed", words, at)
            return None
        self.searches += of in INDEXED
        values = self.values(told[asked[0]], asked[0], of, f"{at}/{asked[0]}")
        return None if values is None else Leaf(name, asked[0], values)

    def values(self, told: Any, op: str, of: Of, at: str) -> tuple[Any, ...] | None:
        if op == "known":
            return self.known(told, at)
        if op != "in":
            value = self.value(told, of, at)
            return None if value is None else (value,)
        most = MOST_LANGUAGES if of is Of.LANGUAGE else MOST_VALUES
        if not isinstance(told, list) or not 0 < len(told) <= most:
            self.wrong("value-wrong", f"A list of 1 to {most} values belongs here.", at)
            return None
        found = [self.value(each, of, f"{at}/{place}") for place, each in enumerate(told)]
        return None if None in found else tuple(found)

    def known(self, told: Any, at: str) -> tuple[Any, ...] | None:
        if isinstance(told, bool):
            return (told,)
        self.wrong("value-wrong", "true or false belongs here.", at)
        return None

    def value(self, told: Any, of: Of, at: str) -> Any:
        found, words = _value(told, of)
        if words is not None:
            self.wrong("value-wrong", words, at)
        return found


def _value(told: Any, of: Of) -> tuple[Any, str | None]:
    """A value as the database takes it, or what belongs there."""
    if of is Of.FLAG:
        return (told, None) if isinstance(told, bool) else (None, "true or false belongs here.")
    if of is Of.NUMBER:
        whole = isinstance(told, int) and not isinstance(told, bool) and abs(told) < BIGGEST
        return (told, None) if whole else (None, "A whole number belongs here.")
    if not isinstance(told, str) or not told.strip() or len(told) > LONGEST or "\0" in told:
        return None, f"A text of up to {LONGEST} characters belongs here."
    if of is Of.ID:
        try:
            return UUID(told), None
        except ValueError:
            return None, "A UUID belongs here."
    if of is Of.MOMENT:
        return _moment(told)
    if of is Of.LANGUAGE:
        return (
            (told, None)
            if told.isascii() and told.isalnum()
            else (None, "A code of MARC's languages belongs here.")
        )
    if of is Of.SEARCH:
        try:
            parse(told)
        except QueryProblem as problem:
            return None, f"{problem.code}: {problem.message}"
    return told, None


def _moment(told: str) -> tuple[datetime | None, str | None]:
    """A day is its first moment in UTC."""
    words = "A day (2026-03-01) or a moment with its offset (2026-03-01T09:00:00Z) belongs here."
    try:
        if len(told) == 10:
            return datetime.combine(date.fromisoformat(told), time(), UTC), None
        moment = datetime.fromisoformat(told)
        return (moment.astimezone(UTC), None) if moment.tzinfo is not None else (None, words)
    except (ValueError, OverflowError):
        return None, words


def _names(kind: Kind) -> str:
    return (
        "There are: " + ", ".join(each for each in FIELDS if each.partition(".")[0] in SEEN_FROM[kind]) + "."
    )


def selective(node: Node, few: Sequence[Leaf]) -> bool:
    """Whether only what one of these leaves finds can answer: then nothing else need be looked at."""
    if isinstance(node, Leaf):
        return node in few
    return isinstance(node, All) and any(selective(part, few) for part in node.parts)
