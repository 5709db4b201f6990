"""Exact money: amounts as minor units of an ISO 4217 currency, cut into shares that lose no unit. No floats.

An amount is derived once and stored. Where it does not divide, the units that are left over go to the largest
remainders, and among equal ones to the last: 100.00 over three thirds is 33.33, 33.33, 33.34.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from contracts.currencies import EXPONENTS

CURRENCIES: Final = frozenset(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
    CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
    HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD
    LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
    PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS
    TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UYW UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG
    """.split()  # noqa: SIM905 - a table is read as a table
)
"""ISO 4217, list one, without funds, metals and test codes."""
LARGEST: Final = 10**15
"""Minor units of one amount, in either direction: sums over a million of them stay within 64 bits."""
WRITTEN: Final = r"^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,20})?$"
"""An amount as it is written on the wire; whether it has too many digits is told in words."""
_WRITTEN: Final = re.compile(WRITTEN)


def places(currency: str) -> int:
    """Digits after the point."""
    return EXPONENTS.get(currency, 2)


def written(minor: int, currency: str) -> str:
    """In the currency's own units: 1250 EUR is `12.50`, 1250 JPY `1250`."""
    exponent = places(currency)
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).zfill(exponent + 1)
    return sign + (f"{digits[:-exponent]}.{digits[-exponent:]}" if exponent else digits)


class NotAnAmount(ValueError):
    """It is no amount of this currency: `code` and `text` say why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def read(amount: str, currency: str) -> int:
    """Minor units of an amount as it is written; `NotAnAmount` for more digits than the currency has, and so on."""
    if not _WRITTEN.fullmatch(amount):
        raise NotAnAmount("amount-malformed", "An amount is written like 12.50.")
    told, exponent = Fraction(amount), places(currency)
    minor = told * 10**exponent
    if minor.denominator != 1:
        raise NotAnAmount("too-many-decimals", f"{currency} has {exponent} digits after the point.")
    if abs(minor.numerator) > LARGEST:
        raise NotAnAmount(
            "amount-too-large", f"An amount is at most {written(LARGEST, currency)} {currency}."
        )
    return int(minor.numerator)


def rounded(exact: Fraction) -> int:
    """To the nearest minor unit; a half goes away from zero, as on an invoice."""
    sign = -1 if exact < 0 else 1
    return sign * int((abs(exact) * 2 + 1) // 2)


def percent_of(minor: int, percent: Decimal) -> int:
    """A percentage of an amount."""
    return rounded(minor * Fraction(percent) / 100)


def apportion(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """An amount in parts that sum to it exactly, each within a minor unit of its weight's share.

    Weights are not negative; where all are nothing, they count as equal.
    """
    if not weights:
        return []
    if not any(weights):
        weights = [1] * len(weights)
    whole = sum(map(Fraction, weights), Fraction(0))
    exact = [abs(total) * Fraction(weight) / whole for weight in weights]
    parts = [share.numerator // share.denominator for share in exact]
    left = abs(total) - sum(parts)
    by_remainder = sorted(range(len(parts)), key=lambda at: (exact[at] - parts[at], at), reverse=True)
    for at in by_remainder[:left]:
        parts[at] += 1
    return [part if total >= 0 else -part for part in parts]


def converted(parts: Sequence[int], rate: Fraction, *, source: str, target: str) -> list[int]:
    """Amounts in another currency, whose sum is what the sum converts to: each takes the rounding before it along."""
    factor = rate * Fraction(10) ** (places(target) - places(source))
    so_far = before = 0
    told = []
    for part in parts:
        so_far += part
        now = rounded(so_far * factor)
        told.append(now - before)
        before = now
    return told


@dataclass(frozen=True, slots=True)
class Share:
    """What one fund bears of a line: a percentage of what the fixed amounts leave, or a fixed amount."""

    percent: Decimal | None = None
    amount: int | None = None


def share_flaws(shares: Sequence[Share], total: int) -> list[str]:
    """Why these shares are not the whole, as codes."""
    flaws = []
    if not shares:
        return ["shares-missing"]
    if any((share.percent is None) == (share.amount is None) for share in shares):
        return ["share-needs-one-measure"]
    percents = [Fraction(share.percent) for share in shares if share.percent is not None]
    amounts = [share.amount for share in shares if share.amount is not None]
    if any(percent <= 0 for percent in percents):
        flaws.append("share-not-positive")
    if percents and amounts and total == 0:
        return [*flaws, "shares-of-nothing-are-mixed"]
    if amounts and any(amount * total < 0 for amount in amounts):
        flaws.append("share-against-the-line")
    measured = sum(percents, Fraction(0)) / 100 * total + sum(amounts)
    whole = sum(percents, Fraction(0)) == 100 if not amounts else measured == total
    return flaws if whole else [*flaws, "shares-not-whole"]


def shares_of(shares: Sequence[Share], total: int) -> list[int]:
    """What each bears, in minor units: exact, and together the total. The shares have no flaws."""
    fixed = sum(share.amount for share in shares if share.amount is not None)
    weights = [Fraction(share.percent) for share in shares if share.percent is not None]
    parts = iter(apportion(total - fixed, weights))
    return [share.amount if share.amount is not None else next(parts) for share in shares]
