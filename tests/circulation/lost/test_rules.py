"""When an item is lost, what it costs, and what becomes of that. Examples without a database."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from circulation.calendars.rules import Calendar, Opening
from circulation.fees.rules import Money
from circulation.items.rules import Copy, State, requestable, state_of
from circulation.items.rules import Loss as Mark
from circulation.lost.rules import (
    ITEM_FEE,
    PROCESSING_FEE,
    UNWRITTEN,
    Cause,
    Cost,
    LoanState,
    Loss,
    LostFee,
    LostPolicy,
    OverdueWhenFound,
    Undone,
    ages_at,
    bills_at,
    charges,
    ends,
    found,
    loan_state,
)
from circulation.policies.rules import Period, Unit

BERLIN = Calendar("Europe/Berlin", dict.fromkeys(range(7), (Opening(time(9), time(18)),)))


def berlin(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


def eur(minor: int) -> Money:
    return Money(minor, "EUR")


AGEING = LostPolicy(
    "usual",
    "Usual",
    age_after=Period(6, Unit.WEEK),
    age_recalled_after=Period(2, Unit.WEEK),
    bill_after=Period(3, Unit.DAY),
    bill_recalled_after=Period(1, Unit.DAY),
)
DUE = berlin("2027-03-01T23:59:59")


@pytest.mark.parametrize(
    ("policy", "recalled", "aged", "billed"),
    [
        (AGEING, False, "2027-04-12", "2027-04-15"),
        (AGEING, True, "2027-03-15", "2027-03-16"),
        (
            replace(AGEING, age_recalled_after=None, bill_recalled_after=None),
            True,
            "2027-04-12",
            "2027-04-15",
        ),
        (replace(AGEING, bill_after=None), False, "2027-04-12", "2027-04-12"),
    ],
)
def test_recalled_items_age_and_are_billed_after_intervals_of_their_own(
    policy: LostPolicy, recalled: bool, aged: str, billed: str
) -> None:
    at = ages_at(policy, BERLIN, due_at=DUE, recalled=recalled)

    assert at == berlin(f"{aged}T23:59:59")
    assert bills_at(policy, BERLIN, aged_at=at, recalled=recalled) == berlin(f"{billed}T23:59:59")


def test_without_an_interval_nothing_ages() -> None:
    assert ages_at(UNWRITTEN, BERLIN, due_at=DUE, recalled=True) is None


PRICED = LostPolicy(
    "priced", "", cost=Cost.SET, amount=eur(3000), processing={Cause.DECLARED: eur(500), Cause.AGED: eur(0)}
)


@pytest.mark.parametrize(
    ("policy", "cause", "already", "kinds"),
    [
        (PRICED, Cause.DECLARED, (), [(ITEM_FEE, 3000), (PROCESSING_FEE, 500)]),
        # The processing fee is by cause; one of nothing makes no fee.
        (PRICED, Cause.AGED, (), [(ITEM_FEE, 3000)]),
        (replace(PRICED, processing={}), Cause.DECLARED, (), [(ITEM_FEE, 3000)]),
        # What was charged, and partly settled, is not charged again.
        (PRICED, Cause.DECLARED, (ITEM_FEE,), [(PROCESSING_FEE, 500)]),
        # The actual cost is named by staff, later.
        (replace(PRICED, cost=Cost.ACTUAL, amount=None), Cause.DECLARED, (), [(PROCESSING_FEE, 500)]),
        (UNWRITTEN, Cause.DECLARED, (), []),
    ],
)
def test_a_lost_item_costs_what_its_policy_says(
    policy: LostPolicy, cause: Cause, already: tuple[str, ...], kinds: list[tuple[str, int]]
) -> None:
    assert [(kind, amount.minor) for kind, amount in charges(policy, cause, already)] == kinds


SETTLED = Loss(billed=True, cost_awaited=False, open_fees=0, fees=2, closes_at=None)


@pytest.mark.parametrize(
    ("policy", "loss", "over"),
    [
        (PRICED, SETTLED, True),
        (PRICED, replace(SETTLED, open_fees=1), False),
        (PRICED, replace(SETTLED, cost_awaited=True), False),
        (PRICED, replace(SETTLED, billed=False), False),
        (replace(PRICED, close_when_settled=False), SETTLED, False),
        # Nothing was charged: at once, or when the policy's time is over.
        (UNWRITTEN, replace(SETTLED, fees=0), True),
        (UNWRITTEN, replace(SETTLED, fees=0, closes_at=DUE + timedelta(seconds=1)), False),
        (UNWRITTEN, replace(SETTLED, fees=0, closes_at=DUE), True),
    ],
)
def test_a_lost_items_loan_ends_when_nothing_of_it_is_owed(
    policy: LostPolicy, loss: Loss, over: bool
) -> None:
    assert ends(policy, loss, now=DUE) is over


ITEM = LostFee(UUID(int=1), ITEM_FEE, owed=eur(1000), refundable=eur(2000))
PROCESSING = LostFee(UUID(int=2), PROCESSING_FEE, owed=eur(0), refundable=eur(500))
LOST_AT, BACK_AT = berlin("2027-04-01T10:00:00"), berlin("2027-04-20T10:00:00")
WITHIN = replace(PRICED, refund_within=Period(30, Unit.DAY))
TOO_LATE = replace(PRICED, refund_within=Period(10, Unit.DAY))
FIRST, BOTH = (UUID(int=1),), (UUID(int=1), UUID(int=2))


@pytest.mark.parametrize(
    ("policy", "fees", "undone"),
    [
        # What is owed is cancelled, what was paid goes back; then the overdue fine is due after all.
        (PRICED, [ITEM, PROCESSING], Undone(FIRST, BOTH, BACK_AT)),
        (WITHIN, [ITEM, PROCESSING], Undone(FIRST, BOTH, BACK_AT)),
        (replace(PRICED, keep_processing_fee=True), [ITEM, PROCESSING], Undone(FIRST, FIRST, BACK_AT)),
        # Later than the policy gives back: everything stands, and no fine comes on top of it.
        (TOO_LATE, [ITEM, PROCESSING], Undone((), (), None)),
        # Nothing is given back: what was paid stands for the fine; what nobody paid yet is cancelled.
        (replace(PRICED, refund=False), [ITEM], Undone(FIRST, (), None)),
        (replace(PRICED, refund=False), [replace(ITEM, refundable=eur(0))], Undone(FIRST, (), BACK_AT)),
        (replace(PRICED, overdue_when_found=OverdueWhenFound.DROP), [ITEM], Undone(FIRST, FIRST, None)),
        (replace(PRICED, overdue_when_found=OverdueWhenFound.TO_LOSS), [ITEM], Undone(FIRST, FIRST, LOST_AT)),
        (PRICED, [], Undone((), (), BACK_AT)),
    ],
)
def test_what_a_found_item_cost_is_undone_as_its_policy_says(
    policy: LostPolicy, fees: list[LostFee], undone: Undone
) -> None:
    assert found(policy, fees, BERLIN, lost_at=LOST_AT, back_at=BACK_AT) == undone


def test_what_the_library_had_itself_costs_nobody_anything() -> None:
    policy = replace(TOO_LATE, keep_processing_fee=True, refund=False)

    undone = found(policy, [ITEM, PROCESSING], BERLIN, lost_at=LOST_AT, back_at=BACK_AT, by_library=True)

    assert undone == Undone(BOTH, BOTH, None)


@pytest.mark.parametrize(
    ("ended", "returned", "claimed", "cause", "state"),
    [
        (None, False, False, None, LoanState.OPEN),
        (None, False, False, "declared", LoanState.DECLARED_LOST),
        (None, False, False, "aged", LoanState.AGED_TO_LOST),
        (None, False, True, "aged", LoanState.CLAIMED_RETURNED),
        (None, True, True, "aged", LoanState.RETURNED),
        ("lost-and-paid", True, False, "aged", LoanState.LOST_AND_PAID),
        ("missing", True, True, None, LoanState.MISSING),
    ],
)
def test_a_loan_has_one_state(
    ended: str | None, returned: bool, claimed: bool, cause: str | None, state: LoanState
) -> None:
    assert loan_state(ended=ended, returned=returned, claimed=claimed, cause=cause) is state


@pytest.mark.parametrize(
    ("copy", "state"),
    [
        (Copy("active", on_loan=True, loss=Mark.LOST), State.LOST),
        (Copy("active", on_loan=True, loss=Mark.CLAIMED_RETURNED), State.CLAIMED_RETURNED),
        (Copy("active", loss=Mark.LOST_AND_PAID), State.LOST_AND_PAID),
        (Copy("active", loss=Mark.MISSING), State.UNAVAILABLE),
        (Copy("active", loss=Mark.LOST_AND_PAID, withdrawing=True), State.WITHDRAWING),
    ],
)
def test_a_lost_items_state_is_derived_like_any_other_and_nobody_can_ask_for_it(
    copy: Copy, state: State
) -> None:
    assert state_of(copy) is state
    assert requestable(copy) == frozenset()
