"""Which years of a title stay, and where may they be read? Decisions only: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from erm.agreements.rules import Days, usable


class RightStatus(StrEnum):
    """How sure a right is. Readers are led by what is confirmed alone."""

    CLAIMED = "claimed"
    """We say so; nobody has confirmed it."""
    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    LOST = "lost"
    """Given up, or nobody is left who would honour it."""


@dataclass(frozen=True, slots=True)
class Held:
    """A title that a line of an agreement let be used."""

    line: Days
    """The line's own days."""
    listed: Days
    """From when until when the title was in the package."""
    published: tuple[Days, ...] = ()
    """What was there of it; none: nobody has told, and it may be anything."""


def kept(periods: Sequence[Days], held: Held, *, until: date) -> list[Days]:
    """What was published while the title was subscribed to: that stays, as licences usually have it.

    Days after `until` are not paid for yet. A day that was before anybody subscribed is no part of it.
    """
    paid = [
        found
        for days in usable(periods, held.line, held.listed)
        if (found := days.meet(Days(None, until))) is not None
    ]
    if not held.published:
        return joined(paid)
    return joined([both for days in paid for said in held.published if (both := days.meet(said)) is not None])


def joined(days: Sequence[Days]) -> list[Days]:
    """The same days in as few stretches as there are, in their order; what touches is one."""
    found: list[Days] = []
    for each in sorted(days, key=lambda one: one.first or date.min):
        last = found[-1] if found else None
        if last is not None and _touches(last, each):
            until = None if last.last is None or each.last is None else max(last.last, each.last)
            found[-1] = Days(last.first, until)
        else:
            found.append(each)
    return found


def _touches(one: Days, other: Days) -> bool:
    if one.last is None or other.first is None:
        return True
    return (other.first - one.last).days <= 1
