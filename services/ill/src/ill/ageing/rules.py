"""Until when is something waited for, and when has a request grown too old? Decisions only: no clock, no database.

How long depends on the service level of ISO 18626 (an open list; a request without one counts as Normal, and case does
not matter). What is told for a level goes before what is told for all, and what a supplier says before what the library
does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from ill.partners.rules import ALWAYS, Calendar


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time: days, or hours."""

    days: int | None = None
    hours: int | None = None

    @property
    def length(self) -> timedelta:
        """By the clock."""
        return timedelta(days=self.days or 0, hours=self.hours or 0)


def of_level(levels: Mapping[str, Span], level: str | None) -> Span | None:
    """What is told for a service level; none: nothing is."""
    wanted = (level or "Normal").casefold()
    return next((span for name, span in levels.items() if name.casefold() == wanted), None)


def time_to_respond(
    level: str | None, *, own: Mapping[str, Span], library: Mapping[str, Span], usual: int
) -> Span:
    """How long a supplier has: its own time for the level, else the library's for the level, else its usual days."""
    return of_level(own, level) or of_level(library, level) or Span(days=usual)


def expires_at(
    *,
    need_before: datetime | None,
    created_at: datetime,
    level: str | None,
    usual: Span | None,
    levels: Mapping[str, Span],
) -> datetime | None:
    """When a request without a day before which it is needed has grown too old; None: never, or it has such a day."""
    span = of_level(levels, level) or usual
    return created_at + span.length if need_before is None and span is not None else None


SPANS: Final = frozenset(
    {"answer", "local", "respond", "condition", "not-received", "copy", "return", "stale", "due"}
)


@dataclass(frozen=True, slots=True)
class Spans:
    """How long is waited, in working days; None: for ever."""

    answer: int = 30
    """Minutes for another service of ours to answer a question."""
    respond: int = 4
    """For a supplier to respond, at the request's service level …"""
    respond_hours: int | None = None
    """… or in hours of the days on which it is open."""
    condition: int = 4
    not_received: int = 14
    copy: int = 7
    back: int = 30
    stale: int | None = None
    stale_hours: int | None = None
    """For Rush and Express."""
    calendar: Calendar = ALWAYS
    """The supplier's own: its time to respond does not run while it is closed."""
    grace: int = 14
    """Days after the due date until the other side is told."""


def working_days(moment: datetime, days: int, *, calendar: Calendar = ALWAYS) -> datetime:
    """The same time of day, that many working days later. Saturdays and Sundays (or what else it rests on) and days of
    closings do not count, as the days are there.

    A closing counts for two years at most: nobody waits for a library that has closed for good.
    """
    given_up = moment + timedelta(days=730)
    while days > 0:
        moment += timedelta(days=1)
        shut = calendar.closing(moment) or calendar.resting(moment)
        days -= not shut or moment >= given_up
    return moment


def open_hours(moment: datetime, hours: int, *, calendar: Calendar = ALWAYS) -> datetime:
    """So many hours later, of which those of days on which it is closed do not count, as the days are there.

    A closing counts for two years at most, as in `working_days`.
    """
    given_up, left = moment + timedelta(days=730), timedelta(hours=hours)
    while True:
        midnight = calendar.midnight_after(moment)
        shut = calendar.closing(moment) or calendar.resting(moment)
        if not shut or moment >= given_up:
            if midnight - moment >= left:
                return moment + left
            left -= midnight - moment
        moment = midnight


def days_after(moment: datetime | None, days: int) -> datetime | None:
    """So many calendar days later; None past the end of all calendars."""
    try:
        return moment + timedelta(days=days) if moment is not None else None
    except OverflowError:
        return None


def look_at(
    span: str | None,
    spans: Spans,
    *,
    now: datetime,
    due_at: datetime | None,
    rush: bool,
    need_before: datetime | None,
) -> datetime | None:
    """When a timer acts on a state that has this timeout; `need_before` (or when it has grown too old) only where
    running out matters still."""
    moment: datetime | None = None
    if span == "due":
        moment = days_after(due_at, spans.grace)
    elif span == "answer":
        moment = now + timedelta(minutes=spans.answer)
    elif span == "stale" and rush and spans.stale_hours is not None:
        moment = now + timedelta(hours=spans.stale_hours)
    elif span == "respond" and spans.respond_hours is not None:
        moment = open_hours(now, spans.respond_hours, calendar=spans.calendar)
    elif span is not None:
        days = {
            "local": 1,
            "respond": spans.respond,
            "condition": spans.condition,
            "not-received": spans.not_received,
            "copy": spans.copy,
            "return": spans.back,
            "stale": spans.stale,
        }[span]
        theirs = spans.calendar if span == "respond" else ALWAYS
        moment = working_days(now, days, calendar=theirs) if days is not None else None
    return min((one for one in (moment, need_before) if one is not None), default=None)
