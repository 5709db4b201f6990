"""A tree of conditions: what may be asked of which field, read with every fault at once. No I/O.

    node = {"all": [node …]} | {"any": [node …]} | {"not": node}
         | {"some": kind, "where": node}
         | {"field": "entity.fact", "is": "value"}

A question is about things of one kind. Which facts of which entities may be asked of it, and of what else it may be
asked whether *some* of it answers all that is asked at once, says a service's vocabulary.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from re import Pattern
from typing import Any, Final
from uuid import UUID

DEEPEST: Final = 12
MOST_LEAVES: Final = 100
MOST_SEARCHES: Final = 5
"""Leaves that ask the search index."""
MOST_VALUES: Final = 1000
MOST_LANGUAGES: Final = 50
LONGEST: Final = 500
BIGGEST: Final = 2**62


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
    """A query in the language of a search index."""


OPS: Final[Mapping[Of, tuple[str, ...]]] = {
    Of.CODE: ("is", "in", "known"),
    Of.TEXT: ("is", "in", "starts", "contains", "known"),
    Of.ID: ("is", "in"),
    Of.NUMBER: ("is", "in", "from", "to", "known"),
    Of.FLAG: ("is",),
    Of.MOMENT: ("from", "before", "known"),
    Of.LANGUAGE: ("is", "in"),
    Of.SEARCH: ("finds",),
}
INDEXED: Final = frozenset({Of.LANGUAGE, Of.SEARCH})


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a service can be asked."""

    fields: Mapping[str, Of]
    """By their names, `entity.fact`."""
    seen_from: Mapping[str, tuple[str, ...]]
    """By what is asked for: the entities whose facts may be asked of it."""
    some: Mapping[str, tuple[str, ...]]
    """By what is asked for: of what there may be some of it."""
    kinds: Mapping[str, str]
    """What the things of an entity are called together."""
    own: Pattern[str] | None = None
    """Names of facts that a house has decided upon: what they say is compared as text."""
    search: Callable[[str], str | None] = lambda told: None
    """What is wrong with a query to the index."""

    def of_field(self, name: str) -> Of | None:
        """What a field is made of; None where there is no such field."""
        return Of.TEXT if self.own is not None and self.own.fullmatch(name) else self.fields.get(name)

    def told(self, kind: str) -> list[str]:
        """The fields that may be asked of things of this kind."""
        return [each for each in self.fields if each.partition(".")[0] in self.seen_from[kind]]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One thing that is asked of a field."""

    field: str
    op: str
    values: tuple[Any, ...]
    of: Of = dataclasses.field(default=Of.TEXT, compare=False)
    """What the field is made of."""

    @property
    def asks_index(self) -> bool:
        """Whether the search index knows the answer, and the database does not."""
        return self.of in INDEXED

    @property
    def search(self) -> str:
        """What the index is asked."""
        if self.of is Of.SEARCH:
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

    kind: str
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


def read(
    told: Any, kind: str, vocabulary: Vocabulary, *, at: str = "", now: datetime | None = None
) -> tuple[Node | None, list[Fault]]:
    """The tree, or everything that is wrong with it. With `now`, moments may be told from it: `now`, `now-30d`."""
    reading = _Reading(vocabulary, now)
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

    vocabulary: Vocabulary
    now: datetime | None
    faults: list[Fault] = dataclasses.field(default_factory=list)
    leaves: int = 0
    searches: int = 0

    def wrong(self, code: str, text: str, at: str, mend: str | None = None) -> None:
        self.faults.append(Fault(code, text, at, mend))

    def node(self, told: Any, kind: str, at: str, *, depth: int, within: bool = False) -> Node | None:
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

    def several(self, told: Any, kind: str, at: str, *, depth: int, within: bool) -> Node | None:
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

    def some(self, told: Mapping[str, Any], kind: str, at: str, *, depth: int, within: bool) -> Node | None:
        choices = () if within else self.vocabulary.some[kind]
        if told["some"] not in choices:
            words = "There is no some within some." if within else f"Of {kind} there is no such some."
            mend = f"Ask for some {' or '.join(choices)}." if choices else None
            self.wrong("some-unknown", words, f"{at}/some", mend)
            return None
        inner: str = told["some"]
        where = self.node(told["where"], inner, f"{at}/where", depth=depth + 1, within=True)
        return None if where is None else Some(inner, where)

    def leaf(self, told: Mapping[str, Any], kind: str, at: str) -> Node | None:
        self.leaves += 1
        name = told["field"]
        if not isinstance(name, str) or (of := self.vocabulary.of_field(name)) is None:
            mend = f"There are: {', '.join(self.vocabulary.told(kind))}."
            self.wrong("field-unknown", f"There is no field {str(name)[:80]!r}.", f"{at}/field", mend)
            return None
        entity = name.partition(".")[0]
        if entity not in self.vocabulary.seen_from[kind]:
            mend = f'Ask {{"some": "{self.vocabulary.kinds[entity]}", "where": …}}.'
            self.wrong("field-elsewhere", f"{name} is not a fact of {kind}.", f"{at}/field", mend)
            return None
        asked = [each for each in told if each != "field"]
        if len(asked) != 1 or asked[0] not in OPS[of]:
            words = f"Of {name} one of these is asked: {', '.join(OPS[of])}."
            self.wrong("condition-malformed", words, at)
            return None
        self.searches += of in INDEXED
        values = self.values(told[asked[0]], asked[0], of, f"{at}/{asked[0]}")
        return None if values is None else Leaf(name, asked[0], values, of)

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
        if of is Of.MOMENT and self.now is not None and (moment := _from_now(told, self.now)) is not None:
            return moment
        found, words = _value(told, of)
        if words is None and of is Of.SEARCH:
            words = self.vocabulary.search(told)
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


_FROM_NOW: Final = re.compile(r"now(?:([+-][0-9]{1,5})d)?")


def _from_now(told: Any, now: datetime) -> datetime | None:
    """So many days from now."""
    found = _FROM_NOW.fullmatch(told) if isinstance(told, str) else None
    return None if found is None else now + timedelta(days=int(found[1] or 0))


def selective(node: Node, few: Sequence[Leaf]) -> bool:
    """Whether only what one of these leaves finds can answer: then nothing else need be looked at."""
    if isinstance(node, Leaf):
        return node in few
    return isinstance(node, All) and any(selective(part, few) for part in node.parts)
