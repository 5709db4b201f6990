"""Timers run under a lease: an advisory lock lets one process at a time do each, whoever is there."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from chassis import faults, outbox, tracing
from chassis.metrics import TIMERS
from chassis.resources import Resources, Timer
from contracts.events import Actor

log = logging.getLogger(__name__)

LOOK_AROUND = timedelta(seconds=1)

_DUE = """
INSERT INTO lease (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name
RETURNING last_run_at
"""
_DONE = (
    "UPDATE lease SET last_run_at = $2, last_took = clock_timestamp() - $3, last_error = $4 WHERE name = $1"
)


async def run_timers(resources: Resources, timers: Sequence[Timer], stop: asyncio.Event) -> None:
    """Look every second which timers are due, and run them one after another."""
    while not stop.is_set():
        for timer in timers:
            try:
                await run_if_due(resources, timer)
            except (
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ) as error:
                log.warning(
                    "a timer could not look", extra={"timer": timer.name, "error": faults.told(error)}
                )
            if stop.is_set():
                return
        try:
            await asyncio.wait_for(stop.wait(), LOOK_AROUND.total_seconds())
        except TimeoutError:
            continue


async def run_if_due(resources: Resources, timer: Timer) -> bool:
    """Run the timer if its time has come and nobody else is at it; whether it ran."""
    now = resources.clock()
    async with resources.pool.acquire() as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtext($1))", f"timer {timer.name}"):
            return False
        try:
            last = await connection.fetchval(_DUE, timer.name)
            if last is not None and now - last < timer.every:
                return False
            await _run(resources, timer, now, connection)
        finally:
            await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", f"timer {timer.name}")
    return True


async def _run(
    resources: Resources, timer: Timer, now: datetime, connection: asyncpg.pool.PoolConnectionProxy
) -> None:
    began = await connection.fetchval("SELECT clock_timestamp()")
    failure: str | None = None
    with tracing.span(f"timer {timer.name}", None, carrel__service=resources.name) as (traceparent, begun):
        token = outbox.origin.set(resources.origin(Actor("system", f"timer:{timer.name}"), traceparent))
        try:
            await timer.tick(resources, now)
        except Exception as error:
            failure = faults.told(error)[:500]
            log.exception("a timer failed", extra={"timer": timer.name})
            if begun is not None:
                tracing.failed(begun, type(error).__name__)
        finally:
            outbox.origin.reset(token)
    TIMERS.labels(resources.name, timer.name, "failed" if failure else "done").inc()
    await connection.execute(_DONE, timer.name, now, began, failure)


async def house_keeping(resources: Resources, now: datetime) -> None:
    """Partitions of the outbox ahead and past; inbox and idempotency rows past keeping."""
    async with resources.pool.acquire() as connection:
        await outbox.keep_partitions(connection, today=now.date())
        await connection.execute("DELETE FROM inbox WHERE received_at < $1", now - timedelta(days=36))
        await connection.execute("DELETE FROM idempotency WHERE created_at < $1", now - timedelta(days=2))


HOUSE_KEEPING = Timer("house-keeping", timedelta(hours=1), house_keeping)
