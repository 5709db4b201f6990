"""Holds run out: a few at a time, each in a transaction of its own, so that one fault stops no other."""

import logging
from datetime import datetime

from chassis.resources import Resources
from circulation.holds.commands import expire
from circulation.places.library import Shelf

log = logging.getLogger(__name__)

_DUE = """
(SELECT id FROM hold WHERE state = 'waiting' AND expires_at <= $1 ORDER BY expires_at LIMIT 500)
UNION ALL
(SELECT id FROM hold WHERE state = 'ready' AND shelf_expires_at <= $1 ORDER BY shelf_expires_at LIMIT 500)
"""


async def expire_holds(resources: Resources, now: datetime) -> None:
    """Let every hold run out whose time has come."""
    due = await resources.pool.fetch(_DUE, now)
    if not due:
        return
    shelf: Shelf = resources.own["shelf"]
    library = await shelf.fresh()
    for row in due:
        try:
            async with resources.pool.acquire() as connection, connection.transaction():
                await expire(connection, library, row["id"], now=now)
        except Exception:
            log.exception("a hold could not run out", extra={"hold": str(row["id"])})
