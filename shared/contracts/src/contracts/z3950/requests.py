"""What a server of Z39.50 hears (ISO 23950, APDUs of the origin). Tags are those of the standard's ASN.1."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from contracts.z3950 import ber, charsets
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element
from contracts.z3950.charsets import Proposal
from contracts.z3950.query import (
    BIB1,
    Attribute,
    Malformed,
    Operand,
    Query,
    attribute,
    integer,
    operand,
    query,
)

DEEPEST: Final = 200
"""Elements within each other in a request: a chain of sixty operators is some."""
INIT, SEARCH, PRESENT, DELETE, SCAN, SORT, CLOSE = 20, 22, 24, 26, 35, 43, 48


@dataclass(frozen=True, slots=True)
class InitRequest:
    """Somebody would begin."""

    reference: bytes | None
    versions: frozenset[int]
    """From 0: version 1 is 0."""
    options: frozenset[int]
    preferred_size: int
    exceptional_size: int
    charset: Proposal | None


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A query, and how much of what it finds is wanted at once."""

    reference: bytes | None
    small_upper: int
    large_lower: int
    medium: int
    replace: bool
    name: str
    databases: tuple[str, ...]
    small_elements: str | None
    medium_elements: str | None
    syntax: str | None
    query: Query


@dataclass(frozen=True, slots=True)
class PresentRequest:
    """Records of a result set."""

    reference: bytes | None
    name: str
    start: int
    number: int
    elements: str | None
    """An element set's name, or a schema's."""
    syntaxes: tuple[str, ...]
    """The first that is to be had; none: whichever."""
    any_syntax: bool
    """Whether another one will do."""
    ranges: bool
    """Whether further pieces are asked for at once."""


@dataclass(frozen=True, slots=True)
class ScanRequest:
    """A piece of an index."""

    reference: bytes | None
    databases: tuple[str, ...]
    attribute_set: str
    start: Operand
    step: int
    number: int
    position: int


@dataclass(frozen=True, slots=True)
class SortKeySpec:
    """What is ordered by: attributes, or a field's name."""

    attributes: tuple[Attribute, ...]
    field: str | None
    relation: int
    missing: int | None
    """1: then do not; 2: as if it were nothing; 3: as if it were a value that is given; None: nothing is said."""


@dataclass(frozen=True, slots=True)
class SortRequest:
    """Result sets, to be put in an order as another one."""

    reference: bytes | None
    inputs: tuple[str, ...]
    output: str
    keys: tuple[SortKeySpec, ...]


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """Result sets that are not wanted any more; None: all of them."""

    reference: bytes | None
    names: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class CloseRequest:
    """Enough."""

    reference: bytes | None


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """A service that is not offered."""

    reference: bytes | None
    tag: int


Request = (
    InitRequest
    | SearchRequest
    | PresentRequest
    | ScanRequest
    | SortRequest
    | DeleteRequest
    | CloseRequest
    | OtherRequest
)


def read(told: bytes) -> Request:
    """A whole message. Raises `NotBer`, `Malformed`, and nothing else."""
    element, end = ber.read(told, deepest=DEEPEST)
    if element.kind != CONTEXT or not element.constructed or end != len(told):
        raise Malformed("no message of Z39.50")
    reference = _reference(element)
    readers: dict[int, Callable[[Element, bytes | None], Request]] = {
        INIT: _init,
        SEARCH: _search,
        PRESENT: _present,
        DELETE: _delete,
        SCAN: _scan,
        SORT: _sort,
    }
    if element.tag in readers:
        return readers[element.tag](element, reference)
    return CloseRequest(reference) if element.tag == CLOSE else OtherRequest(reference, element.tag)


def _reference(element: Element) -> bytes | None:
    told = element.find(2)
    return b"".join(each.content for each in ber.leaves(told)) if told is not None else None


def _init(told: Element, reference: bytes | None) -> InitRequest:
    versions, options = told.find(3), told.find(4)
    if versions is None or options is None:
        raise Malformed("neither versions nor options")
    return InitRequest(
        reference,
        ber.places(versions.content),
        ber.places(options.content),
        integer(told.find(5), "a message's size"),
        integer(told.find(6), "a record's size"),
        charsets.proposal(told.find(201)),
    )


