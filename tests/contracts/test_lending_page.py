"""The page of lending's rows: each test that it names exists, and a row without one says why."""

import re

from support.pages import ROOT, missing, named, numbers

PAGE = (ROOT / "docs" / "lending-rows.md").read_text()
ROW = re.compile(r"^\| (L[0-9]+|\([a-z]\)|[0-9]+) \| (.+) \| (.+) \|(.*) \|$", re.MULTILINE)
CAPABILITIES = {f"L{number:02}" for number in range(1, 103) if number not in (83, 84, 85)}
INVARIANTS = {f"({letter})" for letter in "abcdefghi"}
CASES = numbers("", (1, 120), (128, 130))


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []
    assert len(named(PAGE)) > 400


def test_no_row_is_left_out_and_one_without_a_test_says_why() -> None:
    rows = ROW.findall(PAGE)

    assert sorted(number for number, *_ in rows) == sorted(CAPABILITIES | INVARIANTS | CASES)
    assert [number for number, _, tests, why in rows if not named(tests) and not why.strip()] == []
