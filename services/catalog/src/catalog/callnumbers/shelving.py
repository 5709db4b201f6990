"""Call numbers that came without their place on the shelf are given it: those of earlier releases."""

from datetime import datetime
from typing import Final

from catalog.callnumbers.rules import Scheme, shelving_key
from chassis.resources import Resources

SLICE: Final = 2000
MOST_SLICES: Final = 50
NOWHERE: Final = "local"
"""The place of what cannot be shelved, so that it is not looked at again."""
_NEXT = {
    "holdings": "SELECT id, call_number, call_number_scheme FROM holdings "
    "WHERE shelving_key IS NULL AND call_number <> '' ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
    "item": "SELECT id, call_number, call_number_scheme FROM item "
    "WHERE shelving_key IS NULL AND call_number IS NOT NULL AND call_number <> '' "
    "ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED",
}
_PLACE = {
    table: f"UPDATE {table} t SET shelving_key = n.shelving_key "  # noqa: S608 - our own text
    "FROM unnest($1::uuid[], $2::text[]) AS n (id, shelving_key) WHERE t.id = n.id"
    for table in _NEXT
}


async def shelve(resources: Resources, now: datetime) -> None:
    """A timer: slices of holdings and items without a place, each in a transaction of its own."""
    for table, statement in _NEXT.items():
        for _ in range(MOST_SLICES):
            async with resources.pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(statement, SLICE)
                keys = [
                    shelving_key(row["call_number"], _scheme(row["call_number_scheme"])) or NOWHERE
                    for row in rows
                ]
                if rows:
                    await connection.execute(_PLACE[table], [row["id"] for row in rows], keys)
            if len(rows) < SLICE:
                break


def _scheme(told: str | None) -> Scheme | None:
    return Scheme(told) if told is not None else None
