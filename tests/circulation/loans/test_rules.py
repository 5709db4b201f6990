"""What stands against lending and renewing, until when an item is lent, and where it goes when it comes back."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circulation.blocks.rules import (
    NEEDS_DUE_TIME,
    OVERRIDABLE,
    TEXTS,
    Block,
    not_overridable,
    overridden,
)
from circulation.calendars.rules import Calendar, NeverOpen, Opening, WhenClosed
from circulation.limits.rules import Reached
from circulation.loans.rules import (
    Borrower,
    DueChangeRefusal,
    NextStep,
    OpenLoan,
    Piece,
    Shelved,
    Step,
    checkout_blocks,
    copies_suffice,
    due_at,
    due_change_refusals,
    next_step,
    renewal_blocks,
    renewed_due_at,
)
from circulation.policies.rules import LoanPolicy, Period, RenewFrom, Unit, WhenOverdue

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
"""A Monday, ten o'clock in Berlin."""
ANNA, BELA = UUID(int=1), UUID(int=2)
POLICY = LoanPolicy("month", "Four weeks", max_renewals=2, max_loans=5)
BORROWER = Borrower(
    active=True,
    expires_at=None,
    blocked=False,
    owed=0,
    open_loans=0,
    open_loans_under_policy=0,
    max_owed=2000,
    max_loans=10,
)
PIECE = Piece("active", on_loan=False, withdrawing=False, kept_for=None)
HOURS = dict.fromkeys(range(5), (Opening(time(9), time(18)),))
BERLIN = Calendar("Europe/Berlin", HOURS)


def local(words: str, zone: str = "Europe/Berlin") -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("borrower", "piece", "policy", "blocks"),
    [
        ({}, {}, {}, []),
        ({}, {"on_loan": True}, {}, [Block.ITEM_ON_LOAN]),
        ({}, {}, {"loanable": False}, [Block.ITEM_NOT_LOANABLE]),
        ({}, {"base": "missing"}, {}, [Block.ITEM_STATE]),
        ({}, {"base": "withdrawn"}, {}, [Block.ITEM_STATE]),
        # It lies on the desk: what was on order or in process can be lent.
        ({}, {"base": "on-order"}, {}, []),
        ({}, {"base": "in-process"}, {}, []),
        ({}, {"withdrawing": True}, {}, [Block.ITEM_WITHDRAWING]),
        ({}, {"kept_for": BELA}, {}, [Block.ITEM_HELD_FOR_ANOTHER]),
        ({}, {"kept_for": ANNA}, {}, []),
        ({"expires_at": NOW}, {}, {}, [Block.CARD_EXPIRED]),
        ({"expires_at": NOW + timedelta(seconds=1)}, {}, {}, []),
        ({"active": False}, {}, {}, [Block.PATRON_INACTIVE]),
        ({"blocked": True}, {}, {}, [Block.PATRON_BLOCKED]),
        # As much as may be owed is not too much.
        ({"owed": 2000}, {}, {}, []),
        ({"owed": 2001}, {}, {}, [Block.FEES_OWED]),
        ({"owed": 10**9, "max_owed": None}, {}, {}, []),
        ({"owed": 1, "max_owed": 0}, {}, {}, [Block.FEES_OWED]),
        ({"open_loans_under_policy": 4}, {}, {}, []),
        ({"open_loans_under_policy": 5}, {}, {}, [Block.LOAN_LIMIT]),
        ({"open_loans_under_policy": 99}, {}, {"max_loans": None}, []),
        ({"open_loans": 10}, {}, {}, [Block.GROUP_LOAN_LIMIT]),
        ({"open_loans": 99, "max_loans": None}, {}, {}, []),
        # On-site use has its own limit, and is none of the group's.
        ({"open_loans": 10}, {}, {"in_library": True}, []),
        ({"open_loans_under_policy": 5}, {}, {"in_library": True}, [Block.LOAN_LIMIT]),
        ({}, {"second_copy": True}, {}, []),
        ({}, {"second_copy": True}, {"ask_second_copy": True}, [Block.SECOND_COPY]),
        (
            {"reached": (Reached("rule-loan-limit", "", 3, 3), Reached("new-item-local", "", 2, 30))},
            {},
            {},
            [Block.RULE_LOAN_LIMIT, Block.NEW_ITEM_LOCAL],
        ),
    ],
)
def test_what_stands_against_a_loan(
    borrower: dict[str, Any], piece: dict[str, Any], policy: dict[str, Any], blocks: list[Block]
) -> None:
    found = checkout_blocks(
        replace(BORROWER, **borrower),
        replace(PIECE, **piece),
        replace(POLICY, **policy),
        patron_id=ANNA,
        now=NOW,
    )

    assert found == blocks


