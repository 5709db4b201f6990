"""What is read from a record when it is written: columns, the key it is recognised by, its stored form."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalog.marc.extract import Headline, headline, shortened
from catalog.marc.record import Record
from catalog.marc.storage import pack
from catalog.matching.keys import key_of_number, keys_of
from contracts.catalog import TitleSummary


@dataclass(slots=True)
class TitleColumns:
    """A title row, but for its ids, version and times. Nobody changes one."""

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
    keys: list[str]
    """What it can be found by (`catalog.matching.keys`)."""

    def parameters(self) -> dict[str, object]:
        """As a statement takes them."""
        return {name: getattr(self, name) for name in self.__slots__ if not name.startswith("short_")}


def columns(record: Record, told: Headline | None = None) -> TitleColumns:
    """Read a record's columns, of its headline if that is known; `ValueError` (of Unicode) when it holds half of a
    surrogate pair."""
    if told is None:
        told = headline(record)
    packed = pack(record)
    title, author = storable(told.title) or "[no title]", storable(told.author)
    return TitleColumns(
        match_key=match_key(told, packed),
        control_number=storable(told.control_number),
        control_agency=storable(told.control_agency),
        title=title,
        subtitle=storable(told.subtitle),
        author=author,
        short_title=shortened(title),
        short_author=shortened(author) if author is not None else None,
        year=told.year,
        format=told.format,
        record=packed,
        keys=keys_of(record),
    )


def match_key(facts: Headline, packed: bytes) -> str:
    """The same record again has the same key: agency (003) and number (001), or what it holds if unnumbered."""
    number = storable(facts.control_number)
    if not number:
        return "content|" + hashlib.blake2b(packed, digest_size=16).hexdigest()
    return key_of_number(storable(facts.control_agency), number)


def storable(text: str | None) -> str | None:
    """Without NUL, which PostgreSQL's text cannot hold; the record itself keeps it."""
    return text.replace("\x00", "") if text is not None and "\x00" in text else text


def summary(
    title_id: UUID,
    version: int,
    told: TitleColumns,
    *,
    suppressed: bool,
    beside: Mapping[str, Any] | None = None,
) -> TitleSummary:
    """As events tell of it; `beside` has what has changed of the facts that stand beside the record."""
    return TitleSummary(
        title_id=title_id,
        version=version,
        title=told.title,
        author=told.author,
        year=told.year,
        format=told.format,
        suppressed=suppressed,
        **(beside or {}),
    )
