"""The worker that takes imports back: a slice in a transaction, while circulation answers for the items."""

import asyncio
import contextlib
import logging
from typing import Final

import asyncpg
from sqlalchemy.exc import DBAPIError

from catalog.undoing import commands
from chassis import outbox
from chassis.resources import Resources
from contracts.events import Actor

log = logging.getLogger(__name__)

SLICE: Final = 200
POLL_SECONDS: Final = 2.0


async def undo_imports(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    while not stop.is_set():
        try:
            worked = await undo_some(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, DBAPIError) as error:
            log.warning("taking an import back waits for the database", extra={"error": str(error)})
            worked = False
        if not worked:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_SECONDS)


async def undo_some(resources: Resources) -> bool:
    """See to a slice of the first undoing that has something to be seen to; whether there was one."""
    async with resources.sessions.begin() as session:
        for undo in await commands.take(session):
            kind, _, ref = undo.requested_by.partition(":")
            token = outbox.origin.set(resources.origin(Actor(kind, ref)))
            try:
                if await commands.see_to(session, undo, limit=SLICE, now=resources.clock()):
                    return True
            finally:
                outbox.origin.reset(token)
    return False