def test_the_desk_hears_everything_that_stands_against_a_loan_at_once() -> None:
    borrower = replace(
        BORROWER,
        active=False,
        expires_at=NOW,
        blocked=True,
        owed=9999,
        open_loans=10,
        open_loans_under_policy=5,
    )
    piece = Piece("missing", on_loan=True, withdrawing=True, kept_for=BELA)

    found = checkout_blocks(borrower, piece, replace(POLICY, loanable=False), patron_id=ANNA, now=NOW)

    assert set(found) == {
        Block.ITEM_ON_LOAN,
        Block.ITEM_NOT_LOANABLE,
        Block.ITEM_STATE,
        Block.ITEM_WITHDRAWING,
        Block.ITEM_HELD_FOR_ANOTHER,
        Block.CARD_EXPIRED,
        Block.PATRON_INACTIVE,
        Block.PATRON_BLOCKED,
        Block.FEES_OWED,
        Block.LOAN_LIMIT,
        Block.GROUP_LOAN_LIMIT,
    }


def test_every_block_has_its_words_and_what_would_mend_it() -> None:
    assert set(TEXTS) == set(Block)
    assert all(text and mend for text, mend in TEXTS.values())
    assert NEEDS_DUE_TIME <= OVERRIDABLE


def test_an_override_sets_aside_what_it_names_and_may() -> None:
    blocks = [Block.LOAN_LIMIT, Block.FEES_OWED, Block.ITEM_ON_LOAN]

    assert overridden(blocks, {Block.LOAN_LIMIT, Block.PATRON_BLOCKED}, due_named=False) == [Block.LOAN_LIMIT]
    assert overridden(blocks, set(Block), due_named=True) == [Block.LOAN_LIMIT, Block.FEES_OWED]
    assert not_overridable(blocks) == [Block.ITEM_ON_LOAN]


@pytest.mark.parametrize("block", sorted(NEEDS_DUE_TIME))
def test_what_no_policy_lends_is_lent_until_a_time_that_staff_name(block: Block) -> None:
    assert overridden([block], {block}, due_named=False) == []
    assert overridden([block], {block}, due_named=True) == [block]


@pytest.mark.parametrize(
    "block",
    [
        Block.ITEM_ON_LOAN,
        Block.ITEM_WITHDRAWING,
        Block.CARD_EXPIRED,
        Block.PATRON_INACTIVE,
        Block.NO_OPEN_DAY,
    ],
)
def test_nobody_overrides_a_second_loan_a_withdrawal_or_a_card(block: Block) -> None:
    assert not_overridable([block]) == [block]


@pytest.mark.parametrize(
    ("zone", "due"),
    [
        ("Europe/Berlin", "2027-03-29T21:59:59"),
        ("America/New_York", "2027-03-30T03:59:59"),
        ("Pacific/Chatham", "2027-03-29T10:14:59"),
        ("UTC", "2027-03-29T23:59:59"),
    ],
)
def test_four_weeks_end_with_the_day_on_the_clocks_of_the_place(zone: str, due: str) -> None:
    calendar = Calendar(zone, dict.fromkeys(range(7), (Opening(time(9), time(18)),)))

    found = due_at(POLICY, calendar, lent_at=NOW, expires_at=None)

    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("strategy", "due"),
    [
        (WhenClosed.KEEP, "2027-03-29T23:59:59"),
        (WhenClosed.PREVIOUS_OPEN_DAY, "2027-03-25T23:59:59"),
        (WhenClosed.NEXT_OPEN_DAY, "2027-03-30T23:59:59"),
    ],
)
def test_a_loan_due_at_easter_goes_where_the_policy_says(strategy: WhenClosed, due: str) -> None:
    easter = {date(2027, 3, 26): (), date(2027, 3, 29): ()}
    calendar = replace(BERLIN, exceptions=easter)

    found = due_at(replace(POLICY, when_closed=strategy), calendar, lent_at=NOW, expires_at=None)

    assert found == local(due)


