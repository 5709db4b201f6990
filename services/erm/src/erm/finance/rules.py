"""What a budget holds, and what it lets happen. Decisions only: no clock, no database.

The formulas are those of acquisitions as libraries know them: what is unavailable is never less than nothing, what
is available may be more than the funding when credits came in.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

SUMS: Final = ("allocated", "transferred", "encumbered", "awaiting", "expended", "credited")
DERIVED: Final = ("funding", "unavailable", "available", "cash_balance", "over_expended", "over_encumbered")
"""What follows from them."""


@dataclass(frozen=True, slots=True)
class Totals:
    """A budget's six sums, in minor units of the ledger's currency."""

    allocated: int = 0
    transferred: int = 0
    encumbered: int = 0
    awaiting: int = 0
    expended: int = 0
    credited: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(getattr(self, name) + getattr(other, name) for name in SUMS))

    def __neg__(self) -> "Totals":
        return Totals(*(-getattr(self, name) for name in SUMS))

    @property
    def funding(self) -> int:
        """All that was given to it."""
        return self.allocated + self.transferred

    @property
    def spent(self) -> int:
        """Paid or to be paid, less what came back; never less than nothing."""
        return max(0, self.awaiting + self.expended - self.credited)

    @property
    def unavailable(self) -> int:
        """Set aside or spent; never less than nothing."""
        return max(0, self._used)

    @property
    def available(self) -> int:
        """What may still be used: more than the funding where credits exceed all spending, less than nothing where a
        limit above 100 % lets it."""
        return self.funding - self._used

    @property
    def cash_balance(self) -> int:
        """What has not been paid out."""
        return self.funding - self.expended + self.credited

    @property
    def over_expended(self) -> int:
        """Spent beyond the funding."""
        return max(0, self.awaiting + self.expended - self.credited - max(0, self.funding))

    @property
    def over_encumbered(self) -> int:
        """Set aside beyond the funding."""
        return max(0, self.unavailable - max(0, self.funding)) - self.over_expended

    @property
    def _used(self) -> int:
        return self.encumbered + self.awaiting + self.expended - self.credited


@dataclass(frozen=True, slots=True)
class Together:
    """Several budgets of a year and currency, as one looks at them together.

    What was overspent stays its fund's: money that another fund has left does not make up for it. So `over_expended`,
    `over_encumbered` and `unavailable` are the sums of the budgets' own, never worked out from the sums.
    """

    totals: Totals = field(default_factory=Totals)
    unavailable: int = 0
    over_expended: int = 0
    over_encumbered: int = 0

    @property
    def funding(self) -> int:
        """All that was given to them."""
        return self.totals.funding

    @property
    def available(self) -> int:
        """What may still be used of all together; less than nothing where they overspent more than the others have."""
        return self.totals.available

    @property
    def cash_balance(self) -> int:
        """What has not been paid out."""
        return self.totals.cash_balance


def together(budgets: Iterable[Totals]) -> Together:
    """What budgets come to, to the minor unit."""
    found = list(budgets)
    return Together(
        sum(found, Totals()),
        sum(each.unavailable for each in found),
        sum(each.over_expended for each in found),
        sum(each.over_encumbered for each in found),
    )


class Act(StrEnum):
    """What a transaction does."""

    ALLOCATE = "allocate"
    TRANSFER = "transfer"
    ENCUMBER = "encumber"
    CHANGE = "change"
    RELEASE = "release"
    RESTORE = "restore"
    """What was released is set aside again: an order is reopened."""
    APPROVE = "approve"
    PAY = "pay"
    CANCEL = "cancel"


class Obstacle(StrEnum):
    """Why a budget lets something not happen."""

    STATE = "budget-not-active"
    CLOSED = "fiscal-year-closed"
    NOT_OPEN = "fiscal-year-not-open"
    PAST_ORDERS = "fiscal-year-past-orders"
    """It takes no order any more: its days of grace are over."""
    PAST_INVOICES = "fiscal-year-past-invoices"
    ROLLED_OVER = "ledger-rolled-over"
    """What was still to come has gone over into the next year."""
    FUND = "fund-inactive"
    CLASS = "expense-class-not-of-budget"
    CLASS_INACTIVE = "expense-class-inactive"
    ENCUMBRANCE_LIMIT = "encumbrance-limit"
    EXPENDITURE_LIMIT = "expenditure-limit"
    FUNDING = "funding-below-nothing"


POWERS: Final = {
    Obstacle.ENCUMBRANCE_LIMIT: "overrides:encumbrances",
    Obstacle.EXPENDITURE_LIMIT: "overrides:expenditures",
}
"""The scope that sets a limit aside; nothing else can be."""
FUNDS_ONLY: Final = frozenset({Act.ALLOCATE, Act.TRANSFER})
"""What a planned budget takes."""
COMMITS: Final = frozenset({Act.ENCUMBER, Act.CHANGE, Act.RESTORE})
NEW_USE: Final = COMMITS | {Act.APPROVE}
"""An inactive fund or class is used for nothing new; what is under way may end."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A budget under its lock."""

    totals: Totals
    state: str
    year_state: str
    fund_active: bool
    encumbrance_percent: Decimal | None = None
    expenditure_percent: Decimal | None = None
    expense_classes: frozenset[str] = frozenset()
    orders_until: date | None = None
    """The last day on which its year takes orders; none: as long as it is open."""
    invoices_until: date | None = None
    rolled_over: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done to it."""

    act: Act
    change: Totals
    classes: frozenset[str] = frozenset()
    """Expense classes charged, by code."""
    inactive_classes: frozenset[str] = frozenset()
    today: date | None = None
    """The library's date; none: whatever day it is."""


