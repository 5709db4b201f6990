"""What is in a list, row by row: which columns, and the rows as CSV or lines of JSON, page by page without end."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.conditions.looking import START, shown
from catalog.conditions.vocabulary import FIELDS, SEEN_FROM, Kind, of_field
from catalog.lists import statements as sql
from chassis.conditions import INDEXED, Fault
from chassis.json import dumped
from chassis.sheets import row as sheet_row

PAGE: Final = 2000
MOST_COLUMNS: Final = 40
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
USUAL: Final = {
    Kind.TITLES: ("title.number", "title.title", "title.author", "title.year", "title.suppressed"),
    Kind.HOLDINGS: (
        "title.number", "title.title", "holdings.library", "holdings.location", "holdings.call_number",
        "holdings.suppressed",
    ),
    Kind.ITEMS: (
        "item.barcode", "title.title", "item.library", "item.location", "item.call_number", "item.material_type",
        "item.loan_type", "item.base_state", "item.availability", "item.suppressed",
    ),
}  # fmt: skip


def sayable(kind: Kind) -> list[str]:
    """Columns of lists of this kind."""
    return [
        name for name, of in FIELDS.items() if name.partition(".")[0] in SEEN_FROM[kind] and of not in INDEXED
    ]


def chosen(told: Sequence[str] | None, kind: Kind, *, at: str) -> tuple[tuple[str, ...], list[Fault]]:
    """The columns that were asked for, once each; the usual ones where none was."""
    if not told:
        return USUAL[kind], []
    names = tuple(dict.fromkeys(told))
    there = sayable(kind)
    faults = [
        Fault("column-unknown", f"There is no column {name[:80]!r}.", at, f"There are: {', '.join(there)}.")
        for name in names
        if name not in there
        and not (
            ".custom." in name and of_field(name) is not None and name.partition(".")[0] in SEEN_FROM[kind]
        )
    ]
    if len(names) > MOST_COLUMNS:
        faults.append(Fault("too-many-columns", f"Up to {MOST_COLUMNS} columns are given.", at))
    return names, faults


def cells(row: asyncpg.Record, columns: Sequence[str]) -> dict[str, Any]:
    """A row as JSON."""
    return {"id": row["id"], **{name: row[name] for name in columns}}


async def page(
    pool: asyncpg.Pool, saved: Any, columns: Sequence[str], *, after: UUID | None, limit: int
) -> tuple[list[dict[str, Any]], UUID | None]:
    """Rows behind an id, and the last member's where there are more. What has left the catalogue since is left out."""
    async with pool.acquire() as connection:
        members = await connection.fetch(sql.MEMBERS, saved.id, saved.generation, after or START, limit + 1)
        ids = [row["id"] for row in members[:limit]]
        rows = await shown(connection, Kind(saved.kind), columns, ids)
    return [cells(row, columns) for row in rows], ids[-1] if len(members) > limit else None


async def written(
    pool: asyncpg.Pool, saved: Any, columns: Sequence[str], media_type: str
) -> AsyncIterator[bytes]:
    """All of them; a connection is held for no longer than a page."""
    if media_type == CSV:
        yield sheet_row(("id", *columns))
    after: UUID | None = START
    while after is not None:
        rows, after = await page(pool, saved, columns, after=after, limit=PAGE)
        if media_type == CSV:
            yield b"".join(
                sheet_row([_cell(row["id"]), *(_cell(row[name]) for name in columns)]) for row in rows
            )
        else:
            yield b"".join(dumped(row) + b"\n" for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if value is None or isinstance(value, int) else str(value)
