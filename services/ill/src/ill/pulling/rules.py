"""When is a batch of slips due, and when is a mail tried again? Decisions only: no clock, no database."""

from collections.abc import Collection
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo


def last_due(
    weekdays: Collection[int], times: Collection[time], zone: str, *, now: datetime
) -> datetime | None:
    """The last moment until now at which a batch was to be made; None where there is none.

    An hour that a day does not have, when clocks go forward, is the one after; one that it has twice is its first.
    """
    there = ZoneInfo(zone)
    today = now.astimezone(there).date()
    found = [
        moment
        for back in range(8)
        for at in times
        if (day := today - timedelta(days=back)).weekday() in weekdays
        and (moment := datetime.combine(day, at, there).astimezone(now.tzinfo)) <= now
    ]
    return max(found, default=None)


LONGEST_GAP = timedelta(hours=1)


def gap_after(attempts: int) -> timedelta:
    """How long a mail waits after so many attempts: a minute, then twice as long each time, an hour at most."""
    return min(timedelta(minutes=1) * (1 << min(attempts - 1, 10)), LONGEST_GAP)


def given_up(attempts: int, *, most: int, for_good: bool) -> bool:
    """Whether it is tried no more: it was refused for good, or often enough."""
    return for_good or attempts >= most
