"""The order in which things stand on a shelf."""

import random

import pytest

from circulation.shelves.rules import shelf_key


@pytest.mark.parametrize(
    "shelf",
    [
        # Library of Congress: whole class numbers, decimal cutters, nothing before something.
        ["QA 9 .B2", "QA 76 .A12", "QA 76 .A2", "QA 76 .A2 2019", "QA 760 .A1", "QB 1"],
        ["QA76.73.J38", "QA76.73.P98", "QA76.9.D3"],
        ["PR 6005 .O4 H4", "PR 6005 .O4 H42", "PR 6005 .O4 H5"],
        # Dewey: decimals.
        ["513", "513.25 SMI", "513.5 ADA", "514 ADA"],
        # Local marks and volumes: whole numbers count as such.
        ["Hist 2 a", "Hist 10 a", "Hist 10 b"],
        ["v. 1", "v. 2", "v. 10"],
        [None, "A", "a 1"],
        ["Über 1", "Über 2"],
    ],
)
def test_a_list_follows_the_shelf(shelf: list[str | None]) -> None:
    mixed = list(shelf)
    random.Random(7).shuffle(mixed)

    assert sorted(mixed, key=shelf_key) == shelf


@pytest.mark.parametrize(
    "odd", ["", " ", ".", "...", "٣", "½", "Q" * 500, "1" * 500, ".5.", "A.B.C", "\u200b"]
)
def test_no_call_number_is_too_odd_to_stand_somewhere(odd: str) -> None:
    assert sorted([odd, "QA 76", "513.2"], key=shelf_key)
