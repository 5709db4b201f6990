"""How each act on a fee is booked, and what stands against it."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circulation.fees.rules import Money, PaymentRefusal
from circulation.ledger.rules import (
    GIVES_BACK,
    Account,
    Act,
    Refusal,
    Source,
    Standing,
    booked,
    refund_parts,
    refusals,
    spread,
    standing,
    status_after,
)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


@pytest.mark.parametrize("act", Act)
def test_every_booking_has_two_sides_that_sum_to_nothing(act: Act) -> None:
    debit, credit = booked(act, eur(250))

    assert (debit.amount, credit.amount) == (eur(250), eur(-250))
    assert debit.account is not credit.account


@given(
    st.integers(1, 10_000),
    st.lists(
        st.tuples(st.sampled_from(sorted(set(Act) - {Act.CHARGE})), st.integers(-5, 12_000)), max_size=40
    ),
)
def test_whatever_is_done_with_a_fee_its_ledger_balances_and_nothing_is_given_back_twice(
    charged: int, acts: list[tuple[Act, int]]
) -> None:
    balances: Counter[str] = Counter()
    taken = given_back = 0

    for act, minor in [(Act.CHARGE, charged), *acts]:
        amount = eur(minor)
        before = standing(eur(charged), balances)
        if act is not Act.CHARGE and refusals(act, before, amount):
            continue
        for entry in booked(act, amount):
            balances[entry.account] += entry.amount.minor
        taken += minor if act in (Act.PAY, Act.TRANSFER) else 0
        given_back += minor if act in GIVES_BACK else 0

        after = standing(eur(charged), balances)
        assert sum(balances.values()) == 0
        assert 0 <= after.owed.minor <= charged
        assert after.refundable == eur(taken - given_back)
        assert min(after.held.minor, after.transferred.minor) >= 0
        assert all(balances[account] >= 0 for account in Account if account is not Account.INCOME)
        assert -charged <= balances[Account.INCOME] <= 0


PART_PAID = Standing(eur(1000), owed=eur(400), held=eur(500), transferred=eur(100))
SETTLED = Standing(eur(1000), owed=eur(0), held=eur(1000), transferred=eur(0))


@pytest.mark.parametrize(
    ("act", "fee", "amount", "reasons"),
    [
        (Act.PAY, PART_PAID, eur(400), []),
        (Act.PAY, PART_PAID, eur(401), [PaymentRefusal.MORE_THAN_OWED]),
        (Act.WAIVE, PART_PAID, eur(401), [PaymentRefusal.MORE_THAN_OWED]),
        (Act.CANCEL, SETTLED, eur(1), [PaymentRefusal.FEE_CLOSED]),
        (Act.TRANSFER, SETTLED, eur(0), [PaymentRefusal.FEE_CLOSED, PaymentRefusal.NOT_POSITIVE]),
        (Act.PAY, PART_PAID, Money(400, "USD"), [PaymentRefusal.OTHER_CURRENCY]),
        (Act.REFUND, PART_PAID, eur(500), []),
        (Act.REFUND, PART_PAID, eur(501), [Refusal.MORE_THAN_REFUNDABLE]),
        (Act.CREDIT, PART_PAID, eur(101), [Refusal.MORE_THAN_REFUNDABLE]),
        (
            Act.REFUND,
            PART_PAID,
            Money(-1, "USD"),
            [PaymentRefusal.NOT_POSITIVE, PaymentRefusal.OTHER_CURRENCY],
        ),
        (Act.REFUND, SETTLED, eur(1000), []),
    ],
)
def test_no_more_is_settled_than_is_owed_nor_given_back_than_came_in(
    act: Act, fee: Standing, amount: Money, reasons: list[PaymentRefusal | Refusal]
) -> None:
    assert refusals(act, fee, amount) == reasons


CARD = Source(Act.REFUND, "card", eur(300))
CASH = Source(Act.REFUND, "cash", eur(200))
BURSAR = Source(Act.CREDIT, "bursar", eur(100))


@pytest.mark.parametrize(
    ("amount", "parts"),
    [
        (250, [("card", 250)]),
        (300, [("card", 300)]),
        (450, [("card", 300), ("cash", 150)]),
        (600, [("card", 300), ("cash", 200), ("bursar", 100)]),
        (700, [("card", 300), ("cash", 200), ("bursar", 100)]),
        (0, []),
    ],
)
def test_a_refund_goes_back_where_the_money_came_from_newest_first(
    amount: int, parts: list[tuple[str, int]]
) -> None:
    found = refund_parts([CARD, CASH, BURSAR], eur(amount))

    assert [(part.name, part.amount.minor) for part in found] == parts


@pytest.mark.parametrize(
    ("amount", "parts"),
    [
        (1, [("oldest", 1)]),
        (120, [("oldest", 120)]),
        (150, [("oldest", 120), ("newer", 30)]),
        (999, [("oldest", 120), ("newer", 80)]),
    ],
)
def test_an_amount_settles_the_oldest_fee_first(amount: int, parts: list[tuple[str, int]]) -> None:
    found = spread(eur(amount), [("oldest", eur(120)), ("newer", eur(80))])

    assert [(name, part.minor) for name, part in found] == parts


def test_how_a_fee_is_settled_is_told_apart_from_whether_it_is_open() -> None:
    assert status_after(Act.PAY, whole=False) == "paid-partly"
    assert status_after(Act.WAIVE, whole=True) == "waived-fully"
    assert status_after(Act.CREDIT, whole=True) == "refunded-fully"
