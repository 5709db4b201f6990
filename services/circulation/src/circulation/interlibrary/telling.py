"""Interlibrary loan is told of all patrons when it is new: by a timer, a slice to a transaction."""

from collections.abc import Sequence
from datetime import datetime

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import SYSTEM
from chassis.resources import Heard, Resources
from contracts.circulation import BlockState, PatronsAnnounced, PatronState
from contracts.ill import PatronsWanted

SLICE = 500
_ASK = "INSERT INTO patron_telling (asking_id, asked_at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_NEXT = "SELECT asking_id, told_to FROM patron_telling ORDER BY asked_at LIMIT 1 FOR UPDATE"
_PATRONS = """
SELECT id AS patron_ref, group_code AS patron_group, version FROM patron
WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2
"""
_BLOCKS = """
SELECT id AS block_id, patron_id AS patron_ref, actions, expires_at AS until, version FROM patron_block
WHERE patron_id = ANY ($1::uuid[]) ORDER BY id
"""
_TOLD = "UPDATE patron_telling SET told_to = $2 WHERE asking_id = $1"
_DONE = "DELETE FROM patron_telling WHERE asking_id = $1"


async def note_wish(connection: Connection, batch: Sequence[Heard]) -> None:
    """Told by the timer, from the first on."""
    for heard in batch:
        assert isinstance(heard.event, PatronsWanted)
        await connection.execute(_ASK, heard.event.asking_id, heard.time)


async def tell_patrons(resources: Resources, now: datetime) -> None:
    """A timer: whatever is to be told."""
    token = outbox.origin.set(resources.origin(SYSTEM.actor))
    try:
        while await _tell_some(resources, now):
            pass
    finally:
        outbox.origin.reset(token)


async def _tell_some(resources: Resources, now: datetime) -> bool:
    """One slice; whether there is more to do."""
    async with resources.pool.acquire() as connection, connection.transaction():
        asked = await connection.fetchrow(_NEXT)
        if asked is None:
            return False
        patrons = await connection.fetch(_PATRONS, asked["told_to"], SLICE)
        blocks = await connection.fetch(_BLOCKS, [row["patron_ref"] for row in patrons])
        event = PatronsAnnounced(
            version=1,
            occurred_at=now,
            batch_id=uuid7(),
            patrons=tuple(PatronState(**dict(row)) for row in patrons),
            blocks=tuple(BlockState(**dict(row)) for row in blocks),
            last=len(patrons) < SLICE,
        )
        await outbox.record(connection, [event])
        if event.last:
            await connection.execute(_DONE, asked["asking_id"])
        else:
            await connection.execute(_TOLD, asked["asking_id"], patrons[-1]["patron_ref"])
    return True
