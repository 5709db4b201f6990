"""What becomes of a patron's facts: by flat names, forth and back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from circulation.patronedits.documents import PatronChangesDoc, PatronsDoc
from circulation.patronedits.rules import NoteEdit, differing, flat, later, raised, told_as, touched

ENDS = datetime(2027, 3, 1, tzinfo=UTC)
ROW: dict[str, Any] = {
    "group": "student",
    "library": None,
    "expires_at": ENDS,
    "active": True,
    "note": "old",
    "custom": {"hall": "north", "kin": ["a", "b"]},
    "statistics": {"fac.x": "law"},
    "tags": ["alumni", "q.1"],
}


def test_facts_go_flat_and_come_back() -> None:
    told = {
        "library": "LAW",
        "custom.hall": None,
        "statistics.fac.x": "arts",
        "tags.q.1": None,
        "tags.new": True,
    }

    after = raised(ROW, told)
    before, becomes = differing(flat(ROW), flat(after))

    assert after["tags"] == ["alumni", "new"]
    assert (after["custom"], after["statistics"]) == ({"kin": ["a", "b"]}, {"fac.x": "arts"})
    assert becomes == told
    assert flat(raised(after, before)) == flat(ROW)
    assert told_as(before, becomes)[0] == {"field": "custom.hall", "before": "north", "after": None}


@pytest.mark.parametrize(
    ("now_is", "since"),
    [({}, []), ({"custom": {"hall": "south", "else": 1}}, []), ({"custom": {}}, ["custom.hall"]),
     ({"group": "visitor", "tags": ["x"]}, ["tags.x"])],
)  # fmt: skip
def test_only_what_the_edit_left_otherwise_has_been_touched(now_is: dict[str, Any], since: list[str]) -> None:
    left_as = {"custom.hall": "south", "tags.x": None}
    row = ROW | {"custom": {"hall": "south"}} | now_is

    assert touched(flat(row), left_as) == since


@pytest.mark.parametrize(
    ("edit", "note", "after"),
    [
        (NoteEdit("append", "new"), "old", "old\nnew"),
        (NoteEdit("prepend", "new"), None, "new"),
        (NoteEdit("replace", "", "old"), "old", None),
        (NoteEdit("replace", "x", "none"), "old", "old"),
        (NoteEdit("set", " "), "old", None),
    ],
)
def test_notes_are_set_added_to_and_replaced(edit: NoteEdit, note: str | None, after: str | None) -> None:
    assert edit.of(note) == after


def test_a_card_without_an_end_gets_none_and_no_card_lasts_beyond_the_calendar() -> None:
    assert later(None, 30) is None
    assert later(ENDS, 365) == datetime(2028, 2, 29, tzinfo=UTC)
    assert later(datetime(9989, 1, 1, tzinfo=UTC), 36_500).year == 9990  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"set": {}},
        {"set": {"group": None}},
        {"set": {"expires_at": None}, "extend_days": 3},
        {"note": {"how": "append", "text": " "}},
        {"note": {"how": "set", "text": "x", "find": "y"}},
        {"tags": {"add": ["a"], "remove": ["a"]}},
        {"block": {"template": "t"}, "lift": {"template": "t", "reason": "r"}},
    ],
)
def test_changes_that_make_no_sense_are_not_taken(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PatronChangesDoc.model_validate(told)


@pytest.mark.parametrize("told", [{}, {"barcodes": ["1"], "condition": {}}])
def test_patrons_come_from_one_place(told: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PatronsDoc.model_validate(told)
