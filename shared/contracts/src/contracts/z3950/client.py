"""Z39.50 as a client speaks it (ISO 23950): initialize, search, present; MARC 21 and OPAC records. No network.

Tags are those of the standard's ASN.1 (Z39-50-APDU-1995); queries are type 1 (RPN) with attributes of Bib-1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Final

from contracts.z3950 import ber
from contracts.z3950.ber import CONTEXT, UNIVERSAL, Element, written

INIT_RESPONSE, SEARCH_RESPONSE, PRESENT_RESPONSE, CLOSE = 21, 23, 25, 48
BIB1: Final = "1.2.840.10003.3.1"
MARC21: Final = "1.2.840.10003.5.10"
OPAC: Final = "1.2.840.10003.5.102"
"""A record with its holdings, and whether their copies are in (`opac.py`)."""
USE: Final[Mapping[str, int]] = {
    "record_id": 12,
    "isbn": 7,
    "issn": 8,
    "lccn": 9,
    "title": 4,
    "author": 1003,
    "any": 1016,
}
"""Bib-1's use attributes."""
RESULTS: Final = b"default"
_CONDITIONS: Final = {
    1: "permanent system error",
    2: "temporary system error",
    3: "unsupported search",
    31: "resources exhausted",
    101: "access denied",
    108: "malformed query",
    109: "database unavailable",
    114: "unsupported use attribute",
    235: "no such database",
    238: "no record in this format",
    239: "no record in this format",
}
"""Bib-1's diagnostics that a cataloguer meets."""


class NoAnswer(ValueError):
    """What came is no answer, or the server says why there is none."""


def _context(tag: int, content: bytes | list[bytes]) -> bytes:
    return written(CONTEXT, tag, content)


def initialize() -> bytes:
    """Begin: version 3, search and present, records up to a megabyte."""
    return _context(
        20,
        [
            _context(3, b"\x05\xe0"),  # versions 1 to 3, of eight bits five are not used
            _context(4, b"\x06\xc0"),  # search and present
            _context(5, ber.integer(1 << 20)),
            _context(6, ber.integer(1 << 20)),
            _context(111, b"Carrel"),
        ],
    )


def search(database: str, terms: Mapping[str, str], use: Mapping[str, int] = USE) -> bytes:
    """Titles that have all of these terms; `use` has the attribute that each is searched by."""
    tree = reduce(_both, (_operand(use[name], term) for name, term in terms.items()))
    query = _context(1, [written(UNIVERSAL, 6, ber.oid(BIB1)), tree])
    return _context(
        22,
        [
            _context(13, ber.integer(0)),
            _context(14, ber.integer(1)),
            _context(15, ber.integer(0)),
            _context(16, b"\xff"),
            _context(17, RESULTS),
            _context(18, [_context(105, database.encode())]),
            _context(21, [query]),
        ],
    )


def _operand(use: int, term: str) -> bytes:
    attribute = written(UNIVERSAL, 16, [_context(120, ber.integer(1)), _context(121, ber.integer(use))])
    return _context(0, [_context(102, [_context(44, [attribute]), _context(45, term.encode())])])


def _both(one: bytes, other: bytes) -> bytes:
    return _context(1, [one, other, _context(46, [_context(0, b"")])])


def present(start: int, number: int, syntax: str = MARC21) -> bytes:
    """So many of the records that were found, whole, from this one on (counted from 1)."""
    return _context(
        24,
        [
            _context(31, RESULTS),
            _context(30, ber.integer(start)),
            _context(29, ber.integer(number)),
            _context(19, [_context(0, b"F")]),
            _context(104, ber.oid(syntax)),
        ],
    )


@dataclass(slots=True)
class Presented:
    """A piece of what was found."""

    records: list[bytes] = field(default_factory=list)
    """ISO 2709 …"""
    opac: list[Element] = field(default_factory=list)
    """… or OPAC records, as they came."""
    unreadable: int = 0
    """Diagnostics in the place of records, and records in other formats."""


def initialized(told: Element) -> None:
    """Whether the server takes us; `NoAnswer` when it does not."""
    _is(told, INIT_RESPONSE)
    result = told.find(12)
    if result is None or not any(result.content):
        raise NoAnswer("the server does not take us")


def counted(told: Element) -> int:
    """How many titles a search has found; `NoAnswer` with the server's words when it was none."""
    _is(told, SEARCH_RESPONSE)
    _diagnosed(told)
    number, status = told.find(23), told.find(22)
    if number is None or status is None or not any(status.content):
        raise NoAnswer("the server could not search")
    return max(number.number, 0)


def presented(told: Element) -> Presented:
    """The records of an answer; `NoAnswer` with the server's words when there are none."""
    _is(told, PRESENT_RESPONSE)
    _diagnosed(told)
    found = Presented()
    records = told.find(28)
    for each in records.parts if records is not None else ():
        retrieval = each.find(1, 1)
        external = _external(retrieval) if retrieval is not None else None
        whole = octets(external) if external is not None else None
        opac = _single(external) if external is not None else None
        if whole is not None:
            found.records.append(whole)
        elif opac is not None:
            found.opac.append(opac)
        else:
            found.unreadable += 1
    return found


def _external(retrieval: Element) -> Element:
    return next((part for part in retrieval.parts if (part.kind, part.tag) == (UNIVERSAL, 8)), retrieval)


def _single(external: Element) -> Element | None:
    """An OPAC record that an EXTERNAL holds as one value of ASN.1."""
    value = external.find(0)
    if value is None or len(value.parts) != 1 or _syntax(external) != ber.oid(OPAC):
        return None
    return value.parts[0]


def _syntax(external: Element) -> bytes | None:
    told = next((part for part in external.parts if (part.kind, part.tag) == (UNIVERSAL, 6)), None)
    return told.content if told is not None else None


def octets(external: Element) -> bytes | None:
    """A record that an EXTERNAL holds as octets; MARC 21 alone is read."""
    held = external.find(1)
    if held is None or _syntax(external) != ber.oid(MARC21):
        return None
    return b"".join(each.content for each in ber.leaves(held))


def _is(told: Element, tag: int) -> None:
    if told.kind == CONTEXT and told.tag == CLOSE:
        raise NoAnswer("the server has hung up")
    if told.kind != CONTEXT or told.tag != tag:
        raise NoAnswer("no answer of Z39.50")


def _diagnosed(told: Element) -> None:
    diagnostic = told.find(130)
    if diagnostic is None:
        return
    parts = [part for part in diagnostic.parts if (part.kind, part.tag) != (UNIVERSAL, 6)]
    condition = parts[0].number if parts else 0
    words = _CONDITIONS.get(condition, f"condition {condition} of Bib-1")
    more = parts[1].text.strip() if len(parts) > 1 else ""
    raise NoAnswer(f"the server says: {words}{f' ({more[:200]})' if more else ''}")
