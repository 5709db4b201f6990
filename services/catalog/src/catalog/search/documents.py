"""What is known of a title when it is searched."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from uuid import UUID

import tantivy

from catalog.marc.extract import NO_TITLE
from catalog.search.filing import Filing, numbers
from catalog.search.folding import identifier, joined
from catalog.search.headings import FIELD, KINDS, Told, indexed, keyed, remembered, skipped, written

SCHEMA_VERSION = 4
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
"""What is filed by its words, and by how many numbers of eight bytes: 48 letters of a title, 24 of a name."""
BEGIN: Final = "\u22a2"
END: Final = "\u22a3"
"""Stand before and behind each value of a field of words, so that a search can be for what begins or ends with
something. No text that is folded holds them."""
AS_SEARCHED: Final = Filing()
NO_YEAR: Final = -9999


@dataclass(slots=True)
class TitleDocument:
    """A title as the index holds it. Nobody changes one (frozen, it would take three times as long)."""

    title_id: UUID
    title: str
    number: int = 0
    """In the catalogue (`hrid`), which lists of hits are kept by."""
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
    """Titles and series beside the title proper, and whatever stands in another script or files without an article."""
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
    for name, count in FILED.items():
        for place in range(count):
            builder.add_integer_field(f"s_{name}_{place}", indexed=True, fast=True)
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


RECORD_FIELDS: Final = (
    *TEXT,
    *WORDS_ONLY,
    "x_isbn",
    "x_issn",
    "x_identifier",
    "x_call_number",
    "f_format",
    "f_language",
    "f_subject",
    "f_author",
    "f_genre",
    "f_decade",
    "year",
    "filed_title",
    "filed_author",
    "linked",
    *(f"headed_{kind}" for kind in KINDS),
)
"""What a record alone tells, in this order. Its copies add call numbers, its number in the catalogue an identifier;
what it files by becomes numbers, and its headings terms, where the index is written, for there the library's order is
known."""

Fields = dict[str, list[Any]]


def record_fields(title: TitleDocument) -> Fields:
    """The fields that a title's record tells, folded: `RECORD_FIELDS`, each there though it may be empty."""
    people = (title.author, *title.contributors)
    imprint = (title.publisher, title.place)
    isbns, issns = _exact(title.isbns), _exact(title.issns)
    decade = (f"{title.year // 10 * 10}s",) if title.year else ()
    rest = (*title.series, *imprint, title.edition, *title.text)
    return {
        "title": _words((title.title, title.subtitle, *title.other_titles)),
        "author": _words((*people, *title.other_names)),
        "subject": _words((*title.subjects, *title.genres)),
        "rest": list(filter(None, map(joined, rest))),
        "series": _words(title.series),
        "publisher": _words(imprint),
        "x_isbn": isbns,
        "x_issn": issns,
        "x_identifier": [*isbns, *issns, *_exact(title.identifiers)],
        "x_call_number": _exact(title.call_numbers),
        "f_format": _facet((title.format,)),
        "f_language": _facet(title.languages),
        "f_subject": _facet(title.subjects[:20]),
        "f_author": _facet(people)[:20],
        "f_genre": _facet(title.genres[:10]),
        "f_decade": _facet(decade),
        "year": [title.year if title.year is not None else NO_YEAR],
        "filed_title": [title.sort_title or title.title],
        "filed_author": [title.author or ""],
        "linked": list(title.linked),
        **_headings(title),
    }


def _headings(title: TitleDocument) -> Fields:
    """Headings by kind: each as it is written, and behind a tab how many characters it files without, if any."""
    found: Fields = {
        "headed_title": [],
        "headed_author": [written(each) for each in (title.author, *title.contributors) if each],
        "headed_subject": list(map(written, title.subjects)),
        "headed_series": [],
        "headed_genre": list(map(written, title.genres)),
    }
    if title.title != NO_TITLE:
        proper = written(title.title)
        skip = skipped(proper, written(title.sort_title)) if title.sort_title else 0
        found["headed_title"].append(f"{proper}\t{skip}" if skip else proper)
    for kind, text, skip in title.headings:
        lines, line = found[f"headed_{kind}"], written(text)
        if skip and line in lines:
            lines.remove(line)
        lines.append(f"{line}\t{skip}" if skip else line)
    return found


def copy_fields(title: Copies | TitleDocument) -> Fields:
    """The fields that have nothing to do with what is written in the record."""
    return {
        "public": ["no" if title.suppressed else "yes"],
        "x_barcode": _exact(title.barcodes),
        "f_library": _facet(title.libraries),
        "f_location": _facet(title.locations),
        "f_material_type": _facet(title.material_types),
        "f_custom": _facet(title.custom),
    }


def as_document(title: TitleDocument, filing: Filing = AS_SEARCHED) -> tantivy.Document:
    """A title as the engine takes it."""
    return document(
        str(title.title_id),
        record_fields(title) | copy_fields(title),
        number=title.number,
        availability=title.availability,
        stored=title.stored,
        filing=filing,
    )


def document(
    key: str, fields: Fields, *, number: int, availability: str, stored: bytes, filing: Filing
) -> tantivy.Document:
    """The same, of fields that are folded already."""
    told = {name: values for name, values in fields.items() if values}
    for name, count in FILED.items():
        (text,) = told.pop(f"filed_{name}")
        for place, value in enumerate(numbers(keyed(filing, text), count)):
            told[f"s_{name}_{place}"] = [value]
    if headings := _terms(told, filing):
        told[FIELD] = headings
    return tantivy.Document(
        key=[key], number=[number], f_availability=[availability], stored=[stored], **told
    )


def _terms(told: Fields, filing: Filing) -> list[str]:
    """Terms of the headings and their landmarks, in place of what they were read as; a hidden title has none."""
    is_public = told["public"] == ["yes"]
    found: list[str] = []
    for kind in KINDS:
        for each in told.pop(f"headed_{kind}", ()):
            if is_public and each:
                found += indexed(kind, each, filing) if kind == "title" else remembered(kind, each, filing)
    return found


def _words(texts: Sequence[str | None]) -> list[str]:
    return [f"{BEGIN} {each} {END}" for each in filter(None, map(joined, texts))] if texts else []


def _exact(values: Sequence[str]) -> list[str]:
    return list(filter(None, map(identifier, values))) if values else []


def _facet(values: Sequence[str | None]) -> list[str]:
    return [value[:250] for value in dict.fromkeys(values) if value] if values else []
