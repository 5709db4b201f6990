"""What should lie in a drawer, and by how much what was counted is off. Decisions only."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from circulation.fees.rules import Money, total

CASH: Final = "cash"
"""The one method whose money lies in the drawer."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that went in (a payment) or out (a refund, negative) at a drawer, by method and owner."""

    method: str
    owner: str | None
    amount: Money


def expected(opening: Money, movements: Iterable[Movement]) -> Money:
    """What should lie in it."""
    cash = (each.amount for each in movements if each.method == CASH)
    return opening + total(cash, opening.currency)


def difference(counted: Money, opening: Money, movements: Iterable[Movement]) -> Money:
    """Negative where something is missing."""
    return counted - expected(opening, movements)
