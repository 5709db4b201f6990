"""What a line costs and how far it is, by example."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest

from erm.orders.rules import (
    PaymentState,
    Place,
    Price,
    Progress,
    ReceiptState,
    above_limit,
    is_done,
    may_bear,
    payment_state,
    quantity_flaws,
    receipt_state,
    short_of_received,
    unborne,
)

LINE = Progress(quantity=2, received=0, paid=0, paid_last=False, total=100, receipt="items")


@pytest.mark.parametrize(
    ("price", "net", "total"),
    [
        (Price(3, 1000), 3000, 3000),
        (Price(3, 333, Decimal("12.5")), 874, 874),
        (Price(1, 1000, Decimal(10), additional=250, tax_percent=Decimal(7)), 1150, 1231),
        (Price(1, 0), 0, 0),
        (Price(1, 1000, Decimal(100)), 0, 0),
        (Price(3, 1000, discount_amount=250, additional=100, tax_percent=Decimal(10)), 2850, 3135),
    ],
    ids=["copies", "a discount", "all of it", "a gift", "nothing left", "an amount off"],
)
def test_a_line_costs_what_its_copies_cost_less_the_discount_with_tax(
    price: Price, net: int, total: int
) -> None:
    assert (price.net, price.total) == (net, total)


@pytest.mark.parametrize(
    ("line", "receipt", "payment", "done"),
    [
        (LINE, ReceiptState.AWAITING, PaymentState.AWAITING, False),
        (replace(LINE, received=1, paid=1), ReceiptState.PARTLY, PaymentState.PARTLY, False),
        (replace(LINE, received=3, paid=2), ReceiptState.FULLY, PaymentState.FULLY, True),
        (replace(LINE, received=2, paid=1, paid_last=True), ReceiptState.FULLY, PaymentState.FULLY, True),
        (replace(LINE, cancelled=True), ReceiptState.CANCELLED, PaymentState.CANCELLED, True),
        (
            replace(LINE, received=1, paid=1, cancelled=True),
            ReceiptState.CANCELLED,
            PaymentState.CANCELLED,
            True,
        ),
        (replace(LINE, receipt="none"), ReceiptState.NOT_REQUIRED, PaymentState.AWAITING, False),
        (replace(LINE, total=0, received=2), ReceiptState.FULLY, PaymentState.NOT_REQUIRED, True),
        (replace(LINE, paid=-1), ReceiptState.AWAITING, PaymentState.AWAITING, False),
    ],
    ids=[
        "new",
        "half",
        "whole",
        "last invoice",
        "cancelled",
        "half and cancelled",
        "nothing comes",
        "a gift",
        "credit",
    ],
)
def test_how_far_a_line_is(line: Progress, receipt: ReceiptState, payment: PaymentState, done: bool) -> None:
    assert (receipt_state(line), payment_state(line), is_done(line)) == (receipt, payment, done)


@pytest.mark.parametrize(
    ("total", "limit", "unlimited", "above"),
    [(100, None, False, False), (100, 100, False, False), (101, 100, False, True), (101, 100, True, False)],
)
def test_an_approver_has_a_limit(total: int, limit: int | None, unlimited: bool, above: bool) -> None:
    assert above_limit(total, limit, unlimited=unlimited) is above


A, B, C = (UUID(int=n) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("quantity", "electronic", "places", "flaws"),
    [
        (2, 0, [], []),
        (2, 3, [], [("electronic-above-quantity", None)]),
        (3, 1, [Place(A, 2), Place(B, 0, 1)], []),
        (3, 0, [Place(A, 2)], [("physical-not-of-locations", None)]),
        (
            3,
            0,
            [Place(A, 2, 1)],
            [("physical-not-of-locations", None), ("electronic-not-of-locations", None)],
        ),
        (2, 0, [Place(A, 1), Place(A, 1)], [("location-twice", 1)]),
        (1, 0, [Place(A, 1), Place(B)], [("location-of-nothing", 1)]),
    ],
    ids=["no places", "too many electronic", "agree", "too few", "of another kind", "twice", "nothing"],
)
def test_the_quantities_of_a_line_and_its_locations_agree(
    quantity: int, electronic: int, places: list[Place], flaws: list[tuple[str, int | None]]
) -> None:
    assert quantity_flaws(quantity, electronic, places) == flaws


def test_a_location_keeps_what_has_come_there() -> None:
    before = [Place(A, 2, 0, 2), Place(B, 1, 1, 0, 1), Place(C, 4)]

    assert short_of_received(before, [Place(B, 0, 1), Place(A, 2)]) == []
    assert short_of_received(before, [Place(A, 1, 1), Place(B, 2)]) == [(before[0], 0), (before[1], 1)]
    assert short_of_received(before, [Place(C, 5)]) == [(before[0], None), (before[1], None)]


def test_funds_pay_for_their_locations() -> None:
    assert (may_bear([], [A]), may_bear([], []), may_bear([A, B], [B]), may_bear([A], [B])) == (
        False,
        True,
        True,
        False,
    )
    assert unborne([A, B, C], [[A], [C]]) == [B]
    assert unborne([A, B], [[A], []]) == []
