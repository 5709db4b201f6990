"""How long an item takes from the desk to its shelf."""

import pytest

from circulation.reshelving.rules import Reshelving, minutes_for

LAW = Reshelving(60, libraries=frozenset({"LAW"}))
STORE = Reshelving(1440, locations=frozenset({"STORE"}))
FILMS = Reshelving(0, material_types=frozenset({"video"}))


@pytest.mark.parametrize(
    ("lines", "library", "location", "material", "minutes"),
    [
        ([], "MAIN", "STACKS", "book", 30),
        ([LAW, STORE], "MAIN", "STACKS", "book", 30),
        ([LAW, STORE], "LAW", "STORE", "book", 60),
        ([STORE, LAW], "LAW", "STORE", "book", 1440),
        ([FILMS], "MAIN", "STACKS", "video", 0),
        ([Reshelving(5)], None, None, "book", 5),
    ],
    ids=["the-desk", "no-line-fits", "the-first", "order-counts", "at-once", "any"],
)
def test_the_first_line_that_fits_counts_else_the_desk(
    lines: list[Reshelving], library: str | None, location: str | None, material: str, minutes: int
) -> None:
    assert minutes_for(lines, 30, library=library, location=location, material_type=material) == minutes
