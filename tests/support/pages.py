"""Pages of the documentation that name tests: each row says by which tests it is shown."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def _written_in(path: Path) -> frozenset[str]:
    """The tests of a file, by name, without running anything."""
    tree = ast.parse(path.read_text())
    return frozenset(
        each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def named(told: str) -> list[tuple[str, str]]:
    """The tests that a page, or a cell of it, names: file below `tests/`, and function."""
    return re.findall(r"`([^`:]+\.py)::(test_[^`]+)`", told)


def missing(page: str) -> list[str]:
    """Tests that a page names and that there are not."""
    return [
        f"{path}::{name}"
        for path, name in named(page)
        if not (ROOT / "tests" / path).is_file() or name not in _written_in(ROOT / "tests" / path)
    ]


def numbers(letter: str, *ranges: tuple[int, int]) -> set[str]:
    """Rows by their letter and number, both ends included."""
    return {f"{letter}{number}" for first, last in ranges for number in range(first, last + 1)}
