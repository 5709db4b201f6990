"""By what a wanted title is looked for, the surest first. Decisions only: no clock, no database, no index."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from catalog.search.grammar import And, Node, Or, Term

MOST: Final = 20
"""Titles that are told."""
LONGEST: Final = 200
"""Characters of a title or name that are looked for."""
_SURE: Final = frozenset({"record", "isbn", "oclc"})
"""An ISSN is a whole journal's, and words may be those of several."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What is known of what is wanted."""

    record_id: str | None = None
    isbn: str | None = None
    issn: Sequence[str] = ()
    oclc: str | None = None
    title: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """One way to look for it."""

    by: str
    query: Node


def ways(sought: Sought) -> list[Way]:
    """What to try, one after another, until something is found."""
    found = []
    if sought.record_id:
        found.append(Way("record", Term(sought.record_id[:LONGEST], "identifier")))
    if sought.isbn:
        found.append(Way("isbn", Term(sought.isbn[:LONGEST], "isbn")))
    if sought.oclc:
        number = re.sub(r"\D", "", sought.oclc)[:LONGEST]
        forms = (f"(OCoLC){number}", f"(OCoLC)ocm{number}", f"(OCoLC)ocn{number}", f"(OCoLC)on{number}")
        found.append(Way("oclc", Or(tuple(Term(form, "identifier") for form in forms))))
    if sought.issn:
        found.append(Way("issn", Or(tuple(Term(number[:LONGEST], "issn") for number in sought.issn))))
    if sought.title:
        words: list[Node] = [Term(sought.title[:LONGEST], "title", phrase=True)]
        if sought.author:
            words.append(Term(sought.author.partition(",")[0][:LONGEST], "author", phrase=True))
        found.append(Way("title", And(tuple(words))))
    return found


def certain(tried: Sequence[str], found_by: str | None) -> bool:
    """Whether the answer can be acted upon by itself: found by a number of its own, or, though such a number was told,
    by nothing at all."""
    return found_by in _SURE if found_by is not None else bool(_SURE & set(tried))
