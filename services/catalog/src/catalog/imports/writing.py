"""One slice of an import in one transaction: titles, holdings, items, outcomes, events, and how far we are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
import orjson

from catalog.imports.deciding import NewTitles, Written, by_number
from catalog.imports.itemising import Shelved, Shelving
from catalog.imports.matched import by_profile
from catalog.imports.places import Places
from catalog.imports.reading import KEPT_ORIGINAL, Prepared
from catalog.imports.rules import KEEPING, Outcome
from catalog.imports.statements import NUMBERS
from catalog.imports.telling import imported, new_items, title
from catalog.items.announcing import batches, states_on
from catalog.legacy import commands as legacy
from catalog.profiles.rules import Plan
from catalog.search.ready import Entry
from chassis import outbox
from chassis.database import Connection
from contracts.events import Event


class LostJob(Exception):
    """Somebody else has committed this slice."""


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
    "keys",
    "suppressed",
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
    format = n.format, record = n.record, keys = string_to_array(n.keys, chr(10)), updated_at = $13,
    suppressed = t.suppressed AND t.deleted_at IS NULL, deleted_at = NULL,
    brief_since = CASE WHEN n.whole THEN NULL ELSE t.brief_since END
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
    $9::text[], $10::bytea[], $11::text[], $12::boolean[]) AS n (id, match_key, control_number, control_agency,
    title, subtitle, author, year, format, record, keys, whole)
WHERE t.id = n.id
"""
_OUTCOMES = """
INSERT INTO import_outcome (import_id, ordinal, position, control_number, outcome, title_id, reasons, original,
    title_version, matching, proposal)
SELECT $1, o.ordinal, o.position, o.control_number, o.outcome, o.title_id, o.reasons::jsonb, o.original,
    o.title_version, o.matching::jsonb, o.proposal
FROM unnest($2::int[], $3::bigint[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::bytea[], $9::bigint[],
    $10::text[], $11::bytea[])
    AS o (ordinal, position, control_number, outcome, title_id, reasons, original, title_version, matching, proposal)
"""
_CREATED_COLUMNS: Final = (
    "import_id", "ordinal", "position", "control_number", "outcome", "title_id", "title_version",
)  # fmt: skip
_PROGRESS = """
UPDATE import_job SET version = version + 1, position = $3, records_read = records_read + $4,
    created = created + $5, updated = updated + $6, unchanged = unchanged + $7, duplicate = duplicate + $8,
    discarded = discarded + $9, matched_many = matched_many + $10, rejected = rejected + $11, failed = failed + $12,
    items_created = items_created + $13, items_updated = items_updated + $14,
    items_unchanged = items_unchanged + $15, item_problems = item_problems + $16
WHERE id = $1 AND records_read = $2 AND state = 'running' RETURNING cancelling
"""
_BUMP = """
UPDATE item SET version = version + 1, updated_at = $2 WHERE title_id = ANY ($1::uuid[]) AND NOT id = ANY ($3::uuid[])
RETURNING id
"""


@dataclass(slots=True)
class Rehearsal:
    """What a dry run has made so far, were it none: the next slices must find it."""

    titles: NewTitles = field(default_factory=NewTitles)
    items: Shelved = field(default_factory=dict)


async def write_slice(
    connection: Connection,
    job: asyncpg.Record,
    plan: Plan,
    places: Places,
    records: Sequence[Prepared],
    *,
    read_before: int,
    end: int,
    by: str,
    now: datetime,
    offered: dict[UUID, Entry],
    rehearsal: Rehearsal | None = None,
) -> Written:
    """Store a slice. Runs inside the caller's transaction; what the index needs to know of new titles is `offered`.

    With a rehearsal everything is decided as without one, and only the outcomes are written.
    """
    await places.refresh(connection)
    decide = by_number if plan.plain else by_profile
    new = NewTitles(before=rehearsal.titles if rehearsal is not None else None)
    told = await decide(connection, job["id"], plan, records, new)
    shelving = Shelving(places, job["default_location_id"], now, plan=plan, import_id=job["id"])
    if rehearsal is not None:
        await shelving.rehearse(connection, told.outcomes, told.present, new=new, before=rehearsal.items)
    else:
        hrids = await _write_titles(connection, told, plan, places, by=by, now=now)
        await shelving.shelve(connection, told.outcomes, told.present, new=new, by=by)
        if plan.legacy is not None:
            await _keep_legacy_ids(connection, plan.legacy.source, job["id"], told, shelving)
    await _write_outcomes(connection, job["id"], told, new if rehearsal is not None else None)
    if rehearsal is None:
        await _tell(connection, job["id"], told, plan, shelving, now)
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
    if rehearsal is not None:
        rehearsal.titles.absorb(new)
        rehearsal.items |= shelving.written_by_barcode()
    else:
        for (title_id, _), hrid in zip(told.created, hrids, strict=True):
            if (entry := told.entries.get(title_id)) is not None:
                offered[title_id] = (entry, shelving.copies(title_id, hrid))
    return told


async def _keep_legacy_ids(
    connection: Connection, source: str, import_id: UUID, told: Written, shelving: Shelving
) -> None:
    """What titles and items were known by where they are brought from."""
    titles = {
        each.legacy_id: title_id
        for each, _, title_id in reversed(told.outcomes)  # the first that has an id counts
        if title_id is not None and each.legacy_id is not None
    }
    for kind, ids in (("title", titles), ("item", shelving.legacy)):
        await legacy.keep(connection, source, kind, ids, import_id=import_id)