@pytest.mark.parametrize(
    ("expires", "due"),
    [
        # Later than due: no matter.
        ("2027-04-30T00:00:00", "2027-03-29T23:59:59"),
        ("2027-03-29T23:59:59", "2027-03-29T23:59:59"),
        # On a Friday, in the middle of the day: with Thursday's end.
        ("2027-03-19T12:00:00", "2027-03-18T23:59:59"),
        # With Sunday, closed: back to Friday.
        ("2027-03-14T23:59:59", "2027-03-12T23:59:59"),
        # Today: no day's end lies between, so to the minute.
        ("2027-03-01T17:00:00", "2027-03-01T17:00:00"),
    ],
)
def test_no_loan_outlives_the_card(expires: str, due: str) -> None:
    assert due_at(POLICY, BERLIN, lent_at=NOW, expires_at=local(expires)) == local(due)


@pytest.mark.parametrize("expires", [datetime.min.replace(tzinfo=UTC), NOW])
def test_a_card_that_has_expired_is_no_day_to_look_at(expires: datetime) -> None:
    assert due_at(POLICY, BERLIN, lent_at=NOW, expires_at=expires) == expires


def test_a_place_that_never_opens_cannot_say_when_a_loan_is_due() -> None:
    with pytest.raises(NeverOpen):
        due_at(POLICY, Calendar("Europe/Berlin", {}), lent_at=NOW, expires_at=None)


periods = st.builds(Period, st.integers(1, 60), st.sampled_from(Unit))
policies = st.builds(
    LoanPolicy,
    code=st.just("p"),
    name=st.just(""),
    period=periods,
    when_closed=st.sampled_from(WhenClosed),
    opening_offset=st.timedeltas(timedelta(0), timedelta(hours=4)),
    renew_from=st.sampled_from(RenewFrom),
    renewal_period=st.none() | periods,
)
zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham"])
moments = st.datetimes(datetime(2027, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
valid_for = st.timedeltas(timedelta(minutes=1), timedelta(days=200))


@settings(max_examples=200, deadline=None)
@given(policies, zones, moments, valid_for)
def test_every_loan_is_due_ahead_and_before_the_card_expires(
    policy: LoanPolicy, zone: str, lent_at: datetime, valid: timedelta
) -> None:
    expires_at = lent_at + valid

    due = due_at(policy, Calendar(zone, HOURS), lent_at=lent_at, expires_at=expires_at)

    assert lent_at < due <= expires_at
    assert due.tzinfo is UTC


@settings(max_examples=200, deadline=None)
@given(policies, zones, moments, valid_for, st.timedeltas(timedelta(days=-60), timedelta(days=60)))
def test_a_renewal_that_is_allowed_moves_the_due_time_forward_and_ahead(
    policy: LoanPolicy, zone: str, now: datetime, valid: timedelta, due_in: timedelta
) -> None:
    expires_at = now + valid
    loan = OpenLoan(now + due_in, renewals=0, recalled=False, holds_waiting=0)
    borrower = replace(BORROWER, expires_at=expires_at)

    due = renewed_due_at(loan, policy, Calendar(zone, HOURS), now=now, expires_at=expires_at)

    assert due <= expires_at
    if not renewal_blocks(borrower, loan, policy, new_due_at=due, now=now):
        assert due > max(loan.due_at, now)


LENT = OpenLoan(due_at=local("2027-03-08T23:59:59"), renewals=0, recalled=False, holds_waiting=0)
AHEAD = local("2027-03-29T23:59:59")
LATE = {"due_at": NOW - timedelta(days=1)}


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        ({"renew_from": RenewFrom.NOW}, "2027-03-29T23:59:59"),
        ({"renew_from": RenewFrom.DUE_DATE}, "2027-04-05T23:59:59"),
        ({"renewal_period": Period(1, Unit.WEEK)}, "2027-03-08T23:59:59"),
        ({"renew_from": RenewFrom.DUE_DATE, "renewal_period": Period(1, Unit.WEEK)}, "2027-03-15T23:59:59"),
        # Nothing is a period, too: it renews until the day's end.
        ({"renewal_period": Period(0, Unit.DAY)}, "2027-03-01T23:59:59"),
    ],
)
def test_a_renewal_counts_from_today_or_from_the_due_date(policy: dict[str, Any], due: str) -> None:
    assert renewed_due_at(LENT, replace(POLICY, **policy), BERLIN, now=NOW, expires_at=None) == local(due)


