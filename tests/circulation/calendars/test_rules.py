"""When a place is open, and where a due time goes that falls on closed time."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from circulation.calendars.rules import (
    Calendar,
    NeverOpen,
    Opening,
    Season,
    WhenClosed,
    always_open,
    problems_of,
)

ALL_DAY = Opening(time(0), time(0))
DAY = Opening(time(9), time(18))
MORNING, AFTERNOON = Opening(time(9), time(12)), Opening(time(14), time(18))
WEEKDAYS = dict.fromkeys(range(5), (DAY,))
BERLIN = Calendar("Europe/Berlin", WEEKDAYS)
"""Monday to Friday, nine to six. 1 March 2027 is a Monday."""


def local(calendar: Calendar, words: str, *, fold: int = 0) -> datetime:
    """A moment, told as the clocks of the place show it."""
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(calendar.zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2027-03-01T08:59:59", False),
        ("2027-03-01T09:00:00", True),
        ("2027-03-01T11:59:59", True),
        ("2027-03-01T12:00:00", False),
        ("2027-03-01T14:00:00", True),
        ("2027-03-01T18:00:00", False),
        ("2027-03-06T10:00:00", False),
    ],
)
def test_a_place_with_a_lunch_break_is_open_twice_a_day(at: str, is_open: bool) -> None:
    calendar = replace(BERLIN, weekly=dict.fromkeys(range(5), (MORNING, AFTERNOON)))

    assert calendar.is_open(local(calendar, at)) is is_open


def test_a_place_that_is_open_all_day_is_open_until_midnight() -> None:
    calendar = Calendar("Europe/Berlin", {0: (ALL_DAY,)})

    assert calendar.is_open(local(calendar, "2027-03-01T00:00:00"))
    assert calendar.is_open(local(calendar, "2027-03-01T23:59:59"))
    assert not calendar.is_open(local(calendar, "2027-03-02T00:00:00"))


def test_a_holiday_and_a_late_night_go_before_the_week() -> None:
    holiday, late = date(2027, 3, 1), date(2027, 3, 2)
    calendar = replace(BERLIN, exceptions={holiday: (), late: (Opening(time(9), time(0)),)})

    assert not calendar.is_open(local(calendar, "2027-03-01T10:00:00"))
    assert calendar.is_open(local(calendar, "2027-03-02T23:30:00"))
    assert calendar.next_opening(local(calendar, "2027-02-26T18:00:00")) == (
        local(calendar, "2027-03-02T09:00:00"),
        local(calendar, "2027-03-03T00:00:00"),
    )


@pytest.mark.parametrize(
    ("zone", "day", "ends"),
    [
        ("UTC", date(2027, 3, 29), "2027-03-29T23:59:59"),
        ("Europe/Berlin", date(2027, 3, 27), "2027-03-27T22:59:59"),
        ("Europe/Berlin", date(2027, 3, 28), "2027-03-28T21:59:59"),
        ("America/New_York", date(2027, 3, 13), "2027-03-14T04:59:59"),
        ("America/New_York", date(2027, 3, 14), "2027-03-15T03:59:59"),
        ("America/New_York", date(2027, 11, 7), "2027-11-08T04:59:59"),
        ("Australia/Lord_Howe", date(2027, 4, 3), "2027-04-03T12:59:59"),
        ("Australia/Lord_Howe", date(2027, 4, 4), "2027-04-04T13:29:59"),
        ("Pacific/Chatham", date(2027, 4, 4), "2027-04-04T11:14:59"),
        # Clocks go back at midnight: 23:59:59 is shown twice, the day ends with the second.
        ("America/Santiago", date(2027, 4, 3), "2027-04-04T03:59:59"),
    ],
)
def test_a_day_ends_at_23_59_59_on_the_places_own_clocks(zone: str, day: date, ends: str) -> None:
    assert Calendar(zone, {}).end_of_day(day) == datetime.fromisoformat(ends).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "night", "at", "opens", "closes"),
    [
        # 02:30 is skipped: it is 03:30, for opening and for closing.
        ("Europe/Berlin", date(2027, 3, 28), time(2, 30), "2027-03-28T01:30:00", "2027-03-28T01:30:00"),
        ("America/New_York", date(2027, 3, 14), time(2, 30), "2027-03-14T07:30:00", "2027-03-14T07:30:00"),
        # 02:30 comes twice: from the first to the second.
        ("Europe/Berlin", date(2027, 10, 31), time(2, 30), "2027-10-31T00:30:00", "2027-10-31T01:30:00"),
        # Lord Howe's clocks move by half an hour: 02:15 is skipped in October, 01:45 comes twice in April.
        ("Australia/Lord_Howe", date(2027, 10, 3), time(2, 15), "2027-10-02T15:45:00", "2027-10-02T15:45:00"),
        ("Australia/Lord_Howe", date(2027, 4, 4), time(1, 45), "2027-04-03T14:45:00", "2027-04-03T15:15:00"),
    ],
)
def test_a_skipped_hour_moves_forward_and_a_repeated_one_is_open_throughout(
    zone: str, night: date, at: time, opens: str, closes: str
) -> None:
    calendar = Calendar(zone, {})

    assert calendar.moment(night, at) == datetime.fromisoformat(opens).replace(tzinfo=UTC)
    assert calendar.moment(night, at, last=True) == datetime.fromisoformat(closes).replace(tzinfo=UTC)


LENT = "2027-03-01T16:00:00"


@pytest.mark.parametrize(
    ("strategy", "due", "moved"),
    [
        (WhenClosed.KEEP, "2027-03-06T23:59:59", "2027-03-06T23:59:59"),
        (WhenClosed.PREVIOUS_OPEN_DAY, "2027-03-06T23:59:59", "2027-03-05T23:59:59"),
        (WhenClosed.NEXT_OPEN_DAY, "2027-03-06T23:59:59", "2027-03-08T23:59:59"),
        (WhenClosed.PREVIOUS_OPEN_DAY, "2027-03-05T23:59:59", "2027-03-05T23:59:59"),
        (WhenClosed.NEXT_OPEN_DAY, "2027-03-05T23:59:59", "2027-03-05T23:59:59"),
        # Three hours, lent two hours before closing.
        (WhenClosed.KEEP, "2027-03-01T19:00:00", "2027-03-01T19:00:00"),
        (WhenClosed.CURRENT_HOURS, "2027-03-01T19:00:00", "2027-03-01T18:00:00"),
        (WhenClosed.NEXT_HOURS, "2027-03-01T19:00:00", "2027-03-02T10:00:00"),
        # Past midnight; a day later, when it is open again.
        (WhenClosed.CURRENT_HOURS, "2027-03-02T01:00:00", "2027-03-01T18:00:00"),
        (WhenClosed.CURRENT_HOURS, "2027-03-02T16:00:00", "2027-03-02T16:00:00"),
        (WhenClosed.NEXT_HOURS, "2027-03-06T12:00:00", "2027-03-08T10:00:00"),
    ],
)
def test_a_due_time_on_closed_time_goes_where_the_policy_says(
    strategy: WhenClosed, due: str, moved: str
) -> None:
    found = BERLIN.moved(
        local(BERLIN, due), strategy, lent_at=local(BERLIN, LENT), offset=timedelta(minutes=60)
    )

    assert found == local(BERLIN, moved)


def test_an_offset_longer_than_the_opening_ends_with_it() -> None:
    calendar = replace(BERLIN, weekly=dict.fromkeys(range(5), (MORNING, AFTERNOON)))

    moved = calendar.moved(
        local(calendar, "2027-03-01T19:00:00"),
        WhenClosed.NEXT_HOURS,
        lent_at=local(calendar, LENT),
        offset=timedelta(hours=5),
    )

    assert moved == local(calendar, "2027-03-02T12:00:00")


def test_what_is_lent_before_opening_is_due_when_that_opening_ends() -> None:
    before = local(BERLIN, "2027-03-01T07:00:00")

    assert BERLIN.moved(before + timedelta(hours=1), WhenClosed.CURRENT_HOURS, lent_at=before) == local(
        BERLIN, "2027-03-01T18:00:00"
    )


def test_a_loan_that_would_be_due_before_it_goes_out_is_due_on_the_next_open_day() -> None:
    saturday = local(BERLIN, "2027-03-06T10:00:00")
    sunday = local(BERLIN, "2027-03-07T23:59:59")

    assert BERLIN.moved(sunday, WhenClosed.PREVIOUS_OPEN_DAY, lent_at=saturday) == local(
        BERLIN, "2027-03-08T23:59:59"
    )


@pytest.mark.parametrize("strategy", [s for s in WhenClosed if s is not WhenClosed.KEEP])
def test_a_place_that_never_opens_is_told_and_not_searched_for_ever(strategy: WhenClosed) -> None:
    calendar = Calendar("Europe/Berlin", {}, {date(2030, 1, 1): (DAY,)})
    now = local(calendar, LENT)

    with pytest.raises(NeverOpen):
        calendar.moved(now + timedelta(days=1), strategy, lent_at=now)


def test_the_hold_shelf_counts_open_days_only() -> None:
    thursday = local(BERLIN, "2027-03-04T10:00:00")

    assert BERLIN.days_open_after(thursday, 3) == local(BERLIN, "2027-03-09T23:59:59")


def test_closed_days_and_open_hours_between_two_moments() -> None:
    friday, monday = local(BERLIN, "2027-03-05T17:00:00"), local(BERLIN, "2027-03-08T10:00:00")

    assert BERLIN.closed_days_within(friday, monday) == timedelta(days=2)
    assert BERLIN.open_time_within(friday, monday) == timedelta(hours=2)
    assert BERLIN.closed_days_within(friday, local(BERLIN, "2027-03-06T12:00:00")) == timedelta(hours=12)
    assert always_open("Europe/Berlin").closed_days_within(friday, monday) == timedelta(0)


@pytest.mark.parametrize(
    ("calendar", "problem"),
    [
        (Calendar("Europe/Atlantis", WEEKDAYS), "no IANA time zone"),
        (Calendar("UTC", {7: (DAY,)}), "no weekday"),
        (Calendar("UTC", {0: (Opening(time(18), time(9)),)}), "before it opens"),
        (Calendar("UTC", {0: (AFTERNOON, MORNING)}), "out of order"),
        (Calendar("UTC", {0: (ALL_DAY, MORNING)}), "out of order"),
        (
            Calendar("UTC", {}, {date(2027, 12, 24): (Opening(time(14), time(9)),)}),
            "2027-12-24: closes at 09:00",
        ),
        (Calendar("UTC", {0: (Opening(time(9, tzinfo=UTC), time(18)),)}), "without an offset"),
    ],
)
def test_hours_that_cannot_be_are_told(calendar: Calendar, problem: str) -> None:
    found = problems_of(calendar)

    assert len(found) == 1
    assert problem in found[0]


def test_hours_that_can_be_have_no_problems() -> None:
    late = {date(2027, 3, 2): (Opening(time(9), time(0)),), date(2027, 3, 3): ()}

    assert (
        problems_of(replace(BERLIN, weekly={0: (MORNING, AFTERNOON), 1: (ALL_DAY,)}, exceptions=late)) == []
    )


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """Places in zones that move their clocks by an hour, by half an hour, at midnight and never."""

    def day() -> tuple[Opening, ...]:
        marks = sorted(draw(st.lists(st.integers(0, 95), max_size=4, unique=True)))
        whole = [time(mark // 4, mark % 4 * 15) for mark in marks]
        return tuple(Opening(*pair) for pair in zip(whole[::2], whole[1::2], strict=False))

    zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Tokyo"]
    weekly = {weekday: day() for weekday in range(7)}
    exceptions = {date(2027, 1, 1) + timedelta(days=draw(st.integers(0, 364))): day() for _ in range(3)}
    first = date(2027, 1, 1) + timedelta(days=draw(st.integers(0, 300)))
    season = Season(first, first + timedelta(days=draw(st.integers(0, 60))), {n: day() for n in range(7)})
    return Calendar(draw(st.sampled_from(zones)), weekly, exceptions, (season,))


moments = st.datetimes(datetime(2027, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


@settings(max_examples=150, deadline=None)
@given(
    calendars(), moments, st.timedeltas(timedelta(minutes=1), timedelta(days=30)), st.sampled_from(WhenClosed)
)
def test_a_moved_due_time_lies_ahead_and_never_on_closed_time(
    calendar: Calendar, lent_at: datetime, length: timedelta, strategy: WhenClosed
) -> None:
    assume(strategy is not WhenClosed.KEEP and any(calendar.weekly.values()))
    due = lent_at + length
    by_day = strategy not in (WhenClosed.CURRENT_HOURS, WhenClosed.NEXT_HOURS)

    moved = calendar.moved(due, strategy, lent_at=lent_at)

    assert moved > lent_at
    assert moved.tzinfo is UTC
    if by_day:
        assert calendar.is_open_on(calendar.day_of(moved))
        assert calendar.moved(moved, strategy, lent_at=lent_at) == moved
    else:
        # Closing time itself is the last moment to bring it back.
        assert calendar.is_open(moved) or calendar.is_open(moved - timedelta(microseconds=1))


@settings(max_examples=100, deadline=None)
@given(calendars(), moments)
def test_the_next_opening_is_open_and_nothing_opens_before_it(calendar: Calendar, at: datetime) -> None:
    assume(any(calendar.weekly.values()))

    opens, closes = calendar.next_opening(at)

    assert at <= opens <= closes
    assert opens == closes or calendar.is_open(opens)
    for earlier in range(int((opens - at) / timedelta(hours=1))):
        moment = opens - timedelta(hours=earlier + 1)
        if calendar.is_open(moment):
            assert calendar.is_open(at)
            assert moment < calendar.end_of_current_hours(at)


@settings(max_examples=100, deadline=None)
@given(calendars(), moments, st.timedeltas(timedelta(0), timedelta(days=90)))
def test_open_and_closed_time_are_never_more_than_all_time(
    calendar: Calendar, start: datetime, length: timedelta
) -> None:
    end = start + length
    wall = calendar.wall_time(end) - calendar.wall_time(start)

    assert timedelta(0) <= calendar.open_time_within(start, end) <= length
    assert min(wall, timedelta(0)) <= calendar.closed_days_within(start, end) <= max(wall, timedelta(0))
