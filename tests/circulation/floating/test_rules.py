"""Where an item of a floating collection stays: an example a row."""

import pytest

from circulation.floating.rules import Floating, Place, by_place, floats_to, overlaps

MAIN, LAW, ANNEX = Place("MAIN", "NOVELS"), Place("LAW", "NOVELS"), Place("ANNEX", "PAPERBACKS")
NOVELS = Floating("novels", (MAIN, LAW, ANNEX))
FLOATING = by_place([NOVELS, Floating("films", (Place("MAIN", "FILMS"), Place("ANNEX", "FILMS")))])


@pytest.mark.parametrize(
    ("home", "desk_library", "serves", "stays"),
    [
        (MAIN, "LAW", {"LAW"}, LAW),
        (LAW, "MAIN", {"MAIN"}, MAIN),
        # At home anyway: nothing floats.
        (MAIN, "MAIN", {"MAIN", "LAW"}, None),
        # A desk of one library that looks after others: its own goes first, else the first by code.
        (MAIN, "LAW", {"ANNEX", "LAW"}, LAW),
        (MAIN, "HQ", {"LAW", "ANNEX"}, ANNEX),
        (MAIN, "HQ", {"HQ"}, None),
        # Other places of the same library do not float, and other collections have other places.
        (Place("MAIN", "STACKS"), "LAW", {"LAW"}, None),
        (Place("MAIN", "FILMS"), "LAW", {"LAW"}, None),
        (Place("MAIN", "FILMS"), "ANNEX", {"ANNEX"}, Place("ANNEX", "FILMS")),
    ],
)
def test_an_item_stays_only_where_its_collection_floats_and_the_desk_looks_after_it(
    home: Place, desk_library: str, serves: set[str], stays: Place | None
) -> None:
    assert floats_to(FLOATING, home, desk_library=desk_library, serves=serves) == stays


def test_a_place_floats_with_one_collection_and_a_library_has_one_place_in_it() -> None:
    assert overlaps([NOVELS, Floating("more", (LAW, Place("X", "Y")))]) == [(1, LAW)]
    assert overlaps([NOVELS]) == []
    assert len(Floating("odd", (MAIN, Place("MAIN", "FILMS"))).problems()) == 1
    assert NOVELS.problems() == []
