"""Money and fines: integer minor units, ISO 4217 exponents, no floating point anywhere."""

import contextlib
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar, NeverOpen
from contracts.currencies import EXPONENTS


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

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


SHORT: Final = {FineUnit.MINUTE: timedelta(minutes=1), FineUnit.HOUR: timedelta(hours=1)}
LONG: Final = {FineUnit.DAY: timedelta(days=1), FineUnit.WEEK: timedelta(days=7)}
MONTHS: Final = {FineUnit.MONTH: 1, FineUnit.YEAR: 12}


@dataclass(frozen=True, slots=True)
class Suspension:
    """Days without loans, renewals and holds, for so many units overdue (L88)."""

    days: int
    per_units: int = 1
    max_days: int | None = None
    skip_closed: bool = True
    """Days on which the place does not open are no days of suspension."""
    cumulative: bool = False
    """A new one begins when one that runs ends; else they run side by side and the longer counts."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """One of a schedule of reminders that cost something each (L95)."""

    after_days: int
    """Past the due day; on the first open day from then on."""
    amount: Money
    block: str | None = None
    """The block template by which the borrower is blocked until the loan ends or has another due time."""


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
    grace_deducted: bool = False
    """Once exceeded, the fine counts from the end of the grace instead."""
    count_closed: bool = True
    """Whether closed time is charged: closed days of fines by day or week, closed hours of those by the hour."""
    forgive_on_renewal: bool = False
    minimum: Money | None = None
    """Whatever is fined at all costs at least this."""
    recall_per_unit: Money | None = None
    """Instead of `per_unit`, once the loan was recalled."""
    recall_cap: Money | None = None
    recall_grace_units: int | None = None
    """Instead of `grace_units`, once the loan was recalled (L71)."""
    replacement_cost: Money | None = None
    """What a new copy costs where the catalogue names no price of the item."""
    cap_at_cost: bool = False
    """No fine is higher than the item's price (L93)."""
    suspension: Suspension | None = None
    reminders: tuple[Reminder, ...] = ()
    """In order of their days."""

    def grace_of(self, *, recalled: bool) -> int:
        """Units past due that cost nothing."""
        return (
            self.recall_grace_units if recalled and self.recall_grace_units is not None else self.grace_units
        )

    def cap_of(self, *, recalled: bool, price: Money | None = None) -> Money | None:
        """The highest fine for an item of this price, if that is known; none where there is no limit."""
        cap = self.recall_cap if recalled and self.recall_cap is not None else self.cap
        cost = self.replacement_cost if price is None else price
        if self.cap_at_cost and cost is not None:
            return cost if cap is None else min(cap, cost)
        return cap


FREE: Final = "none"
"""The code of the policy that charges nothing."""


CHARGED_BY_RULES: Final = frozenset(
    {"overdue", "lost-item", "lost-processing", "reminder", "rental", "deposit"}
)
"""Kinds of fee that no hand charges."""


