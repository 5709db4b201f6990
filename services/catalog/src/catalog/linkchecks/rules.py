"""What a link check is, and what an answer says of a link. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

SLICE: Final = 500
"""Titles from one commit of the gathering to the next."""
PLACES: Final = 16
"""Hosts that are asked at once."""
MOST_OPEN: Final = 10
"""Checks of one asker that may be under way at a time."""
MOST_TITLES: Final = 1000
"""Titles that may be named in a check."""
MOST_HOPS: Final = 10
"""Redirections that are followed from one address."""
LONGEST: Final = 4000
"""Characters of an address that is kept; a longer one is none."""
PAUSES: Final = (timedelta(minutes=1), timedelta(minutes=10))
"""Before a second and a third try, where a host could not be had: after that, it counts."""
LONGEST_PAUSE: Final = timedelta(hours=1)
"""What a host that wants more time (`Retry-After`) is given at most."""
KEPT: Final = timedelta(days=180)
"""A check that has ended is kept so long; what is known of its links stays."""
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
PERMANENT: Final = frozenset({301, 308})
"""The address has changed for good (RFC 9110 §15.4.2, §15.4.9)."""


class State(StrEnum):
    """How far a check has come."""

    QUEUED = "queued"
    GATHERING = "gathering"
    """Its links are being read from the records."""
    CHECKING = "checking"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


OPEN: Final = frozenset({State.QUEUED, State.GATHERING, State.CHECKING})


class Outcome(StrEnum):
    """What a link came to."""

    WELL = "well"
    MOVED = "moved"
    """It leads somewhere, by way of a permanent redirection: the record could name the new address."""
    BROKEN = "broken"
    UNCLEAR = "unclear"
    """Somebody has to look: a sign-in stands before it, or it wants cookies or fewer questions."""
    NOT_ASKED = "not-asked"
    """It lies where this library's servers ask nothing."""


class Change(StrEnum):
    """How a link stands against the last time."""

    BROKE = "broke"
    MENDED = "mended"


REFUSED: Final = frozenset(
    {
        "scheme-refused",
        "port-refused",
        "url-with-credentials",
        "address-literal",
        "host-not-public",
        "host-unreadable",
        "address-not-public",
    }
)
"""Reasons of the guard (`chassis.addresses`) why an address is not asked; `url-unreadable` is a fault of the link."""
PASSING: Final = frozenset({"timeout", "host-unknown", "connect-failed", "answer-broken"})
"""What may be better in a while."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A redirection: how, and where to."""

    status: int
    address: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen at an address, after every redirection that was followed."""

    address: str
    """The last one that was asked."""
    status: int | None = None
    problem: str | None = None
    """Why there is no answer."""
    hops: Sequence[Hop] = ()
    patience: timedelta | None = None
    """How long the host asks to be left alone."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a link came to; `again`: after which pause it is tried once more before it counts."""

    outcome: Outcome
    problem: str | None = None
    moved_to: str | None = None
    again: timedelta | None = None


def judged(seen: Seen, *, tries: int) -> Verdict:
    """What an answer says of its link, where `tries` were made with this one."""
    found, problem = _of_status(seen.status or 0)
    if seen.problem is not None:
        found, problem = _of_problem(seen), seen.problem
    passing = problem in PASSING or (problem in ("server-error", "busy") and seen.status != 501)
    if passing and tries <= len(PAUSES):
        pause = max(PAUSES[tries - 1], seen.patience or timedelta())
        return Verdict(found, problem, again=min(pause, LONGEST_PAUSE))
    moved_to = moved(seen.hops) if found is Outcome.WELL else None
    return Verdict(Outcome.MOVED if moved_to else found, problem, moved_to)


def _of_problem(seen: Seen) -> Outcome:
    if seen.problem == "redirect-loop":
        return Outcome.UNCLEAR  # a browser that keeps cookies may well get through
    if seen.problem in REFUSED:
        return Outcome.UNCLEAR if seen.hops else Outcome.NOT_ASKED
    return Outcome.BROKEN


def _of_status(status: int) -> tuple[Outcome, str | None]:
    if 200 <= status < 300:
        return Outcome.WELL, None
    if status in (401, 402, 403, 407, 451):
        return Outcome.UNCLEAR, "not-let-in"
    if status in (429, 503):
        return Outcome.UNCLEAR, "busy"
    if status in (404, 410):
        return Outcome.BROKEN, "not-found"
    if status >= 500:
        return Outcome.BROKEN, "server-error"
    return Outcome.BROKEN, "refused" if status >= 400 else "answer-odd"


def moved(hops: Sequence[Hop]) -> str | None:
    """Where an address has gone for good: as far as redirections are permanent, one behind the other."""
    told = None
    for hop in hops:
        if hop.status not in PERMANENT:
            break
        told = hop.address
    return told


def changed(before: Outcome | None, after: Outcome) -> Change | None:
    """What is told of a link that was checked before."""
    if after is Outcome.BROKEN and before in (Outcome.WELL, Outcome.MOVED):
        return Change.BROKE
    if before is Outcome.BROKEN and after in (Outcome.WELL, Outcome.MOVED):
        return Change.MENDED
    return None
