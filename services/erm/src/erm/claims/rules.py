"""When what was ordered and has not come is to be claimed. Decisions only: no clock, no database."""

from dataclasses import dataclass
from datetime import date
from typing import Final

MONTH: Final = 30
"""Days between claims where neither the line nor its vendor says otherwise."""

NEVER: Final = date.max
"""What is put off until then is not claimed any more."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """An order line, and what was claimed of it."""

    ordered_on: date | None
    """The library's date of the approval; none: the order is not open."""
    expected_on: date | None = None
    """When it is to have come, as the line says."""
    claim_after_days: int | None = None
    """Where the line does not say: how long the vendor has."""
    interval_days: int | None = None
    """Between claims."""
    claims_at_most: int | None = None
    claimed: int = 0
    last_on: date | None = None
    """The library's date of the last claim."""
    put_off_until: date | None = None
    complete: bool = False
    """All has come, nothing is to come, or it is cancelled."""


def later(day: date, days: int) -> date:
    """So many days later, as far as there are dates."""
    return date.fromordinal(min(date.max.toordinal(), day.toordinal() + days))


def stands(line: Awaited) -> bool:
    """Whether anything may still be claimed of it."""
    return line.ordered_on is not None and not line.complete


def claim_on(line: Awaited) -> date | None:
    """The first day on which it is to be claimed next; none: never.

    It is late on the day after it was expected. Each claim gives the vendor the interval, until there are as many as
    the library sends.
    """
    if line.ordered_on is None or line.complete:
        return None
    if line.put_off_until == NEVER:
        return None
    if line.claims_at_most is not None and line.claimed >= line.claims_at_most:
        return None
    expected = line.expected_on
    if expected is None:
        if line.claim_after_days is None:
            return None
        expected = later(line.ordered_on, line.claim_after_days)
    days = [later(expected, 1)]
    if line.last_on is not None:
        days.append(later(line.last_on, line.interval_days or MONTH))
    if line.put_off_until is not None:
        days.append(line.put_off_until)
    return max(days)
