"""A title in the record syntaxes that are offered: MARC 21, MARC with holdings (OPAC), XML, and plain text (SUTRS)."""

from collections.abc import Mapping, Sequence
from typing import Final

from catalog.marc import iso2709, marc8
from catalog.marc.extract import extract
from catalog.marc.iso2709 import Inexpressible
from catalog.marc.record import Record
from catalog.sru.answers import WRITERS
from catalog.sru.asking import SCHEMAS
from catalog.z3950.queries import Standing, Stood, Told
from catalog.z3950.rules import Diagnosed
from contracts.z3950 import opac
from contracts.z3950.ber import UNIVERSAL, written
from contracts.z3950.charsets import Charset
from contracts.z3950.client import MARC21, OPAC
from contracts.z3950.opac import Copy, Shelf
from contracts.z3950.responses import external

SUTRS: Final = "1.2.840.10003.5.101"
XML: Final = "1.2.840.10003.5.109.10"
SYNTAXES: Final = (MARC21, OPAC, XML, SUTRS)
WITH_COPIES: Final = (OPAC, SUTRS)
BRIEF: Final = frozenset(
    "001 003 005 008 010 020 022 100 110 111 245 250 260 264 300".split()  # noqa: SIM905 - read as a list of tags
)
"""Fields of a brief record (element set B)."""
_SCHEMAS: Final[Mapping[str, str]] = {
    told.casefold(): name for name, others in SCHEMAS.items() for told in (name, *others)
}
IN: Final = ("available", "reshelving")


def syntax_of(wanted: Sequence[str], *, any_syntax: bool) -> str:
    """The first syntax that is to be had; MARC 21 where none is asked for. Raises `Diagnosed`."""
    found = next((each for each in wanted if each in SYNTAXES), None)
    if found is not None:
        return found
    if wanted and not any_syntax:
        raise Diagnosed(239, wanted[0])
    return MARC21


def elements_of(wanted: str | None, syntax: str) -> str:
    """Which of a record's elements: F (all), B (a few); in XML also a schema. Raises `Diagnosed`."""
    name = (wanted or "F").strip()
    if name.upper() in ("F", "B"):
        return name.upper()
    if syntax == XML and name.casefold() in _SCHEMAS:
        return _SCHEMAS[name.casefold()]
    raise Diagnosed(25, name)


def written_as(told: Told, syntax: str, elements: str, charset: Charset) -> bytes:
    """A title as an EXTERNAL's content; texts in these characters, XML in UTF-8. Raises `Diagnosed`."""
    record = told.record
    if elements == "B":
        record = Record(record.leader, [field for field in record if field.tag in BRIEF])
    if syntax == XML:
        schema = elements if elements in WRITERS else "marcxml"
        return external(XML, octets=WRITERS[schema](record).encode())
    if syntax == SUTRS:
        lines = "\n".join(_lines(told, brief=elements == "B")) + "\n"
        return external(SUTRS, value=written(UNIVERSAL, 27, encoded(lines, charset)))
    try:
        marc = external(MARC21, octets=iso2709.dumps(record, charset))
    except Inexpressible as error:
        raise Diagnosed(238, f"{XML} ({error})") from error
    if syntax == MARC21:
        return marc
    return external(OPAC, value=opac.record(marc, [_shelf(each, charset) for each in told.shelves]))


def encoded(text: str, charset: Charset) -> bytes:
    """A text in these characters."""
    return marc8.encode(text) if charset == "marc-8" else text.encode("utf-8", "replace")


def _shelf(shelf: Stood, charset: Charset) -> Shelf:
    def told(text: str | None) -> bytes | None:
        return encoded(text, charset) if text else None

    return Shelf(
        library=told(shelf.library_code),
        location=told(shelf.library),
        shelving_location=told(shelf.location),
        call_number=told(
            shelf.call_number or next((c.call_number for c in shelf.copies if c.call_number), None)
        ),
        held=told(shelf.held),
        copies=tuple(
            Copy(
                available=is_in(each),
                item=told(each.barcode),
                until=told(each.due_at.date().isoformat() if each.due_at and not is_in(each) else None),
                restrictions=told(restriction(each)),
                which=told(each.which),
                on_hold=each.state == "on-hold-shelf",
            )
            for each in shelf.copies
        ),
    )


def is_in(copy: Standing) -> bool:
    """Whether a copy can be had now. One that circulation has not told of yet is what the catalogue thinks of it."""
    if copy.state is None:
        return copy.base_state in ("active", "restricted")
    return copy.state in IN


def restriction(copy: Standing) -> str | None:
    """Why a copy is not lent, in a word; None where it is."""
    if is_in(copy):
        return None if copy.lendable else "use here"
    return (copy.state or copy.base_state).replace("-", " ")


def _lines(told: Told, *, brief: bool) -> list[str]:
    facts = extract(told.record)
    title = ": ".join(filter(None, (facts.title, facts.subtitle)))
    imprint = ", ".join(filter(None, (facts.place, facts.publisher, str(facts.year) if facts.year else None)))
    if brief:
        return [". ".join(filter(None, (facts.author, title, imprint)))]
    rows: list[tuple[str, Sequence[str | None]]] = [
        ("Title", (title,)),
        ("Author", (facts.author,)),
        ("Contributor", facts.contributors),
        ("Edition", (facts.edition,)),
        ("Published", (imprint,)),
        ("Series", facts.series),
        ("Subject", facts.subjects),
        ("ISBN", facts.isbns),
        ("ISSN", facts.issns),
        ("Summary", (facts.summary,)),
    ]
    lines = [f"{label}: {' '.join(value.split())}" for label, values in rows for value in values if value]
    for shelf in told.shelves:
        where = ", ".join(filter(None, (shelf.library, shelf.location, shelf.call_number)))
        inside = sum(map(is_in, shelf.copies))
        lines.append(f"Held: {where}: {inside} of {len(shelf.copies)} in")
    return lines
