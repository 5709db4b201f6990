"""When is an item lost, what does it cost, and what becomes of that when it is found? Decisions only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from circulation.calendars.rules import Calendar
from circulation.fees.rules import Money
from circulation.policies.rules import Period


class Cause(StrEnum):
    """How an item came to be lost."""

    DECLARED = "declared"
    AGED = "aged"


class Cost(StrEnum):
    """What a lost item costs its borrower, besides the processing fee."""

    NONE = "none"
    SET = "set"
    PRICE = "price"
    """The item's price; where the catalogue knows none, the amount that is set, else staff name the cost."""
    ACTUAL = "actual"
    """Staff name what a new copy costs, or take the item's price; until they do, the loan stays open."""


class OverdueWhenFound(StrEnum):
    """What becomes of the overdue fine when a lost item comes back."""

    TO_RETURN = "to-return"
    TO_LOSS = "to-loss"
    DROP = "drop"


class DepositThen(StrEnum):
    """What becomes of a loan's deposit when the loan ends without the item (L24)."""

    KEEP = "keep"
    """It stays as it is: what was paid with the library, what was not with the patron."""
    REFUND = "refund"
    """What was paid goes back, the rest is owed no more, as with a return."""


@dataclass(frozen=True, slots=True)
class LostPolicy:
    """What happens to items that do not come back."""

    code: str
    name: str
    age_after: Period | None = None
    """Past due; none: an item is lost only when somebody says so."""
    age_recalled_after: Period | None = None
    """The same for recalled items; as the others where left out."""
    bill_after: Period | None = None
    """Between ageing to lost and the bill; declared ones are billed at once."""
    bill_recalled_after: Period | None = None
    cost: Cost = Cost.NONE
    amount: Money | None = None
    processing: Mapping[Cause, Money] = field(default_factory=dict)
    close_when_settled: bool = True
    """The loan ends as lost and paid once nothing of it is owed."""
    close_after: Period | None = None
    """Where nothing is charged: how long the loan stays open nevertheless."""
    refund: bool = True
    """What was paid for a lost item that comes back is given back."""
    refund_within: Period | None = None
    """Since it was lost; none: however late."""
    keep_processing_fee: bool = False
    overdue_when_found: OverdueWhenFound = OverdueWhenFound.TO_RETURN
    deposit_when_paid: DepositThen = DepositThen.KEEP
    """When the item is lost and paid for."""
    deposit_when_missing: DepositThen = DepositThen.KEEP
    """When the patron said to have brought it back, and nobody finds it."""


UNWRITTEN: Final = LostPolicy("", "No lost-item policy")
"""Where a rule names no policy: nothing ages, nothing is charged."""
ITEM_FEE: Final = "lost-item"
PROCESSING_FEE: Final = "lost-processing"
LOST_FEES: Final = (ITEM_FEE, PROCESSING_FEE)


def ages_at(policy: LostPolicy, calendar: Calendar, *, due_at: datetime, recalled: bool) -> datetime | None:
    """When an open loan turns into a lost item by itself; never, where the policy names no interval."""
    interval = policy.age_recalled_after if recalled and policy.age_recalled_after else policy.age_after
    return interval.after(due_at, calendar) if interval else None


def bills_at(policy: LostPolicy, calendar: Calendar, *, aged_at: datetime, recalled: bool) -> datetime:
    """When an aged item is billed."""
    delay = policy.bill_recalled_after if recalled and policy.bill_recalled_after else policy.bill_after
    return delay.after(aged_at, calendar) if delay else aged_at


def item_cost(policy: LostPolicy, price: Money | None) -> Money | None:
    """What the item itself is charged at when it is billed; None where nothing is, or staff have to say."""
    return {Cost.SET: policy.amount, Cost.PRICE: policy.amount if price is None else price}.get(policy.cost)


def awaits_cost(policy: LostPolicy, price: Money | None) -> bool:
    """Whether staff have to name what the item costs."""
    return policy.cost is Cost.ACTUAL or (policy.cost is Cost.PRICE and item_cost(policy, price) is None)


def charges(
    policy: LostPolicy, cause: Cause, already: Collection[str] = (), *, price: Money | None = None
) -> list[tuple[str, Money]]:
    """The fees of a lost item of this price, by kind; a kind that was charged already is not charged again."""
    wanted = []
    if (cost := item_cost(policy, price)) is not None:
        wanted.append((ITEM_FEE, cost))
    if cause in policy.processing:
        wanted.append((PROCESSING_FEE, policy.processing[cause]))
    return [(kind, amount) for kind, amount in wanted if amount and kind not in already]


@dataclass(frozen=True, slots=True)
class Loss:
    """A lost item's loan, as far as its end is concerned."""

    billed: bool
    cost_awaited: bool
    """Staff have yet to name the actual cost."""
    open_fees: int
    """Of the lost item's own fees; others never keep the loan open."""
    fees: int
    closes_at: datetime | None
    """Where nothing was charged."""


