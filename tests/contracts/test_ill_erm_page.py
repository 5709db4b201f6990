"""The page of rows: each test that it names exists, no row is left out, and it counts what it says."""

import re
from collections import Counter

from support.pages import ROOT, missing, named, numbers

PAGE = (ROOT / "docs" / "ill-erm-rows.md").read_text()
ROW = re.compile(r"^\| (X[0-9]+|[a-e]|E[0-9]) \| (whole|part|not) \| (.+) \| (.+) \| (.*)\|$", re.MULTILINE)
COUNTS = re.compile(r"^Of (\d+) rows (\d+) are whole, (\d+) in part, (\d+) not done\.$", re.MULTILINE)

INTERLIBRARY_LOAN = numbers("X", (1, 12), (21, 30), (36, 50), (54, 66), (73, 80))
ELECTRONIC_RESOURCES = numbers("X", (90, 124))
ACQUISITIONS = numbers("X", (139, 158))
ROWS = INTERLIBRARY_LOAN | ELECTRONIC_RESOURCES | ACQUISITIONS | set("abcde") | numbers("E", (1, 9))


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []
    assert len(named(PAGE)) > 230


def test_no_row_is_left_out_and_one_that_is_not_whole_says_why() -> None:
    rows = ROW.findall(PAGE)

    assert sorted(number for number, *_ in rows) == sorted(ROWS)
    assert [number for number, state, _, tests, _ in rows if (state == "not") is bool(named(tests))] == []
    assert [number for number, state, *_, why in rows if state != "whole" and not why.strip()] == []


def test_the_page_counts_what_it_says() -> None:
    states = Counter(state for number, state, *_ in ROW.findall(PAGE) if number.startswith("X"))
    told = COUNTS.findall(PAGE)

    assert told == [tuple(map(str, (states.total(), states["whole"], states["part"], states["not"])))]
