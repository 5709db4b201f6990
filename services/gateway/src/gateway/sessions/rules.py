"""When does a session end? And when may a browser's request act by its cookie alone? Decisions only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long sessions live."""

    idle: timedelta
    staff_idle: timedelta
    longest: timedelta


def ends_at(limits: Limits, *, granted_until: datetime | None, now: datetime) -> datetime:
    """The end of a new session, whatever happens in it: the campus's own, or ours, whichever is first."""
    ours = now + limits.longest
    return ours if granted_until is None else min(ours, granted_until)


def idle_for(limits: Limits, roles: Iterable[str]) -> timedelta:
    """How long somebody may do nothing: staff less than patrons, their screens stand in the open."""
    return limits.idle if set(roles) <= {"patron"} else limits.staff_idle


def may_act(
    method: str, *, origin: str | None, fetch_site: str | None, own: Iterable[str], token_fits: bool
) -> bool:
    """Whether a request with a session's cookie was meant by whoever sits there (cross-site request forgery).

    What only reads passes. What changes something carries the session's token, which no other site can read, and
    comes from a page of ours where the browser says where it comes from.
    """
    if method in SAFE:
        return True
    known = origin is not None and origin in set(own)
    if origin is not None and not known:
        return False
    if fetch_site == "cross-site" and not known:
        return False
    return token_fits
