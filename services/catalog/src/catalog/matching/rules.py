"""Is it the same title? A tree of points, each of which holds or does not, and what comes of several that hold."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from catalog.marc.record import Record
from catalog.search.folding import joined


class Point(StrEnum):
    """What two records are compared by."""

    CONTROL_NUMBER = "control-number"
    """001 of the same agency (003)."""
    SYSTEM_NUMBER = "system-number"
    """035 with its agency in parentheses, the other's 001 included."""
    OCLC = "oclc"
    ISBN = "isbn"
    ISSN = "issn"
    LCCN = "lccn"
    OTHER_NUMBER = "other-number"
    """024 with its source."""
    PUBLISHER_NUMBER = "publisher-number"
    """028."""
    TITLE = "title"
    """245 $a $b $n $p, folded, without its article."""
    WORK = "title-author-year"
    """That with the family name of the 1XX and the year of publication."""
    AUTHOR = "author"
    """The heading of the 1XX, folded."""
    YEAR = "year"
    FORMAT = "format"
    FIELD = "field"
    """Any subfields of any field, folded: that one of the values is the same."""


KEYED: Final[Mapping[Point, str]] = {
    Point.SYSTEM_NUMBER: "system:",
    Point.OCLC: "oclc:",
    Point.ISBN: "isbn:",
    Point.ISSN: "issn:",
    Point.LCCN: "lccn:",
    Point.OTHER_NUMBER: "other:",
    Point.PUBLISHER_NUMBER: "publisher:",
    Point.TITLE: "title:",
    Point.WORK: "work:",
}
FINDS: Final = frozenset({Point.CONTROL_NUMBER, *KEYED})
"""Points that a title is found by; the others only confirm one that was found."""
MOST_CANDIDATES: Final = 50
"""Titles that one record is compared with; what is like more of them is told so, and not compared."""
Several = Literal["report", "best"]


@dataclass(frozen=True, slots=True)
class Node:
    """A point, or several under one condition."""

    kind: Literal["point", "all", "any", "not", "weigh"]
    point: Point | None = None
    tag: str = ""
    codes: str = ""
    """Of the point `field`."""
    parts: tuple["Node", ...] = ()
    weight: int = 1
    threshold: int = 0
    """Of `weigh`: how much the parts that hold must weigh together."""

    @property
    def name(self) -> str:
        """What a point is told as."""
        return f"{self.tag}${self.codes}" if self.point is Point.FIELD else str(self.point)


CONTROL_NUMBER: Final = Node("point", Point.CONTROL_NUMBER)
"""How a record is known again unless a profile says otherwise."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared of a record: the one that comes, or one that is here."""

    match_key: str
    keys: frozenset[str]
    author: str | None
    year: int | None
    format: str
    record: Record | None = None
    """Only where a point looks into it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A title that is here, and how well it fits."""

    title_id: UUID
    holds: bool
    """Whether the whole condition does."""
    score: int
    """The weight of the points that hold."""
    points: tuple[str, ...]
    """Which they are."""
    quality: int = 0
    """Of its record, where that decides between equals."""


def finds(node: Node) -> bool:
    """Whether the condition cannot hold without a point that titles are found by."""
    if node.kind == "point":
        return node.point in FINDS
    if node.kind == "all":
        return any(map(finds, node.parts))
    if node.kind == "any":
        return all(map(finds, node.parts))
    if node.kind == "weigh":
        return sum(part.weight for part in node.parts if not finds(part)) < node.threshold
    return False


def points(node: Node) -> Iterator[Node]:
    """Every point of a condition."""
    if node.kind == "point":
        yield node
    for part in node.parts:
        yield from points(part)


def prefixes(node: Node) -> tuple[str, ...]:
    """The kinds of keys that the condition asks for."""
    return tuple(
        sorted({KEYED[each.point] for each in points(node) if each.point is not None and each.point in KEYED})
    )


def looks_into_records(node: Node) -> bool:
    """Whether it needs more of a title than its keys and columns."""
    return any(each.point is Point.FIELD for each in points(node))


def compared(node: Node, told: Side, kept: Side, title_id: UUID) -> Candidate:
    """How a title that is here fits a record that comes."""
    held: list[Node] = []
    holds = _holds(node, told, kept, held)
    names = tuple(dict.fromkeys(each.name for each in held))
    return Candidate(title_id, holds, sum(each.weight for each in held), names)


def _holds(node: Node, told: Side, kept: Side, held: list[Node]) -> bool:
    """Every part is looked at, so that all that speaks for a title is told."""
    if node.kind == "point":
        found = _point_holds(node, told, kept)
        if found:
            held.append(node)
        return found
    if node.kind == "not":
        return not any(_holds(part, told, kept, []) for part in node.parts)
    each = [_holds(part, told, kept, held) for part in node.parts]
    if node.kind == "weigh":
        weights = (part.weight for part, holds in zip(node.parts, each, strict=True) if holds)
        return sum(weights) >= node.threshold
    return all(each) if node.kind == "all" else any(each)


def _point_holds(node: Node, told: Side, kept: Side) -> bool:
    match node.point:
        case Point.CONTROL_NUMBER:
            return told.match_key == kept.match_key
        case Point.AUTHOR:
            return bool(told.author and kept.author) and _folded(told.author) == _folded(kept.author)
        case Point.YEAR:
            return told.year is not None and told.year == kept.year
        case Point.FORMAT:
            return told.format == kept.format
        case Point.FIELD:
            return not _values(told.record, node).isdisjoint(_values(kept.record, node))
        case None:
            return False
        case keyed:
            prefix = KEYED[keyed]
            return any(key.startswith(prefix) for key in told.keys & kept.keys)


def _folded(text: str | None) -> str:
    return " ".join(joined(text).split())


def _values(record: Record | None, node: Node) -> frozenset[str]:
    if record is None:
        return frozenset()
    values = (
        _folded(field.value if field.is_control else " ".join(field.all(node.codes)))
        for field in record.fields(node.tag)
    )
    return frozenset(filter(None, values))


@dataclass(frozen=True, slots=True)
class Choice:
    """Which title it is: none, one, or several that nothing decides between."""

    title_id: UUID | None = None
    many: bool = False


def chosen(candidates: Iterable[Candidate], several: Several) -> Choice:
    """One that holds is it. Of several, with `best`, the one of the highest score, then of the best record."""
    holding = [each for each in candidates if each.holds]
    if not holding:
        return Choice()
    if len(holding) == 1:
        return Choice(holding[0].title_id)
    if several == "report":
        return Choice(many=True)
    ranked = sorted(holding, key=lambda each: (each.score, each.quality), reverse=True)
    first, second = ranked[:2]
    if (first.score, first.quality) == (second.score, second.quality):
        return Choice(many=True)
    return Choice(first.title_id)


def node_of(told: Mapping[str, Any]) -> Node:
    """A condition from its document, which is sound."""
    weight = told.get("weight") or 1
    if (point := told.get("point")) is not None:
        return Node(
            "point",
            Point(point),
            tag=told.get("tag") or "",
            codes=told.get("subfields") or "",
            weight=weight,
        )
    for kind in ("all", "any", "weigh"):
        if told.get(kind):
            parts: Sequence[Mapping[str, Any]] = told[kind]
            return Node(
                kind,
                parts=tuple(map(node_of, parts)),
                weight=weight,
                threshold=told.get("threshold") or 0,
            )
    return Node("not", parts=(node_of(told["not"]),), weight=weight)
