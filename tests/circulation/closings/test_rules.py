"""What a closing leaves of the hours, and when something is due instead."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from circulation.calendars.rules import Calendar, Opening
from circulation.closings.rules import due_after_closing, hours_left, restored

MORNING, AFTERNOON = Opening(time(9), time(12)), Opening(time(14), time(18))
DAY, LATE, ALL_DAY = Opening(time(9), time(18)), Opening(time(9), time(0)), Opening(time(0), time(0))


def local(words: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def open_daily(*openings: Opening, zone: str = "Europe/Berlin") -> Calendar:
    return Calendar(zone, dict.fromkeys(range(7), openings))


@pytest.mark.parametrize(
    ("openings", "start", "end", "left"),
    [
        # Two whole days; from noon on; an hour in the middle; nothing that was open.
        ((DAY,), "2027-03-01T00:00", "2027-03-03T00:00", {date(2027, 3, 1): (), date(2027, 3, 2): ()}),
        (
            (DAY,),
            "2027-03-01T12:00",
            "2027-03-01T23:59:59",
            {date(2027, 3, 1): (Opening(time(9), time(12)),)},
        ),
        (
            (DAY,),
            "2027-03-01T12:00",
            "2027-03-01T13:00",
            {date(2027, 3, 1): (Opening(time(9), time(12)), Opening(time(13), time(18)))},
        ),
        ((DAY,), "2027-03-01T18:00", "2027-03-02T09:00", {}),
        # One of two openings; past midnight.
        ((MORNING, AFTERNOON), "2027-03-01T13:00", "2027-03-01T19:00", {date(2027, 3, 1): (MORNING,)}),
        ((LATE,), "2027-03-01T20:00", "2027-03-02T08:00", {date(2027, 3, 1): (Opening(time(9), time(20)),)}),
        ((LATE,), "2027-03-01T08:00", "2027-03-01T20:00", {date(2027, 3, 1): (Opening(time(20), time(0)),)}),
        ((ALL_DAY,), "2027-03-01T00:00", "2027-03-02T00:00", {date(2027, 3, 1): ()}),
        # The day on which the clocks go forward.
        ((DAY,), "2027-03-28T00:00", "2027-03-29T00:00", {date(2027, 3, 28): ()}),
    ],
)
def test_a_closing_leaves_the_hours_outside_it(
    openings: tuple[Opening, ...], start: str, end: str, left: dict[date, Any]
) -> None:
    assert hours_left(open_daily(*openings), local(start), local(end)) == left


CLOSED = {date(2027, 3, 1): (), date(2027, 3, 2): ()}


@pytest.mark.parametrize(
    ("due", "offset", "after"),
    [
        ("2027-03-01T23:59:59", 0, "2027-03-03T23:59:59"),
        ("2027-03-02T23:59:59", 60, "2027-03-03T23:59:59"),
        ("2027-03-01T15:00:00", 0, "2027-03-03T09:00:00"),
        ("2027-03-01T15:00:00", 90, "2027-03-03T10:30:00"),
        # Never past the opening itself.
        ("2027-03-01T15:00:00", 1200, "2027-03-03T18:00:00"),
    ],
)
def test_what_was_due_within_is_due_when_it_is_open_again(due: str, offset: int, after: str) -> None:
    calendar = Calendar("Europe/Berlin", dict.fromkeys(range(7), (DAY,)), CLOSED)

    found = due_after_closing(calendar, local(due), offset=timedelta(minutes=offset))

    assert found == local(after)


def test_undoing_restores_what_nobody_has_changed_since() -> None:
    first, second, third, fourth = (date(2027, 3, day) for day in (1, 2, 3, 4))
    then = {first: "shut", second: "shut", third: "shut"}
    before = {first: "late"}
    now_there = {first: "shut", second: "shut", third: "open after all", fourth: "holiday"}

    assert restored(now_there, before, then) == {
        first: "late",
        third: "open after all",
        fourth: "holiday",
    }
