"""Follows the changes of titles, and gives every harvest record its datestamp.

A datestamp is given when a change is followed, not when it was made: a transaction that began earlier and
committed later would otherwise carry a moment that harvesters have read past. One follower writes at a time,
under a lock that lists take for reading, so whatever becomes visible after a list was read has a later
datestamp than that list's answer. A loan marks its title as changed too; what harvesters are told has then not
changed, and neither does its datestamp.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.oai.membership import SetRule, Sorter
from catalog.search.loading import as_title, documents
from chassis.database import Connection
from chassis.resources import Resources

log = logging.getLogger(__name__)

BATCH: Final = 2000
SLICE: Final = 50
POLL_SECONDS: Final = 0.5
LOCK: Final = 7_234_001
"""Of the follower's writing (exclusive) and of lists' reading (shared)."""

_STATE = """
SELECT position, ready, filling, filled_to, rules, coalesce(followed_at < now() - interval '6 days', false) AS overdue
FROM oai_state
"""
"""Changes are kept for a week: who has not followed for so long must look at everything."""
_STILL_HERE = (
    "UPDATE oai_state SET followed_at = clock_timestamp() WHERE followed_at < now() - interval '1 hour'"
)
_SETS = """
SELECT code, name, description, material_types, libraries, locations, languages, formats, query
FROM oai_set ORDER BY code
"""
_HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_CHANGES = "SELECT xact, title_id FROM title_change WHERE xact > $1 AND xact < $2 ORDER BY xact, seq LIMIT $3"
_WHOLE = "SELECT DISTINCT title_id FROM title_change WHERE xact = $1"
_SOME = "SELECT id FROM title WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2"
_PLACES = "array_agg(DISTINCT b.code || '/' || l.code)"
_PLACED = "LEFT JOIN location l ON l.id = i.location_id LEFT JOIN library b ON b.id = l.library_id"
_TELLING = """
WITH own AS (
    SELECT title_id AS of, item.* FROM item WHERE title_id = ANY ($1::uuid[])
    UNION ALL
    SELECT bound.of, item.* FROM item CROSS JOIN LATERAL unnest(bound_with) AS bound (of)
    WHERE bound_with <> '{{}}' AND bound_with && $1::uuid[] AND bound.of = ANY ($1::uuid[])
), items AS (
    SELECT i.of, hashtextextended(
            string_agg(i.id || ':' || i.version || coalesce('@' || i.place, ''), ',' ORDER BY i.id), 0) AS digest,
        {places} AS places
    FROM own i JOIN holdings s ON s.id = i.holdings_id {placed}
    WHERE NOT i.suppressed AND NOT s.suppressed AND i.base_state <> 'withdrawn'
    GROUP BY i.of
), held AS (
    SELECT h.title_id, hashtextextended(string_agg(h.id || ':' || h.version, ',' ORDER BY h.id), 1) AS digest
    FROM holdings h WHERE h.title_id = ANY ($1::uuid[]) AND h.deleted_at IS NULL AND NOT h.suppressed
    GROUP BY h.title_id
)
SELECT t.id AS title_id, t.version, coalesce(i.digest, 0) # coalesce(h.digest, 0) AS digest, t.suppressed AS hidden,
    t.updated_at, i.places
FROM title t LEFT JOIN items i ON i.of = t.id LEFT JOIN held h ON h.title_id = t.id
WHERE t.id = ANY ($1::uuid[])
"""
_TOLD = _TELLING.format(places="NULL::text[]", placed="")
_TOLD_WITH_PLACES = _TELLING.format(places=_PLACES, placed=_PLACED)
"""Where items stand matters to sets alone."""
_TAKE = """
UPDATE oai_state SET position = $3, filled_to = $4, filling = $5, ready = ready OR NOT $5, rules = $6,
    followed_at = clock_timestamp()
WHERE position = $1 AND filled_to IS NOT DISTINCT FROM $2 RETURNING true
"""
_WRITING = """
INSERT INTO oai_record AS r (title_id, datestamp, deleted, title_version, holdings_digest, sets)
SELECT n.title_id, CASE WHEN {first} THEN n.updated_at ELSE clock_timestamp() END, n.hidden, n.version, n.digest,
    {sets}
