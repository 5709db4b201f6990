"""Looks a citation up: what is known of it, what agreements say today, and which ways that leaves."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from urllib.parse import quote

import asyncpg

from chassis.database import Connection
from contracts.openurl import OpenUrl
from erm.configuration.documents import ConfigurationDoc
from erm.configuration.queries import in_force
from erm.coverage.rules import Asked, NotADay, first_day, last_day
from erm.resolver import queries
from erm.resolver.rules import Wanted, Ways, judge

NAMESPACES: Final = (("issn", "issn"), ("eissn", "issn"), ("isbn", "isbn"), ("doi", "doi"), ("oclc", "oclc"))
"""What a citation tells, and the namespace it is kept in. An article's DOI is no title's; a book's may be."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What came of a citation."""

    asked: OpenUrl
    identifiers: tuple[tuple[str, str], ...]
    """By which it was looked for (namespace, value)."""
    known: bool
    wanted: Wanted
    ways: Ways
    today: date
    doc: ConfigurationDoc


def identifiers_of(asked: OpenUrl) -> tuple[tuple[str, str], ...]:
    """By what it is looked for."""
    told = ((namespace, getattr(asked, name)) for name, namespace in NAMESPACES)
    return tuple(dict.fromkeys((namespace, value) for namespace, value in told if value))


def wanted_of(asked: OpenUrl) -> Wanted:
    """What decides of it: its date as far as it is told, volume and issue, and what links are made of."""
    whole = asked.kind in ("journal", "book", "report", "dissertation")
    dated = None if whole or asked.year is None else _date(asked)
    try:
        first, last = (None, None) if dated is None else (first_day(dated), last_day(dated))
    except NotADay:
        first, last = first_day(str(asked.year)), last_day(str(asked.year))
    facts = {
        "doi": asked.doi,
        "pmid": asked.pmid,
        "issn": asked.issn or asked.eissn,
        "isbn": asked.isbn,
        "title": asked.title,
        "article_title": asked.article_title,
        "author": asked.authors[0] if asked.authors else None,
        "volume": asked.volume,
        "issue": asked.issue,
        "start_page": asked.start_page,
        "end_page": asked.end_page,
        "pages": asked.pages,
        "date": dated,
        "year": str(asked.year) if asked.year else None,
    }
    volume, issue = (None, None) if whole else (asked.volume, asked.issue)
    return Wanted(Asked(first, last, volume, issue), whole, facts)


def _date(asked: OpenUrl) -> str:
    told = f"{asked.year:04d}"
    if asked.month is not None:
        told += f"-{asked.month:02d}"
        told += f"-{asked.day:02d}" if asked.day is not None else ""
    return told


async def resolve(connection: Connection | asyncpg.Pool, asked: OpenUrl, now: datetime) -> Resolved:
    """Everything that there is to say of a citation today: the configuration, and one statement."""
    doc = await in_force(connection)
    today = doc.today(now)
    identifiers, wanted = identifiers_of(asked), wanted_of(asked)
    found = await queries.ways(connection, identifiers, today)
    ways = judge(
        found.candidates,
        wanted,
        today=today,
        free_first=doc.resolver.free_first,
        proxy_prefix=doc.proxy_prefix,
    )
    return Resolved(asked, identifiers, found.known, wanted, ways, today, doc)


def service_of(asked: OpenUrl) -> str:
    """What interlibrary loan would be asked for."""
    if asked.part_of_a_whole:
        return "copy"
    return "loan" if asked.kind in ("book", "dissertation", "report", "journal", "issue") else "copy-or-loan"


def elsewhere(asked: OpenUrl) -> str | None:
    """Where its publisher has it, whoever may read it there."""
    return f"https://doi.org/{quote(asked.doi, safe='/:;()._-')}" if asked.doi else None
