"""When is a list asked for again, and what did the answer come to? Decisions only: no clock, no I/O."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

FIRST_GAP: Final = timedelta(hours=1)
LONGEST_GAP: Final = timedelta(days=7)
"""However long a provider wants to be left alone."""


class Fetched(StrEnum):
    """What came of asking."""

    TAKEN = "taken"
    """The list came in; its load goes on."""
    UNCHANGED = "unchanged"
    """It is the list that was taken last."""
    NOT_FOLLOWED = "not-followed"
    """The package follows no list."""
    BUSY = "busy"
    """Another load of the package has not ended."""
    REFUSED = "refused"
    """The provider does not let us in: it is not asked again until somebody has changed the source."""
    FAILED = "failed"


def outcome_of(status: int) -> Fetched | None:
    """What an HTTP status comes to; None: there is a list to read."""
    if status == 200:
        return None
    if status == 304:
        return Fetched.UNCHANGED
    return Fetched.REFUSED if status in (401, 403) else Fetched.FAILED


def next_at(
    outcome: Fetched, *, every: timedelta, failures: int, retry_after: datetime | None, now: datetime
) -> datetime | None:
    """When to ask again; None: not before somebody has seen to it.

    After the first failure in an hour, then in twice that each time, but never later than it would be asked anyhow;
    a provider that says when it may be asked again is asked then, within a week.
    """
    if outcome is Fetched.REFUSED:
        return None
    if outcome is Fetched.BUSY:
        return now + min(every, FIRST_GAP)
    if outcome is not Fetched.FAILED:
        return now + every
    gap: timedelta = min(every, FIRST_GAP * 2 ** min(max(failures, 1) - 1, 10))
    if retry_after is not None:
        gap = max(gap, min(retry_after - now, LONGEST_GAP))
    return now + gap


def retry_after(told: str | None, *, now: datetime) -> datetime | None:
    """What a Retry-After header says (RFC 9110 §10.2.3): seconds, or a moment."""
    if told is None:
        return None
    if told.strip().isascii() and told.strip().isdigit():
        return now + min(timedelta(seconds=int(told.strip()[:9])), LONGEST_GAP)
    try:
        moment: datetime = parsedate_to_datetime(told)
    except (ValueError, TypeError):
        return None
    return moment if moment.tzinfo is not None else None
