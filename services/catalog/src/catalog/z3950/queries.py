"""What is sent of titles: their records, and where their copies stand and whether these are in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final
from uuid import UUID

import asyncpg

from catalog.holdings.rules import statements
from catalog.items.standing import shelved_now
from catalog.marc.record import Record
from catalog.marc.storage import unpack

MOST_COPIES: Final = 200
"""A title's copies that are told of: a serial may have thousands."""
MOST_SHELVES: Final = 100
_RECORDS: Final = """
SELECT id, record FROM title
WHERE id = ANY ($1::uuid[]) AND NOT suppressed AND deleted_at IS NULL AND merged_into IS NULL
"""
_SHELVES: Final = f"""
SELECT * FROM unnest($1::uuid[]) AS t (title_id), LATERAL (
    SELECT h.id, h.record, b.code AS library_code, b.name AS library, l.name AS location,
        nullif(h.call_number, '') AS call_number
    FROM (
        SELECT id FROM holdings WHERE title_id = t.title_id
        UNION
        SELECT holdings_id FROM item WHERE bound_with <> '{{}}' AND bound_with @> ARRAY[t.title_id]
    ) w JOIN holdings h ON h.id = w.id
    JOIN location l ON l.id = {shelved_now()}
    JOIN library b ON b.id = l.library_id
    WHERE NOT h.suppressed AND h.deleted_at IS NULL AND h.merged_into IS NULL
    ORDER BY b.name, l.name, h.shelving_key, h.id LIMIT $2
) h
"""  # noqa: S608 - our own text
_COPIES: Final = """
SELECT * FROM unnest($1::uuid[]) AS t (title_id), LATERAL (
    SELECT i.holdings_id, i.barcode, i.call_number, i.volume, i.enumeration, i.chronology, i.copy_number, i.base_state,
        i.place, i.id, a.state, a.lendable, a.due_at
    FROM (
        SELECT * FROM item WHERE title_id = t.title_id
        UNION ALL
        SELECT * FROM item WHERE bound_with <> '{}' AND bound_with @> ARRAY[t.title_id]
    ) i
    LEFT JOIN item_availability a ON a.item_id = i.id
    WHERE NOT i.suppressed AND i.base_state <> 'withdrawn'
    ORDER BY i.holdings_id, i.place, i.id LIMIT $2
) i ORDER BY t.title_id, i.holdings_id, i.place, i.id
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """A copy, and whether it is in."""

    barcode: str | None
    call_number: str | None
    """Its own, where it has one."""
    which: str
    """Volume, number, copy."""
    state: str | None
    """As circulation told of it last; None: it has not told of it yet …"""
    base_state: str
    """… and it is what the catalogue thinks of it."""
    lendable: bool
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stood:
    """A shelf with a title's copies."""

    library_code: str
    library: str
    location: str
    call_number: str | None
    held: str
    """What of a serial is there."""
    copies: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """A title as it can be sent."""

    record: Record
    shelves: tuple[Stood, ...] = ()


async def told(pool: asyncpg.Pool, ids: Sequence[UUID], *, with_copies: bool) -> dict[UUID, Told]:
    """These titles, as far as the public sees them."""
    wanted = list(dict.fromkeys(ids))
    rows = await pool.fetch(_RECORDS, wanted)
    there = [row["id"] for row in rows]
    shelves = await _shelves(pool, there) if with_copies else {}
    return {row["id"]: Told(unpack(row["record"]), shelves.get(row["id"], ())) for row in rows}


async def _shelves(pool: asyncpg.Pool, ids: Sequence[UUID]) -> dict[UUID, tuple[Stood, ...]]:
    copies: dict[tuple[UUID, UUID], tuple[Standing, ...]] = {}
    rows = await pool.fetch(_COPIES, ids, MOST_COPIES)
    for key, found in groupby(rows, key=lambda row: (row["title_id"], row["holdings_id"])):
        copies[key] = tuple(map(_standing, found))
    stood: dict[UUID, list[Stood]] = {}
    for row in await pool.fetch(_SHELVES, ids, MOST_SHELVES):
        held = "; ".join(each.text for each in statements(unpack(row["record"]))) if row["record"] else ""
        stood.setdefault(row["title_id"], []).append(
            Stood(
                row["library_code"],
                row["library"],
                row["location"],
                row["call_number"],
                held,
                copies.get((row["title_id"], row["id"]), ()),
            )
        )
    return {title_id: tuple(each) for title_id, each in stood.items()}


def _standing(row: asyncpg.Record) -> Standing:
    volume = row["volume"] or " ".join(filter(None, (row["enumeration"], row["chronology"])))
    copy = f"c.{row['copy_number']}" if row["copy_number"] else ""
    return Standing(
        row["barcode"],
        row["call_number"],
        " ".join(filter(None, (volume, copy))),
        row["state"],
        row["base_state"],
        row["base_state"] == "active" if row["lendable"] is None else row["lendable"],
        row["due_at"],
    )
