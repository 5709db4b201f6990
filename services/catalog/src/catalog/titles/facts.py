"""What is read from a record when it is written: columns, the key it is recognised by, its stored form."""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from catalog.marc.extract import Facts, extract
from catalog.marc.record import Record
from catalog.marc.storage import pack
from contracts.catalog import TitleSummary

LONGEST_KEY: Final = 400
"""An index entry must stay well below 2 700 bytes."""


@dataclass(frozen=True, slots=True)
class TitleColumns:
    """A title row, but for its ids, version and times."""

    match_key: str
    control_number: str | None
    control_agency: str | None
    title: str
    subtitle: str | None
    author: str | None
    short_title: str
    short_author: str | None
    year: int | None
    format: str
    record: bytes

    def parameters(self) -> dict[str, object]:
        """As a statement takes them."""
        return {name: getattr(self, name) for name in self.__slots__ if not name.startswith("short_")}


def columns(record: Record) -> TitleColumns:
    """Read a record's columns; `ValueError` (of Unicode) when it holds half of a surrogate pair."""
    facts = extract(record)
    packed = pack(record)
    return TitleColumns(
        match_key=match_key(facts, packed),
        control_number=storable(facts.control_number),
        control_agency=storable(facts.control_agency),
        title=storable(facts.title) or "[no title]",
        subtitle=storable(facts.subtitle),
        author=storable(facts.author),
        short_title=storable(facts.short_title) or "[no title]",
        short_author=storable(facts.short_author),
        year=facts.year,
        format=facts.format,
        record=packed,
    )


def match_key(facts: Facts, packed: bytes) -> str:
    """The same record again has the same key: agency (003) and number (001), or what it holds if unnumbered."""
    number = storable(facts.control_number)
    if not number:
        return "content|" + hashlib.blake2b(packed, digest_size=16).hexdigest()
    key = f"number|{storable(facts.control_agency) or ''}|{number}"
    if len(key) > LONGEST_KEY:
        return "long|" + hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    return key


def storable(text: str | None) -> str | None:
    """Without NUL, which PostgreSQL's text cannot hold; the record itself keeps it."""
    return text.replace("\x00", "") if text is not None and "\x00" in text else text


def summary(title_id: UUID, version: int, told: TitleColumns, *, suppressed: bool) -> TitleSummary:
    """As events tell of it."""
    return TitleSummary(
        title_id=title_id,
        version=version,
        title=told.title,
        author=told.author,
        year=told.year,
        format=told.format,
        suppressed=suppressed,
    )
