"""The page of weaknesses: each test that it names exists, and a row without one says why."""

import re

from support.pages import ROOT, missing, named, numbers

PAGE = (ROOT / "docs" / "weaknesses.md").read_text()
ROW = re.compile(r"^\| (W[0-9]+) \| (.+) \| (.*) \| (.+) \| (.*) \|$", re.MULTILINE)


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []
    assert len(named(PAGE)) > 60


def test_no_row_is_left_out_and_one_without_a_test_says_why() -> None:
    rows = ROW.findall(PAGE)

    assert {number for number, *_ in rows} == numbers("W", (1, 44))
    assert [number for number, *_, tests, why in rows if not named(tests) and not why.strip()] == []