def _search(told: Element, reference: bytes | None) -> SearchRequest:
    asked = told.find(21)
    if asked is None:
        raise Malformed("no query")
    return SearchRequest(
        reference,
        small_upper=integer(told.find(13), "an upper bound"),
        large_lower=integer(told.find(14), "a lower bound"),
        medium=integer(told.find(15), "a number of records"),
        replace=_flag(told.find(16)),
        name=_text(told.find(17)) or "default",
        databases=_databases(told.find(18)),
        small_elements=_text(told.find(100, 0)),
        medium_elements=_text(told.find(101, 0)),
        syntax=_dotted(told.find(104)),
        query=query(asked),
    )


def _present(told: Element, reference: bytes | None) -> PresentRequest:
    syntax = _dotted(told.find(104))
    composed = told.find(209)
    elements = _text(told.find(19, 0))
    syntaxes = [syntax] if syntax else []
    if composed is not None:
        generic = composed.find(2)
        own = composed.find(3)
        if generic is None and own is not None and own.parts:
            generic = own.parts[0].find(2)
        if generic is not None:
            uri = _text(generic.find(300))
            elements = _text(generic.find(2, 1)) or uri
        listed = composed.find(4)
        syntaxes = [ber.dotted(each.content) for each in (listed.parts if listed is not None else ())]
        syntaxes = syntaxes or ([syntax] if syntax else [])
    return PresentRequest(
        reference,
        name=_text(told.find(31)) or "default",
        start=integer(told.find(30), "a place"),
        number=integer(told.find(29), "a number of records"),
        elements=elements,
        syntaxes=tuple(syntaxes),
        any_syntax=composed is not None and _flag(composed.find(1)),
        ranges=told.find(212) is not None,
    )


def _scan(told: Element, reference: bytes | None) -> ScanRequest:
    start, own = told.find(102), _universal(told, 6)
    if start is None:
        raise Malformed("nothing to begin at")
    step, position = told.find(5), told.find(7)
    return ScanRequest(
        reference,
        databases=_databases(told.find(3)),
        attribute_set=ber.dotted(own.content) if own is not None else BIB1,
        start=operand(start),
        step=integer(step, "a step") if step is not None else 0,
        number=integer(told.find(6), "a number of terms"),
        position=integer(position, "a place") if position is not None else 1,
    )


def _sort(told: Element, reference: bytes | None) -> SortRequest:
    inputs, output, keys = told.find(3), told.find(4), told.find(5)
    if keys is None:
        raise Malformed("no order")
    return SortRequest(
        reference,
        inputs=tuple(each.text for each in (inputs.parts if inputs is not None else ())),
        output=_text(output) or "default",
        keys=tuple(map(_sort_key, keys.parts)),
    )


def _sort_key(told: Element) -> SortKeySpec:
    relation, missing = told.find(1), told.find(3)
    generic = next(
        (
            part.parts[0]
            for part in told.parts
            if part.tag == 1 and part.kind == CONTEXT and part.constructed and part.parts
        ),
        None,
    )
    plain = next((part for part in told.parts if part.tag == 1 and not part.constructed), relation)
    listed = generic.find(44) if generic is not None and generic.tag == 2 else None
    return SortKeySpec(
        attributes=tuple(map(attribute, listed.parts)) if listed is not None else (),
        field=generic.text if generic is not None and generic.tag == 0 else None,
        relation=integer(plain, "a relation"),
        missing=missing.parts[0].tag if missing is not None and missing.parts else None,
    )


def _delete(told: Element, reference: bytes | None) -> DeleteRequest:
    if integer(told.find(32), "what to delete") == 1:
        return DeleteRequest(reference, None)
    listed = _universal(told, 16)
    return DeleteRequest(reference, tuple(each.text for each in (listed.parts if listed is not None else ())))


def _universal(told: Element, tag: int) -> Element | None:
    return next((part for part in told.parts if (part.kind, part.tag) == (UNIVERSAL, tag)), None)


def _databases(told: Element | None) -> tuple[str, ...]:
    parts: Sequence[Element] = told.parts if told is not None else ()
    return tuple(each.text for each in parts)


def _text(told: Element | None) -> str | None:
    return told.text if told is not None else None


def _dotted(told: Element | None) -> str | None:
    return ber.dotted(told.content) if told is not None else None


def _flag(told: Element | None) -> bool:
    return told is not None and any(told.content)
