"""One slice of an import in one transaction: titles, holdings, items, outcomes, events, and how far we are."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from catalog.imports.itemising import Shelving
from catalog.imports.places import Places
from catalog.imports.reading import KEPT_ORIGINAL, Prepared
from catalog.imports.rules import Outcome, reason, record_outcome
from catalog.items.announcing import batches, states_on
from catalog.search.ready import Entry
from catalog.titles.facts import TitleColumns, summary
from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from contracts.catalog import TitlesImported, TitleSummary
from contracts.events import Event

BATCH: Final = 500


class LostJob(Exception):
    """Somebody else has committed this slice."""


@dataclass(slots=True)
class Known:
    """A title that was here before."""

    id: UUID
    version: int
    record: bytes
    title: str
    author: str | None
    suppressed: bool
    deleted: bool = False
    """It was taken out of the catalogue; a record that comes again brings it back."""
    merged_into: UUID | None = None
    """The title that it was merged into, to which its items go; that title's record is left as it is."""


@dataclass(slots=True)
class Written:
    """What a slice has come to."""

    counts: Counter[str] = field(default_factory=Counter)
    outcomes: list[tuple[Prepared, Outcome, UUID | None]] = field(default_factory=list)
    created: list[tuple[UUID, TitleColumns]] = field(default_factory=list)
    updated: list[tuple[Known, TitleColumns]] = field(default_factory=list)
    present: dict[UUID, TitleColumns] = field(default_factory=dict)
    """Every title that items may belong to."""
    entries: dict[UUID, bytes] = field(default_factory=dict)
    """Of created titles: what their records tell the index."""
    cancelling: bool = False
    """Whether the job is to be cancelled."""


_KNOWN = """
SELECT id, version, match_key, record, title, author, suppressed, deleted_at, merged_into FROM title
WHERE match_key = ANY ($1::text[]) ORDER BY id FOR UPDATE
"""
_SURVIVORS = "SELECT FROM title WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE"
_SEEN = "SELECT title_id FROM import_outcome WHERE import_id = $1 AND title_id = ANY ($2::uuid[])"
_NUMBERS = """
WITH given AS MATERIALIZED (SELECT pg_get_serial_sequence('title', 'hrid')::regclass AS by)
SELECT array_agg(nextval(given.by)) FROM given, generate_series(1, $1::int)
"""
TITLE_COLUMNS: Final = (
    "id",
    "match_key",
    "control_number",
    "control_agency",
    "title",
    "subtitle",
    "author",
    "year",
    "format",
    "record",
    "created_at",
    "updated_at",
)
_KEEP = """
INSERT INTO title_version (title_id, version, record, suppressed, replaced_at, replaced_by)
SELECT id, version, record, suppressed, $2, $3 FROM title WHERE id = ANY ($1::uuid[])
"""
_UPDATE = """
UPDATE title t SET version = version + 1, match_key = n.match_key, control_number = n.control_number,
    control_agency = n.control_agency, title = n.title, subtitle = n.subtitle, author = n.author, year = n.year,
    format = n.format, record = n.record, updated_at = $11, suppressed = t.suppressed AND t.deleted_at IS NULL,
    deleted_at = NULL
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
    $9::text[], $10::bytea[]) AS n (id, match_key, control_number, control_agency, title, subtitle, author, year,
    format, record)
WHERE t.id = n.id
"""
_OUTCOMES = """
INSERT INTO import_outcome (import_id, ordinal, position, control_number, outcome, title_id, reasons, original)
SELECT $1, o.ordinal, o.position, o.control_number, o.outcome, o.title_id, o.reasons::jsonb, o.original
FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::bytea[])
    AS o (ordinal, position, control_number, outcome, title_id, reasons, original)
"""
_PROGRESS = """
UPDATE import_job SET version = version + 1, position = $3, records_read = records_read + $4,
    created = created + $5, updated = updated + $6, unchanged = unchanged + $7, duplicate = duplicate + $8,
    discarded = discarded + $9, rejected = rejected + $10, failed = failed + $11,
    items_created = items_created + $12, items_updated = items_updated + $13,
    items_unchanged = items_unchanged + $14, item_problems = item_problems + $15
WHERE id = $1 AND records_read = $2 AND state = 'running' RETURNING cancelling
"""
_BUMP = """
UPDATE item SET version = version + 1, updated_at = $2 WHERE title_id = ANY ($1::uuid[]) AND NOT id = ANY ($3::uuid[])
RETURNING id
"""


