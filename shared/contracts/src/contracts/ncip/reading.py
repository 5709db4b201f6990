"""Reads a message out of XML that was parsed already. What is not spoken here is passed over; flaws are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from contracts.ncip.grammar import FLAGS, GROUPS, MOMENTS, NUMBERS, ONE_OF, SPACE, Part

LONGEST: Final = 2000
"""Characters of a value that are read; what is looked up by its value has a bound of its own."""
_VERSIONS: Final = ("v2_0/", "v2_01/", "v2_02/")
SYNTAX: Final = "Invalid Message Syntax Error"
_UNWANTED: Final = "\x00"


class Parsed(Protocol):
    """An element of parsed XML."""

    space: str
    name: str
    attributes: dict[str, str]
    text: str

    @property
    def children(self) -> "Sequence[Parsed]":
        """What is directly within it."""


class NotNcip(ValueError):
    """Well-formed XML, but no NCIPMessage that holds one message; the words say why."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a message: a problem type of NCIP, and the element it is about."""

    type: str
    element: str
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """A message as far as it could be read: its service (`…Response` for an answer), and what it tells."""

    kind: str
    body: dict[str, Any]
    flaws: tuple[Flaw, ...] = ()


@dataclass(slots=True)
class _Reading:
    flaws: list[Flaw] = field(default_factory=list)

    def group(self, element: Parsed) -> dict[str, Any]:
        parts = {part.name: part for part in GROUPS[element.name]}
        body: dict[str, Any] = {}
        for child in element.children:
            part = parts.get(child.name) if child.space == SPACE else None
            value = self.value(child) if part is not None else None
            if part is None or value is None:
                continue
            if part.many:
                body.setdefault(part.name, []).append(value)
            elif part.name in body:
                self.flaws.append(Flaw(SYNTAX, part.name, "told twice"))
            else:
                body[part.name] = value
        self.complete(element.name, parts, body)
        return body

    def complete(self, name: str, parts: Mapping[str, Part], body: Mapping[str, Any]) -> None:
        """Note what has to be there and is not."""
        for part in parts.values():
            if part.wanted and part.name not in body:
                self.flaws.append(Flaw(SYNTAX, part.name))
        for either in ONE_OF.get(name, ()):
            if not any(each in body for each in either):
                self.flaws.append(Flaw(SYNTAX, either[0]))

    def value(self, element: Parsed) -> Any:
        """What it holds; None for an empty one, which peers send where they have nothing to say."""
        if element.name in GROUPS:
            return self.group(element)
        if element.name in FLAGS:
            return True
        told = element.text
        if not told:
            return None
        try:
            if len(told) > LONGEST or _UNWANTED in told:
                raise ValueError
            if element.name in MOMENTS:
                return _moment(told)
            return int(told[:20]) if element.name in NUMBERS else told
        except (ValueError, OverflowError):
            self.flaws.append(Flaw(SYNTAX, element.name, told[:100].replace(_UNWANTED, "")))
            return None


def _moment(told: str) -> str:
    moment = datetime.fromisoformat(told)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    if not 1970 <= moment.year <= 2200:
        raise ValueError(told)
    return moment.isoformat()


def read(root: Parsed) -> Read:
    """The one message in an NCIPMessage. Moments come as ISO 8601 in UTC; one without a zone counts as UTC.

    `NotNcip` for what is none. A bare Problem, which answers what could not even be told apart, is of the kind
    `Problem` and has its problems under that name. A service that is not spoken has its name and no body.
    """
    if (root.space, root.name) != (SPACE, "NCIPMessage"):
        raise NotNcip("no NCIPMessage of NCIP 2")
    said = root.attributes.get(f"{SPACE} version") or root.attributes.get("version")
    if said is None or not any(version in said for version in _VERSIONS):
        raise NotNcip("an NCIPMessage that is not of version 2.0, 2.01 or 2.02")
    told = [child for child in root.children if child.space == SPACE]
    reading = _Reading()
    if told and all(child.name == "Problem" for child in told):
        problems = [reading.group(child) for child in told]
        return Read("Problem", {"Problem": problems}, tuple(reading.flaws))
    if len(told) != 1:
        raise NotNcip("an NCIPMessage that holds no message, or several")
    kind = told[0].name
    if kind not in GROUPS or GROUPS[kind][0].name not in ("InitiationHeader", "ResponseHeader"):
        return Read(kind, {})
    body = reading.group(told[0])
    return Read(kind, body, tuple(reading.flaws))