@pytest.mark.parametrize(
    ("borrower", "loan", "policy", "new_due_at", "blocks"),
    [
        ({}, {}, {}, AHEAD, []),
        ({}, {}, {"renewable": False}, AHEAD, [Block.NOT_RENEWABLE]),
        ({}, {}, {"loanable": False}, AHEAD, [Block.NOT_RENEWABLE]),
        ({}, {"renewals": 1}, {}, AHEAD, []),
        ({}, {"renewals": 2}, {}, AHEAD, [Block.RENEWAL_LIMIT]),
        ({}, {"renewals": 99}, {"max_renewals": None}, AHEAD, []),
        ({}, {"recalled": True}, {}, AHEAD, [Block.RECALLED]),
        ({}, {"recalled": True, "holds_waiting": 1}, {"renew_with_holds": True}, AHEAD, [Block.RECALLED]),
        ({}, {"holds_waiting": 1}, {}, AHEAD, [Block.HOLDS_WAIT]),
        ({}, {"holds_waiting": 1}, {"renew_with_holds": True}, AHEAD, []),
        ({"expires_at": NOW}, {}, {}, AHEAD, [Block.CARD_EXPIRED]),
        ({"active": False}, {}, {}, AHEAD, [Block.PATRON_INACTIVE]),
        ({"blocked": True}, {}, {}, AHEAD, [Block.PATRON_BLOCKED]),
        ({"owed": 2001}, {}, {}, AHEAD, [Block.FEES_OWED]),
        # A renewal is no further loan: limits of loans do not matter.
        ({"open_loans": 10, "open_loans_under_policy": 5}, {}, {}, AHEAD, []),
        ({}, {}, {}, None, [Block.NO_OPEN_DAY]),
        ({}, {}, {}, LENT.due_at, [Block.DUE_DATE_UNCHANGED]),
        ({}, {}, {}, LENT.due_at - timedelta(days=1), [Block.DUE_DATE_UNCHANGED]),
        # Long overdue, renewed from its due date: still not ahead.
        (
            {},
            {"due_at": NOW - timedelta(days=30)},
            {},
            NOW - timedelta(days=2),
            [Block.DUE_NOT_AHEAD],
        ),
        # Both are told.
        ({}, {"renewals": 2}, {}, LENT.due_at, [Block.RENEWAL_LIMIT, Block.DUE_DATE_UNCHANGED]),
        # Seen or not matters only where the policy counts.
        ({}, {"unseen": 9, "seen": False}, {}, AHEAD, []),
        ({}, {"unseen": 1, "seen": False}, {"max_unseen": 2}, AHEAD, []),
        ({}, {"unseen": 2, "seen": False}, {"max_unseen": 2}, AHEAD, [Block.UNSEEN_LIMIT]),
        ({}, {"unseen": 2, "seen": True}, {"max_unseen": 2}, AHEAD, []),
        # Copies on the shelf matter only where the policy says so.
        ({}, {"holds_waiting": 1, "copies_suffice": True}, {}, AHEAD, [Block.HOLDS_WAIT]),
        (
            {},
            {"holds_waiting": 1, "copies_suffice": True},
            {"renew_if_copies_suffice": True},
            AHEAD,
            [],
        ),
        ({}, {"holds_waiting": 1}, {"renew_if_copies_suffice": True}, AHEAD, [Block.HOLDS_WAIT]),
        # A claimed or lost item is not renewed, each for its own reason.
        ({}, {"claimed": True}, {}, AHEAD, [Block.CLAIMED_RETURNED]),
        ({}, {"lost": "declared"}, {}, AHEAD, [Block.DECLARED_LOST]),
        ({}, {"lost": "aged"}, {}, AHEAD, [Block.AGED_TO_LOST]),
        # Overdue: allowed, this item, everything of the patron's.
        ({"overdue_items": 1}, LATE, {}, AHEAD, []),
        ({"overdue_items": 1}, LATE, {"when_overdue": WhenOverdue.BLOCK_ITEM}, AHEAD, [Block.LOAN_OVERDUE]),
        ({"overdue_items": 1}, LATE, {"when_overdue": WhenOverdue.BLOCK_ALL}, AHEAD, [Block.LOAN_OVERDUE]),
        ({"overdue_items": 1}, {}, {"when_overdue": WhenOverdue.BLOCK_ITEM}, AHEAD, []),
        ({"overdue_items": 1}, {}, {"when_overdue": WhenOverdue.BLOCK_ALL}, AHEAD, [Block.OTHERS_OVERDUE]),
        (
            {"overdue_items": 2},
            LATE,
            {"when_overdue": WhenOverdue.BLOCK_ALL},
            AHEAD,
            [Block.LOAN_OVERDUE, Block.OTHERS_OVERDUE],
        ),
    ],
)
def test_what_stands_against_a_renewal(
    borrower: dict[str, Any],
    loan: dict[str, Any],
    policy: dict[str, Any],
    new_due_at: datetime | None,
    blocks: list[Block],
) -> None:
    found = renewal_blocks(
        replace(BORROWER, **borrower),
        replace(LENT, **loan),
        replace(POLICY, **policy),
        new_due_at=new_due_at,
        now=NOW,
    )

    assert found == blocks


