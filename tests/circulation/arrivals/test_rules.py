"""What a scan tells of an item, in tables: no clock, no database."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from circulation.arrivals.rules import (
    TEXTS,
    Refusal,
    asks_for_pieces,
    back_on_shelf_at,
    is_found,
    refusals,
    used_in_house,
)
from circulation.blocks.rules import Block
from circulation.items.rules import INTELLECTUAL, Copy, State, requestable, shown, state_of
from circulation.loans.rules import (
    Borrower,
    Piece,
    Step,
    checkout_blocks,
    next_step,
)
from circulation.policies.rules import LoanPolicy

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
SOON, JUST = NOW + timedelta(minutes=30), NOW - timedelta(minutes=1)
ANNA, DESK = UUID(int=1), UUID(int=10)
POLICY = LoanPolicy("month", "Four weeks")
BORROWER = Borrower(
    active=True,
    expires_at=None,
    blocked=False,
    owed=0,
    open_loans=0,
    open_loans_under_policy=0,
    max_owed=None,
    max_loans=None,
)
USUAL: dict[str, Any] = {
    "base": "active",
    "loss": None,
    "withdrawn": "put-aside",
    "lost": "find",
    "pieces": None,
    "confirm": False,
    "confirmed": False,
}


@dataclass(frozen=True)
class At:
    """What becomes of an item of some base state: at check-out, at check-in, and for whoever wants it held."""

    lent: bool = True
    back: Step | Refusal = Step.RESHELVE
    found: bool = False
    shown: State = State.AVAILABLE
    takes: frozenset[str] = frozenset({"page"})


PUT_AWAY = replace(At(), shown=State.UNAVAILABLE, takes=frozenset({"hold"}))
GONE = At(lent=False, found=True, shown=State.UNAVAILABLE, takes=frozenset())
MATRIX = {
    "active": At(),
    "restricted": At(takes=frozenset({"page", "hold"})),
    # It lies on the desk: it may go out, although nobody would find it on a shelf.
    "on-order": PUT_AWAY,
    "in-process": PUT_AWAY,
    "damaged": PUT_AWAY,
    "unknown": replace(PUT_AWAY, takes=frozenset()),
    "missing": replace(GONE, takes=frozenset({"hold"})),
    "long-missing": GONE,
    "withdrawn": replace(GONE, found=False, back=Step.ASIDE),
    INTELLECTUAL: replace(GONE, found=False, back=Refusal.ITEM_INTELLECTUAL),
}


@pytest.mark.parametrize("base", MATRIX)
def test_every_base_state_has_its_say_at_check_out_check_in_and_for_holds(base: str) -> None:
    told = MATRIX[base]

    piece = Piece(base, on_loan=False, withdrawing=False, kept_for=None)
    blocks = checkout_blocks(BORROWER, piece, POLICY, patron_id=ANNA, now=NOW)
    refused = refusals(**USUAL | {"base": base})
    found = is_found(base=base, missing="find", withdrawn="put-aside")
    step = next_step(
        base="active" if found else base,
        withdrawing=False,
        here=DESK,
        serves_home=True,
        home=DESK,
        hold_id=None,
        pickup=None,
    )

    assert (not blocks) is told.lent
    assert (refused[0] if refused else step.step) is told.back
    assert found is told.found
    assert state_of(Copy(base)) is told.shown
    assert requestable(Copy(base)) == told.takes


def test_nobody_lends_what_stands_for_no_single_thing() -> None:
    piece = Piece(INTELLECTUAL, on_loan=False, withdrawing=False, kept_for=None)

    assert checkout_blocks(BORROWER, piece, POLICY, patron_id=ANNA, now=NOW) == [Block.ITEM_INTELLECTUAL]


@pytest.mark.parametrize("base", ["missing", "long-missing", "withdrawn"])
def test_what_is_gone_is_on_its_way_nowhere(base: str) -> None:
    assert state_of(Copy(base, in_transit=True)) is State.UNAVAILABLE
    assert state_of(Copy("damaged", in_transit=True)) is State.IN_TRANSIT


@pytest.mark.parametrize(
    ("told", "reasons"),
    [
        ({}, []),
        ({"base": "withdrawn"}, []),
        ({"base": "withdrawn", "withdrawn": "revive"}, []),
        ({"base": "withdrawn", "withdrawn": "refuse"}, [Refusal.ITEM_WITHDRAWN]),
        ({"base": "active", "withdrawn": "refuse"}, []),
        ({"loss": "lost"}, []),
        ({"loss": "lost", "lost": "refuse"}, [Refusal.ITEM_LOST]),
        ({"loss": "lost-and-paid", "lost": "refuse"}, [Refusal.ITEM_LOST]),
        # What the patron says was brought back is being looked for: a scan is what everybody waits for.
        ({"loss": "claimed-returned", "lost": "refuse"}, []),
        ({"loss": "missing", "lost": "refuse"}, []),
        ({"pieces": 3, "confirm": True}, [Refusal.PIECES_UNCONFIRMED]),
        ({"pieces": 3, "confirm": True, "confirmed": True}, []),
        ({"pieces": 3}, []),
        # One thing is here or is not; and what was never counted cannot be confirmed.
        ({"pieces": 1, "confirm": True}, []),
        ({"pieces": None, "confirm": True}, []),
        (
            {
                "base": "withdrawn",
                "withdrawn": "refuse",
                "loss": "lost",
                "lost": "refuse",
                "pieces": 2,
                "confirm": True,
            },
            [Refusal.ITEM_WITHDRAWN, Refusal.ITEM_LOST, Refusal.PIECES_UNCONFIRMED],
        ),
    ],
)
def test_what_is_not_taken_in_is_told_all_at_once(told: dict[str, Any], reasons: list[Refusal]) -> None:
    assert refusals(**USUAL | told) == reasons


def test_every_refusal_has_its_words_and_what_would_mend_it() -> None:
    assert set(TEXTS) == set(Refusal)
    assert all(text and mend for text, mend in TEXTS.values())


@pytest.mark.parametrize(
    ("base", "missing", "withdrawn", "found"),
    [
        ("missing", "find", "put-aside", True),
        ("long-missing", "find", "put-aside", True),
        ("missing", "put-aside", "revive", False),
        ("withdrawn", "find", "put-aside", False),
        ("withdrawn", "find", "refuse", False),
        ("withdrawn", "put-aside", "revive", True),
        ("damaged", "find", "revive", False),
        ("active", "find", "revive", False),
    ],
)
def test_a_scan_finds_what_the_library_says_it_finds(
    base: str, missing: str, withdrawn: str, found: bool
) -> None:
    assert is_found(base=base, missing=missing, withdrawn=withdrawn) is found


@pytest.mark.parametrize(
    ("told", "used"),
    [
        ({}, True),
        ({"counted": False}, False),
        ({"serves_home": False}, False),
        # Somebody waits for it, or it goes on elsewhere.
        ({"reshelved": False}, False),
        # It was not on its shelf: it arrives, or is found.
        ({"state": "in-transit"}, False),
        ({"state": "unavailable"}, False),
        ({"state": "paged"}, False),
        # It came in a moment ago, and is scanned once more.
        ({"reshelving_until": SOON}, False),
        ({"reshelving_until": JUST}, True),
    ],
)
def test_what_counts_as_a_use_in_the_house(told: dict[str, Any], used: bool) -> None:
    usual: dict[str, Any] = {
        "counted": True,
        "state": "available",
        "reshelving_until": None,
        "now": NOW,
        "reshelved": True,
        "serves_home": True,
    }

    assert used_in_house(**usual | told) is used


@pytest.mark.parametrize(
    ("state", "until", "told"),
    [
        (State.AVAILABLE, None, State.AVAILABLE),
        (State.AVAILABLE, SOON, State.RESHELVING),
        (State.AVAILABLE, NOW, State.AVAILABLE),
        (State.AVAILABLE, JUST, State.AVAILABLE),
        # Somebody was faster than the trolley.
        (State.ON_LOAN, SOON, State.ON_LOAN),
        (State.PAGED, SOON, State.PAGED),
    ],
)
def test_what_came_in_is_on_its_way_to_its_shelf_for_a_while(
    state: State, until: datetime | None, told: State
) -> None:
    assert shown(state, until, now=NOW) is told


def test_only_what_is_reshelved_where_that_takes_time_is_reshelving() -> None:
    assert back_on_shelf_at(reshelved=True, minutes=30, now=NOW) == SOON
    assert back_on_shelf_at(reshelved=True, minutes=0, now=NOW) is None
    assert back_on_shelf_at(reshelved=False, minutes=30, now=NOW) is None
    assert asks_for_pieces("check-in", ["check-in"])
    assert not asks_for_pieces("check-out", ["check-in"])
