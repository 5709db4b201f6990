"""Which years stay: what was published while the title was subscribed to, and nothing else."""

from datetime import date

import pytest

from erm.agreements.rules import Days
from erm.rights.rules import Held, joined, kept

ALWAYS = Days(None, None)
TODAY = date(2027, 6, 30)


def year(first: int | None, last: int | None = None) -> Days:
    last = last or first
    return Days(date(first, 1, 1) if first else None, date(last, 12, 31) if last else None)


@pytest.mark.parametrize(
    ("periods", "held", "stays"),
    [
        # all of the period, but not what is yet to be published
        ([year(2020)], Held(ALWAYS, ALWAYS, (ALWAYS,)), [year(2020)]),
        ([Days(date(2027, 1, 1), None)], Held(ALWAYS, ALWAYS, (ALWAYS,)), [Days(date(2027, 1, 1), TODAY)]),
        ([year(2028)], Held(ALWAYS, ALWAYS, (ALWAYS,)), []),
        # two periods that touch are one stretch; a gap stays a gap
        ([year(2019), year(2020)], Held(ALWAYS, ALWAYS), [year(2019, 2020)]),
        ([year(2018), year(2020)], Held(ALWAYS, ALWAYS), [year(2018), year(2020)]),
        # the line, the package and the publisher each have their say
        ([year(2018, 2022)], Held(year(2019, 2021), year(2020, 2025), (year(1990, 2020),)), [year(2020)]),
        ([year(2017, 2019)], Held(ALWAYS, ALWAYS, (year(1990, 2017), year(2019, 2030))), [year(2017), year(2019)]),
        ([year(2018)], Held(ALWAYS, year(2019), (ALWAYS,)), []),
        # no periods: from when nobody knows, until today
        ([], Held(ALWAYS, ALWAYS), [Days(None, TODAY)]),
    ],
)  # fmt: skip
def test_what_was_published_while_it_was_subscribed_to_stays(
    periods: list[Days], held: Held, stays: list[Days]
) -> None:
    assert kept(periods, held, until=TODAY) == stays


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([], []),
        ([year(2020), year(2018, 2019)], [year(2018, 2020)]),
        ([year(2018, 2022), year(2019)], [year(2018, 2022)]),
        ([Days(None, date(2020, 1, 1)), year(2021)], [Days(None, date(2020, 1, 1)), year(2021)]),
        ([Days(None, None), year(2020)], [Days(None, None)]),
    ],
)  # fmt: skip
def test_stretches_that_touch_are_one(days: list[Days], told: list[Days]) -> None:
    assert joined(days) == told
