"""When may an item go out, until when, and where does it go when it comes back? Decisions only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from circulation.blocks.rules import Block
from circulation.calendars.rules import Calendar, NeverOpen
from circulation.items.rules import INTELLECTUAL, LENDABLE_BASES
from circulation.limits.rules import Reached
from circulation.patrons.rules import Beyond
from circulation.policies.rules import LoanPolicy, OutsideSchedule, Period, RenewFrom, Schedule, WhenOverdue


@dataclass(frozen=True, slots=True)
class Borrower:
    """What the desk knows of the patron."""

    active: bool
    expires_at: datetime | None
    blocked: bool
    owed: int
    """Minor units, all open fees."""
    open_loans: int
    open_loans_under_policy: int
    max_owed: int | None
    max_loans: int | None
    beyond: tuple[Beyond, ...] = ()
    """Limits of the group that stand in the way of what is wanted (L86)."""
    reached: tuple[Reached, ...] = ()
    """Limits by rule and by library that one more loan would pass (L18)."""
    overdue_items: int = 0

    @property
    def too_far(self) -> frozenset[Block]:
        """The same, as blocks."""
        return frozenset(Block(each.measure.value) for each in self.beyond)

    @property
    def limits(self) -> tuple[Beyond | Reached, ...]:
        """Everything that is told with how much there is, and how much is allowed."""
        return (*self.beyond, *self.reached)


@dataclass(frozen=True, slots=True)
class Piece:
    """What the desk knows of the item."""

    base: str
    on_loan: bool
    withdrawing: bool
    kept_for: UUID | None
    """The patron whose hold this item is on its way to, or waiting for."""
    lost: bool = False
    """Lost and paid, or missing: nobody's loan, and not where it should be."""
    second_copy: bool = False
    """The patron has another copy of the same: of the same title, and of the same volume of it."""


def checkout_blocks(
    borrower: Borrower, piece: Piece, policy: LoanPolicy, *, patron_id: UUID, now: datetime
) -> list[Block]:
    """Every reason to say no, so that the desk learns them all at once."""
    applies = {
        Block.ITEM_ON_LOAN: piece.on_loan,
        Block.ITEM_LOST: piece.lost and not piece.on_loan,
        Block.ITEM_NOT_LOANABLE: not policy.loanable,
        Block.ITEM_INTELLECTUAL: piece.base == INTELLECTUAL,
        Block.ITEM_STATE: piece.base not in LENDABLE_BASES and piece.base != INTELLECTUAL,
        Block.ITEM_WITHDRAWING: piece.withdrawing,
        Block.ITEM_HELD_FOR_ANOTHER: piece.kept_for not in (None, patron_id),
        Block.CARD_EXPIRED: borrower.expires_at is not None and borrower.expires_at <= now,
        Block.PATRON_INACTIVE: not borrower.active,
        Block.PATRON_BLOCKED: borrower.blocked,
        Block.FEES_OWED: Block.FEES_OWED in borrower.too_far
        or (borrower.max_owed is not None and borrower.owed > borrower.max_owed),
        Block.LOAN_LIMIT: policy.max_loans is not None
        and borrower.open_loans_under_policy >= policy.max_loans,
        # What is used in the library is not out; it has its policy's own limit (L18).
        Block.GROUP_LOAN_LIMIT: not policy.in_library
        and (
            Block.GROUP_LOAN_LIMIT in borrower.too_far
            or (borrower.max_loans is not None and borrower.open_loans >= borrower.max_loans)
        ),
        **{Block(each.code): True for each in borrower.reached},
        Block.SECOND_COPY: policy.ask_second_copy and piece.second_copy,
        **_lateness(borrower),
    }
    return [block for block, holds in applies.items() if holds]


def _lateness(borrower: Borrower) -> dict[Block, bool]:
    late = (
        Block.OVERDUE_ITEMS,
        Block.OVERDUE_RECALLS,
        Block.RECALL_OVERDUE_DAYS,
        Block.LOST_ITEMS,
        Block.WARDS_OWE,
    )
    return {block: block in borrower.too_far for block in late}


