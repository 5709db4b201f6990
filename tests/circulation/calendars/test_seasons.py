"""Terms and vacations have hours of their own; a loan of whole weeks keeps its weekday."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from circulation.calendars.rules import Calendar, Opening, Season, WhenClosed, problems_of

DAY, SHORT = Opening(time(9), time(18)), Opening(time(10), time(14))
WORKDAYS, SIX_DAYS = dict.fromkeys(range(5), (DAY,)), dict.fromkeys(range(6), (DAY,))
SUMMER = Season(date(2027, 7, 24), date(2027, 9, 5), dict.fromkeys(range(4), (SHORT,)))
WINTER = Season(date(2027, 12, 24), date(2028, 1, 2), {})
BERLIN = Calendar("Europe/Berlin", WORKDAYS, {date(2027, 8, 5): (DAY,)}, (SUMMER, WINTER))


@pytest.mark.parametrize(
    ("day", "openings"),
    [
        # The last day before, the first and the last one of it, the first one after.
        (date(2027, 7, 23), (DAY,)),
        (date(2027, 7, 26), (SHORT,)),
        (date(2027, 7, 24), ()),
        (date(2027, 9, 2), (SHORT,)),
        (date(2027, 9, 6), (DAY,)),
        # In summer there are no Fridays, though there are during the term.
        (date(2027, 7, 30), ()),
        # A single date goes before its season.
        (date(2027, 8, 5), (DAY,)),
        # A season without hours is closed.
        (date(2027, 12, 27), ()),
    ],
)
def test_a_season_has_hours_of_its_own_and_a_single_date_goes_before_it(
    day: date, openings: tuple[Opening, ...]
) -> None:
    assert BERLIN.openings(day) == openings


def test_the_next_open_day_is_found_beyond_a_season() -> None:
    assert BERLIN.open_day_from(date(2027, 12, 23), 1) == date(2028, 1, 3)
    assert BERLIN.open_day_from(date(2028, 1, 3), -1) == date(2027, 12, 23)


@pytest.mark.parametrize(
    ("seasons", "wrong"),
    [
        ((SUMMER, WINTER), []),
        (
            (replace(SUMMER, last=date(2027, 7, 1)),),
            ["season 2027-07-24 to 2027-07-01: ends before it begins"],
        ),
        (
            (SUMMER, replace(WINTER, first=date(2027, 9, 5))),
            ["the seasons from 2027-07-24 and from 2027-09-05 overlap"],
        ),
        (
            (replace(SUMMER, weekly={0: (Opening(time(18), time(9)),)}),),
            ["season 2027-07-24 to 2027-09-05, weekday 0: closes at 09:00 before it opens"],
        ),
    ],
)
def test_a_season_that_is_wrong_is_told(seasons: tuple[Season, ...], wrong: list[str]) -> None:
    assert problems_of(replace(BERLIN, seasons=seasons)) == wrong


CLOSED_SATURDAYS = {date(2027, 3, 20): (), date(2027, 3, 27): ()}


@pytest.mark.parametrize(
    ("lent", "due", "moved"),
    [
        # Two weeks from a Saturday; that Saturday and the next one are closed: the one after.
        ("2027-03-06T10:00", "2027-03-20T23:59:59", "2027-04-03T23:59:59"),
        # Thirteen days: the next open day will do.
        ("2027-03-07T10:00", "2027-03-20T23:59:59", "2027-03-22T23:59:59"),
        # Sundays never open: to keep the weekday would mean never.
        ("2027-03-07T10:00", "2027-03-21T23:59:59", "2027-03-22T23:59:59"),
        # Open: stays.
        ("2027-03-06T10:00", "2027-03-13T23:59:59", "2027-03-13T23:59:59"),
    ],
)
def test_a_loan_of_whole_weeks_goes_to_the_next_open_same_weekday(lent: str, due: str, moved: str) -> None:
    calendar = Calendar("Europe/Berlin", SIX_DAYS, CLOSED_SATURDAYS)
    lent_at, due_at, wanted = (
        datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
        for words in (lent, due, moved)
    )

    assert calendar.moved(due_at, WhenClosed.SAME_WEEKDAY, lent_at=lent_at) == wanted