def overdue_units(
    due_at: datetime, at: datetime, unit: FineUnit, calendar: Calendar, *, count_closed: bool = True
) -> int:
    """Units begun since the due time; published as: ceil((elapsed - closed) / unit).

    Minutes and hours are those that passed. Days and weeks are 24 hours and 7 days on the clocks of the place,
    so that a day on which these change is a day like any other; months and years are the calendar's, counted
    from the due date, not 31 days (W38). Closed time is left out where it is not charged.
    """
    if at <= due_at:
        return 0
    if unit in SHORT:
        elapsed = at - due_at if count_closed else calendar.open_time_within(due_at, at)
        return _begun(elapsed, SHORT[unit])
    begins, ends = calendar.wall_time(due_at), calendar.wall_time(at)
    if not count_closed:
        ends -= calendar.closed_days_within(due_at, at)
    if unit in LONG:
        return _begun(ends - begins, LONG[unit])
    return -(-_months_begun(begins, ends) // MONTHS[unit])


def _begun(elapsed: timedelta, unit: timedelta) -> int:
    return max(-(-elapsed // unit), 0)


def _months_begun(begins: datetime, ends: datetime) -> int:
    """Months begun between two times on one clock; a month ends on the same day of the next, or on its last."""
    months = max((ends.year - begins.year) * 12 + ends.month - begins.month, 0)
    while months and _months_later(begins, months - 1) >= ends:
        months -= 1
    while _months_later(begins, months) < ends:
        months += 1
    return months


def _months_later(begins: datetime, months: int) -> datetime:
    years, month = divmod(begins.month - 1 + months, 12)
    year = begins.year + years
    last = monthrange(year, month + 1)[1]
    return begins.replace(year=year, month=month + 1, day=min(begins.day, last))


def reminder_at(reminder: Reminder, calendar: Calendar, *, due_at: datetime) -> datetime:
    """The beginning of the day on which a reminder falls due: an open one, where there is one within a year."""
    day = calendar.day_of(due_at) + timedelta(days=reminder.after_days)
    if not calendar.is_open_on(day):
        with contextlib.suppress(NeverOpen):
            day = calendar.open_day_from(day, 1)
    return calendar.moment(day, time(0))


def reminders_due(
    policy: FinePolicy, calendar: Calendar, *, due_at: datetime, at: datetime
) -> tuple[int, datetime | None]:
    """How many reminders of the schedule have fallen due, and when the next one does."""
    moments = [reminder_at(reminder, calendar, due_at=due_at) for reminder in policy.reminders]
    ahead = [moment for moment in moments if moment > at]
    return len(moments) - len(ahead), min(ahead, default=None)


def units_charged(
    policy: FinePolicy, calendar: Calendar, *, due_at: datetime, at: datetime, recalled: bool = False
) -> int:
    """Units that are fined: none within the grace."""
    grace = policy.grace_of(recalled=recalled)
    units = overdue_units(due_at, at, policy.unit, calendar, count_closed=policy.count_closed)
    if units <= grace:
        return 0
    return units - grace if policy.grace_deducted else units


def known_price(minor: int | None, currency: str | None, *, ours: str) -> Money | None:
    """What an item costs, as the catalogue tells; None where it tells nothing, a gift's 0, or another currency."""
    return Money(minor, ours) if minor and currency == ours else None


def overdue_fine(
    policy: FinePolicy,
    calendar: Calendar,
    *,
    due_at: datetime,
    at: datetime,
    recalled: bool = False,
    price: Money | None = None,
) -> Money:
    """The fine for an item that is (or was brought back) at a moment; zero within the grace."""
    rate = policy.recall_per_unit if recalled and policy.recall_per_unit is not None else policy.per_unit
    fine = rate * units_charged(policy, calendar, due_at=due_at, at=at, recalled=recalled)
    if fine and policy.minimum is not None:
        fine = max(fine, policy.minimum)
    cap = policy.cap_of(recalled=recalled, price=price)
    return min(fine, cap) if cap is not None else fine


def suspension_days(
    policy: FinePolicy, calendar: Calendar, *, due_at: datetime, at: datetime, recalled: bool = False
) -> int:
    """Days of suspension for a late return: floor((overdue - grace) / period) × days, up to the most."""
    told = policy.suspension
    if told is None:
        return 0
    units = overdue_units(due_at, at, policy.unit, calendar, count_closed=policy.count_closed)
    days = max(units - policy.grace_of(recalled=recalled), 0) // told.per_units * told.days
    return days if told.max_days is None else min(days, told.max_days)


def suspended_until(
    told: Suspension, calendar: Calendar, *, days: int, at: datetime, running_until: datetime | None
) -> datetime:
    """When it ends: never earlier than one that runs already."""
    start = running_until if told.cumulative and running_until is not None and running_until > at else at
    if told.skip_closed:
        try:
            end = calendar.days_open_after(start, days)
        except NeverOpen:
            end = calendar.end_of_day(calendar.day_of(start) + timedelta(days=days))
    else:
        end = calendar.end_of_day(calendar.day_of(start) + timedelta(days=days))
    return end if running_until is None else max(end, running_until)


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
