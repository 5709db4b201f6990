"""Who is a partner, and do they prove it? Decisions only."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

CODE_BYTES: Final = 24


def symbol_key(scheme: str, symbol: str) -> tuple[str, str]:
    """Symbols are the same whatever their case (ISO 15511 §4)."""
    return scheme.strip().upper(), symbol.strip().upper()


def symbols_of(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every symbol of a partner, the first one first."""
    return [symbol_key(*told) for told in ((row["scheme"], row["symbol"]), *row["others"])]


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
    reasons: tuple[str | None, ...] = ()
    """Why, by closing, where that was told."""

    def day(self, moment: datetime) -> date:
        """Which day it is there."""
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def midnight_after(self, moment: datetime) -> datetime:
        """When the day after begins there; an hour that clocks leave out or repeat is as long as it is."""
        zone = ZoneInfo(self.zone)
        start = datetime.combine(self.day(moment) + timedelta(days=1), time(), zone)
        return max(start.astimezone(UTC), moment + timedelta(minutes=1)).astimezone(moment.tzinfo)

    def closing(self, moment: datetime) -> bool:
        """Whether it is closed then, other than every week."""
        day = self.day(moment)
        return any(first <= day <= last for first, last in self.closings)

    def closed_for(self, moment: datetime) -> str | None:
        """Why it is closed then, if that was told."""
        day = self.day(moment)
        told = zip(self.closings, self.reasons, strict=False)
        return next((why for (first, last), why in told if first <= day <= last and why), None)

    def resting(self, moment: datetime) -> bool:
        """Whether it is a day on which it is closed every week."""
        return self.day(moment).weekday() in self.weekdays


ALWAYS: Final = Calendar()
"""Of whom nothing is known: weekends in UTC."""


def calendar_of(row: Mapping[str, Any]) -> Calendar:
    """A partner's, from its row."""
    told, reasons = _closings(row["closings"]), [one.get("reason") for one in row["closings"]]
    if row["closed_from"] is not None and row["closed_until"] is not None:
        told.append((row["closed_from"], row["closed_until"]))
    return Calendar(row["zone"], frozenset(row["closed_weekdays"]), tuple(told), tuple(reasons))


def _closings(told: Sequence[Mapping[str, Any]]) -> list[tuple[date, date]]:
    return [(date.fromisoformat(one["first"]), date.fromisoformat(one["last"])) for one in told]


def closing_contradicts(closed_from: date | None, closed_until: date | None) -> bool:
    """A closing has both ends, in order, or none."""
    if (closed_from is None) != (closed_until is None):
        return True
    return closed_from is not None and closed_until is not None and closed_from > closed_until


# --- from where it lends ---


@dataclass(frozen=True, slots=True)
class LoanPolicy:
    """What a partner lends of what stands in a place of its; where no place is named, of everything."""

    lends: str
    """all, physical (loans), electronic (copies) or nothing."""
    location: str | None = None
    shelving_location: str | None = None

    def covers(self, location: str | None, shelving_location: str | None) -> bool:
        """Whether it is about this place; case does not matter."""
        told = ((self.location, location), (self.shelving_location, shelving_location))
        return all(own is None or own.casefold() == (there or "").strip().casefold() for own, there in told)


def policies_of(row: Mapping[str, Any]) -> tuple[LoanPolicy, ...]:
    """A partner's, from its row."""
    return tuple(LoanPolicy(**one) for one in row["policies"])


_LENT: Final = {
    "loan": frozenset({"all", "physical"}),
    "copy": frozenset({"all", "electronic"}),
    "copy-or-loan": frozenset({"all", "physical", "electronic"}),
}


def lends_from(
    policies: Sequence[LoanPolicy], location: str | None, shelving_location: str | None, service: str
) -> bool:
    """Whether it supplies from there: the first policy that is about the place decides; where none is, it does."""
    found = next((one for one in policies if one.covers(location, shelving_location)), None)
    return found is None or found.lends in _LENT[service]


# --- its branches ---


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch of a partner, as far as it decides."""

    locations: frozenset[str]
    """The places in it, as an index has them, in folded case."""
    closings: tuple[tuple[date, date], ...] = ()


def branches_of(row: Mapping[str, Any]) -> tuple[Branch, ...]:
    """A partner's, from its row."""
    return tuple(
        Branch(
            frozenset(where.strip().casefold() for where in one["locations"]),
            tuple(_closings(one["closings"])),
        )
        for one in row["branches"]
    )


def branch_closed(branches: Sequence[Branch], location: str | None, day: date) -> bool:
    """Whether the branch that a place is in is closed on this day; of a place in no branch nobody knows."""
    where = (location or "").strip().casefold()
    return any(
        first <= day <= last for one in branches if where in one.locations for first, last in one.closings
    )


# --- on which terms ---


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms a partner supplies: the rank of the network by which it is asked, and what that takes."""

    rank: int
    charge: int | None = None
    """Minor units of `currency`; none: what the partner itself takes."""
    currency: str | None = None


OUTSIDE: Final = 100
"""The rank of a partner that is in no network."""


def best_terms(memberships: Sequence[Mapping[str, Any]], *, service: str, level: str | None) -> Terms | None:
    """The terms of the best tier of all its networks that is meant for this; none: no tier is.

    A network without tiers has one that is meant for everything.
    """
    found = [
        Terms(one["rank"], tier.get("charge"), one["currency"])
        for one in memberships
        for tier in one["tiers"] or [{}]
        if _meant(tier, one["tier"], service, level)
    ]
    return min(found, key=lambda terms: (terms.rank, terms.charge or 0), default=None)


def _meant(tier: Mapping[str, Any], named: str | None, service: str, level: str | None) -> bool:
    """Whether a tier is the one that the partner is in, and is meant for a service and service level."""
    services, levels = tier.get("services") or (), [one.casefold() for one in tier.get("levels") or ()]
    return (
        named in (None, tier.get("name"))
        and (not services or service in services or service == "copy-or-loan")
        and (not levels or (level or "Normal").casefold() in levels)
    )
