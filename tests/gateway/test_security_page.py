"""The page that says which test shows what: each of them exists, and no row is left out."""

import re

from support.pages import ROOT, missing, named, numbers

PAGE = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(r"^\| ([GT][0-9]+) \| (.+) \| (.+) \| (.*) \|$", re.MULTILINE)


ROWS = numbers("T", (1, 42), (53, 55), (59, 59)) | numbers(
    "G", (1, 37), (62, 62), (66, 72), (81, 89), (117, 126)
)


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []
    assert len(named(PAGE)) > 150


def test_no_row_is_left_out_and_one_without_a_test_says_why() -> None:
    rows = ROW.findall(PAGE)

    assert sorted(number for number, *_ in rows) == sorted(ROWS)
    assert [number for number, _, tests, why in rows if not named(tests) and not why.strip()] == []
