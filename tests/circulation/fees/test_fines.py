"""What a late return costs: units, grace, caps, recalls, suspensions. Examples without a database."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.calendars.rules import Calendar, Opening
from circulation.fees.rules import (
    FinePolicy,
    FineUnit,
    Money,
    Reminder,
    Suspension,
    overdue_fine,
    overdue_units,
    reminders_due,
    suspended_until,
    suspension_days,
)

BERLIN = Calendar("Europe/Berlin", dict.fromkeys(range(5), (Opening(time(9), time(18)),)))
"""Monday to Friday, nine to six. 1 March 2027 is a Monday."""


def berlin(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.mark.parametrize(
    ("due", "back", "unit", "units"),
    [
        ("2027-03-01T10:00:00", "2027-03-01T10:00:01", FineUnit.MINUTE, 1),
        ("2027-03-01T10:00:00", "2027-03-01T10:30:00", FineUnit.MINUTE, 30),
        # A month is the calendar's: 28 days in February, 31 in March (W38).
        ("2027-01-31T23:59:59", "2027-02-28T23:59:59", FineUnit.MONTH, 1),
        ("2027-01-31T23:59:59", "2027-03-01T09:00:00", FineUnit.MONTH, 2),
        ("2027-02-28T12:00:00", "2027-03-28T12:00:00", FineUnit.MONTH, 1),
        ("2027-02-28T12:00:00", "2027-03-28T12:00:01", FineUnit.MONTH, 2),
        ("2028-01-31T12:00:00", "2028-02-29T12:00:00", FineUnit.MONTH, 1),
        ("2028-01-31T12:00:00", "2028-02-29T12:00:01", FineUnit.MONTH, 2),
        ("2027-03-01T12:00:00", "2027-03-01T12:00:01", FineUnit.MONTH, 1),
        ("2027-12-15T12:00:00", "2028-01-14T09:00:00", FineUnit.MONTH, 1),
        # The clocks change within the month: no unit more.
        ("2027-03-15T12:00:00", "2027-04-15T12:00:00", FineUnit.MONTH, 1),
        ("2024-02-29T12:00:00", "2025-02-28T12:00:00", FineUnit.YEAR, 1),
        ("2024-02-29T12:00:00", "2025-02-28T12:00:01", FineUnit.YEAR, 2),
        ("2027-03-01T12:00:00", "2027-03-01T12:00:00", FineUnit.YEAR, 0),
    ],
)
def test_units_are_the_calendars_own(due: str, back: str, unit: FineUnit, units: int) -> None:
    assert overdue_units(berlin(due), berlin(back), unit, BERLIN) == units


def test_closed_minutes_and_closed_days_of_a_month_cost_nothing_where_the_policy_says_so() -> None:
    due = berlin("2027-03-01T17:50:00")

    night = overdue_units(due, berlin("2027-03-02T09:05:00"), FineUnit.MINUTE, BERLIN, count_closed=False)
    month = overdue_units(due, berlin("2027-04-05T12:00:00"), FineUnit.MONTH, BERLIN, count_closed=False)

    assert night == 15
    assert month == 1
    assert overdue_units(due, berlin("2027-04-05T12:00:00"), FineUnit.MONTH, BERLIN) == 2


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)),  # noqa: DTZ001 - hypothesis wants them naive
    st.integers(0, 60 * 24 * 900),
    st.integers(0, 60 * 24 * 40),
    st.sampled_from(FineUnit),
    st.booleans(),
)
def test_whoever_is_later_never_pays_less(
    due: datetime, minutes: int, more: int, unit: FineUnit, count_closed: bool
) -> None:
    due = due.replace(tzinfo=UTC)
    policy = FinePolicy("any", "", eur(7), unit, cap=eur(900), count_closed=count_closed, minimum=eur(20))
    at = due + timedelta(minutes=minutes)

    early = overdue_fine(policy, BERLIN, due_at=due, at=at)
    late = overdue_fine(policy, BERLIN, due_at=due, at=at + timedelta(minutes=more))

    assert eur(0) <= early <= late <= eur(900)


DAILY = FinePolicy("daily", "", eur(20), grace_units=3)
COSTLY = FinePolicy("costly", "", eur(20), cap=eur(1000), replacement_cost=eur(300), cap_at_cost=True)
RECALLED = FinePolicy("recalled", "", eur(20), cap=eur(200), recall_per_unit=eur(100), recall_cap=eur(500))


@pytest.mark.parametrize(
    ("policy", "days", "recalled", "cents"),
    [
        # Beyond the grace everything since the due date counts, or only what is beyond: as the policy says (L10).
        (DAILY, 3, False, 0),
        (DAILY, 4, False, 80),
        (replace(DAILY, grace_deducted=True), 3, False, 0),
        (replace(DAILY, grace_deducted=True), 4, False, 20),
        # Never more than a new copy (L93), and never more than the cap.
        (COSTLY, 10, False, 200),
        (COSTLY, 16, False, 300),
        (replace(COSTLY, cap=None), 16, False, 300),
        (replace(COSTLY, cap=eur(250)), 16, False, 250),
        (replace(COSTLY, cap_at_cost=False), 16, False, 320),
        # A recalled item costs its own rate, up to its own cap (L92).
        (RECALLED, 3, False, 60),
        (RECALLED, 3, True, 300),
        (RECALLED, 20, False, 200),
        (RECALLED, 20, True, 500),
        (replace(RECALLED, recall_cap=None), 20, True, 200),
        (replace(RECALLED, recall_per_unit=None), 3, True, 60),
        # Who is fined at all pays the least fine; nobody else does.
        (FinePolicy("least", "", eur(20), minimum=eur(100)), 1, False, 100),
        (FinePolicy("least", "", eur(20), minimum=eur(100)), 6, False, 120),
        (FinePolicy("least", "", eur(20), minimum=eur(100), grace_units=2), 2, False, 0),
        (FinePolicy("least", "", eur(0), minimum=eur(100)), 9, False, 0),
    ],
)
def test_a_fine_is_what_the_policy_says(policy: FinePolicy, days: int, recalled: bool, cents: int) -> None:
    due = berlin("2027-03-01T23:59:59")
    back = berlin("2027-03-01T12:00:00") + timedelta(days=days)

    assert overdue_fine(policy, BERLIN, due_at=due, at=back, recalled=recalled) == eur(cents)


WEEKLY = Suspension(days=7, per_units=3)


@pytest.mark.parametrize(
    ("told", "grace", "count_closed", "days_late", "days"),
    [
        (Suspension(1), 0, True, 5, 5),
        (Suspension(2), 0, True, 5, 10),
        (Suspension(1), 2, True, 2, 0),
        (Suspension(1), 2, True, 5, 3),
        # floor((overdue - grace) / period) × days.
        (WEEKLY, 0, True, 2, 0),
        (WEEKLY, 0, True, 3, 7),
        (WEEKLY, 0, True, 5, 7),
        (WEEKLY, 0, True, 6, 14),
        (replace(WEEKLY, max_days=10), 0, True, 30, 10),
        # Closed days are no days late where the policy does not count them: nine days, of which two at a weekend.
        (Suspension(1), 0, False, 9, 7),
        (Suspension(1), 0, True, 9, 9),
    ],
)
def test_a_suspension_is_as_long_as_the_delay_makes_it(
    told: Suspension, grace: int, count_closed: bool, days_late: int, days: int
) -> None:
    policy = FinePolicy("s", "", eur(0), grace_units=grace, count_closed=count_closed, suspension=told)
    due = berlin("2027-03-01T23:59:59")
    back = berlin("2027-03-01T12:00:00") + timedelta(days=days_late)

    assert suspension_days(policy, BERLIN, due_at=due, at=back) == days
    assert suspension_days(replace(policy, suspension=None), BERLIN, due_at=due, at=back) == 0


@pytest.mark.parametrize(
    ("told", "days", "running", "until"),
    [
        # Back on Thursday, 4 March; the weekend is no day of suspension.
        (Suspension(1), 1, None, "2027-03-05"),
        (Suspension(1), 2, None, "2027-03-08"),
        (Suspension(1, skip_closed=False), 2, None, "2027-03-06"),
        # One that runs already is never made shorter.
        (Suspension(1), 2, "2027-03-30", "2027-03-30"),
        (Suspension(1), 2, "2027-03-05", "2027-03-08"),
        # Only where the policy says so are they added up.
        (Suspension(1, cumulative=True), 2, "2027-03-30", "2027-04-01"),
        (Suspension(1, cumulative=True), 2, None, "2027-03-08"),
    ],
)
def test_a_suspension_ends_after_its_days_and_never_before_one_that_runs(
    told: Suspension, days: int, running: str | None, until: str
) -> None:
    found = suspended_until(
        told,
        BERLIN,
        days=days,
        at=berlin("2027-03-04T10:00:00"),
        running_until=berlin(f"{running}T23:59:59") if running else None,
    )

    assert found == berlin(f"{until}T23:59:59")


def test_a_place_that_never_opens_still_ends_its_suspensions() -> None:
    closed = Calendar("Europe/Berlin", {})

    until = suspended_until(
        Suspension(1), closed, days=3, at=berlin("2027-03-04T10:00:00"), running_until=None
    )

    assert until == berlin("2027-03-07T23:59:59")


REMINDED = FinePolicy("r", "", eur(0), reminders=(Reminder(3, eur(100)), Reminder(10, eur(300))))


@pytest.mark.parametrize(
    ("at", "due", "ahead"),
    [
        # Due on Wednesday, 3 March; the first reminder would fall on a Saturday, and waits for Monday.
        ("2027-03-06T12:00:00", 0, "2027-03-08"),
        ("2027-03-07T23:59:59", 0, "2027-03-08"),
        ("2027-03-08T00:00:00", 1, "2027-03-15"),
        ("2027-03-15T09:00:00", 2, None),
    ],
)
def test_reminders_fall_due_on_open_days(at: str, due: int, ahead: str | None) -> None:
    found = reminders_due(REMINDED, BERLIN, due_at=berlin("2027-03-03T23:59:59"), at=berlin(at))

    assert found == (due, berlin(f"{ahead}T00:00:00") if ahead else None)
