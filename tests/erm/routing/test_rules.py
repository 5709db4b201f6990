"""Who gets an issue next, by example."""

from datetime import date
from itertools import product
from uuid import UUID

import pytest

from erm.routing.rules import (
    MOVES,
    Action,
    Away,
    Leg,
    LegState,
    RoundState,
    due_on,
    goes_on,
    left,
    slip,
    twice,
)

DAY = date(2027, 3, 1)
ANN, BOB, CY = (UUID(int=n) for n in (1, 2, 3))


def legs(*away: Away | None) -> list[Leg]:
    names = zip((ANN, BOB, None, CY), ("Ann", "Bob", "Room 3", "Cy"), away, strict=False)
    return [Leg(at, name, ref, 7, gone) for at, (ref, name, gone) in enumerate(names, 1)]


def stand(told: list[Leg]) -> str:
    return " ".join(f"{leg.name[0]}:{leg.state[0]}" for leg in told)


@pytest.mark.parametrize(
    ("away", "turns", "over"),
    [
        ((None, None), ["A:h B:w", "A:d B:h", "A:d B:d"], True),
        ((Away(DAY, DAY), None), ["A:s B:h", "A:s B:d"], True),
        ((None, Away(date(2027, 2, 1), date(2027, 3, 31))), ["A:h B:w", "A:d B:s"], True),
        ((Away(date(2027, 2, 1), date(2027, 2, 28)), None), ["A:h B:w"], False),
        ((Away(DAY, DAY), Away(DAY, DAY)), ["A:s B:s"], True),
        ((), [""], True),
    ],
    ids=["one after the other", "away at first", "away later", "back already", "nobody there", "no list"],
)
def test_it_goes_to_the_next_who_is_there(
    away: tuple[Away | None, ...], turns: list[str], over: bool
) -> None:
    told, found = legs(*away), []
    ends, state = None, RoundState.UNDER_WAY
    for _ in turns:
        told, state = goes_on(told, ends=ends, day=DAY)
        ends = LegState.DONE
        found.append(stand(told))

    assert found == turns
    assert (state is RoundState.ENDED) == over


def test_whoever_gets_it_keeps_it_for_their_own_days() -> None:
    (leg,), _ = goes_on([Leg(1, "Ann", ANN, 3)], ends=None, day=DAY)

    assert (leg.got_on, leg.due_on) == (DAY, date(2027, 3, 4))
    assert due_on(date.max, 365) == date.max


def test_each_state_and_action_is_told() -> None:
    told = {pair for pair in product(RoundState, Action) if pair in MOVES}

    assert told == {(RoundState.UNDER_WAY, action) for action in Action}
    assert MOVES[RoundState.UNDER_WAY, Action.SKIP] is LegState.SKIPPED


def test_who_leaves_is_out_and_what_they_have_is_to_be_fetched() -> None:
    begun, _ = goes_on(legs(None, None, None), ends=None, day=DAY)

    gone = left(begun, ANN, day=date(2027, 3, 2))
    waiting = left(begun, BOB, day=DAY)

    assert (stand(gone), gone[0].leaver, gone[0].due_on) == ("A:h B:w R:w", True, date(2027, 3, 2))
    assert stand(waiting) == "A:h R:w"
    assert left(begun, CY, day=DAY) == begun


def test_a_slip_names_those_who_are_still_to_have_it() -> None:
    begun, _ = goes_on(legs(None, None, None), ends=None, day=DAY)
    begun, _ = goes_on(begun, ends=LegState.DONE, day=DAY)

    told = slip(title="Acta", issue="12 (2027), 3", back_to="Shelf", legs=begun)

    assert [word for word in ("Ann", "Bob", "Room 3", "Shelf", "12 (2027), 3") if word in told] == [
        "Bob",
        "Room 3",
        "Shelf",
        "12 (2027), 3",
    ]


def test_somebody_is_on_a_list_once_and_rooms_as_often_as_one_likes() -> None:
    assert twice([ANN, None, BOB, None, ANN, BOB]) == [4, 5]
