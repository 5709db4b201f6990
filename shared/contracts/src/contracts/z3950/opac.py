"""The OPAC record of Z39.50 (RecordSyntax-opac): a MARC record with its holdings, and which of their copies are in.

Tags are those of the standard's ASN.1: OPACRecord, HoldingsRecord, HoldingsAndCircData, CircRecord.
"""

from dataclasses import dataclass

from contracts.z3950.ber import CONTEXT, Element
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
