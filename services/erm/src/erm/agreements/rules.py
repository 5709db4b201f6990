"""May an agreement be so, and is it in force on a day? Decisions only: no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

ACTIVE: Final = "active"
CLOSED: Final = "closed"
MOVES: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"requested", "in-negotiation", "active", "closed"}),
    "requested": frozenset({"draft", "in-negotiation", "active", "closed"}),
    "in-negotiation": frozenset({"requested", "active", "closed"}),
    "active": frozenset({"closed"}),
    "closed": frozenset({"active", "in-negotiation"}),
}
"""Where an agreement may go from where it is."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why an agreement cannot be so."""

    code: str
    text: str
    pointer: str
    mend: str


def status_flaws(before: str | None, after: str, close_reason: str | None) -> list[Flaw]:
    """Moves that there are not, and what does not go with where it goes."""
    found = []
    if before is not None and before != after and after not in MOVES[before]:
        ways = ", ".join(sorted(MOVES[before]))
        found.append(
            Flaw(
                "agreement-move-unknown",
                f"From {before} it does not go to {after}.",
                "/status",
                f"It may go to: {ways}.",
            )
        )
    if after == CLOSED and close_reason is None:
        found.append(Flaw("close-reason-missing", "It is closed for a reason.", "/close_reason", "Name it."))
    if after != CLOSED and close_reason is not None:
        found.append(
            Flaw("close-reason-unexpected", f"It is {after}, not closed.", "/close_reason", "Leave it out.")
        )
    return found


@dataclass(frozen=True, slots=True)
class Days:
    """From a day until a day, both included; None: without a beginning, without an end."""

    first: date | None
    last: date | None

    def hold(self, on: date) -> bool:
        """Whether a day is among them."""
        return (self.first is None or self.first <= on) and (self.last is None or on <= self.last)

    def meet(self, other: "Days") -> "Days | None":
        """The days that both have; None: there are none."""
        firsts = [day for day in (self.first, other.first) if day is not None]
        lasts = [day for day in (self.last, other.last) if day is not None]
        first, last = max(firsts, default=None), min(lasts, default=None)
        return None if first is not None and last is not None and first > last else Days(first, last)


def period_flaws(periods: Sequence[tuple[Days, date | None]]) -> list[Flaw]:
    """Periods (with their last day to cancel) that overlap, or could be cancelled only after their end."""
    found = []
    for at, (days, cancel_by) in enumerate(periods):
        if cancel_by is not None and days.last is not None and cancel_by > days.last:
            found.append(
                Flaw(
                    "deadline-after-the-end",
                    f"It ends on {days.last}, before the last day to cancel.",
                    f"/periods/{at}/cancel_by",
                    "Name a day within the period or before it.",
                )
            )
        for earlier, (others, _) in enumerate(periods[:at]):
            if days.meet(others) is not None:
                found.append(
                    Flaw(
                        "periods-overlap",
                        f"Periods {earlier + 1} and {at + 1} have days in common.",
                        f"/periods/{at}",
                        "Let one end before the next begins.",
                    )
                )
    return found


class Standing(StrEnum):
    """Why something is not licensed on a day."""

    NOT_ACTIVE = "agreement-not-active"
    BEFORE_PERIOD = "agreement-not-begun"
    AFTER_PERIOD = "agreement-ended"
    BETWEEN_PERIODS = "agreement-between-periods"
    LINE_NOT_BEGUN = "line-not-begun"
    LINE_ENDED = "line-ended"
    SUPPRESSED = "line-suppressed"


@dataclass(frozen=True, slots=True)
class Line:
    """A line with what it depends on."""

    status: str
    """Of its agreement."""
    periods: tuple[Days, ...]
    """Of its agreement; none: without end."""
    days: Days
    suppressed: bool = False


def standing(line: Line, on: date) -> list[Standing]:
    """Every reason why a line lets nothing be used on a day; none: it does."""
    found = [Standing.NOT_ACTIVE] if line.status != ACTIVE else []
    if line.periods and not any(days.hold(on) for days in line.periods):
        begun = any(days.first is None or days.first <= on for days in line.periods)
        to_come = any(days.first is not None and days.first > on for days in line.periods)
        found.append(
            Standing.BEFORE_PERIOD
            if not begun
            else Standing.BETWEEN_PERIODS
            if to_come
            else Standing.AFTER_PERIOD
        )
    if line.days.first is not None and on < line.days.first:
        found.append(Standing.LINE_NOT_BEGUN)
    if line.days.last is not None and on > line.days.last:
        found.append(Standing.LINE_ENDED)
    if line.suppressed:
        found.append(Standing.SUPPRESSED)
    return found


def usable(periods: Sequence[Days], line: Days, listed: Days) -> list[Days]:
    """Days on which a title was to be had by a line: in a period of the agreement, and while it is listed."""
    within = line.meet(listed)
    if within is None:
        return []
    if not periods:
        return [within]
    return sorted(
        (found for days in periods if (found := days.meet(within)) is not None),
        key=lambda days: days.first or date.min,
    )


def entry_of(before: tuple[bool, date | None] | None, after: tuple[bool, date | None]) -> str:
    """What a change of a line (suppressed, last day) is called in its history."""
    if before is None:
        return "added"
    if before[0] != after[0]:
        return "suppressed" if after[0] else "shown"
    if before[1] != after[1]:
        return "reopened" if after[1] is None else "ended"
    return "changed"
