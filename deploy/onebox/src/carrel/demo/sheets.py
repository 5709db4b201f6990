"""Rows out of the demo's own tables: tab-separated, a header line, `key=value; key=value` in the last column."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any


def rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of data/NAME.tsv by column; columns left out at a line's end are empty."""
    text = (files("carrel.demo") / "data" / f"{name}.tsv").read_text(encoding="utf-8")
    header, *lines = text.splitlines()
    columns = header.split("\t")
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        if len(cells) > len(columns):
            raise ValueError(f"{name}.tsv, line {number}: {len(cells)} cells for {len(columns)} columns")
        cells += [""] * (len(columns) - len(cells))
        yield dict(zip(columns, cells, strict=True))


def document(name: str) -> Any:
    """The document data/NAME.json."""
    return json.loads((files("carrel.demo") / "data" / f"{name}.json").read_text(encoding="utf-8"))


def listed(cell: str) -> tuple[str, ...]:
    """What a cell lists between semicolons."""
    return tuple(part for part in (piece.strip() for piece in cell.split(";")) if part)


def pairs(cell: str) -> dict[str, str]:
    """`key=value` between semicolons."""
    found = {}
    for piece in listed(cell):
        key, equals, value = piece.partition("=")
        if not equals:
            raise ValueError(f"{piece!r} is no key=value")
        found[key] = value
    return found
