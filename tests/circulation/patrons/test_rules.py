"""Limits of patron groups, in examples."""

from dataclasses import replace

import pytest

from circulation.patrons.rules import Beyond, Limits, Measure, Standing, beyond, stricter

GOOD = Standing()
LIMITS: Limits = {
    Measure.ITEMS_OUT: 3,
    Measure.BALANCE: 500,
    Measure.OVERDUE_ITEMS: 2,
    Measure.OVERDUE_RECALLS: 0,
    Measure.RECALL_OVERDUE_DAYS: 1,
    Measure.LOST_ITEMS: 0,
}
DAY = 86400


@pytest.mark.parametrize(
    ("standing", "action", "found"),
    [
        (GOOD, "borrow", []),
        (replace(GOOD, items_out=2), "borrow", []),
        (replace(GOOD, items_out=3), "borrow", [(Measure.ITEMS_OUT, 3, 3)]),
        (replace(GOOD, items_out=3), "renew", []),
        (replace(GOOD, items_out=4), "hold", [(Measure.ITEMS_OUT, 4, 3)]),
        (replace(GOOD, balance=500), "borrow", []),
        (replace(GOOD, balance=501), "borrow", [(Measure.BALANCE, 501, 500)]),
        (replace(GOOD, lost_items=1), "hold", [(Measure.LOST_ITEMS, 1, 0)]),
        (replace(GOOD, overdue_items=2), "borrow", []),
        (replace(GOOD, overdue_items=3), "borrow", [(Measure.OVERDUE_ITEMS, 3, 2)]),
        (replace(GOOD, overdue_recalls=1), "renew", [(Measure.OVERDUE_RECALLS, 1, 0)]),
        (replace(GOOD, recall_overdue_seconds=DAY), "hold", []),
        (replace(GOOD, recall_overdue_seconds=DAY + 1), "hold", [(Measure.RECALL_OVERDUE_DAYS, 2, 1)]),
        (
            Standing(5, 900, 4, 2, 3 * DAY),
            "borrow",
            [
                (Measure.ITEMS_OUT, 5, 3),
                (Measure.BALANCE, 900, 500),
                (Measure.OVERDUE_ITEMS, 4, 2),
                (Measure.OVERDUE_RECALLS, 2, 0),
                (Measure.RECALL_OVERDUE_DAYS, 3, 1),
            ],
        ),
    ],
)
def test_a_limit_is_the_most_that_is_allowed_and_a_loan_to_come_counts(
    standing: Standing, action: str, found: list[tuple[Measure, int, int]]
) -> None:
    assert beyond(standing, LIMITS, action=action) == tuple(Beyond(*each) for each in found)


def test_without_limits_nothing_stands_in_the_way() -> None:
    assert beyond(Standing(99, 99_999, 99, 99, 99 * DAY), {}, action="borrow") == ()


@pytest.mark.parametrize("measure", Measure)
def test_what_stands_in_the_way_says_how_much_there_is_and_how_much_is_allowed(measure: Measure) -> None:
    told = Beyond(measure, 7, 4).text

    assert "7" in told
    assert "4" in told


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ({}, {}, {}),
        ({Measure.BALANCE: 5}, {}, {Measure.BALANCE: 5}),
        ({Measure.BALANCE: 5}, {Measure.BALANCE: 3}, {Measure.BALANCE: 3}),
        (
            {Measure.BALANCE: 0},
            {Measure.BALANCE: 3, Measure.ITEMS_OUT: 1},
            {Measure.BALANCE: 0, Measure.ITEMS_OUT: 1},
        ),
    ],
)
def test_of_two_limits_the_stricter_counts(one: Limits, other: Limits, both: Limits) -> None:
    assert stricter(one, other) == both
