"""Sessions are opened by scanning a card, joined by each loan and return there, and end once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.resources import Resources
from circulation.places.library import NotConfigured, Shelf
from contracts.circulation import DeskSessionEnded

SLICE: Final = 500
KEPT: Final = timedelta(days=30)
"""How long after its end a session can be looked up."""

_OPEN = """
INSERT INTO desk_session (id, patron_id, service_point_id, opened_at, last_at) VALUES ($1, $2, $3, $4, $4)
ON CONFLICT (patron_id, service_point_id) WHERE ended_at IS NULL
DO UPDATE SET last_at = greatest(desk_session.last_at, excluded.last_at)
RETURNING id
"""
_END = """
UPDATE desk_session SET ended_at = $2, how = $3 WHERE id = ANY ($1::uuid[]) AND ended_at IS NULL RETURNING *
"""
_IDLE = """
SELECT id FROM desk_session WHERE ended_at IS NULL AND last_at <= $1 ORDER BY last_at LIMIT $2
FOR UPDATE SKIP LOCKED
"""
_LOANS = """
SELECT s.id, ARRAY(SELECT l.id FROM loan l WHERE l.session_id = s.id ORDER BY l.id) AS lent,
    ARRAY(SELECT l.id FROM loan l WHERE l.return_session_id = s.id ORDER BY l.id) AS returned
FROM unnest($1::uuid[]) AS s (id)
"""
_FORGET = """
DELETE FROM desk_session WHERE id IN (SELECT id FROM desk_session WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)
"""


async def open_session(connection: Connection, patron_id: UUID, desk_id: UUID, *, now: datetime) -> UUID:
    """The patron's open session at this desk, begun now if there was none."""
    session_id: UUID = await connection.fetchval(_OPEN, uuid7(), patron_id, desk_id, now)
    return session_id


async def end_sessions(
    connection: Connection, session_ids: Sequence[UUID], how: str, *, now: datetime
) -> list[asyncpg.Record]:
    """End those that are open, and tell of each what it brought; a loan under way is waited for, or comes after."""
    ended = list(await connection.fetch(_END, list(session_ids), now, how))
    loans = {row["id"]: row for row in await connection.fetch(_LOANS, [row["id"] for row in ended])}
    await outbox.record(
        connection,
        [
            DeskSessionEnded(
                version=1,
                occurred_at=now,
                session_id=row["id"],
                patron_ref=row["patron_id"],
                service_point_id=row["service_point_id"],
                opened_at=row["opened_at"],
                how=how,
                lent=tuple(loans[row["id"]]["lent"]),
                returned=tuple(loans[row["id"]]["returned"]),
            )
            for row in ended
        ],
    )
    return ended


async def end_idle_sessions(resources: Resources, now: datetime) -> None:
    """End what nobody was scanned into for as long as the library says; forget what ended long ago."""
    shelf: Shelf = resources.own["shelf"]
    try:
        library = await shelf.fresh()
    except NotConfigured:
        return
    idle_since = now - timedelta(minutes=library.desk_rules.session_minutes)
    while True:
        async with resources.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(_IDLE, idle_since, SLICE)
            await end_sessions(connection, [row["id"] for row in rows], "idle", now=now)
        if len(rows) < SLICE:
            break
    await resources.pool.execute(_FORGET, now - KEPT, 10 * SLICE)
