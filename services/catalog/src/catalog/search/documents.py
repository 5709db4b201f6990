"""What is known of a title when it is searched."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import tantivy

from catalog.search.folding import identifier, joined, sort_key

SCHEMA_VERSION = 1
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
)
SORTS = ("title", "author")


@dataclass(slots=True)
class TitleDocument:
    """A title as the index holds it. Nobody changes one (frozen, it would take three times as long)."""

    title_id: UUID
    title: str
    subtitle: str | None = None
    author: str | None = None
    contributors: tuple[str, ...] = ()
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
    availability: str = "none"
    """available, unavailable, online, or none (no items)."""
    other_titles: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    """Summary, contents, notes, fields in other scripts."""
    sort_title: str | None = None
    suppressed: bool = False
    stored: bytes = b"{}"
    """JSON of what a list of hits shows."""


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
    for name in SORTS:
        builder.add_text_field(f"s_{name}", tokenizer_name="raw", fast=True, index_option="basic")
    builder.add_bytes_field("stored", stored=True)
    return builder.build()


def as_document(title: TitleDocument) -> tantivy.Document:
    """A title as the engine takes it."""
    words = {
        "title": (title.title, title.subtitle, *title.other_titles),
        "author": (title.author, *title.contributors),
        "subject": (*title.subjects, *title.genres),
        "rest": (*title.series, title.publisher, title.place, title.edition, *title.text),
        "series": title.series,
        "publisher": (title.publisher, title.place),
    }
    exact = {
        "isbn": title.isbns,
        "issn": title.issns,
        "identifier": (*title.isbns, *title.issns, *title.identifiers),
        "barcode": title.barcodes,
        "call_number": title.call_numbers,
    }
    facets: dict[str, tuple[str, ...]] = {
        "format": (title.format,),
        "language": title.languages,
        "library": title.libraries,
        "location": title.locations,
        "subject": title.subjects[:20],
        "author": tuple(dict.fromkeys(filter(None, (title.author, *title.contributors))))[:20],
        "genre": title.genres[:10],
        "decade": (f"{title.year // 10 * 10}s",) if title.year else (),
        "availability": (title.availability,),
        "material_type": title.material_types,
    }
    told: dict[str, Any] = {
        "key": [str(title.title_id)],
        "stored": [title.stored],
        "public": ["no" if title.suppressed else "yes"],
        "s_title": [sort_key(title.sort_title or title.title)],
        "s_author": [sort_key(title.author)],
        "year": [title.year if title.year is not None else -9999],
    }
    for name, texts in words.items():
        told[name] = [text for text in map(joined, texts) if text]
    for name, values in exact.items():
        told[f"x_{name}"] = [value for value in map(identifier, values) if value]
    for name, values in facets.items():
        told[f"f_{name}"] = [value[:250] for value in dict.fromkeys(values) if value]
    return tantivy.Document(**{name: values for name, values in told.items() if values})
