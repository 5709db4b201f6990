"""Is a citation sound, is it enough to look for, and is it the same as another? Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class CitationFlaw:
    """Something in a citation that cannot be right."""

    code: str
    text: str
    pointer: str
    mend: str


def bare(number: str) -> str:
    """An ISBN or ISSN without its dashes."""
    return re.sub(r"[\s-]", "", number).upper()


def isbn_sound(told: str) -> bool:
    """Whether the check digit of an ISBN-10 or ISBN-13 is right (ISO 2108)."""
    number = bare(told)
    if re.fullmatch(r"\d{9}[\dX]", number):
        return (
            sum((10 - at) * (10 if digit == "X" else int(digit)) for at, digit in enumerate(number)) % 11 == 0
        )
    if re.fullmatch(r"97[89]\d{10}", number):
        return sum(int(digit) * (3 if at % 2 else 1) for at, digit in enumerate(number)) % 10 == 0
    return False


def issn_sound(told: str) -> bool:
    """Whether the check digit of an ISSN is right (ISO 3297)."""
    number = bare(told)
    if not re.fullmatch(r"\d{7}[\dX]", number):
        return False
    return sum((8 - at) * (10 if digit == "X" else int(digit)) for at, digit in enumerate(number)) % 11 == 0


def citation_flaws(citation: Mapping[str, Any]) -> list[CitationFlaw]:
    """Everything in a citation that is wrong in itself; what is missing is not wrong yet."""
    found = []
    if (isbn := citation.get("isbn")) and not isbn_sound(isbn):
        found.append(
            CitationFlaw(
                "isbn-wrong", f"{isbn} is no ISBN.", "/citation/isbn", "Check its digits, or leave it out."
            )
        )
    found += [
        CitationFlaw(
            "issn-wrong",
            f"{citation[name]} is no ISSN.",
            f"/citation/{name}",
            "Check its digits, or leave it out.",
        )
        for name in ("issn", "eissn")
        if citation.get(name) and not issn_sound(citation[name])
    ]
    if (year := citation.get("year")) and not re.fullmatch(r"1[0-9]{3}|20[0-9]{2}", year):
        found.append(
            CitationFlaw(
                "year-wrong", f"{year} is no year.", "/citation/year", "Give four digits, or leave it out."
            )
        )
    return found


def citation_thin(service: str, citation: Mapping[str, Any]) -> bool:
    """Whether a library could not tell from this what is wanted, so that staff complete it first."""
    told = {name for name, value in citation.items() if value}
    known = told & {"title", "isbn", "issn", "eissn", "doi", "pmid", "record_id"}
    if service == "copy":
        part = told & {"article_title", "doi", "pmid", "pages"} or {"volume", "issue"} <= told
        return not (known and part)
    return not known


def likeness(service: str, citation: Mapping[str, Any]) -> str:
    """The same text for two requests for the same thing: by its number where it has one, else by its words."""
    strongest = ("doi", "pmid") if service == "copy" else ("isbn", "record_id")
    for name in strongest:
        if citation.get(name):
            return f"{service} {name} {bare(str(citation[name]))}"
    words = ("title", "issn", "volume", "issue", "article_title", "pages", "author", "edition")
    told = " ".join(str(citation.get(name) or "") for name in words)
    plain = unicodedata.normalize("NFKD", told).casefold()
    whole = " ".join(re.findall(r"[^\W_]+", plain))
    return f"{service} {whole if len(whole) <= 300 else hashlib.sha256(whole.encode()).hexdigest()}"


def kind_of_work(citation: Mapping[str, Any]) -> str:
    """What is cited: an article or a chapter, where a part is named; else a serial or a book.

    A serial has an ISSN or issues, or what is wanted of it a PMID; a part without either is a chapter where it is of a
    book (an ISBN), else an article if it has a DOI.
    """
    told = {name for name, value in citation.items() if value}
    part = bool(told & {"article_title", "article_author", "pages", "pmid"})
    serial = bool(told & {"issn", "eissn", "issue", "pmid"}) or (
        part and "doi" in told and "isbn" not in told
    )
    if serial:
        return "article" if part else "serial"
    return "chapter" if part else "book"
