"""The worker that takes imports back: a slice in a transaction, while circulation answers for the items."""

import asyncio
from typing import Final

from catalog.turns import in_turns
from catalog.undoing import commands
from chassis import outbox
from chassis.resources import Resources
from contracts.events import Actor

SLICE: Final = 200
POLL_SECONDS: Final = 2.0


async def undo_imports(resources: Resources, stop: asyncio.Event) -> None:
    """The worker."""
    await in_turns(lambda: undo_some(resources), stop, of="undoings", idle_seconds=POLL_SECONDS)


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
