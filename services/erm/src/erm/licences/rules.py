"""What is a term's value, and what does a licence say on a day? Decisions only: no clock, no database."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

BASE: Final = 0
"""The number of the licence itself among its amendments."""
ACTIVE: Final = "active"


def value_flaw(kind: str, choices: Sequence[str], value: Any) -> str | None:
    """Why a term of this kind cannot have this value; None where it can."""
    if isinstance(value, str) and not value.strip():
        return "A value is not empty."
    if kind in ("choice", "multi-choice"):
        told = value if kind == "multi-choice" else [value]
        if not isinstance(told, list) or not told or not all(isinstance(one, str) for one in told):
            return "Name one of the choices." if kind == "choice" else "Send a list of choices."
        unknown = sorted(set(told) - set(choices))
        return f"{unknown[0][:60]!r} is none of its choices: {', '.join(choices)}." if unknown else None
    return None if _FITS[kind](value) else _WANTED[kind]


def _decimal(value: Any) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}(\.\d{1,9})?", value):
        return False
    try:
        return Decimal(value).is_finite()
    except InvalidOperation:
        return False


def _date(value: Any) -> bool:
    try:
        return isinstance(value, str) and len(value) == 10 and bool(date.fromisoformat(value))
    except ValueError:
        return False


def _money(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == {"amount", "currency"}
        and _decimal(value["amount"])
        and isinstance(value["currency"], str)
        and bool(re.fullmatch(r"[A-Z]{3}", value["currency"]))
    )


_FITS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "text": lambda value: isinstance(value, str) and len(value) <= 10_000,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53,
    "decimal": _decimal,
    "date": _date,
    "money": _money,
    "boolean": lambda value: isinstance(value, bool),
}
_WANTED: Final = {
    "text": "Send a text of up to 10000 characters.",
    "integer": "Send a whole number.",
    "decimal": 'Send a number as a text: "7.5".',
    "date": 'Send a day: "2027-01-31".',
    "money": 'Send {"amount": "12.50", "currency": "EUR"}.',
    "boolean": "Send true or false.",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What a licence or an amendment says of a term."""

    term: str
    value: Any = None
    use: str | None = None
    """permitted, prohibited, silent, interpreted; none: the value alone counts."""
    public_note: str | None = None
    internal_note: str | None = None
    internal: bool = False
    source: int = BASE
    """The amendment that says so; 0: the licence itself."""


@dataclass(frozen=True, slots=True)
class Text:
    """The licence itself, or an amendment."""

    number: int
    status: str
    starts_on: date | None
    ends_on: date | None
    said: tuple[Said, ...] = ()

    def holds(self, on: date) -> bool:
        """Whether it is in force on a day (both of its days included)."""
        return (
            self.status == ACTIVE
            and (self.starts_on is None or self.starts_on <= on)
            and (self.ends_on is None or on <= self.ends_on)
        )


def effective(texts: Iterable[Text], on: date) -> dict[str, Said] | None:
    """What counts on a day: the licence overlaid by its amendments in force. None: the licence is not in force."""
    by_number = {text.number: text for text in texts}
    if not by_number[BASE].holds(on):
        return None
    told: dict[str, Said] = {}
    for number in sorted(by_number):
        if by_number[number].holds(on):
            told |= {said.term: replace(said, source=number) for said in by_number[number].said}
    return told


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in which a term stands as it is said."""

    said: Said
    starts_on: date | None
    ends_on: date | None


def stretches(texts: Sequence[Text]) -> list[Stretch]:
    """All that counts, whenever: what others keep, so that a change of day needs no word from here."""
    days = sorted(_turns(texts))
    starts: list[date | None] = [None, *days]
    found: dict[str, list[Stretch]] = {}
    for at, starts_on in enumerate(starts):
        ends_on = days[at] - timedelta(days=1) if at < len(days) else None
        on = starts_on or (days[0] - timedelta(days=1) if days and days[0] > date.min else date.min)
        for term, said in (effective(texts, on) or {}).items():
            of_term = found.setdefault(term, [])
            before = of_term[-1] if of_term else None
            adjoins = before is not None and before.ends_on is not None and starts_on is not None
            if before and adjoins and before.said == said and before.ends_on == _eve(starts_on):
                of_term[-1] = replace(before, ends_on=ends_on)
            else:
                of_term.append(Stretch(said, starts_on, ends_on))
    return [stretch for term in sorted(found) for stretch in found[term]]


def _eve(day: date | None) -> date | None:
    return day - timedelta(days=1) if day is not None and day > date.min else None


def _turns(texts: Sequence[Text]) -> set[date]:
    """Days on which something may begin to count or cease to."""
    days = {text.starts_on for text in texts} | {
        text.ends_on + timedelta(days=1)
        for text in texts
        if text.ends_on is not None and text.ends_on < date.max
    }
    return {day for day in days if day is not None and day > date.min}


def differing(sides: Sequence[Mapping[str, Said] | None]) -> list[str]:
    """Terms that these licences do not agree on, in value or use."""
    terms = {term for side in sides for term in side or ()}
    return sorted(term for term in terms if len({_told((side or {}).get(term)) for side in sides}) > 1)


def _told(said: Said | None) -> str:
    return "" if said is None else repr((said.value, said.use))
