"""When may somebody sign in? Decisions only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FREE_FAILURES = 5
LONGEST_LOCK = timedelta(minutes=15)
SHORTEST_PASSWORD = 10


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of an account at the door."""

    disabled: bool
    failures: int
    locked_until: datetime | None


def locked(standing: Standing, *, now: datetime) -> bool:
    """Whether guesses are not even looked at."""
    return standing.locked_until is not None and standing.locked_until > now


def lock_after(failures: int, *, now: datetime) -> datetime | None:
    """Until when the account is locked after so many failures in a row: none, then 1, 2, 4 … seconds."""
    if failures < FREE_FAILURES:
        return None
    return now + min(timedelta(seconds=2 ** min(failures - FREE_FAILURES, 20)), LONGEST_LOCK)


OF_EVERYBODY: Final = frozenset({"patron"})
"""Roles that one factor is enough for."""


def roles_at_door(roles: Iterable[str], *, two_factors: bool, wanted: bool) -> list[str]:
    """The roles that somebody comes in with: where two factors are wanted for work, none of staff without them."""
    return [role for role in roles if two_factors or not wanted or role in OF_EVERYBODY]


def waits_for_a_factor(roles: Iterable[str], *, two_factors: bool, wanted: bool) -> bool:
    """Whether somebody came in with less than they have, for want of a second factor."""
    there = list(roles)
    return roles_at_door(there, two_factors=two_factors, wanted=wanted) != there


STEP_SECONDS: Final = 30
STEPS_BESIDE: Final = 1
"""How far a clock may be off: one step each way (RFC 6238 §5.2)."""
RECOVERY_CODES: Final = 10
ALPHABET: Final = "23456789abcdefghjkmnpqrstuvwxyz"
"""Of recovery codes: nothing that is taken for something else on paper."""


def steps_at(now: datetime) -> range:
    """The time steps whose codes are good now."""
    step = int(now.timestamp()) // STEP_SECONDS
    return range(step - STEPS_BESIDE, step + STEPS_BESIDE + 1)


def folded_code(told: str) -> str:
    """A code as it is compared: people type spaces, dashes and capitals."""
    return "".join(letter for letter in told.lower() if letter not in " -\t")


def password_refusals(password: str, username: str) -> list[str]:
    """Why a password is not taken (NIST SP 800-63B: length, not composition)."""
    reasons = []
    if len(password) < SHORTEST_PASSWORD:
        reasons.append("password-too-short")
    if username and username.lower() in password.lower():
        reasons.append("password-holds-username")
    if len(set(password)) < 4:
        reasons.append("password-too-uniform")
    return reasons
