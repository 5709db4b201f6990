"""How a worker goes on: one turn after another until told to stop, each with a job that nobody else is at."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy.exc import DBAPIError

from chassis.database import Connection

log = logging.getLogger(__name__)

AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError)
"""The database or the disk is not to be had just now: a job waits, and goes on behind what it has committed."""
AGAIN_SECONDS: Final = 1.0
_TAKE: Final = "SELECT pg_try_advisory_lock(hashtext($1), hashtext($2))"
_GIVE_BACK: Final = "SELECT pg_advisory_unlock(hashtext($1), hashtext($2))"


async def in_turns(
    turn: Callable[[], Awaitable[bool]], stop: asyncio.Event, *, of: str, idle_seconds: float
) -> None:
    """Turn after turn; after one that found nothing to do, a rest. `of` says whose turns they are, for the log."""
    while not stop.is_set():
        try:
            worked = await turn()
        except AWAY as error:
            log.warning("%s wait for the database or the disk", of, extra={"error": str(error)})
            worked = False
            await _rest(stop, AGAIN_SECONDS)
        if not worked:
            await _rest(stop, idle_seconds)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


@contextlib.asynccontextmanager
async def held(connection: Connection, kind: str, job_id: UUID) -> AsyncIterator[bool]:
    """Whether a job is ours as long as this lasts. The lock dies with its holder, whatever befalls it."""
    mine = bool(await connection.fetchval(_TAKE, kind, str(job_id)))
    try:
        yield mine
    finally:
        if mine and not connection.is_closed():
            await connection.fetchval(_GIVE_BACK, kind, str(job_id))
