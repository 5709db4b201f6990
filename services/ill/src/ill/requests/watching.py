"""What happens when nothing does: each state's timeout, the day before which it was needed, and how old it may grow."""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from chassis.resources import Resources
from ill.requests.case import runs_out
from ill.requests.commands import happen, take_up

log = logging.getLogger(__name__)

SLICE: Final = 200
_DUE = """
SELECT id FROM request WHERE look_at IS NOT NULL AND look_at <= $1 AND NOT (id = ANY ($2::uuid[]))
ORDER BY look_at LIMIT $3
"""


async def watch(resources: Resources, now: datetime) -> None:
    """Everything that is due, each request in a transaction of its own; one that fails holds up no other."""
    failed: list[UUID] = []
    while due := await resources.pool.fetch(_DUE, now, failed, SLICE):
        for row in due:
            try:
                await _look(resources, row["id"], now)
            except (asyncpg.PostgresError, AssertionError, KeyError, ValueError):
                log.exception("a request's timer failed", extra={"request": str(row["id"])})
                failed.append(row["id"])


async def _look(resources: Resources, request_id: UUID, now: datetime) -> None:
    async with resources.pool.acquire() as connection, connection.transaction():
        case = await take_up(connection, request_id, actor="system:timer", now=now)
        if case.row["look_at"] is None or case.row["look_at"] > now:
            return
        state = case.model.states[case.row["state"]]
        until = runs_out(case.row)
        passed = state.before_shipping and until is not None and until <= now
        event = "need-passed" if passed else state.timeout.on if state.timeout else None
        case.row["look_at"] = until if state.before_shipping and not passed else None
        if event is None or not await happen(case, event):
            await connection.execute(
                "UPDATE request SET look_at = $2 WHERE id = $1", request_id, case.row["look_at"]
            )
