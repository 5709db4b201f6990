"""Rows for spreadsheets (RFC 4180), in which nothing that a stranger wrote is reckoned as a formula."""

import csv
import io
from collections.abc import Iterable


def tame(cell: str | None) -> str:
    """A cell that does not begin like a formula."""
    return f"'{cell}" if cell and cell[0] in "=+-@\t\r" else cell or ""


def row(cells: Iterable[object]) -> bytes:
    """A row in UTF-8; texts are tamed, nothing is an empty cell."""
    out = io.StringIO()
    csv.writer(out).writerow([tame(each) if isinstance(each, str) else each for each in cells])
    return out.getvalue().encode(errors="replace")
