"""Who is a partner, and do they prove it? Decisions only."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

CODE_BYTES: Final = 24


def symbol_key(scheme: str, symbol: str) -> tuple[str, str]:
    """Symbols are the same whatever their case (ISO 15511 §4)."""
    return scheme.strip().upper(), symbol.strip().upper()


def new_security_code() -> str:
    """A code with 192 bits of chance in it: nobody guesses it, so its hash need not be slow."""
    return secrets.token_urlsafe(CODE_BYTES)


def hashed(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).digest()


def proves(code: str | None, kept: bytes | None) -> bool:
    """Whether the code is the one that was given out."""
    return code is not None and kept is not None and hmac.compare_digest(hashed(code), bytes(kept))


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a partner is closed, in its own time zone."""

    zone: str = "UTC"
    weekdays: frozenset[int] = frozenset({5, 6})
    """Closed every week: 0 is Monday."""
    closings: tuple[tuple[date, date], ...] = ()
    """First and last days."""

    def day(self, moment: datetime) -> date:
        """Which day it is there."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def closing(self, moment: datetime) -> bool:
        """Whether it is closed then, other than every week."""
        day = self.day(moment)
        return any(first <= day <= last for first, last in self.closings)

    def resting(self, moment: datetime) -> bool:
        """Whether it is a day on which it is closed every week."""
        return self.day(moment).weekday() in self.weekdays


ALWAYS: Final = Calendar()
"""Of whom nothing is known: weekends in UTC."""


def calendar_of(row: Mapping[str, Any]) -> Calendar:
    """A partner's, from its row."""
    told = [(date.fromisoformat(one["first"]), date.fromisoformat(one["last"])) for one in row["closings"]]
    if row["closed_from"] is not None and row["closed_until"] is not None:
        told.append((row["closed_from"], row["closed_until"]))
    return Calendar(row["zone"], frozenset(row["closed_weekdays"]), tuple(told))


def closing_contradicts(closed_from: date | None, closed_until: date | None) -> bool:
    """A closing has both ends, in order, or none."""
    if (closed_from is None) != (closed_until is None):
        return True
    return closed_from is not None and closed_until is not None and closed_from > closed_until
