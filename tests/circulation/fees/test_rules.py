"""What is owed: money, overdue fines, payments."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circulation.calendars.rules import Calendar, Opening
from circulation.fees.rules import (
    CurrencyMismatch,
    FeeState,
    FinePolicy,
    FineUnit,
    Money,
    PaymentRefusal,
    overdue_fine,
    overdue_units,
    payment_refusals,
    state_after,
    total,
)

BERLIN = Calendar("Europe/Berlin", dict.fromkeys(range(5), (Opening(time(9), time(18)),)))
"""Monday to Friday, nine to six. 1 March 2027 is a Monday."""
DAILY = FinePolicy("daily", "Twenty cents a day", Money(20, "EUR"))


def berlin(words: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin"), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (Money(1999, "EUR"), "19.99 EUR"),
        (Money(5, "EUR"), "0.05 EUR"),
        (Money(-150, "EUR"), "-1.50 EUR"),
        (Money(1999, "JPY"), "1999 JPY"),
        (Money(0, "JPY"), "0 JPY"),
        (Money(1999, "KWD"), "1.999 KWD"),
        (Money(7, "KWD"), "0.007 KWD"),
    ],
)
def test_money_is_told_in_its_currencys_own_units(money: Money, words: str) -> None:
    assert str(money) == words


def test_two_currencies_are_neither_added_nor_compared() -> None:
    euros, yen = Money(100, "EUR"), Money(100, "JPY")

    for together in (
        lambda: euros + yen,
        lambda: euros - yen,
        lambda: euros < yen,
        lambda: euros >= yen,
        lambda: total([euros, yen], "EUR"),
    ):
        with pytest.raises(CurrencyMismatch):
            together()
    assert euros != yen


@given(st.lists(st.integers(-(10**9), 10**9)))
def test_a_sum_of_money_is_the_sum_of_its_minor_units(amounts: list[int]) -> None:
    summed = total((Money(amount, "EUR") for amount in amounts), "EUR")

    assert summed == Money(sum(amounts), "EUR")
    assert bool(summed) is (sum(amounts) != 0)


DUE = "2027-03-01T23:59:59"


@pytest.mark.parametrize(
    ("returned", "units"),
    [
        ("2027-03-01T23:59:59", 0),
        ("2027-02-20T10:00:00", 0),
        ("2027-03-02T00:00:01", 1),
        ("2027-03-02T18:00:00", 1),
        ("2027-03-03T09:00:00", 2),
        ("2027-03-08T09:00:00", 7),
        # The night of 27 March has 23 hours, that of 30 October 25: each day is one.
        ("2027-03-28T23:00:00", 27),
        ("2027-03-29T00:30:00", 28),
    ],
)
def test_every_day_begun_since_the_due_date_counts(returned: str, units: int) -> None:
    assert overdue_units(berlin(DUE), berlin(returned), FineUnit.DAY, BERLIN) == units


@pytest.mark.parametrize(("returned", "fold"), [("2027-10-31T02:30:00", 0), ("2027-10-31T23:59:59", 0)])
def test_the_day_of_twenty_five_hours_is_one_day(returned: str, fold: int) -> None:
    due = berlin("2027-10-30T23:59:59")

    assert overdue_units(due, berlin(returned, fold=fold), FineUnit.DAY, BERLIN) == 1


@pytest.mark.parametrize(
    ("due", "returned", "unit", "units"),
    [
        # Due on Friday; the weekend is free, and so is what comes back during it.
        ("2027-03-05T23:59:59", "2027-03-07T12:00:00", FineUnit.DAY, 0),
        ("2027-03-05T23:59:59", "2027-03-08T09:00:00", FineUnit.DAY, 1),
        ("2027-03-05T23:59:59", "2027-03-15T09:00:00", FineUnit.DAY, 6),
        ("2027-03-04T23:59:59", "2027-03-12T12:00:00", FineUnit.WEEK, 1),
        ("2027-03-04T23:59:59", "2027-03-15T12:00:00", FineUnit.WEEK, 1),
        # Due an hour before closing, back half an hour after opening: two hours begun, not seventeen.
        ("2027-03-01T17:00:00", "2027-03-02T09:30:00", FineUnit.HOUR, 2),
        ("2027-03-05T17:00:00", "2027-03-08T09:00:00", FineUnit.HOUR, 1),
    ],
)
def test_closed_time_costs_nothing_where_the_policy_says_so(
    due: str, returned: str, unit: FineUnit, units: int
) -> None:
    assert overdue_units(berlin(due), berlin(returned), unit, BERLIN, count_closed=False) == units
    assert overdue_units(berlin(due), berlin(returned), unit, BERLIN) > units


def test_hours_are_hours_that_passed_even_when_the_clock_skips_one() -> None:
    due, back = berlin("2027-03-28T01:30:00"), berlin("2027-03-28T03:30:00")

    assert overdue_units(due, back, FineUnit.HOUR, BERLIN) == 1


@pytest.mark.parametrize(
    ("policy", "days", "cents"),
    [
        (DAILY, 0, 0),
        (DAILY, 3, 60),
        (FinePolicy("capped", "", Money(20, "EUR"), cap=Money(50, "EUR")), 2, 40),
        (FinePolicy("capped", "", Money(20, "EUR"), cap=Money(50, "EUR")), 3, 50),
        (FinePolicy("capped", "", Money(20, "EUR"), cap=Money(50, "EUR")), 300, 50),
        # Within the grace nothing; after it, everything since the due date.
        (FinePolicy("grace", "", Money(20, "EUR"), grace_units=2), 2, 0),
        (FinePolicy("grace", "", Money(20, "EUR"), grace_units=2), 3, 60),
        (FinePolicy("none", "", Money(0, "EUR")), 30, 0),
    ],
)
def test_a_fine_is_the_days_times_the_amount_up_to_the_cap(policy: FinePolicy, days: int, cents: int) -> None:
    due = berlin(DUE)
    back = berlin("2027-03-01T12:00:00") + timedelta(days=days)

    fine = overdue_fine(policy, BERLIN, due_at=due, at=back)

    assert fine == Money(cents, "EUR")
    assert bool(fine) is (cents > 0)


@settings(max_examples=100, deadline=None)
@given(
    st.datetimes(datetime(2027, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    st.lists(st.timedeltas(timedelta(0), timedelta(days=200)), min_size=2, max_size=2),
    st.sampled_from(FineUnit),
    st.booleans(),
    st.integers(0, 5),
)
def test_a_fine_never_shrinks_with_time_and_never_passes_its_cap(
    due: datetime, late: list[timedelta], unit: FineUnit, count_closed: bool, grace: int
) -> None:
    tokyo, cap = Calendar("Asia/Tokyo", BERLIN.weekly), Money(500, "EUR")
    policy = FinePolicy(
        "p", "", Money(20, "EUR"), unit, cap=cap, grace_units=grace, count_closed=count_closed
    )

    sooner, later = (overdue_fine(policy, tokyo, due_at=due, at=due + by) for by in sorted(late))

    assert Money(0, "EUR") <= sooner
    assert later <= cap
    assert sooner <= later


@pytest.mark.parametrize(
    ("remaining", "state", "amount", "refusals"),
    [
        (100, FeeState.OPEN, Money(100, "EUR"), []),
        (100, FeeState.OPEN, Money(1, "EUR"), []),
        (100, FeeState.OPEN, Money(101, "EUR"), [PaymentRefusal.MORE_THAN_OWED]),
        (100, FeeState.OPEN, Money(0, "EUR"), [PaymentRefusal.NOT_POSITIVE]),
        (100, FeeState.OPEN, Money(-5, "EUR"), [PaymentRefusal.NOT_POSITIVE]),
        (100, FeeState.OPEN, Money(50, "USD"), [PaymentRefusal.OTHER_CURRENCY]),
        (0, FeeState.CLOSED, Money(10, "EUR"), [PaymentRefusal.FEE_CLOSED]),
        (
            0,
            FeeState.CLOSED,
            Money(-1, "USD"),
            [PaymentRefusal.FEE_CLOSED, PaymentRefusal.NOT_POSITIVE, PaymentRefusal.OTHER_CURRENCY],
        ),
    ],
)
def test_a_payment_is_taken_or_refused_with_every_reason(
    remaining: int, state: FeeState, amount: Money, refusals: list[PaymentRefusal]
) -> None:
    assert payment_refusals(remaining=Money(remaining, "EUR"), state=state, amount=amount) == refusals


@given(st.integers(1, 10_000), st.lists(st.integers(-100, 6000), max_size=20))
def test_payments_never_bring_a_fee_below_nothing(charged: int, offered: list[int]) -> None:
    remaining = Money(charged, "EUR")
    taken = []

    for amount in (Money(minor, "EUR") for minor in offered):
        if not payment_refusals(remaining=remaining, state=state_after(remaining), amount=amount):
            remaining -= amount
            taken.append(amount)

    assert remaining + total(taken, "EUR") == Money(charged, "EUR")
    assert remaining >= Money(0, "EUR")
    assert (state_after(remaining) is FeeState.CLOSED) is (remaining.minor == 0)
