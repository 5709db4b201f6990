"""Holds run out, suspended ones wait again, others are tried on another copy: a few at a time, each in a
transaction of its own, so that one fault stops no other."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.resources import Resources
from circulation.holds.changing import resume_due
from circulation.holds.ending import expire
from circulation.holds.retargeting import retarget
from circulation.places.library import Library, Shelf

log = logging.getLogger(__name__)

_DUE = """
(SELECT id FROM hold WHERE state = 'waiting' AND expires_at <= $1 ORDER BY expires_at LIMIT 500)
UNION ALL
(SELECT id FROM hold WHERE state = 'ready' AND shelf_expires_at <= $1 ORDER BY shelf_expires_at LIMIT 500)
"""
_SUSPENSION_ENDED = "SELECT id FROM hold WHERE suspended_until <= $1 ORDER BY suspended_until LIMIT 500"
_TO_RETARGET = "SELECT id FROM hold WHERE retarget_at <= $1 ORDER BY retarget_at LIMIT 500"


async def expire_holds(resources: Resources, now: datetime) -> None:
    """Let every hold run out whose time has come."""

    async def act(connection: Connection, library: Library, hold_id: UUID) -> None:
        await expire(connection, library, hold_id, now=now)

    await _each(resources, await resources.pool.fetch(_DUE, now), act, "a hold could not run out")


async def resume_holds(resources: Resources, now: datetime) -> None:
    """Let every hold wait again whose suspension has ended."""

    async def act(connection: Connection, library: Library, hold_id: UUID) -> None:
        await resume_due(connection, library, hold_id, now=now)

    due = await resources.pool.fetch(_SUSPENSION_ENDED, now)
    await _each(resources, due, act, "a hold could not be resumed")


async def retarget_holds(resources: Resources, now: datetime) -> None:
    """Fetch another copy for every hold whose own was not found in time, or is gone."""

    async def act(connection: Connection, library: Library, hold_id: UUID) -> None:
        await retarget(connection, library, hold_id, now=now)

    due = await resources.pool.fetch(_TO_RETARGET, now)
    await _each(resources, due, act, "no other copy could be fetched for a hold")


async def _each(
    resources: Resources,
    due: Sequence[asyncpg.Record],
    act: Callable[[Connection, Library, UUID], Awaitable[None]],
    failed: str,
) -> None:
    if not due:
        return
    shelf: Shelf = resources.own["shelf"]
    library = await shelf.fresh()
    for row in due:
        try:
            async with resources.pool.acquire() as connection, connection.transaction():
                await act(connection, library, row["id"])
        except Exception:
            log.exception(failed, extra={"hold": str(row["id"])})
