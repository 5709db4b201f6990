"""Circulation tells who is no patron any more, and which registrations became one."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.circulation import PatronMerged, PatronUpdated
from erm.configuration.queries import in_force
from erm.routing import commands


async def left(connection: Connection, batch: Sequence[Heard]) -> None:
    """Whoever is not active any more is on no list."""
    gone = [
        (heard.event.patron_ref, heard.time)
        for heard in batch
        if isinstance(heard.event, PatronUpdated) and heard.event.active is False
    ]
    if not gone:
        return
    configuration = await in_force(connection)
    for patron_ref, time in sorted(gone):
        await commands.leave(connection, patron_ref, today=configuration.today(time))


async def merged(connection: Connection, batch: Sequence[Heard]) -> None:
    """One person's place is theirs under the reference that stays."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronMerged)
        await commands.become(connection, event.merged_refs, event.patron_ref)