def shelved(*fills: set[int]) -> list[Shelved]:
    return [Shelved(frozenset(each)) for each in fills]


@pytest.mark.parametrize(
    ("holds", "for_this_item", "copies", "suffice"),
    [
        (1, 0, shelved({0}), True),
        (2, 0, shelved({0, 1}, {0, 1}), True),
        (3, 0, shelved({0, 1, 2}, {0, 1, 2}), False),
        # One that those copies cannot serve.
        (2, 0, shelved({0}, {0}), False),
        (1, 0, shelved(set()), False),
        # The first copy goes to the second hold, since the first hold has another.
        (2, 0, shelved({0, 1}, {0}), True),
        (3, 0, shelved({0, 1}, {0}, {1, 2}), True),
        (3, 0, shelved({0, 1}, {0, 1}, {0, 1}), False),
        # One for this very item is filled by no other copy.
        (0, 1, shelved({0}, {0}), False),
        (1, 1, shelved({0}, {0}), False),
    ],
    ids=[
        "one for one",
        "as many",
        "one too few",
        "one that none serves",
        "no copy may",
        "changed round",
        "changed round twice",
        "two may for three",
        "this very item",
        "this very item, and another",
    ],
)
def test_copies_on_the_shelf_fill_every_hold_or_the_loan_is_not_renewed(
    holds: int, for_this_item: int, copies: list[Shelved], suffice: bool
) -> None:
    assert copies_suffice(holds, for_this_item, copies) is suffice


STATES = ("lent", "claimed", "declared-lost", "aged-to-lost", "returned", "missing", "withdrawing")
DISALLOWED: dict[str, dict[str, set[Any]]] = {
    "check-out to another": {
        "lent": {Block.ITEM_ON_LOAN},
        "claimed": {Block.ITEM_ON_LOAN},
        "declared-lost": {Block.ITEM_ON_LOAN},
        "aged-to-lost": {Block.ITEM_ON_LOAN},
        "returned": set(),
        "missing": {Block.ITEM_STATE},
        "withdrawing": {Block.ITEM_WITHDRAWING},
    },
    "renewal": {
        "lent": set(),
        "claimed": {Block.CLAIMED_RETURNED},
        "declared-lost": {Block.DECLARED_LOST},
        "aged-to-lost": {Block.AGED_TO_LOST},
    },
    "due date by hand": {
        "lent": set(),
        "claimed": {DueChangeRefusal.CLAIMED_RETURNED},
        "declared-lost": {DueChangeRefusal.ITEM_LOST},
        "aged-to-lost": {DueChangeRefusal.ITEM_LOST},
        "returned": {DueChangeRefusal.LOAN_CLOSED},
    },
}


