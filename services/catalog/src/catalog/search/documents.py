"""What is known of a title when it is searched."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import orjson
import tantivy

from catalog.marc.extract import NO_TITLE
from catalog.search.classes import CLASSES
from catalog.search.filing import Filing, numbers
from catalog.search.folding import identifier, joined
from catalog.search.headings import FIELD, KINDS, Told, indexed, keyed, remembered, skipped, written

SCHEMA_VERSION = 6
"""Raised with every change of the fields below: an index of another version is built anew."""

TEXT = {"title": 5.0, "author": 3.0, "subject": 2.0, "rest": 1.0}
"""Fields of words, and what a hit there weighs when any field is asked for."""
WORDS_ONLY = ("series", "publisher")
EXACT = ("isbn", "issn", "identifier", "barcode", "call_number")
FACETS = (
    "format",
    "language",
    "library",
    "location",
    "subject",
    "author",
    "genre",
    "decade",
    "availability",
    "material_type",
    "custom",
)
FILED: Final = {"title": 6, "author": 3}
"""What is filed by its words, and by how many numbers of eight bytes: 48 letters of a title, 24 of a name. Ranges of
them are read from the column, so no list of titles is kept for each number."""
BEGIN: Final = "<"
END: Final = ">"
"""Stand before and behind each value of a field of words, so that a search can be for what begins or ends with
something. No text that is folded holds them, for they are no letters."""
AS_SEARCHED: Final = Filing()
NO_YEAR: Final = -9999


@dataclass(slots=True)
class TitleDocument:
    """A title as the index holds it. Nobody changes one (frozen, it would take three times as long)."""

    title_id: UUID
    title: str
    number: int = 0
    """In the catalogue (`hrid`), which lists of hits are kept by."""
    eldest: int | None = None
    """The number of the eldest title of its work; None where it is the only one (`catalog.works`)."""
    subtitle: str | None = None
    author: str | None = None
    contributors: tuple[str, ...] = ()
    other_names: tuple[str, ...] = ()
    """Names in other scripts, which are searched and not counted."""
    subjects: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    publisher: str | None = None
    place: str | None = None
    year: int | None = None
    edition: str | None = None
    languages: tuple[str, ...] = ()
    format: str = "other"
    isbns: tuple[str, ...] = ()
    issns: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    call_numbers: tuple[str, ...] = ()
    barcodes: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    material_types: tuple[str, ...] = ()
    custom: tuple[str, ...] = ()
    """Public facts of the library's own, as `code:value`."""
    availability: str = "none"
    """available, unavailable, online, or none (no items)."""
    other_titles: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    """Summary, contents, notes, fields in other scripts."""
    sort_title: str | None = None
    headings: tuple[Told, ...] = ()
    """Titles and series beside the title proper, whatever stands in another script or files without an article, and
    classification numbers."""
    linked: tuple[str, ...] = ()
    """What its linking entries name other titles by (`catalog.relations.rules`)."""
    suppressed: bool = False
    stored: bytes = b"{}"
    """JSON of what a list of hits shows."""


class Copies(NamedTuple):
    """What is known of a title beside its record."""

    title_id: str
    hrid: int
    suppressed: bool
    barcodes: Sequence[str] = ()
    libraries: Sequence[str] = ()
    locations: Sequence[str] = ()
    material_types: Sequence[str] = ()
    call_numbers: Sequence[str] = ()
    total: int = 0
    """Items that are shown to the public."""
    available: int = 0
    custom: Sequence[str] = ()
    eldest: int | None = None


def make_schema() -> tantivy.Schema:
    """The fields of the index."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("key", stored=True, tokenizer_name="raw", index_option="basic")
    for name in (*TEXT, *WORDS_ONLY):
        builder.add_text_field(name, tokenizer_name="whitespace", index_option="position")
    for name in EXACT:
        builder.add_text_field(f"x_{name}", tokenizer_name="raw", index_option="basic")
    for name in FACETS:
        builder.add_text_field(f"f_{name}", tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_integer_field("year", indexed=True, fast=True)
    builder.add_text_field("public", tokenizer_name="raw", index_option="basic")
    builder.add_text_field(FIELD, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("linked", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("number", indexed=True, fast=True)
    builder.add_integer_field("work", indexed=True, fast=True)
    builder.add_text_field("shared", tokenizer_name="raw", index_option="basic")
    for name, count in FILED.items():
        for place in range(count):
            builder.add_integer_field(f"s_{name}_{place}", fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


Fields = dict[str, Any]
"""By the engine's names: lists of what a title has in a field, or the one thing that it always has."""
_FILED: Final = {name: [f"s_{name}_{place}" for place in range(count)] for name, count in FILED.items()}


class Described(NamedTuple):
    """What a record alone tells of its title, folded. The fields are as the engine takes them; the rest becomes fields
    where the index is written, for there the library's order is known, and what is known beside the record."""

    fields: Fields
    title: str
    """What the title files by …"""
    author: str
    """… and its first name; empty for none."""
    headings: list[list[str]]
    """By kind, in the order of `KINDS`; behind a tab how many characters a heading files without, if any."""
    call_numbers: list[str]
    identifiers: list[str]


