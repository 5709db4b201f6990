"""What of an order and of a budget goes over into the next year, by example."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erm.finance.rules import Encumbered, Totals
from erm.rollovers.rules import (
    Basis,
    BudgetRule,
    OrderRule,
    allocated,
    becomes,
    carried,
    comes_along,
    takes_part,
    worth,
)

HALF = Encumbered(100, awaiting=10, expended=35, credited=5)
AS_IT_IS = OrderRule(Basis.REMAINING)


@pytest.mark.parametrize(
    ("sums", "based_on", "told"),
    [
        (HALF, Basis.REMAINING, 60),
        (HALF, Basis.INITIAL, 100),
        (HALF, Basis.EXPENDED, 40),
        (HALF.released(), Basis.REMAINING, 0),
        (HALF.released(), Basis.EXPENDED, 40),
        (Encumbered(100, credited=30), Basis.EXPENDED, 0),
    ],
    ids=["remaining", "initial", "expended", "let go", "let go and paid", "more came back than went out"],
)
def test_what_an_encumbrance_counts_for(sums: Encumbered, based_on: Basis, told: int) -> None:
    assert worth(sums, based_on) == told


@pytest.mark.parametrize(
    ("sums", "gone_over", "by_invoice", "ongoing", "does"),
    [
        (HALF, False, False, False, True),
        (HALF.released(), False, True, True, True),
        (HALF.released(), False, True, False, False),
        (HALF.released(), False, False, True, False),
        (HALF.released(), True, True, True, False),
    ],
    ids=[
        "set aside",
        "a subscription of which this year's invoice was the last",
        "bought once, and paid",
        "a subscription that somebody ended",
        "gone over before",
    ],
)
def test_what_was_released_stays_out_but_for_what_is_bought_again(
    sums: Encumbered, gone_over: bool, by_invoice: bool, ongoing: bool, does: bool
) -> None:
    assert takes_part(sums, gone_over=gone_over, by_invoice=by_invoice, ongoing=ongoing) is does


@pytest.mark.parametrize(
    ("worths", "percent", "told"),
    [
        ([3333, 3333, 3334], "5", [3499, 3500, 3501]),
        ([100], "5", [105]),
        ([1], "50", [2]),
        ([100, 0], "0", [100, 0]),
        ([0, 0], "10", [0, 0]),
        ([100, 50], "-100", [0, 0]),
        ([33, 33, 33], "-10.5", [29, 30, 30]),
    ],
    ids=["thirds", "dearer", "a half goes up", "as it is", "nothing", "free of charge", "cheaper"],
)
def test_a_line_is_set_aside_to_the_last_unit(worths: list[int], percent: str, told: list[int]) -> None:
    assert becomes(worths, OrderRule(Basis.INITIAL, Decimal(percent))) == told


@given(
    st.lists(st.integers(0, 10**12), min_size=1, max_size=8),
    st.decimals(-100, 1000, places=4, allow_nan=False),
)
def test_the_parts_of_a_line_sum_to_its_rounded_value(worths: list[int], percent: Decimal) -> None:
    parts = becomes(worths, OrderRule(Basis.INITIAL, percent))

    exact = sum(worths) * (100 + percent) / 100
    assert abs(sum(parts) - exact) <= Decimal("0.5")
    assert all(part >= 0 and (part == 0 or worth > 0) for part, worth in zip(parts, worths, strict=True))


@pytest.mark.parametrize(
    ("before", "rule", "new", "along"),
    [
        (Totals(1000, expended=600), BudgetRule(), 0, 0),
        (Totals(1000, 500, expended=600), BudgetRule(Decimal(103), Decimal(100)), 1030, 900),
        (Totals(1000, encumbered=300, expended=600), BudgetRule(None, Decimal(50)), 0, 50),
        (Totals(1000, expended=1100), BudgetRule(Decimal(100), Decimal(100)), 1000, 0),
        (Totals(1000, credited=200), BudgetRule(Decimal(0), Decimal(100)), 0, 1000),
    ],
    ids=["nothing", "all and more", "half of what is left", "overspent", "never more than it was given"],
)
def test_what_a_budget_gets(before: Totals, rule: BudgetRule, new: int, along: int) -> None:
    assert (allocated(before, rule), carried(before, rule)) == (new, along)


@pytest.mark.parametrize(
    ("before", "released", "told"),
    [
        (Totals(1000, encumbered=300, expended=700), 300, 300),
        (Totals(1000, encumbered=300, expended=800), 300, 200),
        (Totals(1000, encumbered=300, expended=1200), 300, 0),
    ],
    ids=["its money is there", "some was spent elsewhere", "all was"],
)
def test_money_goes_along_with_an_order_as_far_as_it_is_there(
    before: Totals, released: int, told: int
) -> None:
    assert comes_along(before, released) == told
