"""Exact money, by example and for all amounts."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.currencies import EXPONENTS
from erm.money.rules import (
    CURRENCIES,
    NotAnAmount,
    Share,
    apportion,
    converted,
    percent_of,
    read,
    share_flaws,
    shares_of,
    written,
)

amounts = st.integers(-(10**9), 10**9)


@pytest.mark.parametrize(
    ("told", "currency", "minor"),
    [
        ("12.50", "EUR", 1250),
        ("12.5", "EUR", 1250),
        ("12", "EUR", 1200),
        ("-0.01", "EUR", -1),
        ("0", "EUR", 0),
        ("1250", "JPY", 1250),
        ("1.234", "KWD", 1234),
        ("1.2345", "CLF", 12345),
        ("12.500", "EUR", 1250),
    ],
)
def test_an_amount_is_read_as_it_is_written(told: str, currency: str, minor: int) -> None:
    assert read(told, currency) == minor
    assert read(written(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("told", "currency", "code"),
    [
        ("12.505", "EUR", "too-many-decimals"),
        ("0.5", "JPY", "too-many-decimals"),
        ("1.2345", "KWD", "too-many-decimals"),
        ("10000000000000.01", "EUR", "amount-too-large"),
        ("1e3", "EUR", "amount-malformed"),
        ("012", "EUR", "amount-malformed"),
        ("1,5", "EUR", "amount-malformed"),
        ("", "EUR", "amount-malformed"),
        ("١", "EUR", "amount-malformed"),
        ("1.0\n", "EUR", "amount-malformed"),
    ],
    ids=repr,
)
def test_what_is_no_amount_says_why(told: str, currency: str, code: str) -> None:
    with pytest.raises(NotAnAmount) as wrong:
        read(told, currency)
    assert wrong.value.code == code


def test_every_odd_currency_is_one() -> None:
    assert EXPONENTS.keys() - {"UYI"} <= CURRENCIES
    assert len(CURRENCIES) > 150


@pytest.mark.parametrize(
    ("minor", "percent", "part"),
    [(1000, "10", 100), (1005, "50", 503), (-1005, "50", -503), (333, "33.333333", 111), (1, "0.000001", 0)],
)
def test_a_percentage_is_rounded_half_away_from_zero(minor: int, percent: str, part: int) -> None:
    assert percent_of(minor, Decimal(percent)) == part


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10000, [1, 1, 1], [3333, 3333, 3334]),
        (1000, [333, 333, 334], [333, 333, 334]),
        (-10000, [1, 1, 1], [-3333, -3333, -3334]),
        (100, [0, 0], [50, 50]),
        (1, [1, 1, 1], [0, 0, 1]),
        (7, [], []),
        (5, [0, 1], [0, 5]),
    ],
)
def test_an_amount_is_apportioned_to_the_last_unit(total: int, weights: list[int], parts: list[int]) -> None:
    assert apportion(total, weights) == parts


@settings(max_examples=150)
@given(amounts, st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_parts_sum_to_the_whole_and_each_is_within_a_unit_of_its_due(total: int, weights: list[int]) -> None:
    parts = apportion(total, weights)

    whole = sum(weights)
    assert sum(parts) == total
    if whole:
        due = [Fraction(total * weight, whole) for weight in weights]
        assert all(abs(part - exact) < 1 for part, exact in zip(parts, due, strict=True))


@settings(max_examples=150)
@given(st.lists(amounts, max_size=10), st.fractions(Fraction(1, 1000), 1000), st.sampled_from(["JPY", "USD"]))
def test_converted_parts_sum_to_the_converted_whole(parts: list[int], rate: Fraction, source: str) -> None:
    told = converted(parts, rate, source=source, target="EUR")

    (whole,) = converted([sum(parts)], rate, source=source, target="EUR")
    assert sum(told) == whole


def percent(told: str) -> Share:
    return Share(percent=Decimal(told))


def amount(minor: int) -> Share:
    return Share(amount=minor)


@pytest.mark.parametrize(
    ("shares", "total", "bears"),
    [
        ([percent("33.33"), percent("33.33"), percent("33.34")], 10000, [3333, 3333, 3334]),
        ([percent("50"), percent("50")], 1001, [500, 501]),
        ([amount(400), percent("60")], 1000, [400, 600]),
        ([amount(400), amount(600)], 1000, [400, 600]),
        ([amount(-400), amount(-600)], -1000, [-400, -600]),
        ([percent("100")], 0, [0]),
    ],
    ids=["three thirds", "a half unit", "amount and rest", "amounts", "a credit", "nothing"],
)
def test_shares_are_exact(shares: list[Share], total: int, bears: list[int]) -> None:
    assert share_flaws(shares, total) == []
    assert shares_of(shares, total) == bears


@pytest.mark.parametrize(
    ("shares", "total", "flaws"),
    [
        ([], 100, ["shares-missing"]),
        ([percent("99.999999")], 100, ["shares-not-whole"]),
        ([percent("60"), percent("50")], 100, ["shares-not-whole"]),
        ([amount(99)], 100, ["shares-not-whole"]),
        ([amount(50), percent("50")], 0, ["shares-of-nothing-are-mixed"]),
        ([Share()], 100, ["share-needs-one-measure"]),
        ([amount(-10), amount(110)], 100, ["share-against-the-line"]),
    ],
    ids=["none", "not quite", "too much", "too little", "mixed of nothing", "no measure", "against"],
)
def test_shares_that_are_not_the_whole_are_told(shares: list[Share], total: int, flaws: list[str]) -> None:
    assert share_flaws(shares, total) == flaws
