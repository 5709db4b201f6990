"""Titles find their works: changes are followed, and every title is looked at once, or again when that is asked for."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.marc.storage import unpack
from catalog.works.grouping import LOCK, Connection, regroup, tell
from catalog.works.rules import contained, work_keys
from catalog.works.together import Keyed, place_all
from chassis.resources import Resources

log = logging.getLogger(__name__)

BATCH: Final = 200
POLL_SECONDS: Final = 2.0
_LOCKED = "SELECT pg_advisory_xact_lock($1)"
_STATE = """
SELECT position, passed, followed_at < now() - interval '6 days' AS overdue,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
FROM work_state
"""
_CHANGES = "SELECT xact, title_id FROM title_change WHERE xact > $1 AND xact < $2 ORDER BY xact, seq LIMIT $3"
_WHOLE = "SELECT title_id FROM title_change WHERE xact = $1"
_NEXT = "SELECT id, hrid FROM title WHERE hrid > $1 ORDER BY hrid LIMIT $2"
_TITLES = """
SELECT id, record, deleted_at IS NOT NULL OR merged_into IS NOT NULL AS gone FROM title WHERE id = ANY ($1::uuid[])
ORDER BY hrid
"""
_PARTS = """
WITH told AS (SELECT title_id, key FROM unnest($2::uuid[], $3::text[]) AS t (title_id, key)),
gone AS (
    DELETE FROM work_part p WHERE p.title_id = ANY ($1::uuid[])
    AND NOT EXISTS (SELECT FROM told t WHERE t.title_id = p.title_id AND t.key = p.key)
)
INSERT INTO work_part (title_id, key) SELECT title_id, key FROM told ON CONFLICT DO NOTHING
"""
_TAKE = "UPDATE work_state SET position = $1, passed = $2, followed_at = now()"


async def step(pool: asyncpg.Pool) -> int:
    """Follow some changes and look at some titles, in one transaction; how many were looked at."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_LOCKED, LOCK)
        state = await connection.fetchrow(_STATE)
        assert state is not None
        position, passed, horizon = state["position"], state["passed"], state["horizon"]
        if (
            state["overdue"] or position >= horizon
        ):  # changes have been dropped, or the database came from elsewhere
            passed = 0
        if position >= horizon or (position == 0 and passed == 0):
            position = horizon - 1
        ids, position = await _changes(connection, position, horizon)
        looked: set[UUID] = set()
        if passed is not None:
            rows = await connection.fetch(_NEXT, passed, BATCH)
            looked = {row["id"] for row in rows}
            passed = rows[-1]["hrid"] if len(rows) == BATCH else None
        if ids or looked or (position, passed) != (state["position"], state["passed"]):
            titles = await connection.fetch(_TITLES, list({*ids, *looked}))
            keyed, parts = await asyncio.to_thread(_keyed, titles)
            now = await connection.fetchval("SELECT now()")
            placed = await place_all(connection, keyed, looked, now=now)
            apart = [
                made
                for work_id in sorted(placed.loosened)
                for made in await regroup(connection, work_id, now=now)
            ]
            await tell(connection, placed.moved, [*placed.loosened, *placed.joined, *apart])
            if placed.known or parts:
                await connection.execute(
                    _PARTS, placed.known, [each[0] for each in parts], [each[1] for each in parts]
                )
            await connection.execute(_TAKE, position, passed)
    return len(ids) + len(looked)


def _keyed(rows: Sequence[Any]) -> tuple[list[Keyed], list[tuple[UUID, str]]]:
    """Each title's keys, and those of the works that it contains, title by title."""
    keyed: list[Keyed] = []
    parts: dict[tuple[UUID, str], None] = {}
    for row in rows:
        if row["gone"]:
            keyed.append((row["id"], [], True))
            continue
        record = unpack(row["record"])
        keyed.append((row["id"], work_keys(record), False))
        parts |= dict.fromkeys((row["id"], key) for each in contained(record) for key in each.keys)
    return keyed, list(parts)


async def _changes(connection: Connection, after: int, horizon: int) -> tuple[list[UUID], int]:
    """What has changed behind a position, whole transactions only, and the position that this reaches."""
    rows = await connection.fetch(_CHANGES, after, horizon, BATCH)
    if not rows:
        return [], after
    last = rows[-1]["xact"]
    if len(rows) < BATCH:
        return [row["title_id"] for row in rows], last
    if rows[0]["xact"] == last:
        return [row["title_id"] for row in await connection.fetch(_WHOLE, last)], last
    kept = [row for row in rows if row["xact"] != last]
    return [row["title_id"] for row in kept], kept[-1]["xact"]


async def group_titles(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    while not stop.is_set():
        try:
            looked = await step(resources.pool)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
            log.warning("works wait for the database", extra={"error": str(error)})
            looked = 0
        if looked < BATCH:
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue
