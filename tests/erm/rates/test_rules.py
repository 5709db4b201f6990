"""Which rate is taken and what sources send, by example."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest

from erm.rates.reading import ECB, NoRates, rates_in
from erm.rates.rules import Known, age, cross, explained, is_too_old, newest

TODAY = date(2027, 3, 1)
ONE, TWO = UUID(int=1), UUID(int=2)


def known(of_source: str, of_target: str, *, day: int = 26, source: UUID = ONE) -> Known:
    """What a source says in euros on a day of February."""
    return Known(source, "ECB", date(2027, 2, day), "EUR", Decimal(of_source), Decimal(of_target))


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        (known("1.08", "1"), "0.9259259259"),
        (known("1", "1.08"), "1.0800000000"),
        (known("1.08", "0.95"), "0.8796296296"),
        (known("3", "2"), "0.6666666667"),
        (known("900000000", "0.01"), "0.0000000000"),
    ],
    ids=["into the base", "out of the base", "across", "rounded", "too small to say"],
)
def test_a_rate_follows_from_what_the_source_says_of_both(told: Known, rate: str) -> None:
    assert cross(told) == Decimal(rate)


def test_the_newest_is_taken_and_of_equal_ones_the_first() -> None:
    old, first, second = known("2", "1", day=20), known("3", "1"), known("4", "1", source=TWO)

    assert newest([old, first, second]) == first
    assert newest([]) is None


@pytest.mark.parametrize(("most", "too_old"), [(3, False), (2, True), (0, True)])
def test_a_rate_grows_too_old(most: int, too_old: bool) -> None:
    assert (age(known("1", "2"), TODAY), is_too_old(known("1", "2"), TODAY, most)) == (3, too_old)


def test_how_a_rate_came_about_is_told() -> None:
    assert explained(known("1.0800", "1"), "USD", "EUR", TODAY) == (
        "ECB of 2027-02-26, 3 days old on 2027-03-01: 1 EUR = 1.08 USD."
    )
    assert explained(known("1.08", "0.95"), "USD", "CHF", date(2027, 2, 26)).endswith(
        "of the day on 2027-02-26: 1 EUR = 1.08 USD and 1 EUR = 0.95 CHF."
    )


def ecb(*days: str) -> bytes:
    """The central bank's file."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<gesmes:Envelope xmlns:gesmes="http://www.gesmes.org/xml/2002-08-01" xmlns="{ECB}">'
        "<gesmes:subject>Reference rates</gesmes:subject><gesmes:Sender><gesmes:name>A bank</gesmes:name>"
        f"</gesmes:Sender><Cube>{''.join(days)}</Cube></gesmes:Envelope>"
    ).encode()


DAY = "<Cube time='2027-02-26'><Cube currency='USD' rate='1.0812'/><Cube currency='JPY' rate='162.5'/></Cube>"


def test_the_central_banks_file_is_read_day_by_day() -> None:
    days = rates_in(ecb(DAY, DAY.replace("26", "25").replace("1.0812", "1.08")), "ecb-xml", today=TODAY)

    assert [(day.rated_on.isoformat(), day.base, day.rates["USD"]) for day in days] == [
        ("2027-02-26", "EUR", Decimal("1.0812")),
        ("2027-02-25", "EUR", Decimal("1.08")),
    ]
    assert days[0].rates["EUR"] == 1


def test_json_is_read_without_losing_a_digit() -> None:
    told = b'{"base":"CHF","date":"2027-02-26","rates":{"USD":1.1234567891,"EUR":"1.05","XXX":2,"CHF":1}}'

    (day,) = rates_in(told, "json", today=TODAY)

    assert (day.base, day.rates) == (
        "CHF",
        {"USD": Decimal("1.1234567891"), "EUR": Decimal("1.05"), "CHF": Decimal(1)},
    )


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (b"", "ecb-xml", "no XML"),
        (b"<html/>", "ecb-xml", "no day"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", "ecb-xml", "no XML"),
        (ecb("<Cube time='26.2.2027'><Cube currency='USD' rate='1'/></Cube>"), "ecb-xml", "no date"),
        (ecb("<Cube time='2027-02-26'><Cube currency='USD' rate='-1'/></Cube>"), "ecb-xml", "no rate"),
        (ecb("<Cube time='2027-02-26'><Cube currency='USD' rate='NaN'/></Cube>"), "ecb-xml", "no rate"),
        (ecb("<Cube time='2027-02-26'/>"), "ecb-xml", "no rate in it"),
        (ecb(DAY.replace("2027-02", "2027-04")), "ecb-xml", "still to come"),
        (b"[" * 100_000, "json", "no JSON"),
        (b"{}", "json", "no object"),
        (b'{"base":"EUR","date":"2027-02-26","rates":{"USD":1e400}}', "json", "no rate"),
        (b'{"base":"EUR","date":"2027-02-26","rates":{"USD":NaN}}', "json", "no number"),
        (b'{"base":"EUR","date":"2027-02-26","rates":{"USD":true}}', "json", "no number"),
        (b'{"base":"EUR","date":20270226,"rates":{"USD":1}}', "json", "no date"),
        (b'{"base":"E","date":"2027-02-26","rates":{"USD":1}}', "json", "no currency"),
    ],
    ids=[
        "empty",
        "another document",
        "an entity",
        "a date",
        "negative",
        "not a number",
        "a day of nothing",
        "the future",
        "nested",
        "empty object",
        "endless",
        "NaN",
        "true",
        "a date as number",
        "no base",
    ],
)
def test_what_is_no_rates_is_told_so(content: bytes, form: str, why: str) -> None:
    with pytest.raises(NoRates, match=why):
        rates_in(content, form, today=TODAY)
