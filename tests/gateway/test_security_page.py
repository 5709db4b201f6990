"""The page that says which test shows what: each of them exists, and no row is left out."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(r"^\| ([GT][0-9]+) \| (.+) \| (.+) \| (.*) \|$", re.MULTILINE)


def numbers(letter: str, *ranges: tuple[int, int]) -> set[str]:
    return {f"{letter}{number}" for first, last in ranges for number in range(first, last + 1)}


ROWS = numbers("T", (1, 42), (53, 55), (59, 59)) | numbers(
    "G", (1, 37), (62, 62), (66, 72), (81, 89), (117, 126)
)


@cache
def written_in(path: Path) -> frozenset[str]:
    """The tests of a file, by name, without running anything."""
    tree = ast.parse(path.read_text())
    return frozenset(
        each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def named(cell: str) -> list[tuple[str, str]]:
    return re.findall(r"`([^`:]+\.py)::(test_[^`]+)`", cell)


def test_every_test_that_the_page_names_is_there() -> None:
    missing = [
        f"{path}::{name}"
        for path, name in named(PAGE)
        if not (ROOT / "tests" / path).is_file() or name not in written_in(ROOT / "tests" / path)
    ]

    assert missing == []
    assert len(named(PAGE)) > 150


def test_no_row_is_left_out_and_one_without_a_test_says_why() -> None:
    rows = ROW.findall(PAGE)

    assert sorted(number for number, *_ in rows) == sorted(ROWS)
    assert [number for number, _, tests, why in rows if not named(tests) and not why.strip()] == []
