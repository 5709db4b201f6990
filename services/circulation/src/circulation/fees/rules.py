"""Money and fines: integer minor units, ISO 4217 exponents, no floating point anywhere."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar

EXPONENTS: Final = {
    "BHD": 3,
    "IQD": 3,
    "JOD": 3,
    "KWD": 3,
    "LYD": 3,
    "OMR": 3,
    "TND": 3,
    "CLF": 4,
    "UYW": 4,
} | dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
)
"""ISO 4217 currencies whose minor unit is not a hundredth."""


class CurrencyMismatch(ValueError):
    """Amounts of two currencies cannot be added or compared."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (cents, for most)."""

    minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor + other.minor, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.minor - other.minor, self.currency)

    def __mul__(self, times: int) -> "Money":
        return Money(self.minor * times, self.currency)

    def __lt__(self, other: "Money") -> bool:
        self._same(other)
        return self.minor < other.minor

    def __le__(self, other: "Money") -> bool:
        return not other < self

    def __gt__(self, other: "Money") -> bool:
        return other < self

    def __ge__(self, other: "Money") -> bool:
        return not self < other

    def __bool__(self) -> bool:
        return self.minor != 0

    def _same(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")

    @property
    def decimal(self) -> str:
        """In the currency's own units, without the currency."""
        exponent = EXPONENTS.get(self.currency, 2)
        sign, digits = "-" if self.minor < 0 else "", str(abs(self.minor)).zfill(exponent + 1)
        amount = f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits
        return sign + amount

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"


def total(amounts: Iterable[Money], currency: str) -> Money:
    """The sum, zero of the currency for none."""
    summed = Money(0, currency)
    for amount in amounts:
        summed = summed + amount
    return summed


class FineUnit(StrEnum):
    """What a fine is charged for."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True)
class FinePolicy:
    """How an overdue item is fined."""

    code: str
    name: str
    per_unit: Money
    unit: FineUnit = FineUnit.DAY
    cap: Money | None = None
    grace_units: int = 0
    """Units past due that cost nothing; once exceeded, the fine counts from the due time (L10)."""
    count_closed: bool = True
    """Whether closed time is charged: closed days of fines by day or week, closed hours of those by the hour."""
    forgive_on_renewal: bool = False


FREE: Final = "none"
"""The code of the policy that charges nothing."""


CHARGED_BY_RULES: Final = frozenset({"overdue", "lost-item", "lost-processing", "reminder"})
"""Kinds of fee that no hand charges."""


def overdue_units(
    due_at: datetime, at: datetime, unit: FineUnit, calendar: Calendar, *, count_closed: bool = True
) -> int:
    """Units begun since the due time; published as: ceil((elapsed - closed) / unit).

    Hours are those that passed. Days and weeks are 24 hours and 7 days on the clocks of the place, so that
    a day on which these change is a day like any other. Closed time is left out where it is not charged.
    """
    if at <= due_at:
        return 0
    if unit is FineUnit.HOUR:
        elapsed = at - due_at if count_closed else calendar.open_time_within(due_at, at)
        return _begun(elapsed, timedelta(hours=1))
    elapsed = calendar.wall_time(at) - calendar.wall_time(due_at)
    if not count_closed:
        elapsed -= calendar.closed_days_within(due_at, at)
    return _begun(elapsed, timedelta(days=1) if unit is FineUnit.DAY else timedelta(days=7))


def _begun(elapsed: timedelta, unit: timedelta) -> int:
    return max(-(-elapsed // unit), 0)


def overdue_fine(policy: FinePolicy, calendar: Calendar, *, due_at: datetime, at: datetime) -> Money:
    """The fine for an item that is (or was brought back) at a moment; zero within the grace."""
    units = overdue_units(due_at, at, policy.unit, calendar, count_closed=policy.count_closed)
    if units <= policy.grace_units:
        return Money(0, policy.per_unit.currency)
    fine = policy.per_unit * units
    return min(fine, policy.cap) if policy.cap is not None else fine


class FeeState(StrEnum):
    """Whether anything is left to be settled; how it was settled is told by the payments."""

    OPEN = "open"
    CLOSED = "closed"


class PaymentRefusal(StrEnum):
    """Why a payment is not taken."""

    FEE_CLOSED = "fee-closed"
    MORE_THAN_OWED = "more-than-owed"
    NOT_POSITIVE = "not-positive"
    OTHER_CURRENCY = "other-currency"


def payment_refusals(*, remaining: Money, state: FeeState, amount: Money) -> list[PaymentRefusal]:
    """Every reason against a payment."""
    reasons = []
    if state is FeeState.CLOSED:
        reasons.append(PaymentRefusal.FEE_CLOSED)
    if amount.minor <= 0:
        reasons.append(PaymentRefusal.NOT_POSITIVE)
    if amount.currency != remaining.currency:
        reasons.append(PaymentRefusal.OTHER_CURRENCY)
    elif state is FeeState.OPEN and amount > remaining:
        reasons.append(PaymentRefusal.MORE_THAN_OWED)
    return reasons


def state_after(remaining: Money) -> FeeState:
    """A fee is closed when nothing remains."""
    return FeeState.OPEN if remaining else FeeState.CLOSED