async def _tell(
    connection: Connection, import_id: UUID, told: Written, plan: Plan, shelving: Shelving, now: datetime
) -> None:
    """The index and other services hear of everything that was made or changed."""
    changed = [
        *(title_id for title_id, _ in told.created),
        *(known.id for known, _, _ in told.updated),
        *shelving.touched,
    ]
    if changed:
        await connection.copy_records_to_table(
            "title_change",
            records=[(title_id,) for title_id in dict.fromkeys(changed)],
            columns=["title_id"],
        )
        await connection.execute("SELECT pg_notify('title_change', '')")
    await outbox.record(connection, await _events(connection, import_id, told, plan, shelving, now))


async def _write_titles(
    connection: Connection, told: Written, plan: Plan, places: Places, *, by: str, now: datetime
) -> list[int]:
    """Write them; the numbers that the new ones were given."""
    hrids: list[int] = []
    if told.created:
        hrids = await connection.fetchval(NUMBERS["title"], len(told.created))
        prefix = places.prefixes["title"]
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
                    each.keys,
                    plan.suppress,
                    now,
                    now,
                    prefix,
                )
                for (title_id, each), hrid in zip(told.created, hrids, strict=True)
            ],
            columns=("id", "hrid", *TITLE_COLUMNS[1:], "hrid_prefix"),
        )
    if told.updated:
        ids = [known.id for known, _, _ in told.updated]
        await connection.execute(_KEEP, ids, now, by)
        names = TITLE_COLUMNS[1:10]
        await connection.execute(
            _UPDATE,
            ids,
            *([getattr(each, name) for _, each, _ in told.updated] for name in names),
            ["\n".join(each.keys) for _, each, _ in told.updated],
            [whole for _, _, whole in told.updated],
            now,
        )
    return hrids


async def _write_outcomes(
    connection: Connection, import_id: UUID, told: Written, imagined: NewTitles | None
) -> None:
    """What became of each record; of a dry run (`imagined`: titles that only it knows) with what it would have made."""
    rows = told.outcomes
    plainly = imagined is None and not told.matching and len(told.created) == len(rows)
    if plainly and not any(each.reasons for each, _, _ in rows):
        await _write_created(connection, import_id, rows)
        return
    versions = {title_id: 1 for title_id, _ in told.created}
    versions |= {known.id: known.version + 1 for known, _, _ in told.updated}
    proposals: dict[UUID, bytes] = {}
    if imagined is not None:
        proposals = {title_id: each.record for title_id, each in told.created}
        proposals |= {known.id: each.record for known, each, _ in told.updated}
    wrote = (Outcome.CREATED, Outcome.UPDATED)
    await connection.execute(
        _OUTCOMES,
        import_id,
        [each.ordinal for each, _, _ in rows],
        [each.position for each, _, _ in rows],
        [each.control_number for each, _, _ in rows],
        [outcome.value for _, outcome, _ in rows],
        [None if imagined is not None and title_id in imagined else title_id for _, _, title_id in rows],
        [orjson.dumps(each.reasons).decode() if each.reasons else "[]" for each, _, _ in rows],
        [each.raw[:KEPT_ORIGINAL] if outcome in KEEPING else None for each, outcome, _ in rows],
        [versions.get(title_id) if title_id and outcome in wrote else None for _, outcome, title_id in rows],
        [
            orjson.dumps(told.matching[each.ordinal]).decode() if each.ordinal in told.matching else None
            for each, _, _ in rows
        ],
        [proposals.get(title_id) if title_id and outcome in wrote else None for _, outcome, title_id in rows],
    )


async def _write_created(
    connection: Connection, import_id: UUID, rows: Sequence[tuple[Prepared, Outcome, UUID | None]]
) -> None:
    """Every record has become a title, and there is nothing to say of any."""
    created = Outcome.CREATED.value
    await connection.copy_records_to_table(
        "import_outcome",
        records=[
            (import_id, each.ordinal, each.position, each.control_number, created, title_id, 1)
            for each, _, title_id in rows
        ],
        columns=_CREATED_COLUMNS,
    )


async def _events(
    connection: Connection, import_id: UUID, told: Written, plan: Plan, shelving: Shelving, now: datetime
) -> list[Event | outbox.Plain]:
    """Everything that was made or changed, in batches."""
    retold = [
        known.id
        for known, each, _ in told.updated
        if (known.title, known.author) != (each.title, each.author)
    ]
    changed = list(shelving.changed)
    if retold:
        changed += [row["id"] for row in await connection.fetch(_BUMP, retold, now, shelving.written)]
    states = await states_on(connection, changed) if changed else []
    titles = [title(title_id, 1, each, suppressed=plan.suppress) for title_id, each in told.created]
    titles += [
        title(known.id, known.version + 1, each, suppressed=known.suppressed)
        for known, each, _ in told.updated
    ]
    return [
        *new_items(shelving.announced, now=now),
        *batches(states, now=now),
        *await shelving.events(connection),
        *imported(titles, import_id=import_id, now=now),
    ]
