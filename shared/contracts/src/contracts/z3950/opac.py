"""The OPAC record of Z39.50 (RecordSyntax-opac): a MARC record with its holdings, and which of their copies are in.

Tags are those of the standard's ASN.1: OPACRecord, HoldingsRecord, HoldingsAndCircData, CircRecord.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.z3950 import ber
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element, written
from contracts.z3950.client import octets


@dataclass(frozen=True, slots=True)
class Holding:
    """Copies in one place."""

    library: str | None = None
    """nucCode: the symbol of whoever has them."""
    location: str | None = None
    """localLocation."""
    shelving_location: str | None = None
    call_number: str | None = None
    available: bool | None = None
    """Whether one of them is in (availableNow); None: the server does not say."""


@dataclass(frozen=True, slots=True)
class OpacRecord:
    """A record and its holdings."""

    marc: bytes | None
    """ISO 2709."""
    holdings: tuple[Holding, ...] = ()


def read(told: Element) -> OpacRecord:
    """What an OPAC record says; holdings that are MARC records themselves are passed over."""
    bibliographic, holdings = told.find(1), told.find(2)
    found = [
        _holding(record)
        for record in (holdings.parts if holdings is not None else ())
        if (record.kind, record.tag) == (CONTEXT, 2)  # of the choice, holdingsAndCirc
    ]
    return OpacRecord(octets(bibliographic) if bibliographic is not None else None, tuple(found))


def _holding(told: Element) -> Holding:
    circulation = told.find(19)
    copies = [copy.find(1) for copy in (circulation.parts if circulation is not None else ())]
    states = [any(copy.content) for copy in copies if copy is not None]
    return Holding(
        library=_text(told, 8),
        location=_text(told, 9),
        shelving_location=_text(told, 10),
        call_number=_text(told, 11),
        available=any(states) if states else None,
    )


def _text(told: Element, tag: int) -> str | None:
    part = told.find(tag)
    return (part.text.strip() or None) if part is not None else None


@dataclass(frozen=True, slots=True)
class Copy:
    """One of a holding's copies (CircRecord), texts in the characters that are spoken."""

    available: bool
    item: bytes | None = None
    """Its barcode."""
    until: bytes | None = None
    """When it is to be had (availabilityDate)."""
    restrictions: bytes | None = None
    which: bytes | None = None
    """Volume and number (enumAndChron)."""
    on_hold: bool = False


@dataclass(frozen=True, slots=True)
class Shelf:
    """Copies in one place (HoldingsAndCircData), to be written."""

    library: bytes | None = None
    location: bytes | None = None
    shelving_location: bytes | None = None
    call_number: bytes | None = None
    note: bytes | None = None
    held: bytes | None = None
    """What of a serial is there (enumAndChron)."""
    copies: tuple[Copy, ...] = ()


def record(bibliographic: bytes, shelves: Sequence[Shelf]) -> bytes:
    """An OPAC record; `bibliographic` is an EXTERNAL's content."""
    holdings = [written(CONTEXT, 2, list(map(_shelf, shelves)))] if shelves else []
    return written(UNIVERSAL, 16, [written(CONTEXT, 1, [bibliographic]), *holdings])


def _shelf(shelf: Shelf) -> bytes:
    texts = {
        8: shelf.library,
        9: shelf.location,
        10: shelf.shelving_location,
        11: shelf.call_number,
        14: shelf.note,
        17: shelf.held,
    }
    copies = [written(CONTEXT, 19, list(map(_copy, shelf.copies)))] if shelf.copies else []
    return written(CONTEXT, 2, [*_texts(texts), *copies])


def _copy(copy: Copy) -> bytes:
    told = [
        written(CONTEXT, 1, ber.boolean(copy.available)),
        *_texts({2: copy.until, 4: copy.restrictions, 5: copy.item}),
        written(CONTEXT, 6, ber.boolean(False)),  # whether it may be renewed depends on who has it
        written(CONTEXT, 7, ber.boolean(copy.on_hold)),
        *_texts({8: copy.which}),
    ]
    return written(UNIVERSAL, 16, told)


def _texts(texts: Mapping[int, bytes | None]) -> list[bytes]:
    return [written(CONTEXT, tag, text) for tag, text in texts.items() if text]