@pytest.mark.parametrize(
    ("action", "state"),
    [(action, state) for action in DISALLOWED for state in STATES if state in DISALLOWED[action]],
)
def test_in_which_states_the_desk_does_what(action: str, state: str) -> None:
    lost = state.removesuffix("-lost").removesuffix("-to") if state.endswith("lost") else None
    found: set[Any]
    if action == "check-out to another":
        piece = Piece(
            "missing" if state == "missing" else "active",
            on_loan=state in ("lent", "claimed", "declared-lost", "aged-to-lost"),
            withdrawing=state == "withdrawing",
            kept_for=None,
            lost=state in ("claimed", "declared-lost", "aged-to-lost"),
        )
        found = set(checkout_blocks(BORROWER, piece, POLICY, patron_id=ANNA, now=NOW))
    elif action == "renewal":
        loan = replace(LENT, claimed=state == "claimed", lost=lost)
        found = set(renewal_blocks(BORROWER, loan, POLICY, new_due_at=AHEAD, now=NOW))
    else:
        item = {"lent": "on-loan", "claimed": "claimed-returned", "returned": "available"}.get(state, "lost")
        found = set(due_change_refusals(state=item, ended=state == "returned", due_at=AHEAD, now=NOW))

    assert found == DISALLOWED[action][state]


STABLE = """
item-on-loan item-not-loanable item-state item-withdrawing item-lost claimed-returned declared-lost aged-to-lost
item-held-for-another card-expired patron-inactive patron-blocked fees-owed loan-limit group-loan-limit overdue-items
overdue-recalls recall-overdue-days lost-items no-open-day due-not-ahead not-renewable renewal-limit holds-wait
recalled due-date-unchanged outside-schedule renewed-too-early total-period rule-loan-limit library-loan-limit
new-item-local second-copy unseen-limit loan-overdue others-overdue proxy-is-sponsor proxy-unrelated proxy-inactive
"""


def test_the_codes_of_blocks_never_change() -> None:
    """They are in clients' hands: a new one may come, none may go or be spelt otherwise."""
    assert set(STABLE.split()) <= {block.value for block in Block}


MAIN, LAW, HOLD = UUID(int=10), UUID(int=11), UUID(int=12)


@pytest.mark.parametrize(
    ("situation", "step"),
    [
        ({}, NextStep(Step.RESHELVE)),
        # A desk that serves its library, though another is its home.
        ({"here": LAW}, NextStep(Step.RESHELVE)),
        ({"here": LAW, "serves_home": False}, NextStep(Step.TRANSIT, MAIN)),
        # Nobody knows where it belongs: it stays here.
        ({"serves_home": False, "home": None}, NextStep(Step.RESHELVE)),
        ({"hold_id": HOLD, "pickup": MAIN}, NextStep(Step.HOLD_SHELF, MAIN, HOLD)),
        ({"hold_id": HOLD, "pickup": LAW}, NextStep(Step.TRANSIT, LAW, HOLD)),
        # A hold goes before the way home.
        (
            {"here": LAW, "serves_home": False, "hold_id": HOLD, "pickup": LAW},
            NextStep(Step.HOLD_SHELF, LAW, HOLD),
        ),
        ({"base": "missing"}, NextStep(Step.ASIDE)),
        ({"base": "withdrawn", "hold_id": HOLD, "pickup": MAIN}, NextStep(Step.ASIDE)),
        ({"withdrawing": True, "serves_home": False}, NextStep(Step.ASIDE)),
        ({"base": "in-process"}, NextStep(Step.RESHELVE)),
    ],
)
def test_the_desk_is_told_where_an_item_goes(situation: dict[str, Any], step: NextStep) -> None:
    usual: dict[str, Any] = {
        "base": "active",
        "withdrawing": False,
        "here": MAIN,
        "serves_home": True,
        "home": MAIN,
        "hold_id": None,
        "pickup": None,
    }

    assert next_step(**usual | situation) == step
