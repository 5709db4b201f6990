"""What an invoice comes to and what does not match, by example."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erm.invoices.rules import (
    Adjustment,
    Charged,
    Finding,
    Match,
    Prorate,
    comes_to,
    findings,
    not_accepted,
    spread,
)

LINES = [Charged(1, 333), Charged(2, 333), Charged(7, 334)]


@pytest.mark.parametrize(
    ("adjustment", "parts"),
    [
        (Adjustment(Prorate.BY_AMOUNT, amount=1000), [333, 333, 334]),
        (Adjustment(Prorate.BY_LINE, amount=1000), [333, 333, 334]),
        (Adjustment(Prorate.BY_QUANTITY, amount=1000), [100, 200, 700]),
        (Adjustment(Prorate.BY_AMOUNT, percent=Decimal(7)), [23, 23, 24]),
        (Adjustment(Prorate.BY_AMOUNT, amount=-10), [-3, -3, -4]),
        (Adjustment(Prorate.BY_AMOUNT, amount=1000, included=True), [0, 0, 0]),
    ],
    ids=["freight by amount", "by line", "by quantity", "tax", "a discount", "within the lines"],
)
def test_what_comes_on_top_is_spread_to_the_last_unit(adjustment: Adjustment, parts: list[int]) -> None:
    assert spread([adjustment], LINES) == parts


lines = st.lists(
    st.builds(Charged, st.integers(-9, 9).filter(bool), st.integers(-(10**6), 10**6)), min_size=1, max_size=8
)
adjustments = st.builds(
    Adjustment, st.sampled_from(Prorate), st.none(), st.integers(-(10**6), 10**6), st.just(False)
)


@settings(max_examples=100)
@given(st.lists(adjustments, max_size=4), lines)
def test_parts_of_adjustments_sum_to_them(told: list[Adjustment], charged: list[Charged]) -> None:
    assert sum(spread(told, charged)) == sum(comes_to(each, charged) for each in told)


MATCH = Match("open", None, same_vendor=True, cancelled=False, ordered=2, received=2, receipt="items",
              invoiced=0, quantity=2)  # fmt: skip


@pytest.mark.parametrize(
    ("match", "found"),
    [
        (MATCH, []),
        (replace(MATCH, quantity=3), [Finding.MORE_THAN_ORDERED, Finding.MORE_THAN_RECEIVED]),
        (replace(MATCH, received=3, quantity=3), []),
        (replace(MATCH, invoiced=1), [Finding.MORE_THAN_ORDERED, Finding.MORE_THAN_RECEIVED]),
        (replace(MATCH, received=1), [Finding.MORE_THAN_RECEIVED]),
        (replace(MATCH, received=0, receipt="none"), []),
        (replace(MATCH, order_state="pending", same_vendor=False), [Finding.ORDER_PENDING, Finding.OTHER_VENDOR]),
        (replace(MATCH, order_state="closed", close_reason="complete"), []),
        (replace(MATCH, order_state="closed", close_reason="out of print", cancelled=True),
         [Finding.ORDER_CLOSED, Finding.LINE_CANCELLED]),
        (replace(MATCH, order_state="closed", cancelled=True, invoiced=2, quantity=-1), []),
        (replace(MATCH, quantity=-1), [Finding.MORE_THAN_PAID]),
    ],
    ids=["all of it", "too many", "too many came", "twice", "not come", "nothing comes", "pending", "complete",
         "closed", "a credit afterwards", "a credit for nothing"],
)  # fmt: skip
def test_everything_that_does_not_match_is_found(match: Match, found: list[Finding]) -> None:
    assert findings(match) == found


def test_some_of_it_may_be_accepted_by_name() -> None:
    found = [Finding.ORDER_PENDING, Finding.MORE_THAN_RECEIVED, Finding.MORE_THAN_ORDERED]

    assert not_accepted(found, ["more-than-received", "order-not-approved"]) == [
        Finding.ORDER_PENDING,
        Finding.MORE_THAN_ORDERED,
    ]
