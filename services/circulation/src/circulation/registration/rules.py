"""What a registration may hold, how names are shown and found. Decisions only: no clock, no database."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

LETTERS: Final = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŧ": "t"}
)
"""Letters that carry no mark that could be taken off."""
RESERVED_KINDS: Final = frozenset({"barcode", "external-id"})
"""Identifiers with a field of their own."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that is wrong with a registration: code, words (never the input's own), and where."""

    code: str
    text: str
    pointer: str = ""
    mend: str | None = None


def folded(told: str) -> str:
    """As names are compared: no marks, no case, words apart by one blank."""
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", told.casefold().translate(LETTERS))
        if not unicodedata.combining(letter)
    )
    bare = bare.casefold().translate(LETTERS)
    return " ".join(re.findall(r"\w+", re.sub(r"['’ʼ`´]", "", bare.replace("_", " "))))


def filing_name(*, family: str, given: str | None, sort_name: str | None) -> str:
    """What a patron files under: the sort form where there is one, else family name before given name."""
    return folded(sort_name if sort_name is not None else f"{family} {given or ''}")


def name_words(names: Iterable[str | None]) -> list[str]:
    """Every word by which a patron is found, once."""
    return sorted({word for name in names if name for word in folded(name).split()})


def shown_name(*, family: str, given: str | None, preferred: str | None, family_first: bool) -> str:
    """How a patron is addressed: by the preferred given name, in the order that is theirs."""
    called = preferred or given
    return " ".join(filter(None, (family, called) if family_first else (called, family)))


_GRANDFATHERED_PRIVATE = r"x(?:-[a-z0-9]{1,8})+"
_TAG: Final = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*"
    rf"(?:-{_GRANDFATHERED_PRIVATE})?"
)


def language_tag(told: str) -> str | None:
    """A well-formed language tag in its usual case (RFC 5646, sections 2.1 and 2.1.1); None when it is none."""
    if _TAG.fullmatch(told.lower()) is None:
        return None
    parts = told.lower().split("-")
    after_singleton = False
    for place, part in enumerate(parts[1:], 1):
        after_singleton = after_singleton or len(parts[place - 1]) == 1
        if after_singleton:
            continue
        if len(part) == 4 and part.isalpha():
            parts[place] = part.title()
        elif len(part) == 2 and part.isalpha():
            parts[place] = part.upper()
    return "-".join(parts)


def age_on(day: date, *, born_on: date) -> int:
    """Whole years; whoever was born on 29 February is a year older on 1 March of other years."""
    return day.year - born_on.year - ((day.month, day.day) < (born_on.month, born_on.day))


def birthday(born_on: date, age: int) -> date:
    """The day on which somebody reaches an age."""
    try:
        return born_on.replace(year=born_on.year + age)
    except ValueError:  # 29 February
        return date(born_on.year + age, 3, 1)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the library's configuration lets a registration hold."""

    groups: Collection[str]
    birth_date: bool = False
    statistics: Mapping[str, Collection[str] | None] = field(default_factory=dict)
    """Category: its values; None: any."""


@dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both among them."""

    first: date | None
    last: date | None


def wrongs(
    allowed: Allowed,
    *,
    today: date,
    group: str | None = None,
    birth_on: date | None = None,
    statistics: Mapping[str, str | None] | None = None,
    addresses: Sequence[Span] = (),
    identifiers: Sequence[tuple[str, str]] = (),
) -> list[Wrong]:
    """Everything that is wrong with a registration, or with a change of one, at once."""
    found = []
    if group is not None and group not in allowed.groups:
        found.append(Wrong("group-unknown", f"There is no patron group {group!r}.", "/group"))
    if birth_on is not None and not allowed.birth_date:
        text = "This library keeps no birth dates."
        found.append(
            Wrong("not-kept", text, "/birth_on", "Leave it out, or configure registration.birth_date.")
        )
    elif birth_on is not None and not date(1850, 1, 1) <= birth_on <= today:
        found.append(Wrong("date-not-past", "A birth date lies in the past, after 1850.", "/birth_on"))
    for category, value in (statistics or {}).items():
        pointer = f"/statistics/{category.replace('~', '~0').replace('/', '~1')}"
        if category not in allowed.statistics:
            known = ", ".join(sorted(allowed.statistics)) or "none"
            text, mend = "There is no such statistical category.", f"Those that are configured: {known}."
            found.append(Wrong("category-unknown", text, pointer, mend))
        elif value is not None and (values := allowed.statistics[category]) and value not in values:
            mend = f"One of: {', '.join(sorted(values))}."
            found.append(Wrong("value-unknown", "The category has no such value.", pointer, mend))
    found += [
        Wrong("span-backwards", "It would have ended before it began.", f"/addresses/{place}/valid_to")
        for place, span in enumerate(addresses)
        if span.first is not None and span.last is not None and span.last < span.first
    ]
    for place, (kind, _) in enumerate(identifiers):
        if kind in RESERVED_KINDS:
            text = "Barcode and external id have fields of their own."
            found.append(Wrong("kind-reserved", text, f"/identifiers/{place}/kind"))
    found += [
        Wrong("identifier-repeated", "The identifier is there more than once.", f"/identifiers/{place}")
        for place, each in enumerate(identifiers)
        if each in identifiers[:place]
    ]
    return found
