"""What a closing does to hours and due times. Nothing is ever due earlier by it."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from circulation.calendars.rules import DAY_END, Calendar, Opening


class ClosingState(StrEnum):
    """How far a closing, or its undoing, has come."""

    RUNNING = "running"
    FINISHED = "finished"
    UNDOING = "undoing"
    UNDONE = "undone"


def hours_left(calendar: Calendar, start: datetime, end: datetime) -> dict[date, tuple[Opening, ...]]:
    """The openings that are left of each day that the closing touches; none: closed all day."""
    left = {}
    day = calendar.day_of(start)
    while day <= calendar.day_of(end):
        kept = [
            Opening(_clock(calendar, opens), _clock(calendar, closes))
            for before, after in calendar.hours(day)
            for opens, closes in ((before, min(after, start)), (max(before, end), after))
            if opens < closes
        ]
        if tuple(kept) != calendar.openings(day):
            left[day] = tuple(kept)
        day += timedelta(days=1)
    return left


def _clock(calendar: Calendar, at: datetime) -> time:
    return at.astimezone(calendar.tz).time().replace(second=0, microsecond=0)


def due_after_closing(calendar: Calendar, due_at: datetime, *, offset: timedelta) -> datetime:
    """When something due within the closing is due instead; the calendar has the closing in it. Raises `NeverOpen`.

    What was due with a day's end: at the end of the next open day. What was due at an hour: some time after the
    next opening, as its policy says.
    """
    if due_at.astimezone(calendar.tz).time().replace(microsecond=0) == DAY_END:
        return calendar.end_of_day(calendar.open_day_from(calendar.day_of(due_at), 1))
    opens, closes = calendar.next_opening(due_at)
    return min(opens + offset, closes)


def restored(
    now_there: Mapping[date, object], before: Mapping[date, object], set_then: Mapping[date, object]
) -> dict[date, object]:
    """The exceptions after an undoing: as before, where they still are what the closing made of them."""
    told = dict(now_there)
    for day, hours in set_then.items():
        if told.get(day) == hours:
            if day in before:
                told[day] = before[day]
            else:
                del told[day]
    return told
