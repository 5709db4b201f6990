"""Which of several copies on their shelves is fetched for a hold: near, wished for, where somebody is there to fetch.

The order of what counts: copies that were looked for in vain come last, then those where nobody opens soon,
then distance, weight and the cost of sending it in the order that the library has chosen, then the copy that was
made first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from circulation.calendars.rules import Calendar, NeverOpen


class Distance(IntEnum):
    """How far a copy's shelf is from where it will be picked up; no distances in metres are known."""

    PICKUP_POINT = 0
    """Its library is at home at the pickup point."""
    LIBRARY = 1
    CAMPUS = 2
    INSTITUTION = 3
    ELSEWHERE = 4


class First(StrEnum):
    """What goes before the other."""

    DISTANCE = "distance"
    WEIGHT = "weight"
    COST = "cost"
    """What it costs to send it there (`transfers`); then distance, then weight."""


@dataclass(frozen=True, slots=True)
class CopyChoice:
    """How a library chooses."""

    first: First = First.DISTANCE
    locations: Mapping[str, int] = field(default_factory=dict)
    """Weights by location; a heavier copy is fetched sooner. They go before those of libraries."""
    libraries: Mapping[str, int] = field(default_factory=dict)
    open_within_days: int | None = None
    """A copy whose library does not open within so many days comes after others; 0: today. None: nobody asks."""
    retarget_after_days: int | None = None
    """Open days of the copy's library after which another is fetched; None: it is waited for."""
    avoid_previous: bool = True
    """Whether a copy that was looked for in vain comes last."""


@dataclass(frozen=True, slots=True)
class Pickup:
    """Where it will be picked up."""

    serves: frozenset[str]
    """Libraries whose items are at home there."""
    library: str
    campus: str | None = None
    institution: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A copy that may be fetched."""

    item_id: UUID
    location: str | None
    library: str | None
    campus: str | None
    institution: str | None
    calendar: Calendar | None = None
    """Of the desk where it is at home; None: there is none, and nobody can tell whether it opens."""
    missed: bool = False
    """It was looked for in vain, for this hold."""
    cost: int = 0
    """Of sending it to the pickup point."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A copy, and what it was placed by."""

    item_id: UUID
    distance: Distance
    weight: int
    closed: bool
    missed: bool
    cost: int = 0


def distance(pickup: Pickup, target: Target) -> Distance:
    """How far it is."""
    near = {
        Distance.PICKUP_POINT: target.library in pickup.serves,
        Distance.LIBRARY: target.library == pickup.library,
        Distance.CAMPUS: target.campus is not None and target.campus == pickup.campus,
        Distance.INSTITUTION: target.institution is not None and target.institution == pickup.institution,
    }
    return next((step for step, holds in near.items() if holds), Distance.ELSEWHERE)


def opens_within(calendar: Calendar, days: int, *, now: datetime) -> bool:
    """Whether the place is open at some time from now until the end of the n-th day; 0: today."""
    today = calendar.day_of(now)
    return any(
        closes > now for away in range(days + 1) for _, closes in calendar.hours(today + timedelta(days=away))
    )


def ranked(choice: CopyChoice, pickup: Pickup, targets: Iterable[Target], *, now: datetime) -> list[Ranked]:
    """The copies in the order in which they would be fetched. Where all are closed, the nearest waits to open."""
    open_at: dict[str | None, bool] = {}

    def closed(target: Target) -> bool:
        if choice.open_within_days is None or target.calendar is None:
            return False
        if target.library not in open_at:
            open_at[target.library] = opens_within(target.calendar, choice.open_within_days, now=now)
        return not open_at[target.library]

    def place(copy: Ranked) -> tuple[object, ...]:
        near, heavy = int(copy.distance), -copy.weight
        chosen = {
            First.DISTANCE: (near, heavy, copy.cost),
            First.WEIGHT: (heavy, near, copy.cost),
            First.COST: (copy.cost, near, heavy),
        }[choice.first]
        return (copy.missed and choice.avoid_previous, copy.closed, *chosen, copy.item_id)

    return sorted(
        (
            Ranked(
                target.item_id,
                distance(pickup, target),
                choice.locations.get(target.location or "", choice.libraries.get(target.library or "", 0)),
                closed(target),
                target.missed,
                target.cost,
            )
            for target in targets
        ),
        key=place,
    )


def retarget_at(choice: CopyChoice, calendar: Calendar | None, *, now: datetime) -> datetime | None:
    """When another copy is fetched unless this one was found: the end of the n-th open day; None: never."""
    if choice.retarget_after_days is None:
        return None
    try:
        if calendar is not None:
            return calendar.days_open_after(now, choice.retarget_after_days)
    except NeverOpen:
        pass
    return now + timedelta(days=choice.retarget_after_days)
