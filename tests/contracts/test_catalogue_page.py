"""The page of the catalogue's rows: each test that it names exists, and a row without one says why."""

import re

from support.pages import ROOT, missing, named

PAGE = (ROOT / "docs" / "catalogue-rows.md").read_text()
ROW = re.compile(r"^\| ([CG][0-9]+) \| (.+) \| (.+) \|(.*) \|$", re.MULTILINE)
CATALOGUE = ((1, 25), (34, 42), (46, 50), (54, 59))
INTEROPERATION = ((91, 102), (104, 109), (111, 116))
ROWS = {f"C{number:02}" for first, last in CATALOGUE for number in range(first, last + 1)}
ROWS |= {f"G{number}" for first, last in INTEROPERATION for number in range(first, last + 1)}


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []
    assert len(named(PAGE)) > 150


def test_no_row_is_left_out_and_one_without_a_test_says_why() -> None:
    rows = ROW.findall(PAGE)

    assert sorted(number for number, *_ in rows) == sorted(ROWS)
    assert [number for number, _, tests, why in rows if not named(tests) and not why.strip()] == []
