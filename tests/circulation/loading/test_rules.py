"""What a campus file changes, in examples."""

from typing import Any

import pytest

from circulation.loading.rules import changes, too_many_missing

PRESENT: dict[str, Any] = {
    "barcode": "A 1",
    "group": "student",
    "family_name": "Lovelace",
    "given_name": "Ada",
    "email": "ada@example.org",
    "language": None,
    "library": None,
    "expires_at": None,
    "active": True,
}


@pytest.mark.parametrize(
    ("told", "library_wins", "found"),
    [
        ({}, [], {}),
        (PRESENT, [], {}),
        ({"family_name": "King"}, [], {"family_name": "King"}),
        ({"email": None}, [], {"email": None}),
        ({"email": "other@example.org", "group": "staff"}, ["email"], {"group": "staff"}),
        ({"active": False}, [], {"active": False}),
        ({"owed": 0, "open_loans": 0}, [], {}),
    ],
)
def test_a_file_changes_what_it_tells_and_the_library_has_not_kept_for_itself(
    told: dict[str, Any], library_wins: list[str], found: dict[str, Any]
) -> None:
    assert changes(PRESENT, told, library_wins=library_wins) == found


@pytest.mark.parametrize(
    ("missing", "known", "percent", "too_many"),
    [(0, 0, 5, False), (5, 100, 5, False), (6, 100, 5, True), (1, 1, 99, True), (1, 1, 100, False)],
)
def test_a_file_in_which_too_many_are_missing_is_not_believed(
    missing: int, known: int, percent: int, too_many: bool
) -> None:
    assert too_many_missing(missing=missing, known=known, safety_percent=percent) is too_many
