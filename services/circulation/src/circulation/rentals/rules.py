"""What a loan costs: a rental charge, fixed or by time, and a deposit (L24). Decisions only, amounts in minor units."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar

RENTAL: Final = "rental"
"""The kind of fee that a rental charge is."""
DEPOSIT: Final = "deposit"
"""The kind of fee that is given back when the item comes back."""


class Per(StrEnum):
    """What a rental charge counts."""

    LOAN = "loan"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Rental:
    """What lending costs."""

    amount: int
    per: Per = Per.LOAN
    count_closed: bool = True
    """Whether closed hours, or closed days, are charged."""
    on_renewal: bool = True
    """Whether the time that a renewal adds is charged, too (fixed: once more)."""


@dataclass(frozen=True, slots=True)
class Charge:
    """Something a loan costs: the kind of fee, and how much."""

    kind: str
    amount: int


def rent(rental: Rental, calendar: Calendar, *, begins: datetime, ends: datetime) -> int:
    """The charge for the time from one moment to another: units begun, closed ones left out where they are free.

    Days are the place's own from the day after it begins: out today and due tomorrow is one day, due today still one.
    """
    if rental.per is Per.LOAN:
        return rental.amount
    if ends <= begins:
        return 0
    if rental.per is Per.HOUR:
        elapsed = ends - begins if rental.count_closed else calendar.open_time_within(begins, ends)
        return -(-elapsed // timedelta(hours=1)) * rental.amount
    first, last = calendar.day_of(begins), calendar.day_of(ends)
    days = max((last - first).days, 1)
    if not rental.count_closed:
        counted = (first + timedelta(days=number) for number in range(1, (last - first).days + 1))
        days = max(sum(1 for day in counted if calendar.is_open_on(day)), 1)
    return days * rental.amount


def charges_of_loan(
    rental: Rental | None, deposit: int | None, calendar: Calendar, *, lent_at: datetime, due_at: datetime
) -> tuple[Charge, ...]:
    """What is charged when an item is lent."""
    amount = 0 if rental is None else rent(rental, calendar, begins=lent_at, ends=due_at)
    told = (Charge(RENTAL, amount), Charge(DEPOSIT, deposit or 0))
    return tuple(charge for charge in told if charge.amount > 0)


def charges_of_renewal(
    rental: Rental | None, calendar: Calendar, *, due_at: datetime, new_due_at: datetime, now: datetime
) -> tuple[Charge, ...]:
    """What is charged for the time that a renewal adds; past due, from now on: the time before is fined."""
    if rental is None or not rental.on_renewal:
        return ()
    amount = rent(rental, calendar, begins=max(due_at, now), ends=new_due_at)
    return (Charge(RENTAL, amount),) if amount > 0 else ()
