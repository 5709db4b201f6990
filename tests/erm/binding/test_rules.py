"""What may be done with volumes, by example."""

from itertools import product
from uuid import UUID

import pytest

from erm.binding.rules import ANSWERS, MOVES, Action, Answer, BindingState, Issue, refusals, volume

ONE, TWO = UUID(int=1), UUID(int=2)
SOUND = {"state": "in-process", "of_line": True, "bound": False, "goes_round": False}


def issue(piece_id: UUID = ONE, **more: object) -> Issue:
    return Issue(piece_id, **(SOUND | more))  # type: ignore[arg-type]  # as the test says


@pytest.mark.parametrize(
    ("issues", "found"),
    [
        ([issue(), issue(TWO, state="counted")], []),
        ([issue(), issue()], [(1, "piece-twice")]),
        ([issue(state="asked")], [(0, "piece-not-there")]),
        ([issue(state="undone")], [(0, "piece-not-there")]),
        ([issue(), issue(TWO, bound=True, goes_round=True)], [(1, "piece-bound"), (1, "piece-goes-round")]),
        ([issue(of_line=False, state="undone")], [(0, "piece-of-other-line")]),
    ],
)
def test_every_reason_is_told_with_its_place(issues: list[Issue], found: list[tuple[int, str]]) -> None:
    assert refusals(issues) == found


TABLE = """
asked       ask-again  -        waiting     ask-again  asked     ready       ask-again  -
asked       bind       -        waiting     bind       -         ready       bind       bound
asked       undo       -        waiting     undo       undoing   ready       undo       undoing
at-bindery  ask-again  -        bound       ask-again  -         undoing     ask-again  -
at-bindery  bind       -        bound       bind       -         undoing     bind       -
at-bindery  undo       -        bound       undo       undoing   undoing     undo       -
undone      ask-again  -        undone      bind       -         undone      undo       -
"""


def test_each_state_and_action_is_told() -> None:
    words = TABLE.split()
    told = {(words[at], words[at + 1]): words[at + 2] for at in range(0, len(words), 3)}

    assert len(told) == len(BindingState) * len(Action)
    for state, action in product(BindingState, Action):
        assert told[state.value, action.value] == MOVES.get((state, action), "-"), (state, action)


def test_an_answer_that_is_late_changes_nothing() -> None:
    assert {(state.value, answer.value): after.value for (state, answer), after in ANSWERS.items()} == {
        ("asked", "made"): "ready",
        ("asked", "refused"): "waiting",
        ("undoing", "undone"): "undone",
        ("undoing", "stays"): "bound",
    }
    assert all((BindingState.UNDONE, answer) not in ANSWERS for answer in Answer)


def test_a_spine_says_from_where_to_where() -> None:
    assert volume("12, 1-6", "2027 Jan-Jun") == "12, 1-6 (2027 Jan-Jun)"
    assert volume("12", None) == "12"