def ends(policy: LostPolicy, loss: Loss, *, now: datetime) -> bool:
    """Whether a lost item's loan ends as lost and paid."""
    if not loss.billed or loss.cost_awaited or loss.open_fees:
        return False
    if loss.fees:
        return policy.close_when_settled
    return loss.closes_at is None or loss.closes_at <= now


@dataclass(frozen=True, slots=True)
class LostFee:
    """One of a lost item's fees."""

    id: UUID
    kind: str
    owed: Money
    refundable: Money


@dataclass(frozen=True, slots=True)
class Undone:
    """What is taken back of a lost item's fees, and whether its overdue fine is charged, and up to when."""

    cancelled: tuple[UUID, ...]
    refunded: tuple[UUID, ...]
    overdue_to: datetime | None


def found(
    policy: LostPolicy,
    fees: Sequence[LostFee],
    calendar: Calendar,
    *,
    lost_at: datetime,
    back_at: datetime,
    by_library: bool = False,
) -> Undone:
    """A lost item is here again.

    What is owed is cancelled, what was paid is given back while the policy's time for that lasts; the
    processing fee stays where the policy keeps it. When the lost fee itself stands, no overdue fine comes on
    top of it. What the library itself had is nobody's fault: everything is undone, nothing is charged.
    """
    if by_library:
        everything = [fee.id for fee in fees]
        return Undone(tuple(everything), tuple(everything), None)
    in_time = policy.refund_within is None or back_at <= policy.refund_within.after(lost_at, calendar)
    undone = [fee for fee in fees if not (fee.kind == PROCESSING_FEE and policy.keep_processing_fee)]
    refunds = policy.refund and in_time
    stands = any(
        fee.kind == ITEM_FEE and (not in_time or (bool(fee.refundable) and not refunds)) for fee in fees
    )
    overdue_to = {
        OverdueWhenFound.TO_RETURN: back_at,
        OverdueWhenFound.TO_LOSS: lost_at,
        OverdueWhenFound.DROP: None,
    }[policy.overdue_when_found]
    return Undone(
        tuple(fee.id for fee in undone if fee.owed) if in_time else (),
        tuple(fee.id for fee in undone if fee.refundable) if refunds else (),
        None if stands else overdue_to,
    )


class LoanState(StrEnum):
    """What became of a loan so far."""

    OPEN = "open"
    CLAIMED_RETURNED = "claimed-returned"
    DECLARED_LOST = "declared-lost"
    AGED_TO_LOST = "aged-to-lost"
    LOST_AND_PAID = "lost-and-paid"
    MISSING = "missing"
    """The patron said it was brought back, and nobody found it."""
    RETURNED = "returned"


def loan_state(*, ended: str | None, returned: bool, claimed: bool, cause: str | None) -> LoanState:
    """The one state: how it ended, else what is said of it."""
    if returned:
        return LoanState(ended) if ended else LoanState.RETURNED
    if claimed:
        return LoanState.CLAIMED_RETURNED
    if cause is not None:
        return LoanState.DECLARED_LOST if cause == Cause.DECLARED else LoanState.AGED_TO_LOST
    return LoanState.OPEN


class Refusal(StrEnum):
    """Why a loan takes no such turn."""

    LOAN_ENDED = "loan-ended"
    ALREADY_DECLARED_LOST = "already-declared-lost"
    ALREADY_CLAIMED = "already-claimed"
    NOT_CLAIMED = "not-claimed"
    NO_COST_AWAITED = "no-cost-awaited"
    PRICE_UNKNOWN = "price-unknown"


TEXTS: Final = {
    Refusal.LOAN_ENDED: ("The loan has ended.", "Look at the item's present loan."),
    Refusal.ALREADY_DECLARED_LOST: ("The item is declared lost already.", "Settle its fees, or return it."),
    Refusal.ALREADY_CLAIMED: ("The patron says already that it was brought back.", "Resolve that claim."),
    Refusal.NOT_CLAIMED: ("Nobody says that it was brought back.", "Claim it first."),
    Refusal.PRICE_UNKNOWN: ("The catalogue knows no price of the item.", "Name the amount."),
    Refusal.NO_COST_AWAITED: ("No cost is awaited for this loan.", "Charge a fee by hand if need be."),
}


class Resolution(StrEnum):
    """How a claim ends."""

    RETURNED_BY_PATRON = "returned-by-patron"
    FOUND_BY_LIBRARY = "found-by-library"
    MISSING = "missing"
    WITHDRAWN = "withdrawn"
    """The patron has it after all: the loan goes on as it was."""


BY_SCAN: Final = frozenset({Resolution.RETURNED_BY_PATRON, Resolution.FOUND_BY_LIBRARY})
"""These need the item itself: it is checked in."""
