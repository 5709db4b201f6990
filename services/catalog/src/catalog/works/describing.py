"""A work as its titles' records tell of it: its name, its expressions by language and kind, its series. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from catalog.citations.text import clean
from catalog.linked.headings import authority
from catalog.marc.extract import Facts, extract
from catalog.marc.record import Record
from catalog.marc.storage import unpack
from catalog.works.rules import MOST_CONTAINED, Contained, contained


@dataclass(frozen=True, slots=True)
class Edition:
    """A title of the work."""

    title_id: UUID
    hrid: int
    title: str
    subtitle: str | None
    author: str | None
    year: int | None
    format: str
    edition: str | None
    publisher: str | None


@dataclass(slots=True)
class Expression:
    """The editions in one language and of one kind of content."""

    language: str | None
    kind: str
    translators: list[str] = field(default_factory=list)
    editions: list[Edition] = field(default_factory=list)


@dataclass(slots=True)
class Described:
    """A work."""

    title: str
    author: str | None
    addresses: list[str]
    """Of the work itself, where records tell them (130, 240, 758)."""
    original_languages: list[str]
    """Out of which it was translated (041 $h)."""
    expressions: list[Expression]
    series: list[str]
    contains: list[Contained] = field(default_factory=list)
    """Works that are parts of it, where it is a collection."""


_KINDS = {"e-book": "book", "e-journal": "journal"}


def described(rows: Sequence[Any]) -> Described:
    """The work of these titles, the eldest first. Costs CPU: each record is read."""
    told = Described("[no title]", None, [], [], [], [])
    by_kind: dict[tuple[str | None, str], Expression] = {}
    uniform = None
    parts: dict[tuple[str | None, str], Contained] = {}
    for row in rows:
        record = unpack(row.record)
        facts = extract(record)
        uniform = uniform or _uniform(record)
        told.author = told.author or facts.author
        told.addresses += [each for each in _addresses(record) if each not in told.addresses]
        told.original_languages += [
            code for code in _originals(record) if code not in told.original_languages
        ]
        told.series += [each for each in map(clean, facts.series) if each and each not in told.series]
        for each in contained(record):
            parts.setdefault((each.author, each.title), each)
        kind = _KINDS.get(facts.format, facts.format)
        language = facts.languages[0] if facts.languages else None
        expression = by_kind.setdefault((language, kind), Expression(language, kind))
        expression.translators += [
            who for who in _translators(record, facts) if who not in expression.translators
        ]
        expression.editions.append(
            Edition(
                row.id,
                row.hrid,
                row.title,
                row.subtitle,
                row.author,
                row.year,
                row.format,
                facts.edition,
                facts.publisher,
            )
        )
    told.contains = list(parts.values())[:MOST_CONTAINED]
    told.title = uniform or (rows[0].title if rows else told.title)
    told.expressions = sorted(by_kind.values(), key=lambda each: (each.language or "~", each.kind))
    for expression in told.expressions:
        expression.editions.sort(key=lambda each: (-(each.year or 0), each.hrid))
    return told


def _uniform(record: Record) -> str | None:
    for field_ in record.fields("130", "240"):
        if not field_.is_control and (found := clean(" ".join(field_.all("amnprk")))):
            return found
    return None


def _addresses(record: Record) -> list[str]:
    found = [authority(each) for each in record.fields("130", "240", "758") if not each.is_control]
    return [each.iri for each in found if each is not None]


def _originals(record: Record) -> list[str]:
    return [
        text for each in record.fields("041") for text in each.all("h") if len(text) == 3 and text.isalpha()
    ]


def _translators(record: Record, facts: Facts) -> list[str]:
    found = []
    for each in record.fields("700", "710"):
        told = [clean(text).casefold() for text in (*each.all("4"), *each.all("e"))]
        if any(text in ("trl", "translator") or text.endswith("/trl") for text in told) and (
            who := clean(each.get("a"))
        ):
            found.append(who)
    return found
