"""What an invoice comes to, whether it matches what was ordered and received, and what may be done with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from erm.money.rules import apportion, percent_of


class Prorate(StrEnum):
    """How an adjustment is spread over the lines."""

    BY_LINE = "by-line"
    BY_AMOUNT = "by-amount"
    BY_QUANTITY = "by-quantity"


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Freight, tax, a discount: a percentage of all lines, or an amount; negative when it goes off."""

    prorate: Prorate
    percent: Decimal | None = None
    amount: int | None = None
    included: bool = False
    """Within the lines' amounts already, and only told."""


@dataclass(frozen=True, slots=True)
class Charged:
    """A line as it stands on the paper."""

    quantity: int
    subtotal: int


def comes_to(adjustment: Adjustment, lines: Sequence[Charged]) -> int:
    """What an adjustment is, in minor units."""
    if adjustment.amount is not None:
        return adjustment.amount
    return percent_of(sum(line.subtotal for line in lines), adjustment.percent or Decimal(0))


def spread(adjustments: Sequence[Adjustment], lines: Sequence[Charged]) -> list[int]:
    """Each line's part of all adjustments: exact, the unit that is left over goes by largest remainder."""
    told = [0] * len(lines)
    for adjustment in adjustments:
        if adjustment.included:
            continue
        weights = {
            Prorate.BY_LINE: [1] * len(lines),
            Prorate.BY_AMOUNT: [abs(line.subtotal) for line in lines],
            Prorate.BY_QUANTITY: [abs(line.quantity) for line in lines],
        }[adjustment.prorate]
        parts = apportion(comes_to(adjustment, lines), weights)
        told = [before + part for before, part in zip(told, parts, strict=True)]
    return told


class Finding(StrEnum):
    """Why a line does not match what was ordered and received."""

    ORDER_PENDING = "order-not-approved"
    ORDER_CLOSED = "order-closed"
    LINE_CANCELLED = "line-cancelled"
    OTHER_VENDOR = "order-of-another-vendor"
    MORE_THAN_ORDERED = "more-than-ordered"
    MORE_THAN_RECEIVED = "more-than-received"
    MORE_THAN_PAID = "credit-for-more-than-invoiced"


ACCEPTABLE: Final = frozenset(
    {
        Finding.ORDER_CLOSED,
        Finding.LINE_CANCELLED,
        Finding.MORE_THAN_ORDERED,
        Finding.MORE_THAN_RECEIVED,
        Finding.MORE_THAN_PAID,
    }
)
"""What whoever approves may accept by name."""


@dataclass(frozen=True, slots=True)
class Match:
    """A line's order line, and what this and other invoices want for it."""

    order_state: str
    close_reason: str | None
    same_vendor: bool
    cancelled: bool
    ordered: int
    received: int
    receipt: str
    """`items`, `count` or `none`."""
    invoiced: int
    """Copies on other approved and paid invoices, less those on credit notes."""
    quantity: int
    """Copies on this one; negative for a credit."""
    ongoing: bool = False
    """It is invoiced year after year: how much was ordered and has come says nothing."""


def findings(match: Match) -> list[Finding]:
    """Everything that does not match."""
    credit = match.quantity < 0
    after = match.invoiced + match.quantity
    awaited = match.receipt != "none" and not match.ongoing
    applies = {
        Finding.ORDER_PENDING: match.order_state == "pending",
        Finding.ORDER_CLOSED: match.order_state == "closed"
        and match.close_reason != "complete"
        and not credit,
        Finding.LINE_CANCELLED: match.cancelled and not credit,
        Finding.OTHER_VENDOR: not match.same_vendor,
        Finding.MORE_THAN_ORDERED: not credit
        and not match.ongoing
        and after > max(match.ordered, match.received),
        Finding.MORE_THAN_RECEIVED: not credit and awaited and after > match.received,
        Finding.MORE_THAN_PAID: credit and after < 0,
    }
    return [finding for finding, holds in applies.items() if holds]


def not_accepted(found: Sequence[Finding], accepted: Collection[str]) -> list[Finding]:
    """What stands in the way of an approval."""
    return [each for each in found if each not in ACCEPTABLE or each.value not in accepted]


class Action(StrEnum):
    """What is done with an invoice."""

    REVIEW = "review"
    REOPEN = "reopen"
    """Back from review."""
    APPROVE = "approve"
    PAY = "pay"
    CANCEL = "cancel"


FROM: Final = {
    Action.REVIEW: frozenset({"open"}),
    Action.REOPEN: frozenset({"reviewed"}),
    Action.APPROVE: frozenset({"open", "reviewed"}),
    Action.PAY: frozenset({"approved"}),
    Action.CANCEL: frozenset({"open", "reviewed", "approved", "paid"}),
}
CHANGEABLE: Final = frozenset({"open"})
"""States in which what is told of it may be changed."""
