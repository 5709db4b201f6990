"""What a page shows of a record: labelled rows, each value in every script it is given in, and where it leads."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from catalog.citations.text import clean, one_line
from catalog.marc.extract import Facts, heading, name
from catalog.marc.record import Field, Record
from catalog.pages.languages import RIGHT_TO_LEFT, language_of, script_of, tag


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text with its language (BCP 47) and direction."""

    text: str
    lang: str | None
    """None: the page's own."""
    rtl: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """One value: as it is transcribed, and as it stands in the other script (MARC 21 Appendix A, field 880)."""

    phrase: Phrase
    original: Phrase | None = None
    facet: tuple[str, str] | None = None
    """What finds more of it: the name of a filter and its value."""
    role: str | None = None
    """What somebody had to do with it, as the record says."""


@dataclass(frozen=True, slots=True)
class Row:
    """Values under one label."""

    label: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An address that the record gives, and what it says of it."""

    url: str
    text: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A record as its page shows it."""

    title: Value
    responsibility: Value | None
    rows: tuple[Row, ...]
    links: tuple[Link, ...]


_LINKED: Final = re.compile(r"(\d{3})-(\d{2})")
_ROWS: Final[tuple[tuple[str, str, str, str], ...]] = (
    # label, tags, subfields, whose language: the work's (w), the cataloguer's (c), or none's (n)
    ("author", "100 110 111", "abcdnq", "n"),
    ("contributor", "700 710 711 720", "abcdnq", "n"),
    ("other-title", "130 240 246 247 730 740", "abnp", "w"),
    ("edition", "250", "ab", "w"),
    ("published", "260 264", "abc", "w"),
    ("physical", "300", "abce", "c"),
    ("series", "440 490 830", "anpv", "w"),
    ("thesis", "502", "abcd", "c"),
    ("subject", "600 610 611 630 648 650 651 653", "", "c"),
    ("genre", "655", "", "c"),
    ("summary", "520", "ab", "c"),
    ("contents", "505", "agrt", "w"),
    ("note", "500 504 511 518 538 546", "a", "c"),
)
_NAMES: Final = frozenset({"100", "110", "111", "700", "710", "711", "720"})
_PLAIN_HEADING: Final = "abcdnpqtvxyz"
_FACET: Final = {"author": "author", "contributor": "author", "subject": "subject", "genre": "genre"}


def shown(record: Record, facts: Facts, shelves: Sequence[Record] = ()) -> Shown:
    """The record, row by row. Nothing is guessed: what the record does not have is not shown. `shelves` are the records
    of its holdings, whose links are shown as well."""
    page = _Page(record, facts)
    proper = record.first("245")
    rows = [
        Row(label, values)
        for label, tags, codes, whose in _ROWS
        if (values := page.values(label, tags, codes, whose))
    ]
    rows += [
        Row(label, tuple(Value(Phrase(one_line(each), None)) for each in told))
        for label, told in (("isbn", facts.isbns), ("issn", facts.issns), ("call-number", facts.call_numbers))
        if told
    ]
    if proper is None:
        title = Value(Phrase(one_line(facts.title), None))
    else:
        title = page.value(proper, "abnpk", "w") or Value(Phrase(one_line(facts.title), None))
    return Shown(
        title,
        page.value(proper, "c", "w") if proper is not None else None,
        tuple(rows),
        _links_of([record, *shelves]),
    )


def _links_of(records: Sequence[Record]) -> tuple[Link, ...]:
    """The links of several records, each address once, as the first says it."""
    told: dict[str, Link] = {}
    for record in records:
        for each in links(record):
            told.setdefault(each.url, each)
    return tuple(told.values())


class _Page:
    def __init__(self, record: Record, facts: Facts) -> None:
        self._record = record
        self._languages = facts.languages
        cataloguing = (record.get("040", "b") or "").strip()
        self._cataloguing = tag(cataloguing) if len(cataloguing) == 3 and cataloguing.isalpha() else None
        self._originals: dict[tuple[str, str], Field] = {}
        self._alone: list[tuple[str, Field]] = []
        for field in record.fields("880"):
            if found := _LINKED.match(field.get("6") or ""):
                if found[2] == "00":
                    self._alone.append((found[1], field))
                else:
                    self._originals.setdefault((found[1], found[2]), field)

    def values(self, label: str, tags: str, codes: str, whose: str) -> tuple[Value, ...]:
        """The values of a row, each once; fields that stand in the other script alone come last."""
        told: dict[str, Value] = {}
        wanted = tags.split()
        for field in self._record.fields(*wanted):
            if field.tag == "264" and field.ind2 == "4":
                continue  # a copyright year says nothing of publication
            if (value := self.value(field, codes, whose, facet=_FACET.get(label))) is not None:
                told.setdefault(value.phrase.text, value)
        for linked, field in self._alone:
            if linked in wanted and (value := self.value(field, codes, whose)) is not None:
                told.setdefault(value.phrase.text, value)
        return tuple(told.values())

    def value(self, field: Field, codes: str, whose: str, *, facet: str | None = None) -> Value | None:
        """A field's value with the one it is linked to."""
        text = _text(field, codes)
        if not text:
            return None
        found = _LINKED.match(field.get("6") or "")
        other = self._originals.get((field.tag, found[2])) if found else None
        original = _text(other, codes or _PLAIN_HEADING) if other is not None else ""
        roles = [clean(each) for each in field.all("e")] if facet == "author" else []
        role = ", ".join(each for each in roles if each and each.casefold() != "author")
        return Value(
            self._phrase(text, whose),
            self._phrase(original, "w") if original else None,
            (facet, text) if facet else None,
            role or None,
        )

    def _phrase(self, text: str, whose: str) -> Phrase:
        if whose == "w" or script_of(text) != "Latn":
            return phrase(text, self._languages)
        return Phrase(text, self._cataloguing if whose == "c" else None)


def phrase(text: str, languages: tuple[str, ...]) -> Phrase:
    """A text of a work in these languages (MARC codes), with its own language and direction."""
    told = language_of(text, languages)
    return Phrase(text, None if told == "und" else told, script_of(text) in RIGHT_TO_LEFT)


def _text(field: Field, codes: str) -> str:
    """A name or heading as the index has it, so that a link finds it; anything else by its subfields."""
    if field.tag in _NAMES:
        return one_line(name(field))
    if not codes:
        return one_line(heading(field))
    return clean(" ".join(field.all(codes)))


def links(record: Record) -> Iterator[Link]:
    """Addresses of field 856 that a page may lead to: http and https, with a host."""
    seen = set()
    for field in record.fields("856"):
        for url in field.all("u"):
            told = url.strip()
            if told in seen or not safe(told):
                continue
            seen.add(told)
            text = clean(" ".join([*field.all("3"), *field.all("y")])) or None
            yield Link(told, text, clean(" ".join(field.all("z"))) or None)


def safe(url: str) -> bool:
    """Whether a page may lead there."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def pages_around(page: int, last: int) -> list[int | None]:
    """Which pages are led to: the first, the last, and those about this one; None stands for those left out."""
    wanted = sorted({1, last, *range(max(1, page - 2), min(last, page + 2) + 1)})
    told: list[int | None] = []
    for each in wanted:
        if told and told[-1] is not None and each - told[-1] > 1:
            told.append(None)
        told.append(each)
    return told
