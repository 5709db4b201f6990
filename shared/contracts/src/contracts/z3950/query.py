"""Queries of Z39.50 as they come: RPN (types 1 and 101), and CQL (type 104). What they mean is decided elsewhere."""

from dataclasses import dataclass
from typing import Final

from contracts.z3950 import ber
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element

BIB1: Final = "1.2.840.10003.3.1"
CQL: Final = "1.2.840.10003.16.2"
OPERATORS: Final = ("and", "or", "and-not", "prox")
LONGEST_NUMBER: Final = 8
"""Octets of an integer; nothing that is counted here needs more."""


class Malformed(ValueError):
    """A message that is BER, and none of Z39.50."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """What a term is, by an attribute set: type 1 is what it is used as, and so on."""

    type: int
    value: int | str
    set: str | None = None
    """The set's object identifier, where it is not that of the query."""


@dataclass(frozen=True, slots=True)
class Operand:
    """A term with its attributes."""

    attributes: tuple[Attribute, ...]
    term: bytes | int | None
    """None: of a kind that says nothing (null) …"""
    odd: bool = False
    """… or of one that is not text or number."""


@dataclass(frozen=True, slots=True)
class Named:
    """A result set."""

    name: str
    attributes: bool = False
    """Whether it is to be looked at through attributes (`resultAttr`)."""


@dataclass(frozen=True, slots=True)
class Proximity:
    """How near two operands are to be."""

    exclusion: bool
    distance: int
    ordered: bool
    relation: int
    unit: int | None
    """None: a unit of somebody's own."""


@dataclass(frozen=True, slots=True)
class Joined:
    """Two queries and an operator."""

    operator: str
    left: "Rpn"
    right: "Rpn"
    proximity: Proximity | None = None


Rpn = Operand | Named | Joined


@dataclass(frozen=True, slots=True)
class RpnQuery:
    """Type 1 or 101."""

    attribute_set: str
    root: Rpn


@dataclass(frozen=True, slots=True)
class CqlQuery:
    """Type 104, in the Contextual Query Language."""

    text: str


@dataclass(frozen=True, slots=True)
class OtherQuery:
    """A type that is not read."""

    type: int


Query = RpnQuery | CqlQuery | OtherQuery


def integer(element: Element | None, what: str) -> int:
    """A number that has to be there. `Malformed` where it is not."""
    if element is None or element.constructed or not 0 < len(element.content) <= LONGEST_NUMBER:
        raise Malformed(f"{what} is no number")
    return element.number


def query(told: Element) -> Query:
    """The query in a search's element 21. Raises `Malformed`."""
    chosen = told.parts[0] if len(told.parts) == 1 else None
    if chosen is None or chosen.kind != CONTEXT:
        raise Malformed("no query")
    if chosen.tag in (1, 101):
        if len(chosen.parts) != 2:
            raise Malformed("a query without its attribute set or its tree")
        return RpnQuery(ber.dotted(chosen.parts[0].content), _rpn(chosen.parts[1]))
    if chosen.tag == 104:
        return _cql(chosen)
    return OtherQuery(chosen.tag)


def _cql(told: Element) -> Query:
    kind = next((part for part in told.parts if (part.kind, part.tag) == (UNIVERSAL, 6)), None)
    held = told.find(0) or told.find(1)
    if kind is None or ber.dotted(kind.content) != CQL or held is None:
        return OtherQuery(104)
    return CqlQuery(held.text)


def _rpn(told: Element) -> Rpn:
    if (told.kind, told.tag) == (CONTEXT, 0) and len(told.parts) == 1:
        return _operand(told.parts[0])
    if (told.kind, told.tag) != (CONTEXT, 1) or len(told.parts) != 3:
        raise Malformed("a query's tree that is none")
    left, right, joint = told.parts
    chosen = joint.parts[0] if (joint.tag, len(joint.parts)) == (46, 1) else None
    if chosen is None or chosen.tag >= len(OPERATORS):
        raise Malformed("an operator that is none")
    proximity = _proximity(chosen) if OPERATORS[chosen.tag] == "prox" else None
    return Joined(OPERATORS[chosen.tag], _rpn(left), _rpn(right), proximity)


def _operand(told: Element) -> Operand | Named:
    if told.tag == 31:
        return Named(told.text)
    if told.tag == 214:
        name = told.find(31)
        return Named(name.text if name is not None else "", attributes=True)
    if told.tag != 102:
        raise Malformed("an operand that is none")
    return operand(told)


def operand(told: Element) -> Operand:
    """A term with its attributes (AttributesPlusTerm). Raises `Malformed`."""
    if len(told.parts) != 2 or told.parts[0].tag != 44:
        raise Malformed("a term without its attributes")
    attributes, term = told.parts
    found = tuple(map(attribute, attributes.parts))
    if term.tag in (45, 216):
        return Operand(found, b"".join(each.content for each in ber.leaves(term)))
    if term.tag == 215:
        return Operand(found, integer(term, "a term"))
    return Operand(found, None, odd=term.tag != 221)


def attribute(told: Element) -> Attribute:
    """An attribute; of a value that is a list, the first. Raises `Malformed`."""
    own = told.find(1)
    kind = integer(told.find(120), "an attribute's type")
    dotted = ber.dotted(own.content) if own is not None else None
    plain, several = told.find(121), told.find(224, 1)
    if plain is not None:
        return Attribute(kind, integer(plain, "an attribute"), dotted)
    if several is None or not several.parts:
        raise Malformed("an attribute without a value")
    first = several.parts[0]
    value: int | str = first.text if first.tag == 1 else integer(first, "an attribute")
    return Attribute(kind, value, dotted)


def _proximity(told: Element) -> Proximity:
    exclusion, ordered, known = told.find(1), told.find(3), told.find(5, 1)
    return Proximity(
        exclusion=exclusion is not None and any(exclusion.content),
        distance=integer(told.find(2), "a distance"),
        ordered=ordered is not None and any(ordered.content),
        relation=integer(told.find(4), "a relation"),
        unit=integer(known, "a unit") if known is not None else None,
    )
