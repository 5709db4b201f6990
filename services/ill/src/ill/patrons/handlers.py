"""Circulation tells of patrons and their blocks; what is newer wins, whatever order it comes in."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from chassis.resources import Heard
from contracts.circulation import (
    PatronBlockAdded,
    PatronBlockRemoved,
    PatronCreated,
    PatronSuspended,
    PatronUpdated,
)

_KNOW = """
INSERT INTO known_patron (patron_ref, patron_group, epoch, version) VALUES ($1, $2, $3, $4)
ON CONFLICT (patron_ref) DO UPDATE SET patron_group = excluded.patron_group, epoch = excluded.epoch,
    version = excluded.version
WHERE (known_patron.epoch, known_patron.version) < (excluded.epoch, excluded.version)
"""
_BLOCK = """
INSERT INTO known_block (block_id, patron_ref, actions, until, lifted, epoch, version)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (block_id) DO UPDATE SET actions = excluded.actions, until = excluded.until, lifted = excluded.lifted,
    epoch = excluded.epoch, version = excluded.version
WHERE (known_block.epoch, known_block.version) < (excluded.epoch, excluded.version)
"""


async def know(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep that there is this patron, and their group."""
    rows = []
    for heard in batch:
        event = heard.event
        assert isinstance(event, PatronCreated | PatronUpdated)
        rows.append((event.patron_ref, event.patron_group, heard.epoch, heard.sequence))
    await connection.executemany(_KNOW, sorted(rows, key=lambda row: (row[0], row[2:])))


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
