"""What sources of rates send: the European Central Bank's XML (eurofxref), or JSON with base, date and rates."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from chassis.markup import Element, NotXml, read
from erm.money.rules import CURRENCIES
from erm.rates.rules import PLACES

ECB: Final = "http://www.ecb.int/vocabulary/2002-08-01/eurofxref"
ECB_BASE: Final = "EUR"
LARGEST: Final = Decimal(10) ** 9
MOST_DAYS: Final = 400
_STEP: Final = Decimal(1).scaleb(-PLACES)


class NoRates(ValueError):
    """What came is no rates that are read here; the message says why."""


@dataclass(frozen=True, slots=True)
class Day:
    """Rates of a day: units of each currency for one of the base, which is among them with 1."""

    rated_on: date
    base: str
    rates: Mapping[str, Decimal]


def _rate(told: object) -> Decimal:
    if isinstance(told, bool) or not isinstance(told, str | int | Decimal):
        raise NoRates("a rate is no number")
    try:
        rate = Decimal(told).quantize(_STEP)
        fits = 0 < rate < LARGEST
    except InvalidOperation:  # also where NaN is compared
        fits = False
    if not fits:
        raise NoRates(f"{str(told)[:40]!r} is no rate")
    return rate


def _date(told: object) -> date:
    try:
        return date.fromisoformat(told if isinstance(told, str) else "")
    except ValueError:
        raise NoRates(f"{str(told)[:40]!r} is no date") from None


def _day(rated_on: date, base: str, told: Iterable[tuple[str, object]]) -> Day:
    """A day's rates, without currencies that are none of ISO 4217."""
    if base not in CURRENCIES:
        raise NoRates(f"{base[:10]!r} is no currency")
    rates = {currency: _rate(rate) for currency, rate in told if currency in CURRENCIES and currency != base}
    if not rates:
        raise NoRates("there is no rate in it")
    return Day(rated_on, base, rates | {base: Decimal(1)})


def _cubes(element: Element) -> list[Element]:
    return [child for child in element.children if (child.space, child.name) == (ECB, "Cube")]


def ecb_xml(content: bytes) -> list[Day]:
    """The daily file, or that of several days; `NoRates`."""
    try:
        root = read(content, elements=100_000)
    except NotXml as error:
        raise NoRates(f"no XML: {error}") from None
    days = [day for outer in _cubes(root) for day in _cubes(outer)]
    return [
        _day(
            _date(day.attributes.get("time")),
            ECB_BASE,
            [(each.attributes.get("currency", ""), each.attributes.get("rate")) for each in _cubes(day)],
        )
        for day in days[:MOST_DAYS]
    ]


def plain_json(content: bytes) -> list[Day]:
    """`{"base":"EUR","date":"2027-03-01","rates":{"USD":1.08}}`; numbers are read exactly. `NoRates`."""
    try:
        told: Any = json.loads(content, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        raise NoRates("no JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("rates"), dict):
        raise NoRates("no object with `rates`")
    return [_day(_date(told.get("date")), str(told.get("base")), told["rates"].items())]


FORMATS: Final[Mapping[str, Callable[[bytes], list[Day]]]] = {"ecb-xml": ecb_xml, "json": plain_json}


def rates_in(content: bytes, form: str, *, today: date) -> list[Day]:
    """The days that came, each once; `NoRates` for none, or for one that is still to come."""
    days = FORMATS[form](content)
    if not days:
        raise NoRates("there is no day in it")
    if any((day.rated_on - today).days > 1 for day in days):
        raise NoRates("rates of a day that is still to come")
    return list({(day.rated_on, day.base): day for day in days}.values())
