"""Circulation tells of patrons and their blocks; what is newer wins, whatever order it comes in."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import SYSTEM
from chassis.resources import Heard, Resources
from contracts.circulation import (
    PatronBlockAdded,
    PatronBlockRemoved,
    PatronCreated,
    PatronMerged,
    PatronsAnnounced,
    PatronSuspended,
    PatronUpdated,
)
from contracts.ill import PatronsWanted
from ill.patrons.queries import lock

_ASK = "INSERT INTO patrons_asked (asked_at) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true"

_KNOW = """
INSERT INTO known_patron (patron_ref, patron_group, epoch, version)
SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT FROM merged_patron WHERE merged_ref = $1)
ON CONFLICT (patron_ref) DO UPDATE SET patron_group = excluded.patron_group, epoch = excluded.epoch,
    version = excluded.version
WHERE (known_patron.epoch, known_patron.version) < (excluded.epoch, excluded.version)
"""
_BLOCK = """
INSERT INTO known_block (block_id, patron_ref, actions, until, lifted, epoch, version)
VALUES ($1, coalesce((SELECT patron_ref FROM merged_patron WHERE merged_ref = $2), $2), $3, $4, $5, $6, $7)
ON CONFLICT (block_id) DO UPDATE SET actions = excluded.actions, until = excluded.until, lifted = excluded.lifted,
    epoch = excluded.epoch, version = excluded.version
WHERE (known_block.epoch, known_block.version) < (excluded.epoch, excluded.version)
"""


_MERGE = """
INSERT INTO merged_patron (merged_ref, patron_ref)
SELECT merged, coalesce((SELECT m.patron_ref FROM merged_patron m WHERE m.merged_ref = $2), $2)
FROM unnest($1::uuid[]) AS merged ORDER BY merged ON CONFLICT DO NOTHING
"""
"""The survivor may have been merged, too, before we heard of this."""
_FOLLOW = (
    "UPDATE merged_patron SET patron_ref = s.patron_ref FROM merged_patron s "
    "WHERE s.merged_ref = merged_patron.patron_ref AND merged_patron.patron_ref = ANY ($1::uuid[])",
    "UPDATE request SET patron_ref = m.patron_ref FROM merged_patron m "
    "WHERE m.merged_ref = request.patron_ref AND request.patron_ref = ANY ($1::uuid[])",
    "UPDATE known_block SET patron_ref = m.patron_ref FROM merged_patron m "
    "WHERE m.merged_ref = known_block.patron_ref AND known_block.patron_ref = ANY ($1::uuid[])",
    "DELETE FROM known_patron WHERE patron_ref = ANY ($1::uuid[])",
)
"""Nothing has happened to the requests themselves: whose they are is told by the same person's new reference."""


async def merge(connection: Connection, batch: Sequence[Heard]) -> None:
    """Registrations of one person became one: what was theirs is the surviving one's."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronMerged)
        merged = sorted(event.merged_refs)
        for patron in merged:
            await lock(connection, patron)
        await connection.execute(_MERGE, merged, event.patron_ref)
        for statement in _FOLLOW:
            await connection.execute(statement, merged)


async def know(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep that there is this patron, and their group."""
    rows = []
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronCreated | PatronUpdated)
        rows.append((event.patron_ref, event.patron_group, heard.epoch, heard.sequence))
    await connection.executemany(_KNOW, sorted(rows, key=lambda row: (row[0], row[2:])))


async def know_all(connection: Connection, batch: Sequence[Heard]) -> None:
    """Circulation tells of everybody, since we asked; what was heard of later facts stays."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronsAnnounced)
        await connection.executemany(
            _KNOW,
            [(one.patron_ref, one.patron_group, heard.epoch, one.version) for one in event.patrons],
        )
        await connection.executemany(
            _BLOCK,
            [
                (one.block_id, one.patron_ref, list(one.actions), one.until, False, heard.epoch, one.version)
                for one in event.blocks
            ],
        )
        if event.last:
            await connection.execute("UPDATE patrons_asked SET known_at = $1", heard.time)


async def ask_for_patrons(resources: Resources, now: datetime) -> None:
    """A timer: where interlibrary loan is new, circulation has told of patrons long before anybody listened."""
    token = outbox.origin.set(resources.origin(SYSTEM.actor))
    try:
        async with resources.pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(_ASK, now):
                event = PatronsWanted(version=1, occurred_at=now, asking_id=uuid7())
                await outbox.record(connection, [event])
    finally:
        outbox.origin.reset(token)


async def note_block(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep what stops a patron; a lifted block stays as lifted."""
    rows: list[tuple[UUID, UUID, list[str], datetime | None, bool, int, int]] = []
    for heard in batch:
        event = heard.event
        at = (heard.epoch, heard.sequence)
        if isinstance(event, PatronBlockRemoved):
            rows.append((event.block_id, event.patron_ref, [], None, True, *at))
        else:
            assert isinstance(event, PatronBlockAdded | PatronSuspended)
            rows.append((event.block_id, event.patron_ref, list(event.actions), event.until, False, *at))
    await connection.executemany(_BLOCK, sorted(rows, key=lambda row: (row[0], row[5:])))