async def write_slice(
    connection: Connection,
    job: asyncpg.Record,
    places: Places,
    records: Sequence[Prepared],
    *,
    read_before: int,
    end: int,
    by: str,
    now: datetime,
    offered: dict[UUID, Entry],
) -> Written:
    """Store a slice. Runs inside the caller's transaction; what the index needs to know of new titles is `offered`."""
    await places.refresh(connection)
    told = await decide(connection, job["id"], records)
    hrids = await _write_titles(connection, told, by=by, now=now)
    shelving = Shelving(places, job["default_location_id"], now)
    await shelving.shelve(connection, told.outcomes, told.present, new={id_ for id_, _ in told.created})
    await _write_outcomes(connection, job["id"], told)
    changed = [
        *(title_id for title_id, _ in told.created),
        *(known.id for known, _ in told.updated),
        *shelving.touched,
    ]
    if changed:
        await connection.copy_records_to_table(
            "title_change",
            records=[(title_id,) for title_id in dict.fromkeys(changed)],
            columns=["title_id"],
        )
        await connection.execute("SELECT pg_notify('title_change', '')")
    await outbox.record(connection, await _events(connection, job["id"], told, shelving, now))
    cancelling = await connection.fetchval(
        _PROGRESS,
        job["id"],
        read_before,
        end,
        len(records),
        *(told.counts[outcome] for outcome in Outcome),
        shelving.created,
        shelving.updated,
        shelving.unchanged,
        shelving.problems,
    )
    if cancelling is None:
        raise LostJob
    told.cancelling = bool(cancelling)
    for (title_id, _), hrid in zip(told.created, hrids, strict=True):
        if (entry := told.entries.get(title_id)) is not None:
            offered[title_id] = (entry, shelving.copies(title_id, hrid))
    return told


async def decide(connection: Connection, import_id: UUID, records: Sequence[Prepared]) -> Written:
    """What becomes of each record; the titles that are here already are locked."""
    keys = [each.columns.match_key for each in records if each.columns is not None]
    known = {
        row["match_key"]: Known(
            row["id"],
            row["version"],
            row["record"],
            row["title"],
            row["author"],
            row["suppressed"] and row["deleted_at"] is None,
            row["deleted_at"] is not None,
            row["merged_into"],
        )
        for row in await connection.fetch(_KNOWN, keys)
    }
    if survivors := [each.merged_into for each in known.values() if each.merged_into is not None]:
        await connection.execute(_SURVIVORS, survivors)
    seen: set[UUID] = set()
    if known:
        rows = await connection.fetch(_SEEN, import_id, [each.id for each in known.values()])
        seen = {row["title_id"] for row in rows}
    told = Written()
    new: dict[str, UUID] = {}
    for each in records:
        _decide_one(each, known, seen, new, told)
    told.counts.update(outcome.value for _, outcome, _ in told.outcomes)
    return told