FROM (SELECT * FROM {told} ORDER BY n.title_id) n
WHERE NOT n.hidden OR EXISTS (SELECT FROM oai_record o WHERE o.title_id = n.title_id)
ON CONFLICT (title_id) DO UPDATE SET datestamp = clock_timestamp(), deleted = excluded.deleted,
    title_version = excluded.title_version, holdings_digest = excluded.holdings_digest, sets = excluded.sets
WHERE (r.deleted, r.sets) IS DISTINCT FROM (excluded.deleted, excluded.sets)
    OR (NOT r.deleted AND (r.title_version, r.holdings_digest)
        IS DISTINCT FROM (excluded.title_version, excluded.holdings_digest))
RETURNING r.title_id
"""
_WRITE = _WRITING.format(
    first="$7",
    sets="coalesce(string_to_array(nullif(n.sets, ''), ' '), '{}')",
    told="""unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::boolean[], $5::text[], $6::timestamptz[])
        AS n (title_id, version, digest, hidden, sets, updated_at)""",
)
_WRITE_ALIKE = f"""
WITH told AS MATERIALIZED ({_TOLD}
), written AS ({_WRITING.format(first="$2", sets="'{}'", told="told AS n")}
), gone AS (
    UPDATE oai_record SET deleted = true, datestamp = clock_timestamp()
    WHERE title_id = ANY ($3::uuid[]) AND NOT deleted AND title_id NOT IN (SELECT title_id FROM told)
    RETURNING title_id
)
SELECT title_id FROM written UNION ALL SELECT title_id FROM gone
"""  # noqa: S608 - our own text
"""Titles as they stand, read and written at once: where there are no sets, nothing of them has to be looked at."""
_GONE = """
UPDATE oai_record SET deleted = true, datestamp = clock_timestamp()
WHERE title_id = ANY ($1::uuid[]) AND NOT deleted RETURNING title_id
"""
_LEAVE = "DELETE FROM oai_membership WHERE title_id = ANY ($1::uuid[])"
_JOIN = """
INSERT INTO oai_membership (set_spec, datestamp, title_id)
SELECT DISTINCT array_to_string((string_to_array(told, ':'))[1:depth], ':'), r.datestamp, r.title_id
FROM oai_record r, unnest(r.sets) AS told, generate_series(1, cardinality(string_to_array(told, ':'))) AS depth
WHERE r.title_id = ANY ($1::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A title as harvesters are to be told of it."""

    title_id: UUID
    version: int
    digest: int
    hidden: bool
    sets: list[str]
    updated_at: Any


@dataclass(slots=True)
class Follower:
    """Carries changes over; any number may run, one writes at a time."""

    pool: asyncpg.Pool

    async def step(self) -> int:
        """Follow the next changes, and look at the next titles when all are to be looked at; how many were read."""
        state = await self.pool.fetchrow(_STATE)
        assert state is not None
        sorter = await self.sorter()
        horizon = await self.pool.fetchval(_HORIZON)
        filling, filled_to, position = state["filling"], state["filled_to"], state["position"]
        if state["rules"] != sorter.digest() or state["overdue"]:
            filling, filled_to = True, None
        if position >= horizon:  # another server's numbers: the database has been restored elsewhere
            filling, filled_to = True, None
        if position >= horizon or (filling and not state["ready"] and filled_to is None and position == 0):
            position = horizon - 1
        changed, position = await self._changes(position, horizon)
        looked: list[UUID] = []
        if filling:
            looked = [row["id"] for row in await self.pool.fetch(_SOME, filled_to, BATCH)]
            filled_to = looked[-1] if looked else filled_to
            filling = len(looked) == BATCH
            filled_to = filled_to if filling else None
        ids = list(dict.fromkeys([*changed, *looked]))
        idle = not ids and (position, filling, filled_to, sorter.digest()) == (
            state["position"], state["filling"], state["filled_to"], state["rules"],
        )  # fmt: skip
        if idle:
            await self.pool.execute(_STILL_HERE)
            return 0
        told = await self._told(ids, sorter) if sorter.rules else None
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            taken = await connection.fetchval(
                _TAKE, state["position"], state["filled_to"], position, filled_to, filling, sorter.digest()
            )
            if taken is None:
                return len(ids)
            if told is None:
                rows = await connection.fetch(_WRITE_ALIKE, ids, not state["ready"], changed)
                await _into_sets(connection, [row["title_id"] for row in rows])
            else:
                there = {each.title_id for each in told}
                gone = [title_id for title_id in changed if title_id not in there]
                await _write(connection, told, gone, first=not state["ready"])
        return len(ids)

    async def sorter(self) -> Sorter:
        """The sets as they are configured now."""
        return Sorter.of(await set_rules(self.pool))

    async def _changes(self, after: int, horizon: int) -> tuple[list[UUID], int]:
        """What has changed behind a position, whole transactions only, and the position that this reaches."""
        rows = await self.pool.fetch(_CHANGES, after, horizon, BATCH)
        if not rows:
            return [], after
        last = rows[-1]["xact"]
        if len(rows) < BATCH:
            return [row["title_id"] for row in rows], last
        if rows[0]["xact"] == last:
            return [row["title_id"] for row in await self.pool.fetch(_WHOLE, last)], last
        return [row["title_id"] for row in rows if row["xact"] != last], max(
            row["xact"] for row in rows if row["xact"] != last
        )

    async def _told(self, ids: Sequence[UUID], sorter: Sorter) -> list[Told]:
        """The titles as they stand; those that are gone are not among them."""
        rows = await self.pool.fetch(_TOLD_WITH_PLACES, ids)
        places = {row["title_id"]: [each for each in row["places"] or () if each] for row in rows}
        sets = await self._sorted(ids, places, sorter)
        return [
            Told(
                row["title_id"],
                row["version"],
                row["digest"],
                row["hidden"],
                sets.get(row["title_id"], []),
                row["updated_at"],
            )
            for row in rows
        ]

    async def _sorted(
        self, ids: Sequence[UUID], places: Mapping[UUID, Sequence[str]], sorter: Sorter
    ) -> dict[UUID, list[str]]:
        found = await documents(self.pool, ids)

        def some(rows: Sequence[asyncpg.Record]) -> dict[UUID, list[str]]:
            return {row["id"]: sorter.sets_of(as_title(dict(row)), places.get(row["id"], ())) for row in rows}

        told: dict[UUID, list[str]] = {}
        for start in range(0, len(found), SLICE):
            told |= await asyncio.to_thread(some, found[start : start + SLICE])
        return told


async def set_rules(connection: Connection | asyncpg.Pool) -> list[SetRule]:
    """The configured sets, by code."""
    return [
        SetRule(
            code=row["code"],
            name=row["name"],
            description=row["description"],
            material_types=tuple(row["material_types"]),
            libraries=tuple(row["libraries"]),
            locations=tuple(row["locations"]),
            languages=tuple(row["languages"]),
            formats=tuple(row["formats"]),
            query=row["query"],
        )
        for row in await connection.fetch(_SETS)
    ]


async def _write(connection: Connection, told: Sequence[Told], gone: Sequence[UUID], *, first: bool) -> None:
    rows = await connection.fetch(
        _WRITE,
        [each.title_id for each in told],
        [each.version for each in told],
        [each.digest for each in told],
        [each.hidden for each in told],
        [" ".join(each.sets) for each in told],
        [each.updated_at for each in told],
        first,
    )
    written = [row["title_id"] for row in rows]
    if gone:
        written += [row["title_id"] for row in await connection.fetch(_GONE, gone)]
    await _into_sets(connection, written)


async def _into_sets(connection: Connection, written: Sequence[UUID]) -> None:
    """Their places in the lists of sets; those that they had are left."""
    if written:
        await connection.execute(_LEAVE, written)
        await connection.execute(_JOIN, written)


async def follow_for_harvesters(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    follower = Follower(resources.pool)
    while not stop.is_set():
        try:
            read = await follower.step()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            log.warning("the harvest records wait for the database", extra={"error": str(error)})
            read = 0
            await asyncio.sleep(1)
        if read < BATCH:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue
