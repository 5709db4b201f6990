"""Which rate is taken for a day, how it follows from what a source tells, and when it is too old. Decisions only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final
from uuid import UUID

from erm.money.rules import rounded

PLACES: Final = 10
"""Digits of a rate after the point."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a source says of two currencies on a day: units of each for one of the base."""

    source_id: UUID
    code: str
    rated_on: date
    base: str
    of_source: Decimal
    of_target: Decimal


def cross(known: Known) -> Decimal:
    """Units of the target for one of the source, to ten digits after the point; nothing where these do not hold it."""
    exact = Fraction(known.of_target) / Fraction(known.of_source)
    return Decimal(rounded(exact * 10**PLACES)).scaleb(-PLACES)


def newest(found: Iterable[Known]) -> Known | None:
    """Of what several sources say the newest; of equally new ones the first."""
    best: Known | None = None
    for known in found:
        if best is None or known.rated_on > best.rated_on:
            best = known
    return best


def age(known: Known, on: date) -> int:
    """Days between the day that a rate is of and the day that it is taken for."""
    return (on - known.rated_on).days


def is_too_old(known: Known, on: date, most_days: int) -> bool:
    """Whether a rate is older than the library takes."""
    return age(known, on) > most_days


def explained(known: Known, source: str, target: str, on: date) -> str:
    """How the rate came about, in one sentence."""
    days = age(known, on)
    old = "of the day" if not days else f"{days} day{'s' if days > 1 else ''} old"
    parts = [
        f"1 {known.base} = {told.normalize():f} {currency}"
        for told, currency in ((known.of_source, source), (known.of_target, target))
        if currency != known.base
    ]
    return f"{known.code} of {known.rated_on}, {old} on {on}: {' and '.join(parts)}."
