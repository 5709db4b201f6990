"""The demo library's 600 titles: facts about real books, journals, scores, maps, films, records and e-books."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

from carrel.demo.sheets import listed, pairs, rows


class Format(StrEnum):
    """What kind of thing a title is."""

    BOOK = "book"
    JOURNAL = "journal"
    SCORE = "score"
    MAP = "map"
    FILM = "film"
    AUDIO = "audio"
    EBOOK = "e-book"


SHEETS: Final = {
    "history": Format.BOOK,
    "literature": Format.BOOK,
    "sciences": Format.BOOK,
    "humanities": Format.BOOK,
    "journals": Format.JOURNAL,
    "scores": Format.SCORE,
    "maps": Format.MAP,
    "films": Format.FILM,
    "audio": Format.AUDIO,
    "ebooks": Format.EBOOK,
}
FILM_CLASS, AUDIO_CLASS = "PN1997", "M3"

_CONTRIBUTOR = re.compile(r"(.+?)~([a-z]{3})(?:, |$)")


@dataclass(frozen=True, slots=True)
class Contributor:
    """Somebody beside the author, with a MARC relator code."""

    name: str
    role: str


@dataclass(frozen=True, slots=True)
class Series:
    """A series and the place in it."""

    title: str
    volume: str | None


@dataclass(frozen=True, slots=True)
class Title:
    """What is known of one title."""

    number: str
    """The record's control number, `history-001`."""
    format: Format
    title: str
    subtitle: str
    author: str | None
    contributors: tuple[Contributor, ...]
    place: str
    publisher: str
    year: int
    language: str
    """MARC code of the text; zxx for what has none."""
    title_language: str
    """MARC code of the title itself: whose articles are not filed."""
    shelf_class: str
    """LC class, the first half of the shelf mark."""
    subjects: tuple[str, ...]
    """Headings with ` -- ` between parts; `@` leads a geographic one, `&` a person's."""
    to_year: int | None = None
    volumes: int = 1
    series: Series | None = None
    isbn: str | None = None
    issn: str | None = None
    frequency: str | None = None
    minutes: int | None = None
    scale: int | None = None
    country: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    """The rarer ones by key: ut, from, ed, alt, orig, origau, note, contents, genre, cast, atlas, bw …"""
    summary: str | None = None

    def __hash__(self) -> int:
        return hash(self.number)

    @property
    def early(self) -> bool:
        """Old enough for the rare books."""
        return self.format is not Format.EBOOK and self.year < 1850


@cache
def titles() -> tuple[Title, ...]:
    """All of them, in the order of the sheets."""
    summaries = {row["number"]: row["summary"] for row in rows("summaries")}
    return tuple(
        _title(f"{sheet}-{line:03d}", kind, row, summaries)
        for sheet, kind in SHEETS.items()
        for line, row in enumerate(rows(sheet), 1)
    )


def contributors(cell: str) -> tuple[Contributor, ...]:
    """`Name~rol, Name~rol`; names hold commas of their own."""
    return tuple(Contributor(name, role) for name, role in _CONTRIBUTOR.findall(cell))


def _title(number: str, kind: Format, row: dict[str, str], summaries: Mapping[str, str]) -> Title:
    facts = pairs(row["more"])
    author = row.get("author") or row.get("composer") or (f"={row['body']}" if row.get("body") else None)
    people = contributors(facts.pop("by", ""))
    if kind is Format.FILM:
        cast = facts.pop("cast", "").split("/")
        people = (
            Contributor(row["director"], "drt"),
            *people,
            *(Contributor(name, "act") for name in cast if name),
        )
    text = row.get("lang") or facts.pop("lang", "") or _default_language(kind)
    series, _, volume = facts.pop("series", "").partition(" #")
    end = row.get("end") or facts.pop("to", "")
    return Title(
        number=number,
        format=kind,
        title=row["title"],
        subtitle=row.get("subtitle") or row.get("form") or facts.pop("sub", ""),
        author=author,
        contributors=people,
        place=row.get("place", ""),
        publisher=row.get("publisher") or row.get("studio") or row.get("label") or "",
        year=int(row.get("year") or row["start"]),
        language=text,
        title_language=facts.pop("tl", text),
        shelf_class=row.get("class") or (FILM_CLASS if kind is Format.FILM else AUDIO_CLASS),
        subjects=listed(row["subjects"]),
        to_year=int(end) if end else None,
        volumes=int(facts.pop("vols", "1")),
        series=Series(series, volume or None) if series else None,
        isbn=facts.pop("isbn", None),
        issn=row.get("issn") or None,
        frequency=row.get("frequency"),
        minutes=int(row["minutes"]) if row.get("minutes") else None,
        scale=int(row["scale"]) if row.get("scale") else None,
        country=row.get("country"),
        facts=facts,
        summary=summaries.get(number),
    )


def _default_language(kind: Format) -> str:
    """Music without words has no language; a map that does not say is in English."""
    return "zxx" if kind in (Format.SCORE, Format.AUDIO) else "eng"