def due_at(
    policy: LoanPolicy,
    calendar: Calendar,
    *,
    lent_at: datetime,
    expires_at: datetime | None,
    holds_waiting: int = 0,
) -> datetime:
    """The policy's period in the place's own zone, moved off closed time, never past the card.

    A due time that the card or the schedule cuts short is moved back to the end of an open day, where there is
    one before it (L15). Raises `NeverOpen` when the calendar never opens, `OutsideSchedule` when no term of the
    policy's schedule holds the day.
    """
    period = policy.lending_period(holds_waiting)
    due = _wished(policy, period, policy.schedule, calendar, start=lent_at, today=lent_at)
    return _within(due, calendar, lent_at=lent_at, limit=expires_at)


def outside_schedule(policy: LoanPolicy, calendar: Calendar, *, lent_at: datetime) -> bool:
    """Whether the policy has a schedule without a date for this day; said even where staff name a due time."""
    try:
        return policy.schedule is not None and not policy.schedule.due_on(calendar.day_of(lent_at))
    except OutsideSchedule:
        return True


def _wished(
    policy: LoanPolicy,
    period: Period,
    schedule: Schedule | None,
    calendar: Calendar,
    *,
    start: datetime,
    today: datetime,
) -> datetime:
    """The due time off closed time; where that would pass the schedule's date, backwards instead."""
    last = None if schedule is None else calendar.end_of_day(schedule.due_on(calendar.day_of(today)))
    if policy.fixed and last is not None:
        due = last
    else:
        due = period.after(start, calendar)
        due = due if last is None else min(due, last)
    due = calendar.moved(due, policy.when_closed, lent_at=start, offset=policy.opening_offset)
    return _within(due, calendar, lent_at=today, limit=last)


def _within(due: datetime, calendar: Calendar, *, lent_at: datetime, limit: datetime | None) -> datetime:
    """The due time, or the end of the last open day that the limit leaves."""
    if limit is None or due <= limit:
        return due
    if limit <= lent_at:
        return limit  # nothing is lent on such a card; and before the year 1 there is no day to look at
    day = calendar.day_of(limit)
    if calendar.end_of_day(day) > limit:
        day -= timedelta(days=1)
    if not calendar.is_open_on(day):
        try:
            day = calendar.open_day_from(day, -1)
        except NeverOpen:
            return limit
    earlier = calendar.end_of_day(day)
    return earlier if earlier > lent_at else limit


@dataclass(frozen=True, slots=True)
class OpenLoan:
    """What is known of a loan to be renewed."""

    due_at: datetime
    renewals: int
    recalled: bool
    holds_waiting: int
    """Holds that this very item could fill."""
    lent_at: datetime | None = None
    """Where the longest time in all counts from."""
    claimed: bool = False
    """The patron says that it was brought back."""
    lost: str | None = None
    """How it came to be lost: declared, aged."""
    unseen: int = 0
    """How often in a row it was renewed without anybody having seen the item."""
    seen: bool = True
    """Whether somebody sees it now."""
    copies_suffice: bool = False
    """Whether copies on the shelf can fill all the holds that wait."""


def renewed_due_at(
    loan: OpenLoan, policy: LoanPolicy, calendar: Calendar, *, now: datetime, expires_at: datetime | None
) -> datetime:
    """The due time after a renewal, counted from now or from the present due time.

    Never past the card, the schedule's date for today, or the longest time in all.
    """
    start = now if policy.renew_from is RenewFrom.NOW else loan.due_at
    period = policy.renewing_period(loan.holds_waiting)
    schedule = policy.renewal_schedule or policy.schedule
    due = _wished(policy, period, schedule, calendar, start=start, today=now)
    limits = [limit for limit in (expires_at, _last_in_all(loan, policy, calendar)) if limit is not None]
    return _within(due, calendar, lent_at=now, limit=min(limits, default=None))


def _last_in_all(loan: OpenLoan, policy: LoanPolicy, calendar: Calendar) -> datetime | None:
    if policy.max_total is None or loan.lent_at is None:
        return None
    return policy.max_total.after(loan.lent_at, calendar)


@dataclass(frozen=True, slots=True)
class Prospect:
    """A renewal as the clock and the calendar have it."""

    due_at: datetime | None
    blocks: frozenset[Block]
    renewable_from: datetime | None
    """When it may be renewed, if not yet."""


