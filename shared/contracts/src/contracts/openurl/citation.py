"""What an OpenURL asks for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from contracts.openurl.identifiers import doi_of, isbn_of, issn_of, oclc_of, pmid_of

_VALUE: Final = 1000


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something in an OpenURL that was left out, and why."""

    code: str
    key: str
    text: str


@dataclass(frozen=True, slots=True)
class OpenUrl:
    """What is asked for."""

    kind: str = "unknown"
    """article, issue, journal, proceeding, conference, preprint, book, chapter, report, dissertation, patent, other,
    unknown."""
    version: str = "1.0"
    title: str | None = None
    """Of the journal or book; of the work itself where it stands alone."""
    short_title: str | None = None
    article_title: str | None = None
    """Of the article, or the chapter of a book."""
    authors: tuple[str, ...] = ()
    issn: str | None = None
    """With its dash; so the eissn."""
    eissn: str | None = None
    isbn: str | None = None
    """13 digits."""
    doi: str | None = None
    """In small letters, as they are compared."""
    pmid: str | None = None
    oclc: str | None = None
    volume: str | None = None
    issue: str | None = None
    part: str | None = None
    season: str | None = None
    start_page: str | None = None
    end_page: str | None = None
    article_number: str | None = None
    date: str | None = None
    """As it is told."""
    edition: str | None = None
    publisher: str | None = None
    place: str | None = None
    series: str | None = None
    institution: str | None = None
    degree: str | None = None
    number: str | None = None
    """Of a patent."""
    country: str | None = None
    address: str | None = None
    """Where it is said to be (an http or https address); told, and never followed."""
    source: str | None = None
    """Which database it comes from."""
    services: tuple[str, ...] = ()
    """What is wanted: `fulltext`, `holdings` …; none: whatever there is."""
    flaws: tuple[Flaw, ...] = field(default=(), compare=False)

    @property
    def year(self) -> int | None:
        """The year of its date."""
        found = re.search(r"(?<!\d)(1[0-9]{3}|20[0-9]{2})(?!\d)", self.date or "") or re.match(
            r"(1[0-9]{3}|20[0-9]{2})(?:0[1-9]|1[0-2])(?:[0-3]\d)?$", self.date or ""
        )
        return int(found[1]) if found else None

    @property
    def month(self) -> int | None:
        """The month of its date, where that tells one."""
        found = re.match(r"\d{4}-(\d\d)", self.date or "") or re.match(
            r"\d{4}(\d\d)(?:\d\d)?$", self.date or ""
        )
        return int(found[1]) if found and 1 <= int(found[1]) <= 12 else None

    @property
    def day(self) -> int | None:
        """The day of its date, where that tells one."""
        found = re.match(r"\d{4}-\d\d-(\d\d)", self.date or "") or re.match(
            r"\d{4}\d\d(\d\d)$", self.date or ""
        )
        return int(found[1]) if found and 1 <= int(found[1]) <= 31 else None

    @property
    def pages(self) -> str | None:
        """From where to where."""
        if self.start_page is None:
            return None
        return self.start_page if self.end_page is None else f"{self.start_page}-{self.end_page}"

    @property
    def says_something(self) -> bool:
        """Whether anything could be looked for by it."""
        return any(
            (self.title, self.article_title, self.issn, self.eissn, self.isbn, self.doi, self.pmid, self.oclc)
        )

    @property
    def part_of_a_whole(self) -> bool:
        """Whether a piece of a journal or book is wanted, which is copied rather than lent."""
        return self.kind in ("article", "proceeding", "chapter", "preprint") or (
            self.kind == "unknown" and bool(self.article_title or self.pmid)
        )

    def citation(self) -> dict[str, str]:
        """As interlibrary loan tells it."""
        author = "; ".join(self.authors)[:_VALUE] or None
        year = str(self.year) if self.year is not None else None
        told: dict[str, str | None] = {
            name: getattr(self, name)
            for name in ("isbn", "issn", "eissn", "doi", "pmid", "oclc", "edition", "publisher", "place")
        }
        told |= {"title": self.title or self.short_title, "year": year}
        if self.part_of_a_whole or self.kind == "issue":
            told |= {
                "article_title": self.article_title,
                "article_author": author,
                "pages": self.pages and self.pages[:200],
            }
            told |= {"volume": self.volume, "issue": self.issue or self.season or self.part}
        else:
            told |= {"author": author, "volume": self.volume}
        return {name: value for name, value in told.items() if value}


def of_citation(told: Mapping[str, str | None], *, part: bool) -> OpenUrl:
    """What interlibrary loan calls a citation, as it is looked for; `part`: a piece of a journal or book is wanted."""
    start, _, end = (told.get("pages") or "").partition("-")
    author = told.get("article_author") or told.get("author")
    isbn = isbn_of(told.get("isbn") or "")
    return OpenUrl(
        kind=("chapter" if isbn else "article") if part else ("book" if isbn else "unknown"),
        title=told.get("title"),
        article_title=told.get("article_title"),
        authors=(author,) if author else (),
        issn=issn_of(told.get("issn") or ""),
        eissn=issn_of(told.get("eissn") or ""),
        isbn=isbn,
        doi=doi_of(told.get("doi") or ""),
        pmid=pmid_of(told.get("pmid") or ""),
        oclc=oclc_of(told.get("oclc") or ""),
        volume=told.get("volume"),
        issue=told.get("issue"),
        edition=told.get("edition"),
        publisher=told.get("publisher"),
        place=told.get("place"),
        date=told.get("year"),
        start_page=start.strip() or None,
        end_page=end.strip() or None,
    )
