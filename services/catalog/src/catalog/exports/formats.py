"""The formats of an export as files: what stands before, between and behind titles, and each title's bytes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from catalog.citations import csl, ris
from catalog.exports.rules import Format
from catalog.marc import crosswalk, iso2709, marcjson, marcxml, mets, mods
from catalog.marc.extract import extract
from catalog.marc.reading import MARC, MARC_JSON, MARCXML, METS, MODS
from catalog.marc.record import Field, Record
from catalog.titles import media
from catalog.titles.exporting import closing, opening
from chassis.sheets import row

COLUMNS: Final = (
    "id", "number", "control_number", "title", "subtitle", "author", "year", "format", "edition", "publisher", "place",
    "languages", "isbns", "issns", "series", "subjects", "call_numbers", "urls",
)  # fmt: skip
BETWEEN: Final = " | "
"""Between several values in one cell."""


@dataclass(frozen=True, slots=True)
class Named:
    """A title to be written: its id, the number that people read out, and its record."""

    id: UUID
    number: int
    record: Record
    held: Sequence[Field] = ()
    """Its holdings and items, as they are embedded in a record; of MARC's formats they stand in the record already."""


@dataclass(frozen=True, slots=True)
class Form:
    """A format."""

    media_type: str
    suffix: str
    write: Callable[[Named], bytes]
    opening: bytes = b""
    between: bytes = b""
    closing: bytes = b""


def _dc(title: Named) -> bytes:
    told = crosswalk.dumps(crosswalk.dublin_core(title.record))
    return f'<record id="{title.id}" number="{title.number}">'.encode() + told + b"</record>\n"


def _mets(title: Named) -> bytes:
    told = mets.dumps(title.record, title.held, key=f"t{title.number}")
    return f'<record id="{title.id}" number="{title.number}">{told}</record>\n'.encode()


def _csv(title: Named) -> bytes:
    facts = extract(title.record)
    told: dict[str, object] = {"id": str(title.id), "number": title.number}
    for name in COLUMNS[2:]:
        value = getattr(facts, name)
        told[name] = BETWEEN.join(value) if isinstance(value, tuple) else value
    return row([told[name] for name in COLUMNS])


_XML: Final = b'<?xml version="1.0" encoding="UTF-8"?>\n'
FORMS: Final = {
    Format.MARC: Form(MARC, "mrc", lambda title: iso2709.dumps(title.record)),
    Format.MARCXML: Form(
        MARCXML,
        "xml",
        lambda title: marcxml.dumps(title.record, namespace=False) + b"\n",
        opening(MARCXML),
        closing=closing(MARCXML),
    ),
    Format.MARC_JSON: Form(
        MARC_JSON,
        "json",
        lambda title: marcjson.dumps(title.record),
        opening(MARC_JSON),
        b",\n",
        closing(MARC_JSON),
    ),
    Format.MARC_LINES: Form(
        "application/x-ndjson", "ndjson", lambda title: marcjson.dumps(title.record) + b"\n"
    ),
    Format.DUBLIN_CORE: Form(media.DUBLIN_CORE, "xml", _dc, _XML + b"<records>\n", closing=b"</records>\n"),
    Format.MODS: Form(
        MODS,
        "xml",
        lambda title: mods.dumps(title.record).encode() + b"\n",
        _XML + f'<modsCollection xmlns="{mods.NAMESPACE}">\n'.encode(),
        closing=b"</modsCollection>\n",
    ),
    Format.METS: Form(METS, "xml", _mets, _XML + b"<records>\n", closing=b"</records>\n"),
    Format.RIS: Form(
        media.RIS,
        "ris",
        lambda title: ris.dumps(csl.csl(title.record, key=f"t{title.number}")).encode(),
    ),
    Format.CSV: Form("text/csv; charset=utf-8", "csv", _csv, row(COLUMNS)),
}
