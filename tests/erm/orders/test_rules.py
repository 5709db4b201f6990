"""What a line costs and how far it is, by example."""

from dataclasses import replace
from decimal import Decimal

import pytest

from erm.orders.rules import (
    PaymentState,
    Price,
    Progress,
    ReceiptState,
    above_limit,
    is_done,
    payment_state,
    receipt_state,
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
    ],
    ids=["copies", "a discount", "all of it", "a gift", "nothing left"],
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
