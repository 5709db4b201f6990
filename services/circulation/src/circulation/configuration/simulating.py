"""Simulations: a draft, a version or a document tried on past loans and holds, as a job that may be cancelled.

A job is held by an advisory lock, which dies with its holder: whoever comes next begins it anew. The rows are
streamed in one snapshot, a few thousand at a time; nothing of the library's own is locked or written.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from chassis.json import dumped
from chassis.resources import Resources
from circulation.configuration.judging import Judge
from circulation.places.documents import ConfigurationDoc
from circulation.places.library import Library, library_of

log = logging.getLogger(__name__)

BATCH: Final = 2000
"""Rows judged between two breaths: other work of the process goes on meanwhile."""
IDLE_SECONDS: Final = 0.5

_LOANS = """
SELECT l.patron_group, i.location, i.library, i.campus, i.institution, i.material_type, i.loan_type,
    l.service_point_id, l.id, l.lent_at, l.returned_at, l.renewals, l.due_zone, i.price_minor,
    i.price_currency
FROM loan l JOIN item i ON i.id = l.item_id WHERE l.lent_at >= $1 AND l.lent_at < $2
"""
_HOLDS = """
SELECT p.group_code, i.location, i.library, i.campus, i.institution, i.material_type, i.loan_type,
    h.pickup_id, h.id, h.kind, h.level, h.level = 'title' AND EXISTS (
        SELECT FROM item o WHERE o.title_ids @> ARRAY[h.title_id] AND o.base <> 'withdrawn'
          AND coalesce(o.volume_key, '') <> coalesce(i.volume_key, ''))
FROM hold h JOIN patron p ON p.id = h.patron_id
JOIN item i ON i.id = coalesce(h.item_id, (
    SELECT (array_agg(c.id ORDER BY coalesce(c.volume_key = h.volume_key, false) DESC, c.id))[1]
    FROM item c WHERE c.title_ids @> ARRAY[h.title_id]
))
WHERE h.placed_at >= $1 AND h.placed_at < $2
"""
_TOTAL = """
SELECT (SELECT count(*) FROM loan WHERE lent_at >= $1 AND lent_at < $2)
     + (SELECT count(*) FROM hold WHERE placed_at >= $1 AND placed_at < $2)
"""
_TAKE = """
SELECT id FROM simulation WHERE state IN ('queued', 'running') ORDER BY id LIMIT 10
"""
_START = """
UPDATE simulation SET state = 'running', started_at = coalesce(started_at, $2), total = $3, done = 0
WHERE id = $1 AND state IN ('queued', 'running') RETURNING *
"""
_PROGRESS = "UPDATE simulation SET done = $2 WHERE id = $1 RETURNING cancelling"
_FINISH = """
UPDATE simulation SET state = $2, finished_at = $3, counts = $4, by_rule = $5, examples = $6, error = $7, done = $8
WHERE id = $1
"""


class _Cancelled(Exception):
    """Somebody has thought better of it."""


class _Stopping(Exception):
    """The process ends: the job is left for the next one."""


async def simulate(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: one simulation after another until told to stop."""
    while not stop.is_set():
        try:
            worked = await simulate_once(resources, stop)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("a simulation waits for the database", extra={"error": str(error)})
            worked = False
            await asyncio.sleep(1)
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def simulate_once(resources: Resources, stop: asyncio.Event, *, batch: int = BATCH) -> bool:
    """Take a simulation that nobody is at, and carry it through; whether there was one."""
    if not (waiting := await resources.pool.fetch(_TAKE)):
        return False
    async with resources.pool.acquire() as connection:
        for row in waiting:
            name = f"simulation {row['id']}"
            if await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", name):
                try:
                    return await _carry(resources, connection, row["id"], stop, batch)
                finally:
                    if not connection.is_closed():
                        await connection.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", name)
    return False


async def _carry(
    resources: Resources,
    connection: asyncpg.pool.PoolConnectionProxy,
    job_id: UUID,
    stop: asyncio.Event,
    batch: int,
) -> bool:
    span = await connection.fetchrow("SELECT from_at, until_at FROM simulation WHERE id = $1", job_id)
    assert span is not None
    total = await connection.fetchval(_TOTAL, span["from_at"], span["until_at"])
    job = await connection.fetchrow(_START, job_id, resources.clock(), total)
    if job is None:
        return False
    judge: Judge | None = None
    done, state, error = 0, "finished", None
    try:
        judge = await _judge(connection, job)
        async for done in _judged(resources.pool, judge, job, batch):
            if await connection.fetchval(_PROGRESS, job_id, done):
                raise _Cancelled
            if stop.is_set():
                raise _Stopping
    except _Cancelled:
        state = "cancelled"
    except _Stopping:
        return True
    except (asyncpg.PostgresError, OSError, asyncpg.InterfaceError):
        raise
    except Exception as fault:
        log.exception("a simulation failed", extra={"simulation": str(job_id)})
        state, error = "failed", f"{type(fault).__name__}: {fault}"[:500]
    await _finish(connection, job_id, judge, state, error, done, now=resources.clock())
    return True


async def _judge(connection: asyncpg.pool.PoolConnectionProxy, job: asyncpg.Record) -> Judge:
    """Both configurations, put together."""
    rows = await connection.fetch("SELECT code, id FROM service_point")
    points = {row["code"]: row["id"] for row in rows}
    base = await connection.fetchval(
        "SELECT document FROM configuration_version WHERE version = $1", job["base_version"]
    )

    def library(document: Any) -> Library:
        return library_of(job["base_version"], ConfigurationDoc.model_validate(document), points)

    return Judge(library(base), library(job["document"]), job["examples_wanted"])


async def _judged(pool: asyncpg.Pool, judge: Judge, job: asyncpg.Record, batch: int) -> AsyncIterator[int]:
    """Judge everything in one snapshot; after each batch, how far it has come."""
    done = 0
    async with (
        pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute("SET LOCAL cursor_tuple_fraction = 1.0")
        for statement, one in ((_LOANS, judge.loan), (_HOLDS, judge.hold)):
            cursor = await connection.cursor(statement, job["from_at"], job["until_at"])
            while rows := await cursor.fetch(batch):
                for row in rows:
                    one(row)  # type: ignore[arg-type]  # a record is read by position
                done += len(rows)
                yield done
                await asyncio.sleep(0)


async def _finish(
    connection: asyncpg.pool.PoolConnectionProxy,
    job_id: UUID,
    judge: Judge | None,
    state: str,
    error: str | None,
    done: int,
    *,
    now: datetime,
) -> None:
    by_rule = [
        {"line_before": lines[0], "line_after": lines[1], **counts}
        for lines, counts in sorted(judge.by_rule.items() if judge else ())
    ]
    examples = _plain(judge.examples if judge else [])
    counts = judge.summed() if judge else {}
    await connection.execute(_FINISH, job_id, state, now, counts, by_rule, examples, error, done)


def _plain(examples: list[dict[str, Any]]) -> Any:
    """As JSON has it."""
    return orjson.loads(dumped(examples))