def until(ends_on: date, grace_days: int | None) -> date | None:
    """The last day on which a year takes orders, or invoices; none: as long as it is open.

    Days of grace are counted from its end, and before it where they are negative.
    """
    if grace_days is None:
        return None
    return date.fromordinal(min(date.max.toordinal(), max(1, ends_on.toordinal() + grace_days)))


def is_past(until: date | None, today: date | None) -> bool:
    """Whether that day is over."""
    return until is not None and today is not None and today > until


def within(amount: int, funding: int, percent: Decimal | None) -> bool:
    """Whether an amount is within a percentage of the funding, exactly."""
    return percent is None or amount <= Fraction(funding) * Fraction(percent) / 100


def obstacles(budget: Facts, wish: Wish) -> list[Obstacle]:
    """Every reason against it."""
    after = budget.totals + wish.change
    takes = {"planned": FUNDS_ONLY, "active": frozenset(Act)}.get(budget.state, frozenset())
    fewer = after.funding < budget.totals.funding
    more_set_aside = after.unavailable > budget.totals.unavailable and wish.act in COMMITS
    more_spent = after.spent > budget.totals.spent and wish.act not in COMMITS
    new = wish.act in NEW_USE
    sets_aside = wish.act in COMMITS and wish.change.encumbered > 0
    applies = {
        Obstacle.CLOSED: budget.year_state == "closed",
        Obstacle.NOT_OPEN: budget.year_state == "planned" and wish.act not in FUNDS_ONLY,
        Obstacle.PAST_ORDERS: sets_aside and is_past(budget.orders_until, wish.today),
        Obstacle.PAST_INVOICES: wish.act is Act.APPROVE and is_past(budget.invoices_until, wish.today),
        Obstacle.ROLLED_OVER: sets_aside and budget.rolled_over,
        Obstacle.STATE: wish.act not in takes,
        Obstacle.FUND: new and not budget.fund_active,
        Obstacle.CLASS: new and bool(budget.expense_classes) and not wish.classes <= budget.expense_classes,
        Obstacle.CLASS_INACTIVE: new and bool(wish.inactive_classes),
        Obstacle.FUNDING: after.funding < 0,
        Obstacle.ENCUMBRANCE_LIMIT: (more_set_aside or fewer)
        and not within(after.unavailable, after.funding, budget.encumbrance_percent),
        Obstacle.EXPENDITURE_LIMIT: (more_spent or fewer)
        and not within(after.spent, after.funding, budget.expenditure_percent),
    }
    return [obstacle for obstacle, holds in applies.items() if holds]


@dataclass(frozen=True, slots=True)
class Encumbered:
    """An encumbrance: what it began with, what invoices took of it, and what is left."""

    initial: int
    awaiting: int = 0
    expended: int = 0
    credited: int = 0
    active: bool = True

    @property
    def amount(self) -> int:
        """Still set aside: what it began with, less what invoices took, within 0 and what it began with."""
        if not self.active:
            return 0
        return min(self.initial, max(0, self.initial - self.awaiting - self.expended + self.credited))

    @property
    def taken(self) -> int:
        """What invoices took of it, less what came back."""
        return self.awaiting + self.expended - self.credited

    def released(self) -> "Encumbered":
        """Nothing is set aside any more, and never again by itself."""
        return replace(self, active=False)

    def restored(self) -> "Encumbered":
        """Set aside again, as far as it was not taken."""
        return replace(self, active=True)


YEAR_MOVES: Final = {
    "open": (frozenset({"planned"}), "open"),
    "close": (frozenset({"open"}), "closed"),
    "reopen": (frozenset({"closed"}), "open"),
}
BUDGET_MOVES: Final = {
    "planned": frozenset({"active", "inactive"}),
    "active": frozenset({"frozen", "inactive"}),
    "frozen": frozenset({"active", "inactive"}),
    "inactive": frozenset({"active"}),
}
"""A budget is closed and opened again with its year alone."""


def may_move(before: str, after: str) -> bool:
    """Whether a budget may be put from one state into another by hand."""
    return before == after or after in BUDGET_MOVES.get(before, frozenset())


def overridden(found: Collection[Obstacle], allowed: Collection[str]) -> list[Obstacle]:
    """What is left of the obstacles when these limits are set aside."""
    return [each for each in found if each not in POWERS or each.value not in allowed]
