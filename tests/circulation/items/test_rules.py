"""The one state of an item, and what stands against letting it go."""

import itertools
from typing import Final

import pytest

from circulation.items.rules import Copy, Obstacle, State, requestable, state_of, withdrawal_obstacles

BASES: Final = (
    "on-order",
    "in-process",
    "active",
    "missing",
    "long-missing",
    "damaged",
    "withdrawn",
    "restricted",
    "unknown",
)


@pytest.mark.parametrize(
    ("copy", "state"),
    [
        (Copy("active"), State.AVAILABLE),
        (Copy("restricted"), State.AVAILABLE),
        (Copy("active", on_loan=True), State.ON_LOAN),
        (Copy("active", awaited_on_shelf=True), State.ON_HOLD_SHELF),
        (Copy("active", in_transit=True), State.IN_TRANSIT),
        (Copy("active", paged=True), State.PAGED),
        (Copy("active", withdrawing=True), State.WITHDRAWING),
        (Copy("missing"), State.UNAVAILABLE),
        (Copy("in-process"), State.UNAVAILABLE),
        (Copy("withdrawn"), State.UNAVAILABLE),
        # A loan is a loan, whatever the catalogue or a withdrawal says of it.
        (Copy("missing", on_loan=True), State.ON_LOAN),
        (Copy("active", on_loan=True, withdrawing=True), State.ON_LOAN),
        # What lies somewhere for somebody lies there in any base state.
        (Copy("damaged", awaited_on_shelf=True), State.ON_HOLD_SHELF),
        (Copy("in-process", in_transit=True), State.IN_TRANSIT),
        (Copy("missing", paged=True), State.UNAVAILABLE),
    ],
)
def test_an_item_has_one_state(copy: Copy, state: State) -> None:
    assert state_of(copy) is state


@pytest.mark.parametrize(
    ("copy", "kinds"),
    [
        (Copy("active"), {"page"}),
        (Copy("restricted"), {"page", "hold"}),
        (Copy("active", on_loan=True), {"hold", "recall"}),
        (Copy("active", paged=True), {"hold"}),
        (Copy("active", awaited_on_shelf=True), {"hold"}),
        (Copy("active", in_transit=True), {"hold"}),
        (Copy("on-order"), {"hold"}),
        (Copy("in-process"), {"hold"}),
        (Copy("missing"), {"hold"}),
        (Copy("missing", on_loan=True), {"hold"}),
        (Copy("long-missing"), set()),
        (Copy("withdrawn"), set()),
        (Copy("unknown"), set()),
        (Copy("active", withdrawing=True), set()),
        (Copy("active", on_loan=True, withdrawing=True), set()),
    ],
)
def test_which_kinds_of_hold_a_state_takes(copy: Copy, kinds: set[str]) -> None:
    assert requestable(copy) == kinds


def test_in_every_situation_only_what_is_free_on_its_shelf_is_paged_and_only_a_loan_recalled() -> None:
    flags = itertools.product((False, True), repeat=5)

    for base, (on_loan, shelf, transit, paged, withdrawing) in itertools.product(BASES, flags):
        copy = Copy(base, on_loan, shelf, transit, paged, withdrawing)
        kinds, state = requestable(copy), state_of(copy)
        assert ("page" not in kinds) or state is State.AVAILABLE, copy
        assert ("recall" not in kinds) or state is State.ON_LOAN, copy
        assert (state is State.AVAILABLE) is (
            base in ("active", "restricted") and not (on_loan or shelf or transit or paged or withdrawing)
        ), copy


@pytest.mark.parametrize(
    ("copy", "more", "obstacles"),
    [
        (Copy("active"), {}, []),
        (Copy("missing"), {}, []),
        (Copy("active", on_loan=True), {}, [Obstacle.ON_LOAN]),
        (Copy("active", awaited_on_shelf=True), {}, [Obstacle.ON_HOLD_SHELF]),
        (Copy("active", in_transit=True), {"transit_for_hold": True}, [Obstacle.IN_TRANSIT_FOR_HOLD]),
        # On its way home, nobody waits for it.
        (Copy("active", in_transit=True), {}, []),
        (Copy("active"), {"holds_on_item": 1, "other_copies": 5}, [Obstacle.HELD_ITSELF]),
        (Copy("active"), {"title_holds": 2}, [Obstacle.ONLY_COPY_FOR_HOLDS]),
        # Another copy can serve the title's holds.
        (Copy("active"), {"title_holds": 2, "other_copies": 1}, []),
        (
            Copy("active", on_loan=True),
            {"holds_on_item": 1, "title_holds": 1},
            [Obstacle.ON_LOAN, Obstacle.HELD_ITSELF, Obstacle.ONLY_COPY_FOR_HOLDS],
        ),
    ],
)
def test_what_stands_against_a_withdrawal_is_told_all_at_once(
    copy: Copy, more: dict[str, int], obstacles: list[Obstacle]
) -> None:
    told = {"transit_for_hold": 0, "holds_on_item": 0, "title_holds": 0, "other_copies": 0} | more

    found = withdrawal_obstacles(
        copy,
        transit_for_hold=bool(told["transit_for_hold"]),
        holds_on_item=told["holds_on_item"],
        title_holds=told["title_holds"],
        other_copies=told["other_copies"],
    )

    assert sorted(found) == sorted(obstacles)
