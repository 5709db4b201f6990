"""Writing rows by the names of their columns, and reading a page of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request, Response

from chassis import cursors
from chassis.database import Connection


def pool_of(request: Request) -> asyncpg.Pool:
    """The pool of the process that answers."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


@dataclass(frozen=True, slots=True)
class Within:
    """A condition of several values, which `{0}`, `{1}` … stand for in its text."""

    text: str
    values: tuple[Any, ...]

    def numbered(self, first: int) -> str:
        """Its text with the statement's marks, from `$first` on."""
        return self.text.format(*(f"${at}" for at in range(first, first + len(self.values))))


async def insert(connection: Connection, table: str, **values: Any) -> None:
    """One row. Table and columns are our own names, never a client's."""
    names = ", ".join(values)
    marks = ", ".join(f"${at}" for at in range(1, len(values) + 1))
    await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", *values.values())  # noqa: S608 - our own names


async def insert_many(connection: Connection, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with the same columns."""
    if rows:
        names = ", ".join(rows[0])
        marks = ", ".join(f"${at}" for at in range(1, len(rows[0]) + 1))
        await connection.executemany(
            f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - our own names
            [tuple(row.values()) for row in rows],
        )


async def change(connection: Connection, table: str, row_id: UUID, **values: Any) -> None:
    """Set columns of one row, and raise its version."""
    told = "".join(f", {name} = ${at}" for at, name in enumerate(values, 2))
    await connection.execute(
        f"UPDATE {table} SET version = version + 1{told} WHERE id = $1",  # noqa: S608 - our own names
        row_id,
        *values.values(),
    )


async def page(
    request: Request,
    response: Response,
    select: str,
    wanted: Mapping[str, Any],
    *,
    cursor: str | None,
    limit: int,
    by: str = "id",
    within: Within | None = None,
) -> tuple[list[asyncpg.Record], str | None]:
    """Rows newest first (ids are minted in time), and the cursor of the next page.

    `wanted` are conditions that end before their value (`"vendor_id ="`) or name its place by `{}`; those without
    a value are left out.
    `within` is what whoever asks may see of them.
    """
    told = {condition: value for condition, value in wanted.items() if value is not None}
    if cursor is not None:
        told[f"{by} <"] = cursors.uuid_in(cursor)
    conditions = [
        condition.format(f"${at}") if "{}" in condition else f"{condition} ${at}"
        for at, condition in enumerate(told, 2)
    ]
    values = list(told.values())
    if within is not None:
        conditions.append(within.numbered(len(values) + 2))
        values += within.values
    where = " AND ".join(conditions)
    statement = f"{select}{' WHERE ' + where if where else ''} ORDER BY {by} DESC LIMIT $1"
    rows = await pool_of(request).fetch(statement, limit + 1, *values)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return rows[:limit], more
