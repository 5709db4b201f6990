"""When is a delivery tried again, and what becomes of whoever does not answer? Decisions only: no clock, no chance.

Standard Webhooks leaves the schedule to the sender. Ours outlasts a long weekend: five days.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LADDER: Final = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
)
THEN_EVERY: Final = timedelta(hours=12)
TRIED_FOR: Final = timedelta(days=5)
JITTER: Final = 0.2
WAITED_AT_MOST: Final = timedelta(hours=24)
"""However long a receiver's Retry-After is."""
THEIR_FAULTS: Final = 3
"""How often a delivery is tried again that the receiver calls wrong (4xx)."""
VERIFIED_IN: Final = 3
"""Tries of a verification."""
WAITING_STATUSES: Final = frozenset({408, 425, 429})
"""Of 4xx, those that ask for patience."""

RESTS_AFTER: Final = 5
"""Failures in a row, of whatever delivery, after which a receiver is left alone for a while."""
RESTS: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
)
"""How long it rests; after each rest one delivery is tried. A receiver that comes back is noticed in half an hour."""

WARNED_AFTER: Final = (timedelta(days=1), timedelta(days=3))
DISABLED_AFTER: Final = timedelta(days=5)
STILL_TRIED: Final = timedelta(days=1)
"""Of a receiver that nothing was sent to for longer, nothing is known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one try."""

    status: int | None = None
    """None: no answer came; `error` says why."""
    error: str | None = None
    """timeout, connect-failed, tls-failed, address-refused, answer-broken; not-echoed of a verification."""
    retry_after: timedelta | None = None

    @property
    def good(self) -> bool:
        """Any 2xx in time."""
        return self.error is None and self.status is not None and 200 <= self.status < 300


class Outcome(StrEnum):
    """What becomes of a delivery."""

    DELIVERED = "delivered"
    AGAIN = "again"
    GIVEN_UP = "given-up"
    GONE = "gone"
    """The receiver says that it wants nothing more, ever (410)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a delivery, and when it is tried again."""

    outcome: Outcome
    at: datetime | None = None


def pause(failures: int, draw: float) -> timedelta:
    """How long after so many failures, spread by a fifth either way; `draw` from 0 up to 1."""
    step = LADDER[failures - 1] if failures <= len(LADDER) else THEN_EVERY
    return step * (1 - JITTER + 2 * JITTER * draw)


def judged(
    answer: Answer,
    *,
    failures: int,
    since: datetime,
    now: datetime,
    draw: float,
    verification: bool = False,
) -> Verdict:
    """What follows from an answer; `failures` count this one if it is one, `since` is when the first try was due."""
    if answer.good:
        return Verdict(Outcome.DELIVERED)
    if answer.status == 410 and not verification:
        return Verdict(Outcome.GONE)
    if verification and failures >= VERIFIED_IN:
        return Verdict(Outcome.GIVEN_UP)
    status = answer.status or 0
    theirs = 400 <= status < 500 and status not in WAITING_STATUSES
    at = now + pause(failures, draw)
    if status in (429, 503) and answer.retry_after is not None:
        at = max(at, now + min(answer.retry_after, WAITED_AT_MOST))
    if (theirs and failures > THEIR_FAULTS) or at > since + TRIED_FOR:
        return Verdict(Outcome.GIVEN_UP)
    return Verdict(Outcome.AGAIN, at)


def rest(failures: int, draw: float) -> timedelta | None:
    """How long a receiver is left alone after so many failures in a row; None: not at all."""
    if failures < RESTS_AFTER:
        return None
    step = RESTS[min(failures - RESTS_AFTER, len(RESTS) - 1)]
    return step * (1 - JITTER + 2 * JITTER * draw)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscription's receiver has done lately."""

    failures: int = 0
    """In a row."""
    failing_since: datetime | None = None
    rests_until: datetime | None = None
    last_tried_at: datetime | None = None
    warned: int = 0

    @property
    def resting(self) -> bool:
        """Whether it is left alone but for single tries."""
        return self.failures >= RESTS_AFTER


def stands(standing: Standing, *, good: bool, now: datetime, draw: float) -> Standing:
    """The same after one more answer: a good one wipes the slate clean."""
    if good:
        return Standing(last_tried_at=now)
    failures = min(standing.failures + 1, 1_000_000)
    pause = rest(failures, draw)
    return replace(
        standing,
        failures=failures,
        failing_since=standing.failing_since or now,
        rests_until=now + pause if pause else None,
        last_tried_at=now,
    )


class Notice(StrEnum):
    """What the owner of a failing subscription is told."""

    FAILING = "failing"
    DISABLED = "disabled"


def notice(*, failing_since: datetime, last_tried_at: datetime, warned: int, now: datetime) -> Notice | None:
    """What to tell of a subscription that has had nothing but failures, having warned so often."""
    if now - last_tried_at > STILL_TRIED:
        return None
    failing = now - failing_since
    if failing >= DISABLED_AFTER:
        return Notice.DISABLED
    due = sum(failing >= after for after in WARNED_AFTER)
    return Notice.FAILING if due > warned else None


SLOW: Final = 1.0
"""Seconds for an answer above which a receiver counts as slow."""
FIRST_SLOTS: Final = 2


@dataclass(frozen=True, slots=True)
class Pace:
    """How a receiver does, as one sending process has seen it: how much it is sent at once follows from that."""

    slots: int = FIRST_SLOTS
    seconds: float = 0.0
    """A smoothed time for an answer."""

    @property
    def slow(self) -> bool:
        """Whether it shares the part of the places that slow ones have."""
        return self.seconds >= SLOW


def paced(pace: Pace, *, seconds: float, good: bool, most: int) -> Pace:
    """One more answer seen: a quick one earns a place, a slow or bad one costs half of them."""
    smoothed = 0.5 * pace.seconds + 0.5 * seconds
    if good and seconds < SLOW:
        return replace(pace, slots=min(most, pace.slots + 1), seconds=smoothed)
    return replace(pace, slots=max(1, pace.slots // 2), seconds=smoothed)
