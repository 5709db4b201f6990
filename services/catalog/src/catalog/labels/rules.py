"""What stands on a label and where. Decisions only."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from catalog.callnumbers.rules import Scheme, guessed

MOST: Final = 2_000
"""Labels that are printed at a time."""
_CUTTER: Final = re.compile(r"(?<=[0-9A-Z])\s*(?=\.[A-Z][0-9])")
_CLASS: Final = re.compile(r"([A-Z]{1,3})\s*([0-9].*)")
_SUDOC: Final = re.compile(r"(?<=:)")


def spine(call_number: str, scheme: str | None) -> list[str]:
    """A call number part under part: class letters, class number, each cutter, and what stands apart anyway."""
    told = " ".join(call_number.split())
    if not told:
        return []
    kind = Scheme(scheme) if scheme is not None else guessed(told)
    if kind is Scheme.SUDOC:
        return [part.strip() for part in _SUDOC.split(told) if part.strip()]
    if kind not in (Scheme.LC, Scheme.NLM):
        return told.split(" ")
    found = _CLASS.match(told)
    parts = [found[1], found[2]] if found is not None else [told]
    return [word for part in parts for piece in _CUTTER.split(part) for word in piece.split(" ") if word]


class Place(NamedTuple):
    """Where a label is: its sheet from 0, and its upper left corner in millimetres."""

    sheet: int
    x: float
    y: float


def places(
    *, rows: int, columns: int, start: int, count: int, top: float, left: float, across: float, down: float
) -> Iterator[Place]:
    """Labels row by row, from the `start`-th of the first sheet on, counted from 1: a sheet that was begun is used up.
    `across` and `down` lead from one label to the next."""
    for number in range(start - 1, start - 1 + count):
        sheet, within = divmod(number, rows * columns)
        row, column = divmod(within, columns)
        yield Place(sheet, left + column * across, top + row * down)


def words(line: Mapping[str, Any], item: Mapping[str, Any]) -> list[str]:
    """What a line of a template comes to for an item, paragraph by paragraph; nothing where the item has no such
    fact."""
    fact, before = line["fact"], line["before"]
    if fact is None:
        return [before]
    if fact == "call_number_parts":
        parts = spine(item["call_number"] or "", item["call_number_scheme"])
        return [f"{before}{parts[0]}", *parts[1:]] if parts else []
    return [f"{before}{item[fact]}"] if item[fact] else []
