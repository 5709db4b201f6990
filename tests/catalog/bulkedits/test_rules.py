"""What becomes of an item or of holdings, as strictly as by a change of one."""

from typing import Any
from uuid import UUID

import pytest

from catalog.bulkedits.rules import (
    FROM,
    HOLDINGS_FACTS,
    ITEM_FACTS,
    NoteEdit,
    State,
    Step,
    holdings_verdict,
    item_verdict,
)
from chassis.edits import Outcome

HERE, THERE, TITLE = UUID(int=1), UUID(int=2), UUID(int=3)
ITEM: dict[str, Any] = dict.fromkeys(ITEM_FACTS) | {
    "location_id": HERE,
    "material_type": "BOOK",
    "loan_type": "standard",
    "base_state": "active",
    "note": "torn",
    "suppressed": False,
    "intellectual": False,
}
HOLDINGS: dict[str, Any] = dict.fromkeys(HOLDINGS_FACTS) | {
    "location_id": HERE,
    "call_number": "PS1",
    "suppressed": False,
    "title_id": TITLE,
    "deleted_at": None,
}


@pytest.mark.parametrize(
    ("row", "told", "note", "outcome", "codes", "after"),
    [
        (ITEM, {"loan_type": "short"}, None, Outcome.CHANGE, [], {"loan_type": "short"}),
        (ITEM, {"loan_type": "standard"}, None, Outcome.UNCHANGED, [], {}),
        (ITEM, {"base_state": "missing"}, None, Outcome.CHANGE, [], {"base_state": "missing"}),
        (ITEM, {"base_state": "withdrawn"}, None, Outcome.CANNOT, ["withdrawal-needed"], {}),
        (ITEM | {"base_state": "withdrawn"}, {"base_state": "active"}, None, Outcome.CANNOT, ["item-withdrawn"], {}),
        (ITEM, {}, NoteEdit("append", "twice"), Outcome.CHANGE, [], {"note": "torn twice"}),
        (ITEM, {}, NoteEdit("prepend", "Very"), Outcome.CHANGE, [], {"note": "Very torn"}),
        (ITEM | {"note": None}, {}, NoteEdit("append", "new"), Outcome.CHANGE, [], {"note": "new"}),
        (ITEM, {}, NoteEdit("replace", "", "torn"), Outcome.CHANGE, [], {"note": None}),
        (ITEM, {}, NoteEdit("replace", "x", "absent"), Outcome.UNCHANGED, [], {}),
        (ITEM, {}, NoteEdit("append", "x" * 500), Outcome.CANNOT, ["note-too-long"], {}),
        (ITEM, {"base_state": "withdrawn"}, NoteEdit("append", "x" * 500), Outcome.CANNOT,
         ["withdrawal-needed", "note-too-long"], {}),
    ],
)  # fmt: skip
def test_an_item_is_changed_or_told_why_not(
    row: dict[str, Any],
    told: dict[str, Any],
    note: NoteEdit | None,
    outcome: Outcome,
    codes: list[str],
    after: dict[str, Any],
) -> None:
    verdict = item_verdict(row, told, note)

    assert (verdict.outcome, [each["code"] for each in verdict.reasons], verdict.after) == (
        outcome,
        codes,
        after,
    )
    assert verdict.before == {name: row[name] for name in after}


def test_a_call_number_brings_its_place_on_the_shelf_along() -> None:
    verdict = item_verdict(ITEM, {"call_number": "QA76 .B5"}, None)

    assert verdict.after["shelving_key"]
    assert [each["field"] for each in verdict.differences] == ["call_number"]


@pytest.mark.parametrize(
    ("row", "told", "taken", "outcome", "codes"),
    [
        (HOLDINGS, {"location_id": THERE}, set(), Outcome.CHANGE, []),
        (HOLDINGS, {"location_id": THERE}, {(TITLE, THERE, "PS1")}, Outcome.CANNOT, ["holdings-taken"]),
        (HOLDINGS, {"suppressed": True}, {(TITLE, HERE, "PS1")}, Outcome.CHANGE, []),
        (HOLDINGS, {"call_number": None}, {(TITLE, HERE, "")}, Outcome.CANNOT, ["holdings-taken"]),
        (HOLDINGS | {"deleted_at": 1}, {"suppressed": True}, set(), Outcome.CANNOT, ["holdings-deleted"]),
    ],
)
def test_a_title_has_one_shelf_at_a_place(
    row: dict[str, Any], told: dict[str, Any], taken: set[Any], outcome: Outcome, codes: list[str]
) -> None:
    verdict = holdings_verdict(row, told, taken)

    assert (verdict.outcome, [each["code"] for each in verdict.reasons]) == (outcome, codes)


def test_two_holdings_of_a_title_do_not_both_come_to_one_place() -> None:
    taken: set[Any] = set()

    outcomes = [
        holdings_verdict(
            HOLDINGS | {"call_number": name}, {"location_id": THERE, "call_number": "X"}, taken
        ).outcome
        for name in ("A", "B")
    ]

    assert outcomes == [Outcome.CHANGE, Outcome.CANNOT]


def test_nothing_is_changed_before_it_was_looked_at_and_nothing_is_taken_back_while_it_runs() -> None:
    assert FROM[Step.CONFIRM] == {State.PREVIEWED}
    assert not FROM[Step.UNDO] & {State.PREVIEWING, State.APPLYING, State.PAUSED}
