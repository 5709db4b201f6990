"""Which of several copies is fetched."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from circulation.calendars.rules import Calendar, Opening
from circulation.targeting.rules import (
    CopyChoice,
    Distance,
    First,
    Pickup,
    Target,
    distance,
    opens_within,
    ranked,
    retarget_at,
)

NOW = datetime(2027, 3, 5, 15, tzinfo=UTC)
"""A Friday."""
WEEKDAYS = Calendar("UTC", dict.fromkeys(range(5), (Opening(time(9), time(18)),)))
MORNINGS = Calendar("UTC", dict.fromkeys(range(5), (Opening(time(9), time(12)),)))
SHUT = Calendar("UTC", {})
MAIN = Pickup(frozenset({"MAIN", "STORE"}), "MAIN", "CITY", "UNI")


def at(number: int, library: str = "MAIN", **more: Any) -> Target:
    told: dict[str, Any] = {"location": f"{library}-STACKS", "campus": "CITY", "institution": "UNI"}
    return Target(UUID(int=number), library=library, **told | more)


@pytest.mark.parametrize(
    ("target", "far"),
    [
        (at(1), Distance.PICKUP_POINT),
        (at(1, "STORE"), Distance.PICKUP_POINT),
        (at(1, "LAW"), Distance.CAMPUS),
        (at(1, "LAW", campus="HILL"), Distance.INSTITUTION),
        (at(1, "ABROAD", campus=None, institution="OTHER"), Distance.ELSEWHERE),
        (Target(UUID(int=1), None, None, None, None), Distance.ELSEWHERE),
    ],
    ids=["at-home", "served-there", "same-campus", "same-institution", "elsewhere", "nowhere-known"],
)
def test_a_copy_is_as_near_as_what_it_shares_with_the_pickup_point(target: Target, far: Distance) -> None:
    assert distance(MAIN, target) is far


def test_a_desk_that_serves_others_has_its_own_library_nearer_than_the_campus() -> None:
    pickup = Pickup(frozenset({"STORE"}), "MAIN", "CITY", "UNI")

    assert [distance(pickup, at(1, library)) for library in ("STORE", "MAIN", "LAW")] == [
        Distance.PICKUP_POINT,
        Distance.LIBRARY,
        Distance.CAMPUS,
    ]


NEAR, FAR = at(2), at(1, "LAW")
HEAVY_LAW = CopyChoice(libraries={"LAW": 5}, locations={"MAIN-STORE": -3})


@pytest.mark.parametrize(
    ("choice", "targets", "order"),
    [
        (CopyChoice(), [FAR, NEAR], [2, 1]),
        (CopyChoice(), [at(9), at(3)], [3, 9]),
        # Distance first, weights among equally near ones; or the other way round.
        (HEAVY_LAW, [FAR, NEAR], [2, 1]),
        (replace(HEAVY_LAW, first=First.WEIGHT), [FAR, NEAR], [1, 2]),
        (HEAVY_LAW, [at(1, location="MAIN-STORE"), NEAR], [2, 1]),
        # A location's weight goes before its library's.
        (CopyChoice(libraries={"MAIN": 9}, locations={"MAIN-STORE": -3}), [at(1, location="MAIN-STORE"), NEAR], [2, 1]),
        # Nobody is there until Monday: another library's copy goes before it, unless all are shut.
        (CopyChoice(open_within_days=0), [at(2, calendar=MORNINGS), at(1, "LAW", calendar=WEEKDAYS)], [1, 2]),
        (CopyChoice(open_within_days=3), [at(2, calendar=MORNINGS), at(1, "LAW", calendar=WEEKDAYS)], [2, 1]),
        (CopyChoice(), [at(2, calendar=MORNINGS), at(1, "LAW", calendar=WEEKDAYS)], [2, 1]),
        (CopyChoice(open_within_days=0), [at(2, calendar=SHUT), at(1, "LAW", calendar=SHUT)], [2, 1]),
        # What was looked for in vain comes last, even after what is shut.
        (CopyChoice(open_within_days=0), [at(2, missed=True), at(1, "LAW", calendar=SHUT)], [1, 2]),
        (CopyChoice(avoid_previous=False), [at(2, missed=True), FAR], [2, 1]),
    ],
)  # fmt: skip
def test_copies_are_fetched_in_the_order_that_the_library_has_chosen(
    choice: CopyChoice, targets: list[Target], order: list[int]
) -> None:
    assert [copy.item_id.int for copy in ranked(choice, MAIN, targets, now=NOW)] == order


@pytest.mark.parametrize(
    ("calendar", "days", "opens"),
    [
        (WEEKDAYS, 0, True),
        (MORNINGS, 0, False),  # it was open this morning
        (MORNINGS, 2, False),
        (MORNINGS, 3, True),
        (SHUT, 30, False),
    ],
    ids=["still-open", "shut-since-noon", "until-sunday", "on-monday", "never"],
)
def test_a_place_opens_soon_when_there_are_hours_left(calendar: Calendar, days: int, opens: bool) -> None:
    assert opens_within(calendar, days, now=NOW) is opens


@pytest.mark.parametrize(
    ("choice", "calendar", "until"),
    [
        (CopyChoice(), WEEKDAYS, None),
        (CopyChoice(retarget_after_days=1), WEEKDAYS, datetime(2027, 3, 8, 23, 59, 59, tzinfo=UTC)),
        (CopyChoice(retarget_after_days=2), SHUT, NOW + timedelta(days=2)),
        (CopyChoice(retarget_after_days=2), None, NOW + timedelta(days=2)),
    ],
    ids=["never", "open-days", "never-open", "no-calendar"],
)
def test_a_copy_is_looked_for_on_so_many_open_days(
    choice: CopyChoice, calendar: Calendar | None, until: datetime | None
) -> None:
    assert retarget_at(choice, calendar, now=NOW) == until
