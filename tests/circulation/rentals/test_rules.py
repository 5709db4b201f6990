"""What a loan costs: fixed, by the hour, by the day, with the calendar and without; and a deposit."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from circulation.calendars.rules import Calendar, Opening
from circulation.rentals.rules import Charge, Per, Rental, charges_of_loan, charges_of_renewal, rent

WEEKDAYS = Calendar("Europe/Berlin", dict.fromkeys(range(5), (Opening(time(9), time(18)),)))


def local(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


FRIDAY = local("2027-03-05T10:00")


@pytest.mark.parametrize(
    ("rental", "ends", "amount"),
    [
        (Rental(250), "2027-04-05T23:59:59", 250),
        (Rental(100, Per.HOUR), "2027-03-05T11:00", 100),
        (Rental(100, Per.HOUR), "2027-03-05T11:01", 200),
        (Rental(100, Per.HOUR), "2027-03-08T10:00", 7200),
        # Eight hours on Friday, one on Monday.
        (Rental(100, Per.HOUR, count_closed=False), "2027-03-08T10:00", 900),
        (Rental(50, Per.DAY), "2027-03-05T23:59:59", 50),
        (Rental(50, Per.DAY), "2027-03-06T23:59:59", 50),
        (Rental(50, Per.DAY), "2027-03-12T23:59:59", 350),
        # Saturday and Sunday cost nothing.
        (Rental(50, Per.DAY, count_closed=False), "2027-03-12T23:59:59", 250),
        (Rental(50, Per.DAY, count_closed=False), "2027-03-07T23:59:59", 50),
        # The clocks go forward on 28 March: a day is a day.
        (Rental(50, Per.DAY), "2027-03-29T23:59:59", 1200),
    ],
    ids=[
        "fixed",
        "an hour",
        "an hour begun",
        "all hours",
        "open hours",
        "due today",
        "due tomorrow",
        "a week",
        "open days",
        "a week-end",
        "over the change of clocks",
    ],
)
def test_what_lending_for_a_time_costs(rental: Rental, ends: str, amount: int) -> None:
    assert rent(rental, WEEKDAYS, begins=FRIDAY, ends=local(ends)) == amount


def test_a_loan_is_charged_rental_and_deposit_and_nothing_of_nothing() -> None:
    due = local("2027-03-12T23:59:59")

    def charged(rental: Rental | None, deposit: int | None) -> tuple[Charge, ...]:
        return charges_of_loan(rental, deposit, WEEKDAYS, lent_at=FRIDAY, due_at=due)

    assert charged(None, None) == ()
    assert charged(Rental(50, Per.DAY), 2000) == (Charge("rental", 350), Charge("deposit", 2000))
    assert charged(None, 2000) == (Charge("deposit", 2000),)


@pytest.mark.parametrize(
    ("rental", "now", "amount"),
    [
        (None, "2027-03-10T10:00", None),
        (Rental(50, Per.DAY, on_renewal=False), "2027-03-10T10:00", None),
        (Rental(250), "2027-03-10T10:00", 250),
        (Rental(50, Per.DAY), "2027-03-10T10:00", 350),
        # Two days overdue: these are fined, not rented.
        (Rental(50, Per.DAY), "2027-03-14T10:00", 250),
    ],
    ids=["free", "free to renew", "fixed", "the time that is added", "overdue"],
)
def test_a_renewal_costs_the_time_that_it_adds(rental: Rental | None, now: str, amount: int | None) -> None:
    found = charges_of_renewal(
        rental,
        WEEKDAYS,
        due_at=local("2027-03-12T23:59:59"),
        new_due_at=local("2027-03-19T23:59:59"),
        now=local(now),
    )

    assert found == (() if amount is None else (Charge("rental", amount),))