def prospect(
    loan: OpenLoan, policy: LoanPolicy, calendar: Calendar, *, now: datetime, expires_at: datetime | None
) -> Prospect:
    """Until when a renewal would go, and what of time itself stands against it."""
    blocks = set()
    due: datetime | None = None
    try:
        due = renewed_due_at(loan, policy, calendar, now=now, expires_at=expires_at)
    except NeverOpen:
        blocks.add(Block.NO_OPEN_DAY)
    except OutsideSchedule:
        blocks.add(Block.OUTSIDE_SCHEDULE)
    last = _last_in_all(loan, policy, calendar)
    if (
        last is not None
        and _within(datetime.max.replace(tzinfo=UTC), calendar, lent_at=now, limit=last) <= loan.due_at
    ):
        blocks.add(Block.TOTAL_PERIOD)
    earliest = policy.earliest.moment(loan.due_at, calendar) if policy.earliest is not None else None
    if earliest is None or earliest <= now:
        return Prospect(due, frozenset(blocks), None)
    return Prospect(due, frozenset(blocks | {Block.RENEWED_TOO_EARLY}), earliest)


def renewal_blocks(
    borrower: Borrower,
    loan: OpenLoan,
    policy: LoanPolicy,
    *,
    new_due_at: datetime | None,
    now: datetime,
    of_time: Collection[Block] = (),
) -> list[Block]:
    """Every reason not to renew; what time itself has against it is found by `prospect`."""
    applies = {
        Block.NOT_RENEWABLE: not (policy.renewable and policy.loanable),
        Block.RENEWAL_LIMIT: policy.max_renewals is not None and loan.renewals >= policy.max_renewals,
        Block.CLAIMED_RETURNED: loan.claimed,
        Block.DECLARED_LOST: loan.lost == "declared",
        Block.AGED_TO_LOST: loan.lost == "aged",
        Block.UNSEEN_LIMIT: policy.max_unseen is not None
        and not loan.seen
        and loan.unseen >= policy.max_unseen,
        Block.RECALLED: loan.recalled,
        Block.HOLDS_WAIT: loan.holds_waiting > 0
        and not policy.renew_with_holds
        and not (policy.renew_if_copies_suffice and loan.copies_suffice),
        Block.LOAN_OVERDUE: policy.when_overdue is not WhenOverdue.ALLOW and loan.due_at < now,
        Block.OTHERS_OVERDUE: policy.when_overdue is WhenOverdue.BLOCK_ALL
        and borrower.overdue_items > (loan.due_at < now),
        Block.CARD_EXPIRED: borrower.expires_at is not None and borrower.expires_at <= now,
        Block.PATRON_INACTIVE: not borrower.active,
        Block.PATRON_BLOCKED: borrower.blocked,
        Block.FEES_OWED: Block.FEES_OWED in borrower.too_far
        or (borrower.max_owed is not None and borrower.owed > borrower.max_owed),
        Block.GROUP_LOAN_LIMIT: Block.GROUP_LOAN_LIMIT in borrower.too_far,
        **_lateness(borrower),
        Block.NO_OPEN_DAY: new_due_at is None and Block.OUTSIDE_SCHEDULE not in of_time,
        Block.OUTSIDE_SCHEDULE: Block.OUTSIDE_SCHEDULE in of_time,
        Block.RENEWED_TOO_EARLY: Block.RENEWED_TOO_EARLY in of_time,
        Block.TOTAL_PERIOD: Block.TOTAL_PERIOD in of_time,
        Block.DUE_NOT_AHEAD: new_due_at is not None and new_due_at <= now,
        Block.DUE_DATE_UNCHANGED: new_due_at is not None and new_due_at <= loan.due_at,
    }
    return [block for block, holds in applies.items() if holds]


def renewals_left(loan: OpenLoan, policy: LoanPolicy) -> int | None:
    """How often more by their number; None without a limit."""
    if not (policy.renewable and policy.loanable):
        return 0
    return None if policy.max_renewals is None else max(0, policy.max_renewals - loan.renewals)


@dataclass(frozen=True, slots=True)
class Shelved:
    """A copy on the shelf, and the holds (by their places in a list) that it could fill."""

    fills: frozenset[int]


