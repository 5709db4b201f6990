"""Answers as rows: which columns, and all of them as CSV or lines of JSON, page by page without end."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg

from chassis.conditions import Fault
from chassis.json import dumped
from chassis.sheets import row as sheet_row
from circulation.questions.looking import START, Question, page, told
from circulation.questions.vocabulary import OWN, VOCABULARY, Kind

PAGE: Final = 2000
MOST_COLUMNS: Final = 40
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
USUAL: Final = {
    Kind.PATRONS: (
        "patron.barcode", "patron.family_name", "patron.given_name", "patron.group", "patron.library",
        "patron.expires_at",
    ),
    Kind.LOANS: ("patron.barcode", "item.barcode", "item.title", "loan.lent_at", "loan.due_at", "loan.returned_at"),
    Kind.HOLDS: ("patron.barcode", "item.barcode", "hold.kind", "hold.state", "hold.pickup", "hold.placed_at"),
    Kind.FEES: ("patron.barcode", "fee.kind", "fee.amount", "fee.remaining", "fee.currency", "fee.charged_at"),
    Kind.ITEMS: ("item.barcode", "item.title", "item.library", "item.location", "item.state", "item.last_seen_at"),
}  # fmt: skip


def chosen(wanted: Sequence[str] | None, kind: Kind, *, at: str) -> tuple[tuple[str, ...], list[Fault]]:
    """The columns that were asked for, once each; the usual ones where none was."""
    if not wanted:
        return USUAL[kind], []
    names = tuple(dict.fromkeys(wanted))
    there = VOCABULARY.told(kind)
    own = "patron" in VOCABULARY.seen_from[kind]
    faults = [
        Fault("column-unknown", f"There is no column {name[:80]!r}.", at, f"There are: {', '.join(there)}.")
        for name in names
        if name not in there and not (own and OWN.fullmatch(name))
    ]
    if len(names) > MOST_COLUMNS:
        faults.append(Fault("too-many-columns", f"Up to {MOST_COLUMNS} columns are given.", at))
    return names, faults


async def written(
    pool: asyncpg.Pool, question: Question, columns: Sequence[str], media_type: str
) -> AsyncIterator[bytes]:
    """All of them; a connection is held for no longer than a page."""
    if media_type == CSV:
        yield sheet_row(("id", *columns))
    after = START
    while True:
        async with pool.acquire() as connection:
            found = await page(connection, question, after=after, limit=PAGE)
            rows = await told(connection, question, columns, found.ids)
        if media_type == CSV:
            yield b"".join(sheet_row([_cell(value) for value in row.values()]) for row in rows)
        else:
            yield b"".join(dumped(row) + b"\n" for row in rows)
        if found.behind is None:
            return
        after = found.behind


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, int) else str(value)
