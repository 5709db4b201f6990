"""A slice of rows is taken up in one transaction: what was loaded before is left alone, the rest is judged and written.

Idempotent by legacy id: the same rows again change nothing, whatever became of the answer. Two runs for one kind of
one system take turns.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Generic
from uuid import UUID

import asyncpg
from pydantic import BaseModel

from chassis.database import Connection
from circulation.legacy.rules import Kind, Outcome, Refusal
from circulation.legacy.wire import R, Row, Text
from circulation.places.library import Library, Shelf


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a row."""

    legacy_id: str
    outcome: Outcome
    record_id: UUID | None = None
    refusals: tuple[Refusal, ...] = ()
    place: int | None = None


@dataclass(slots=True)
class Slice(Generic[R]):
    """Some rows of one kind, with what is known of those that they are about."""

    connection: Connection
    source: str
    kind: Kind
    library: Library
    by: str
    now: datetime
    rows: Sequence[R]
    """Those that are not here yet."""
    patrons: Mapping[str, asyncpg.Record] = field(default_factory=dict)
    """By legacy id, locked."""


_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('migration ' || $1 || ' ' || $2, 0))"
_BEFORE = """
SELECT legacy_id, told, record_id FROM migrated_record
WHERE source = $1 AND kind = $2 AND legacy_id = ANY ($3::text[]) AND outcome = 'loaded'
"""
_AGAIN = "DELETE FROM migrated_record WHERE source = $1 AND kind = $2 AND legacy_id = ANY ($3::text[])"
_COLUMNS: Final = ("source", "kind", "legacy_id", "outcome", "record_id", "told", "place", "reasons")
_PATRONS = """
SELECT m.legacy_id, p.id, p.group_code FROM migrated_record m JOIN patron p ON p.id = m.record_id
WHERE m.source = $1 AND m.kind = 'patron' AND m.legacy_id = ANY ($2::text[])
ORDER BY p.id FOR NO KEY UPDATE OF p
"""


def digest(row: BaseModel) -> str:
    """What was told of a row."""
    return hashlib.sha256(row.model_dump_json().encode()).hexdigest()


async def begin(
    connection: Connection,
    shelf: Shelf,
    source: str,
    kind: Kind,
    rows: Sequence[R],
    *,
    by: str,
    now: datetime,
) -> tuple[Slice[R], list[Taken]]:
    """Take the turn, hold the configuration; the rows that are left to do, and what became of the others before."""
    await connection.execute(_LOCK, source, kind.value)
    version = await connection.fetchval("SELECT version FROM reference FOR SHARE")
    library = await shelf.library(version, by=connection)
    ids = [row.legacy_id for row in rows]
    before = {row["legacy_id"]: row for row in await connection.fetch(_BEFORE, source, kind.value, ids)}
    known, left = [], []
    for row in rows:
        if (found := before.get(row.legacy_id)) is None:
            left.append(row)
        elif found["told"] == digest(row):
            known.append(Taken(row.legacy_id, Outcome.UNCHANGED, found["record_id"]))
        else:
            why = (Refusal.TOLD_OTHERWISE,)
            known.append(Taken(row.legacy_id, Outcome.REFUSED, found["record_id"], why))
    return Slice(connection, source, kind, library, by, now, left), known


async def lock_patrons(slice_: Slice[R], legacy_ids: Sequence[str]) -> None:
    """Lock those that the rows are about, in the order in which everybody takes them."""
    rows = await slice_.connection.fetch(_PATRONS, slice_.source, sorted(set(legacy_ids)))
    slice_.patrons = {row["legacy_id"]: row for row in rows}


async def keep(slice_: Slice[R], taken: Sequence[Taken]) -> None:
    """Put down what became of the rows."""
    told = {row.legacy_id: digest(row) for row in slice_.rows}
    key = (slice_.source, slice_.kind.value)
    await slice_.connection.execute(_AGAIN, *key, list(told))
    await slice_.connection.copy_records_to_table(
        "migrated_record",
        columns=_COLUMNS,
        records=[
            (*key, each.legacy_id, each.outcome.value, each.record_id, told[each.legacy_id], each.place,
             [refusal.value for refusal in each.refusals])
            for each in taken
        ],
    )  # fmt: skip


_BY_EXTERNAL_ID = """
SELECT told.external_id, coalesce(p.id, i.patron_id) AS id
FROM unnest($1::text[]) AS told (external_id)
LEFT JOIN patron p ON p.external_id = told.external_id
LEFT JOIN patron_identifier i ON i.kind = 'external-id' AND i.value = told.external_id
"""


class MigratedPatronIn(Row):
    """A patron whom a campus load has brought: which one, by the external id."""

    external_id: Text


async def patrons(slice_: Slice[MigratedPatronIn]) -> list[Taken]:
    """Remember what patrons were known by."""
    asked = [row.external_id for row in slice_.rows]
    found = {row["external_id"]: row["id"] for row in await slice_.connection.fetch(_BY_EXTERNAL_ID, asked)}
    return [
        Taken(row.legacy_id, Outcome.LOADED, known)
        if (known := found.get(row.external_id)) is not None
        else Taken(row.legacy_id, Outcome.REFUSED, None, (Refusal.PATRON_UNKNOWN,))
        for row in slice_.rows
    ]


def refused(row: Any, refusals: Sequence[Refusal]) -> Taken:
    """A row that is not taken up."""
    return Taken(row.legacy_id, Outcome.REFUSED, None, tuple(refusals))
