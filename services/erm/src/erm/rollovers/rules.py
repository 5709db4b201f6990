"""What of an order and of a budget goes over into the next year. Decisions only: no clock, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from erm.finance.rules import Encumbered, Totals
from erm.money.rules import apportion, percent_of, rounded


class Basis(StrEnum):
    """What the next year sets aside for an order line is reckoned from."""

    REMAINING = "remaining"
    """What is still set aside."""
    INITIAL = "initial"
    """What was set aside to begin with."""
    EXPENDED = "expended"
    """What invoices took, paid or approved, less what came back."""


class RolloverOutcome(StrEnum):
    """What becomes of an order."""

    ROLLED = "rolled"
    WAITING = "waiting"
    """Another ledger bears some of it: it goes over as a whole when that one does."""
    FAILED = "failed"
    """The budgets do not let it; nothing of it has gone over."""
    LEFT = "left"
    """No rule is for orders of its kind."""


@dataclass(frozen=True, slots=True)
class OrderRule:
    """For orders of one kind."""

    based_on: Basis
    increase_percent: Decimal = Decimal(0)
    """Dearer by so much next year; cheaper where negative."""


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """For some funds."""

    allocate_percent: Decimal | None = None
    """What the next year's budget is given anew, of what this year's was allocated; none: nothing."""
    carry_available_percent: Decimal = Decimal(0)
    """How much of what is still available goes along."""
    carry_encumbered: bool = False
    """What was set aside for an order goes along with it."""


def takes_part(sums: Encumbered, *, gone_over: bool, by_invoice: bool, ongoing: bool) -> bool:
    """Whether an encumbrance is carried into the next year: one that is active; and of what is bought year after
    year also one that this year's last invoice has let go of. What was released otherwise stays out.
    """
    return not gone_over and (sums.active or (ongoing and by_invoice))


def worth(sums: Encumbered, based_on: Basis) -> int:
    """What an encumbrance counts for."""
    match based_on:
        case Basis.REMAINING:
            return sums.amount
        case Basis.INITIAL:
            return sums.initial
        case Basis.EXPENDED:
            return max(0, sums.taken)


def becomes(worths: Sequence[int], rule: OrderRule) -> list[int]:
    """What the next year sets aside for a line, for each that bears it: together the rounded value of the whole."""
    whole = rounded(sum(worths) * (100 + Fraction(rule.increase_percent)) / 100)
    return apportion(max(0, whole), worths)


def allocated(before: Totals, rule: BudgetRule) -> int:
    """What a budget is given anew."""
    if rule.allocate_percent is None:
        return 0
    return percent_of(max(0, before.allocated), rule.allocate_percent)


def carried(before: Totals, rule: BudgetRule) -> int:
    """What goes along of what is available: never more than the budget was given."""
    return percent_of(max(0, min(before.available, before.funding)), rule.carry_available_percent)


def comes_along(before: Totals, released: int) -> int:
    """What goes along with an order of the money that was set aside for it, as far as it is there."""
    after = before + Totals(encumbered=-released)
    return max(0, min(released, after.available, after.funding))
