"""Messages are taken up one by one, each in a transaction of its own."""

import asyncio
import logging
from typing import Final

import asyncpg

from chassis import outbox
from chassis.resources import Resources
from contracts.events import Actor
from erm.edifact.applying import Ended, take_up, unforeseen
from erm.edifact.tasks import Told
from erm.rows import change

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.5
NEXT: Final = (
    "SELECT * FROM edifact_message WHERE state = 'received' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
)


async def take_up_messages(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: message after message until told to stop."""
    while not stop.is_set():
        try:
            worked = await take_up_one(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # or somebody was faster
            log.warning("an EDIFACT message waits", extra={"error": type(error).__name__})
            worked = False
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def take_up_one(resources: Resources) -> bool:
    """The oldest message that nobody else is at; whether there was one."""
    async with resources.pool.acquire() as connection, connection.transaction():
        message = await connection.fetchrow(NEXT)
        if message is None:
            return False
        kind, _, ref = message["created_by"].partition(":")
        now = resources.clock()
        token = outbox.origin.set(resources.origin(Actor(kind, ref)))
        try:
            async with connection.transaction():
                await take_up(connection, dict(message), Told(), actor=message["created_by"], now=now)
        except (OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError, *PASSING):
            raise
        except Exception as error:  # one message that cannot be understood does not stop those behind it
            log.exception("an EDIFACT message could not be applied", extra={"message_id": str(message["id"])})
            ended: Ended = unforeseen(error)
            reasons = [reason.as_json() for reason in ended.reasons]
            await change(
                connection, "edifact_message", message["id"], state=ended.state.value, reasons=reasons
            )
        finally:
            outbox.origin.reset(token)
    return True


PASSING: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.SerializationError,
    asyncpg.QueryCanceledError,
)
"""It goes better the next time."""
