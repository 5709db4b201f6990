"""May a copy of what we have electronically be sent to another library? Decisions only: no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final


class Answer(StrEnum):
    """What a licence says. Codes never change."""

    PERMITTED = "permitted"
    CONDITIONS = "permitted-with-conditions"
    UNKNOWN = "unknown"
    """It says nothing of it, or we know of none: staff look into it."""
    PROHIBITED = "prohibited"


class Way(StrEnum):
    """How it goes out."""

    PRINT = "print"
    """Printed from the electronic copy, and sent on paper or as a scan of that."""
    SECURE = "secure"
    """The file, by a link of ours that ends."""
    OPEN = "open"
    """The file, by any other way."""


TERMS: Final[Mapping[Way, tuple[str, ...]]] = {
    Way.PRINT: ("ill-print",),
    Way.SECURE: ("ill-secure-electronic", "ill-electronic"),
    Way.OPEN: ("ill-electronic",),
}
"""The terms that say so, the closer one first."""
KEPT: Final = frozenset(term for terms in TERMS.values() for term in terms)
"""What is kept of a licence."""
FREE: Final = "free"
"""The licence of what is free for everybody."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found for one way, and by which words."""

    answer: Answer
    licence_id: str | None = None
    licence: str | None = None
    term: str | None = None
    note: str | None = None
    """What the licence tells other libraries: its conditions."""

    def as_json(self) -> dict[str, str]:
        """As it is kept with a request."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: str(value) for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence as it is kept."""

    id: str
    name: str
    terms: Sequence[Mapping[str, Any]]
    """What it says on which days (ISO 8601)."""


def said(licence: Licence, way: Way, on: date) -> Judged:
    """What one licence says of a way on a day: by the closer term; one that says neither yes nor no is passed over."""
    day = on.isoformat()
    of_day = {
        term["term"]: term
        for term in licence.terms
        if (term["starts_on"] or day) <= day <= (term["ends_on"] or day)
    }
    for name in TERMS[way]:
        term = of_day.get(name)
        use = term["use"] if term else None
        if term is None or use not in ("permitted", "interpreted", "prohibited"):
            continue
        note = term["note"]
        if use == "prohibited":
            answer = Answer.PROHIBITED
        else:
            answer = Answer.CONDITIONS if note or use == "interpreted" else Answer.PERMITTED
        return Judged(answer, licence.id, licence.name, name, note)
    return Judged(Answer.UNKNOWN, licence.id, licence.name)


_ORDER: Final = tuple(Answer)


def judged(licences: Sequence[Licence], way: Way, on: date, *, free: bool) -> Judged:
    """Over all ways to the title: whichever licence lets it go out. What is free for everybody may."""
    if free:
        return Judged(Answer.PERMITTED, term=FREE)
    found = [said(licence, way, on) for licence in licences]
    return min(found, key=lambda one: _ORDER.index(one.answer)) if found else Judged(Answer.UNKNOWN)


def way_of(made_from: str | None, *, by_own_link: bool) -> Way | None:
    """How it goes out, by what it is made from; None: from paper, of which no licence says anything."""
    if made_from == "electronic-print":
        return Way.PRINT
    if made_from == "electronic-file":
        return Way.SECURE if by_own_link else Way.OPEN
    return None
