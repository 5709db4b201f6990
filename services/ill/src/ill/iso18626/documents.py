"""Messages as nested dictionaries, read from XML and written to it by the grammar of their version.

Within the house a message has one shape, whichever version it came in or goes out by (`versions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from chassis import markup
from chassis.markup import Element, NotXml
from chassis.moments import EARLIEST, LATEST
from ill.iso18626 import grammar, versions
from ill.iso18626.grammar import GRAMMARS, MESSAGES, SPACE, V12, Grammar, Part

Document = dict[str, Any]

ID_LENGTH: Final = 200
"""Characters of an id: it is looked up by an index."""


class Flaw(ValueError):
    """Why a message is refused, as `errorData` tells it."""

    def __init__(self, kind: str, value: str) -> None:
        super().__init__(f"{kind}: {value}")
        self.kind, self.value = kind, value


@dataclass(frozen=True, slots=True)
class Read:
    """A message that was read: as far as it could be."""

    kind: str
    document: Document
    flaw: Flaw | None = None
    unknown: tuple[str, ...] = ()
    """Elements that the standard does not know, where they were let pass."""
    version: str = V12
    """Of the standard: the answer is written in it, too."""


@dataclass(slots=True)
class _Reading:
    lenient: bool
    grammar: Grammar
    unknown: list[str] = field(default_factory=list)
    flaw: Flaw | None = None

    def found(self, kind: str, value: str) -> None:
        """The first flaw is the one that is told."""
        self.flaw = self.flaw or Flaw(kind, value[:200])


def read(body: bytes, *, lenient: bool = False) -> Read:
    """A message; `NotXml` when it is none of ISO 18626 at all. Flaws within are told in what is returned."""
    root = markup.read(body)
    if (root.space, root.name) != (SPACE, "ISO18626Message"):
        raise NotXml("no ISO18626Message")
    if len(root.children) != 1 or root.children[0].name not in MESSAGES or root.children[0].space != SPACE:
        raise NotXml("an ISO18626Message that holds no message, or several")
    told = root.children[0]
    said = root.attributes.get(f"{SPACE} version") or root.attributes.get("version") or V12
    version = grammar.VERSIONS_READ.get(said, V12)
    reading = _Reading(lenient, GRAMMARS[version])
    if said not in grammar.VERSIONS_READ:
        reading.found("UnrecognisedDataValue", "version")
    document = versions.ours(told.name, _read_group(told, MESSAGES[told.name], reading), version)
    return Read(told.name, document, reading.flaw, tuple(reading.unknown), version)


def _read_group(element: Element, group: str, reading: _Reading) -> Document:
    parts = {part.name: part for part in reading.grammar.groups[group]}
    document: Document = {}
    for child in element.children:
        part = parts.get(child.name) if child.space == SPACE else None
        if part is None:
            reading.unknown.append(child.name)
            if not reading.lenient:
                reading.found("UnrecognisedDataElement", child.name)
            continue
        value = _read_part(child, part, reading)
        if value is None:
            continue
        if part.many:
            document.setdefault(part.name, []).append(value)
        elif part.name in document:
            reading.found("BadlyFormedMessage", part.name)
        else:
            document[part.name] = value
    for part in parts.values():
        if part.wanted and part.name not in document:
            given = element.child(part.name) is not None
            reading.found("UnrecognisedDataValue" if given else "BadlyFormedMessage", part.name)
    return document


def _read_part(element: Element, part: Part, reading: _Reading) -> Any:
    """What it holds; None for an empty one, which peers send where they have nothing to say."""
    if part.holds in reading.grammar.groups:
        return _read_group(element, part.holds, reading) if element.children or part.wanted else None
    if not element.text:
        return None
    try:
        return _leaf(element.text, part.holds, reading.grammar)
    except (ValueError, InvalidOperation, OverflowError):
        kind = {
            "action": "UnsupportedActionType",
            "reason": "UnsupportedReasonForMessageType",
        }.get(part.holds)
        reading.found(kind or "UnrecognisedDataValue", element.text if kind else part.name)
        return None


def _leaf(told: str, holds: str, spoken: Grammar) -> Any:
    if holds in spoken.closed:
        if told not in spoken.closed[holds]:
            raise ValueError(told)
        return told
    if holds == grammar.MOMENT:
        moment = datetime.fromisoformat(told)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
        if not EARLIEST <= moment <= LATEST:
            raise ValueError(told)
        return moment.isoformat()
    if holds == grammar.ID and len(told) > ID_LENGTH:
        raise ValueError(told)
    if holds == grammar.DECIMAL:
        amount = Decimal(told)
        if not amount.is_finite() or abs(amount) > 10**9:
            raise ValueError(told)
        return str(amount)
    if holds == grammar.WHOLE:
        return int(told[:20])
    if holds == grammar.BOOLEAN:
        return {"true": True, "1": True, "false": False, "0": False}[told] if told in _BOOLEANS else _no(told)
    return told


_BOOLEANS = frozenset({"true", "1", "false", "0"})


def _no(told: str) -> Any:
    raise ValueError(told)


def write(kind: str, document: Mapping[str, Any], version: str = V12) -> bytes:
    """A message as XML of a version. `KeyError` for what its grammar does not know: that would be our mistake."""
    lines = [
        "<?xml version='1.0' encoding='UTF-8'?>\n",
        markup.opened("ISO18626Message", xmlns=SPACE, xmlns__ill=SPACE, ill__version=version),
    ]
    told = versions.theirs(kind, document, version)
    _write_group(lines, kind, MESSAGES[kind], told, GRAMMARS[version])
    lines.append("</ISO18626Message>\n")
    return "".join(lines).encode()


def _write_group(
    lines: list[str], name: str, group: str, document: Mapping[str, Any], spoken: Grammar
) -> None:
    parts = spoken.groups[group]
    if unknown := set(document) - {part.name for part in parts}:
        raise KeyError(f"{name} has no {', '.join(sorted(unknown))}")
    lines.append(f"<{name}>")
    for part in parts:
        told = None if part.tolerated else document.get(part.name)
        for value in told if part.many and told is not None else [told]:
            if value is None:
                continue
            if part.holds in spoken.groups:
                _write_group(lines, part.name, part.holds, value, spoken)
            else:
                lines.append(f"<{part.name}>{markup.text(_written(value, part.holds))}</{part.name}>")
    lines.append(f"</{name}>")


def _written(value: Any, holds: str) -> str:
    if holds == grammar.MOMENT:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