def described(title: TitleDocument) -> Described:
    """The fields that a title's record tells; those that it has nothing for are left out."""
    people = (title.author, *title.contributors)
    imprint = (title.publisher, title.place)
    isbns, issns = _exact(title.isbns), _exact(title.issns)
    decade = (f"{title.year // 10 * 10}s",) if title.year else ()
    rest = (*title.series, *imprint, title.edition, *title.text)
    found = {
        "title": _words((title.title, title.subtitle, *title.other_titles)),
        "author": _words((*people, *title.other_names)),
        "subject": _words((*title.subjects, *title.genres)),
        "rest": list(filter(None, map(joined, rest))),
        "series": _words(title.series),
        "publisher": _words(imprint),
        "x_isbn": isbns,
        "x_issn": issns,
        "f_format": _facet((title.format,)),
        "f_language": _facet(title.languages),
        "f_subject": _facet(title.subjects[:20]),
        "f_author": _facet(people)[:20],
        "f_genre": _facet(title.genres[:10]),
        "f_decade": _facet(decade),
        "linked": list(title.linked),
    }
    fields: Fields = {name: values for name, values in found.items() if values}
    fields["year"] = [title.year if title.year is not None else NO_YEAR]
    return Described(
        fields,
        title.sort_title or title.title,
        title.author or "",
        _headings(title),
        _exact(title.call_numbers),
        [*isbns, *issns, *_exact(title.identifiers)],
    )


def _headings(title: TitleDocument) -> list[list[str]]:
    found: dict[str, list[str]] = {
        "title": [],
        "author": [written(each) for each in (title.author, *title.contributors) if each],
        "subject": list(map(written, title.subjects)),
        "series": [],
        "genre": list(map(written, title.genres)),
        **{each: [] for each in CLASSES},
    }
    if title.title != NO_TITLE:
        proper = written(title.title)
        skip = skipped(proper, written(title.sort_title)) if title.sort_title else 0
        found["title"].append(f"{proper}\t{skip}" if skip else proper)
    for kind, text, skip in title.headings:
        lines, line = found[kind], written(text)
        if skip and line in lines:
            lines.remove(line)
        lines.append(f"{line}\t{skip}" if skip else line)
    return [found[kind] for kind in KINDS]


def completed(told: Described, copies: Copies, *, availability: str, stored: bytes, filing: Filing) -> Fields:
    """The other fields of a title: what is known beside its record, and what depends on the library's order.

    `work` is one number for all titles of a work, and a title's own where it shares its work with none; those that
    share one have `shared`, so that whoever counts works need not look at the others.
    """
    title, author, headings, call_numbers, identifiers = told[1:]
    found: Fields = {
        "key": copies.title_id,
        "number": copies.hrid,
        "work": copies.hrid if copies.eldest is None else copies.eldest,
        "public": "no" if copies.suppressed else "yes",
        "f_availability": availability,
        "stored": b64encode(stored).decode(),
    }
    if copies.eldest is not None:
        found["shared"] = "yes"
    found.update(zip(_FILED["title"], numbers(keyed(filing, title), FILED["title"]), strict=True))
    found.update(zip(_FILED["author"], numbers(keyed(filing, author), FILED["author"]), strict=True))
    if not copies.suppressed and (terms := _terms(headings, filing)):
        found[FIELD] = terms
    if call_numbers:
        found["x_call_number"] = call_numbers
    if identifiers:
        found["x_identifier"] = identifiers
    if copies.barcodes:
        found["x_barcode"] = _exact(copies.barcodes)
    for name, values in (
        ("f_library", copies.libraries),
        ("f_location", copies.locations),
        ("f_material_type", copies.material_types),
        ("f_custom", copies.custom),
    ):
        if values:
            found[name] = _facet(values)
    return found


def as_fields(title: TitleDocument, filing: Filing = AS_SEARCHED) -> Fields:
    """A title's fields as the index holds them: lists, but for what each title has one of."""
    copies = Copies(
        str(title.title_id),
        title.number,
        title.suppressed,
        title.barcodes,
        title.libraries,
        title.locations,
        title.material_types,
        custom=title.custom,
        eldest=title.eldest,
    )
    told = described(title)
    return told.fields | completed(
        told, copies, availability=title.availability, stored=title.stored, filing=filing
    )


def as_document(title: TitleDocument, filing: Filing = AS_SEARCHED) -> str:
    """A title as the engine takes it: JSON, which it reads in a quarter of the time that a document of its own kind
    takes, made value by value."""
    return orjson.dumps(as_fields(title, filing)).decode()


def _terms(headings: Sequence[Sequence[str]], filing: Filing) -> list[str]:
    """Terms of the headings, and their landmarks."""
    found: list[str] = []
    for kind, lines in zip(KINDS, headings, strict=True):
        made = indexed if kind == "title" else remembered
        for line in lines:
            if line:
                found += made(kind, line, filing)
    return found


def _words(texts: Sequence[str | None]) -> list[str]:
    return [f"{BEGIN} {each} {END}" for each in filter(None, map(joined, texts))] if texts else []


def _exact(values: Sequence[str]) -> list[str]:
    return list(filter(None, map(identifier, values))) if values else []


def _facet(values: Sequence[str | None]) -> list[str]:
    return [value[:250] for value in dict.fromkeys(values) if value] if values else []