def _decide_one(
    each: Prepared, known: dict[str, Known], seen: set[UUID], new: dict[str, UUID], told: Written
) -> None:
    if each.columns is None:
        assert each.outcome is not None
        told.outcomes.append((each, each.outcome, None))
        return
    key = each.columns.match_key
    here = known.get(key)
    if here is not None and here.merged_into is not None:
        told.present.setdefault(here.merged_into, each.columns)
        told.outcomes.append((each, Outcome.DUPLICATE, here.merged_into))
        return
    outcome = record_outcome(
        known=here is not None,
        seen_in_file=key in new or (here is not None and here.id in seen),
        same=here is not None and not here.deleted and here.record == each.columns.record,
        lossy=each.lossy,
    )
    title_id = here.id if here is not None else new.get(key)
    if outcome is Outcome.REJECTED:
        each.reasons.append(
            reason("damaged", "The record lost content, and must not overwrite the whole one that is here.")
        )
        told.outcomes.append((each, outcome, None))
        return
    if outcome is Outcome.CREATED:
        title_id = new[key] = uuid7()
        told.created.append((title_id, each.columns))
        if each.entry is not None:
            told.entries[title_id] = each.entry
    elif here is not None and outcome is Outcome.UPDATED:
        told.updated.append((here, each.columns))
    assert title_id is not None
    if outcome is not Outcome.DUPLICATE:
        seen.add(title_id)
        told.present[title_id] = each.columns
    else:
        told.present.setdefault(title_id, each.columns)
    told.outcomes.append((each, outcome, title_id))


async def _write_titles(connection: Connection, told: Written, *, by: str, now: datetime) -> list[int]:
    """Write them; the numbers that the new ones were given."""
    hrids: list[int] = []
    if told.created:
        hrids = await connection.fetchval(_NUMBERS, len(told.created))
        await connection.copy_records_to_table(
            "title",
            records=[
                (
                    title_id,
                    hrid,
                    each.match_key,
                    each.control_number,
                    each.control_agency,
                    each.title,
                    each.subtitle,
                    each.author,
                    each.year,
                    each.format,
                    each.record,
                    now,
                    now,
                )
                for (title_id, each), hrid in zip(told.created, hrids, strict=True)
            ],
            columns=("id", "hrid", *TITLE_COLUMNS[1:]),
        )
    if told.updated:
        ids = [known.id for known, _ in told.updated]
        await connection.execute(_KEEP, ids, now, by)
        names = TITLE_COLUMNS[1:10]
        await connection.execute(
            _UPDATE, ids, *([getattr(each, name) for _, each in told.updated] for name in names), now
        )
    return hrids


async def _write_outcomes(connection: Connection, import_id: UUID, told: Written) -> None:
    rows = told.outcomes
    await connection.execute(
        _OUTCOMES,
        import_id,
        [each.ordinal for each, _, _ in rows],
        [each.position for each, _, _ in rows],
        [each.control_number for each, _, _ in rows],
        [outcome.value for _, outcome, _ in rows],
        [title_id for _, _, title_id in rows],
        [orjson.dumps(each.reasons).decode() if each.reasons else "[]" for each, _, _ in rows],
        [
            each.raw[:KEPT_ORIGINAL] if outcome in (Outcome.REJECTED, Outcome.FAILED) else None
            for each, outcome, _ in rows
        ],
    )


async def _events(
    connection: Connection, import_id: UUID, told: Written, shelving: Shelving, now: datetime
) -> list[Event]:
    """Everything that was made or changed, in batches."""
    retold = [
        known.id for known, each in told.updated if (known.title, known.author) != (each.title, each.author)
    ]
    changed = list(shelving.changed)
    if retold:
        changed += [row["id"] for row in await connection.fetch(_BUMP, retold, now, shelving.written)]
    states = shelving.announced
    if changed:
        states = [*states, *await states_on(connection, changed)]
    titles: list[TitleSummary] = [
        summary(title_id, 1, each, suppressed=False) for title_id, each in told.created
    ]
    titles += [
        summary(known.id, known.version + 1, each, suppressed=known.suppressed)
        for known, each in told.updated
    ]
    events: list[Event] = list(batches(states, now=now))
    for start in range(0, len(titles), BATCH):
        part = tuple(titles[start : start + BATCH])
        events.append(
            TitlesImported(version=1, occurred_at=now, batch_id=uuid7(), import_id=import_id, titles=part)
        )
    return events