def copies_suffice(holds: int, for_this_item: int, shelved: Sequence[Shelved]) -> bool:
    """Whether copies on the shelf can fill every hold that waits, each its own (L32).

    One that wants this very item is filled by no other, even where the item is not for loan now. Of the rest a hold
    may be filled by some copies and not by others, so that they are given out one by one, and changed where need be.
    """
    if for_this_item:
        return False
    given: dict[int, int] = {}

    def give(hold: int, tried: set[int]) -> bool:
        for place, copy in enumerate(shelved):
            if hold in copy.fills and place not in tried:
                tried.add(place)
                if place not in given or give(given[place], tried):
                    given[place] = hold
                    return True
        return False

    return all(give(hold, set()) for hold in range(holds))


class Step(StrEnum):
    """What the desk does next with an item that came in."""

    RESHELVE = "reshelve"
    HOLD_SHELF = "hold-shelf"
    TRANSIT = "transit"
    ASIDE = "put-aside"
    """Its base state or a withdrawal wants a look: missing, withdrawn …"""
    DELIVERY = "delivery"
    """From here to an address of the patron's, who has it lent to them when it is handed over."""
    KEEP_HERE = "keep-here"
    """It is at home elsewhere, and may not be sent there (L25): whoever can takes it along, or it stays."""

    @property
    def kept(self) -> bool:
        """Whether it stays here for a patron."""
        return self in (Step.HOLD_SHELF, Step.DELIVERY)


@dataclass(frozen=True, slots=True)
class NextStep:
    """Where it goes; for transit and the hold shelf, to which service point."""

    step: Step
    to: UUID | None = None
    hold_id: UUID | None = None


def next_step(
    *,
    base: str,
    withdrawing: bool,
    here: UUID,
    serves_home: bool,
    home: UUID | None,
    hold_id: UUID | None,
    pickup: UUID | None,
    sendable: bool = True,
) -> NextStep:
    """The next step of an item scanned at a desk: a waiting hold first, then its home, where it may be sent there."""
    if base not in LENDABLE_BASES or withdrawing:
        return NextStep(Step.ASIDE)
    if hold_id is not None:
        return NextStep(Step.HOLD_SHELF if pickup == here else Step.TRANSIT, pickup, hold_id)
    if serves_home or home is None:
        return NextStep(Step.RESHELVE)
    return NextStep(Step.TRANSIT if sendable else Step.KEEP_HERE, home)


class DueChangeRefusal(StrEnum):
    """Why a loan's due time is not changed by hand."""

    LOAN_CLOSED = "loan-closed"
    CLAIMED_RETURNED = "claimed-returned"
    ITEM_LOST = "item-lost"
    DUE_NOT_AHEAD = "due-not-ahead"
    DUE_TOO_FAR = "due-too-far"


DUE_CHANGE_TEXTS: Final = {
    DueChangeRefusal.LOAN_CLOSED: ("The loan has ended.", None, "Lend the item again."),
    DueChangeRefusal.CLAIMED_RETURNED: (
        "The patron says that it was brought back.",
        None,
        "Resolve that claim first.",
    ),
    DueChangeRefusal.ITEM_LOST: (
        "The item counts as lost.",
        None,
        "Return it first: that is how it is found.",
    ),
    DueChangeRefusal.DUE_NOT_AHEAD: ("The due time does not lie ahead.", "/due_at", "Name a later moment."),
    DueChangeRefusal.DUE_TOO_FAR: (
        "It lies more than ten years ahead.",
        "/due_at",
        "Name an earlier moment.",
    ),
}
"""What is said, where in the input it lies, and what would mend it."""
LONGEST: Final = timedelta(days=3650)


def due_change_refusals(
    *, state: str, ended: bool, due_at: datetime, now: datetime
) -> list[DueChangeRefusal]:
    """Every reason not to set a due time by hand; `state` is the item's circulation state."""
    applies = {
        DueChangeRefusal.LOAN_CLOSED: ended,
        DueChangeRefusal.CLAIMED_RETURNED: not ended and state == "claimed-returned",
        DueChangeRefusal.ITEM_LOST: not ended and state in ("lost", "lost-and-paid"),
        DueChangeRefusal.DUE_NOT_AHEAD: due_at <= now,
        DueChangeRefusal.DUE_TOO_FAR: due_at > now + LONGEST,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def recall_stands(*, recalled: bool, recalls_open: int) -> bool:
    """Whether a loan stays recalled when its due time is set by hand: only while somebody's recall is open.

    Once none is, a later recall may shorten the loan anew (mod-circulation does the same with its flag).
    """
    return recalled and recalls_open > 0
