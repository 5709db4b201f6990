"""When is a place open? Every date rule names its zone: the calendar's own.

Local wall times follow the zone's rules: a time that a clock change skips is moved forward by the gap, one
that it repeats is taken the first time round (PEP 495, fold=0), except ends of openings, the second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

HORIZON_DAYS: Final = 366
"""How far ahead or back an open day is looked for."""
COUNTED_DAYS: Final = 4000
"""How many days of closed or open time are told apart; whatever is longer overdue is capped or lost."""
DAY_END: Final = time(23, 59, 59)


class NeverOpen(Exception):
    """The calendar has no opening within a year; nothing can be due or wait there."""


@dataclass(frozen=True, slots=True)
class Opening:
    """From one local time to another of the same day; 00:00 to 00:00 means all day."""

    opens: time
    closes: time

    @property
    def all_day(self) -> bool:
        return self.opens == self.closes == time(0)


class WhenClosed(StrEnum):
    """Where a due time goes that falls on closed time."""

    KEEP = "keep"
    PREVIOUS_OPEN_DAY = "end-of-previous-open-day"
    """The next open day, when the previous one ended before the item goes out."""
    NEXT_OPEN_DAY = "end-of-next-open-day"
    CURRENT_HOURS = "end-of-current-hours"
    """Of the opening in which the item goes out; lent while closed: of the one that follows."""
    NEXT_HOURS = "beginning-of-next-hours"
    SAME_WEEKDAY = "end-of-next-open-same-weekday"
    """Loans of whole weeks keep their weekday, where the place opens on it at all; others: the next open day."""


@dataclass(frozen=True, slots=True)
class Season:
    """Days, both ends among them, with weekly hours of their own: a term, a vacation."""

    first: date
    last: date
    weekly: Mapping[int, tuple[Opening, ...]]


@dataclass(frozen=True, slots=True)
class Calendar:
    """Opening hours of one place: of single dates before those of a season before the usual ones."""

    zone: str
    weekly: Mapping[int, tuple[Opening, ...]]
    """Openings by weekday, 0 = Monday; a missing day is closed."""
    exceptions: Mapping[date, tuple[Opening, ...]] = field(default_factory=dict)
    """Openings on single dates; an empty tuple: closed."""
    seasons: tuple[Season, ...] = ()

    @property
    def tz(self) -> ZoneInfo:
        """The zone's rules."""
        return ZoneInfo(self.zone)

    def openings(self, day: date) -> tuple[Opening, ...]:
        """The day's openings in order; none when closed."""
        found = self.exceptions.get(day)
        return self.regular(day).get(day.weekday(), ()) if found is None else found

    def regular(self, day: date) -> Mapping[int, tuple[Opening, ...]]:
        """The weekly hours in force on a day: its season's, else the usual ones."""
        for season in self.seasons:
            if season.first <= day <= season.last:
                return season.weekly
        return self.weekly

    @property
    def never_opens(self) -> bool:
        """Whether it has no opening at all."""
        weeks = [self.weekly, *(season.weekly for season in self.seasons)]
        return not any(self.exceptions.values()) and not any(any(week.values()) for week in weeks)

    def is_open_on(self, day: date) -> bool:
        """Whether the place opens at all on that day."""
        return bool(self.openings(day))

    def day_of(self, at: datetime) -> date:
        """The local date of a moment."""
        return at.astimezone(self.tz).date()

    def moment(self, day: date, at: time, *, last: bool = False) -> datetime:
        """The moment (UTC) of a local time. `last`: the second one, when the clock shows it twice."""
        first, second = (datetime.combine(day, at, self.tz).replace(fold=fold) for fold in (0, 1))
        # A skipped time has two readings as well, of which the first lies after the gap.
        return max(first.astimezone(UTC), second.astimezone(UTC)) if last else first.astimezone(UTC)

    def end_of_day(self, day: date) -> datetime:
        """23:59:59 in the place's own zone."""
        return self.moment(day, DAY_END, last=True)

    def hours(self, day: date) -> list[tuple[datetime, datetime]]:
        """The day's openings as moments."""
        return [
            (
                self.moment(day, opening.opens),
                self.moment(day + timedelta(days=1), time(0))
                if opening.closes == time(0)
                else self.moment(day, opening.closes, last=True),
            )
            for opening in self.openings(day)
        ]

    def is_open(self, at: datetime) -> bool:
        """Whether the place is open at a moment; closing time itself is closed."""
        return any(opens <= at < closes for opens, closes in self.hours(self.day_of(at)))

    def open_day_from(self, day: date, step: int) -> date:
        """The nearest open day before (step -1) or after (+1) a day; `NeverOpen` when there is none in a year."""
        for away in range(1, HORIZON_DAYS + 1):
            candidate = day + timedelta(days=away * step)
            if self.is_open_on(candidate):
                return candidate
        raise NeverOpen

    def end_of_current_hours(self, at: datetime) -> datetime:
        """When the present opening ends; while closed, when the next one does."""
        for opens, closes in self.hours(self.day_of(at)):
            if opens <= at < closes:
                return closes
        return self.next_opening(at)[1]

    def next_opening(self, at: datetime) -> tuple[datetime, datetime]:
        """The first opening that begins at or after a moment."""
        for away in range(HORIZON_DAYS + 1):
            day = self.day_of(at) + timedelta(days=away)
            for opens, closes in self.hours(day):
                if opens >= at:
                    return opens, closes
        raise NeverOpen

    def moved(
        self, due: datetime, strategy: WhenClosed, *, lent_at: datetime, offset: timedelta = timedelta(0)
    ) -> datetime:
        """A due time moved off closed time as the strategy says; unchanged when the place is open then.

        Day strategies look at the day, hour strategies at the moment. What is moved still lies after
        `lent_at`. Raises `NeverOpen`.
        """
        day = self.day_of(due)
        if strategy is WhenClosed.KEEP:
            return due
        if strategy is WhenClosed.SAME_WEEKDAY:
            return due if self.is_open_on(day) else self.end_of_day(self._kept_weekday(day, lent_at))
        if strategy in (WhenClosed.PREVIOUS_OPEN_DAY, WhenClosed.NEXT_OPEN_DAY):
            if self.is_open_on(day):
                return due
            if strategy is WhenClosed.PREVIOUS_OPEN_DAY:
                earlier = self.end_of_day(self.open_day_from(day, -1))
                if earlier > lent_at:
                    return earlier
            return self.end_of_day(self.open_day_from(day, 1))
        if self.is_open(due):
            return due
        if strategy is WhenClosed.CURRENT_HOURS:
            return self.end_of_current_hours(lent_at)
        opens, closes = self.next_opening(due)
        return min(opens + offset, closes)

    def _kept_weekday(self, day: date, lent_at: datetime) -> date:
        """The next open day on the same weekday, for whole weeks on a weekday that is regularly open (L16)."""
        whole_weeks = (day - self.day_of(lent_at)).days % 7 == 0
        if whole_weeks and self.regular(day).get(day.weekday()):
            for weeks in range(1, HORIZON_DAYS // 7 + 1):
                if self.is_open_on(candidate := day + timedelta(days=7 * weeks)):
                    return candidate
        return self.open_day_from(day, 1)

    def wall_time(self, at: datetime) -> datetime:
        """What the clocks of the place show, without a zone. The last second of a day counts as its end."""
        local = at.astimezone(self.tz).replace(tzinfo=None, fold=0)
        if local.time() < DAY_END:
            return local
        return datetime.combine(local.date() + timedelta(days=1), time(0))

    def closed_days_within(self, start: datetime, end: datetime) -> timedelta:
        """The time on the wall clock between two moments that falls on days on which the place does not open."""
        begins, ends = self.wall_time(start), self.wall_time(end)
        closed = timedelta(0)
        for away in range(min((ends.date() - begins.date()).days, COUNTED_DAYS) + 1):
            day = begins.date() + timedelta(days=away)
            if not self.is_open_on(day):
                midnight = datetime.combine(day, time(0))
                closed += min(ends, midnight + timedelta(days=1)) - max(begins, midnight)
        return closed

    def open_time_within(self, start: datetime, end: datetime) -> timedelta:
        """How long the place was open between two moments."""
        first = self.day_of(start)
        opened = timedelta(0)
        for away in range(min((self.day_of(end) - first).days, COUNTED_DAYS) + 1):
            for opens, closes in self.hours(first + timedelta(days=away)):
                opened += max(min(end, closes) - max(start, opens), timedelta(0))
        return opened

    def days_open_after(self, start: datetime, days: int) -> datetime:
        """The end of the n-th open day after a moment's own day."""
        day = self.day_of(start)
        for _ in range(max(days, 1)):
            day = self.open_day_from(day, 1)
        return self.end_of_day(day)


def always_open(zone: str) -> Calendar:
    """The calendar of a place of which nothing but the zone is known any more."""
    return Calendar(zone, dict.fromkeys(range(7), (Opening(time(0), time(0)),)))


def problems_of(calendar: Calendar) -> list[str]:
    """What is wrong with a calendar as written: unknown zone, overlapping or backward hours."""
    found = []
    try:
        ZoneInfo(calendar.zone)
    except (KeyError, ValueError, OSError):
        found.append(f"{calendar.zone!r} is no IANA time zone")
    found += _problems_of_week("", calendar.weekly)
    for season in calendar.seasons:
        told = f"season {season.first} to {season.last}"
        if season.last < season.first:
            found.append(f"{told}: ends before it begins")
        found += _problems_of_week(f"{told}, ", season.weekly)
    for before, after in pairwise(sorted(calendar.seasons, key=lambda season: season.first)):
        if after.first <= before.last:
            found.append(f"the seasons from {before.first} and from {after.first} overlap")
    for day, openings in calendar.exceptions.items():
        found += _problems_of_day(day.isoformat(), openings)
    return found


def _problems_of_week(where: str, weekly: Mapping[int, tuple[Opening, ...]]) -> list[str]:
    found = []
    for weekday, openings in weekly.items():
        if not 0 <= weekday <= 6:
            found.append(f"{where}{weekday} is no weekday (0 = Monday … 6 = Sunday)")
        found += _problems_of_day(f"{where}weekday {weekday}", openings)
    return found


def _problems_of_day(day: str, openings: tuple[Opening, ...]) -> list[str]:
    if any(told.tzinfo is not None for opening in openings for told in (opening.opens, opening.closes)):
        return [f"{day}: hours are local times, without an offset"]
    found = [
        f"{day}: closes at {opening.closes:%H:%M} before it opens"
        for opening in openings
        if opening.closes <= opening.opens and opening.closes != time(0)
    ]
    for before, after in pairwise(openings):
        if before.closes == time(0) or after.opens < before.closes:
            found.append(f"{day}: openings overlap or are out of order")
    return found
