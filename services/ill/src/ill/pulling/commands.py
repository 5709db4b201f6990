"""A batch is made: its requests are being fetched from then on, and what is in it stays as it is."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.resources import Resources
from contracts.events import Actor
from contracts.ill import PullSlipsMade
from ill.configuration.documents import PullScheduleDoc
from ill.configuration.queries import in_force
from ill.pulling import mailing, queries
from ill.pulling.rules import last_due
from ill.pulling.slips import place_of
from ill.requests import commands as requests

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 50
"""Batches of one schedule at one time."""
_ENTER: Final = """
INSERT INTO pull_batch (id, made_at, made_by, schedule, library, location, slip_count, more, slips)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_SEEN: Final = "INSERT INTO pull_schedule (code, done_until) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_FOLLOWED: Final = "SELECT done_until FROM pull_schedule WHERE code = $1"
_DONE: Final = "UPDATE pull_schedule SET done_until = $2 WHERE code = $1"
_GONE: Final = "DELETE FROM pull_schedule WHERE NOT (code = ANY ($1::text[]))"
_OLD: Final = "DELETE FROM pull_batch WHERE made_at < $1"


async def make_batch(
    connection: Connection,
    *,
    library: str | None,
    location: str | None,
    most: int,
    actor: str,
    now: datetime,
    schedule: str | None = None,
    mail_to: tuple[str, ...] = (),
) -> dict[str, Any] | None:
    """Take what waits in a place, the oldest first; None where nothing does. Nobody is given the same slip again."""
    found, more = await queries.waiting(connection, library, location, most)
    taken = []
    for slip in sorted(found, key=lambda one: str(one.request_id)):
        case = await requests.take_up(connection, slip.request_id, actor=actor, now=now)
        if case.row["state"] == "will-supply" and await requests.happen(case, "pick"):
            taken.append(slip)
    if not taken:
        return None
    slips = [slip.model_dump(mode="json") for slip in sorted(taken, key=place_of)]
    batch_id = uuid7()
    row = {
        "id": batch_id,
        "made_at": now,
        "made_by": actor,
        "schedule": schedule,
        "library": library,
        "location": location,
        "slip_count": len(slips),
        "more": more,
        "slips": slips,
    }
    await connection.execute(_ENTER, *row.values())
    event = PullSlipsMade(
        version=1,
        occurred_at=now,
        batch_id=row["id"],
        schedule=schedule,
        library=library,
        location=location,
        slips=len(slips),
        more=more,
    )
    await outbox.record(connection, [event])
    await mailing.queue(connection, batch_id, mail_to, now)
    return row


async def follow_schedules(resources: Resources, now: datetime) -> None:
    """A timer: every schedule whose time has come. Times that were missed are made up for once, with one run."""
    doc = await in_force(resources.pool)
    await resources.pool.execute(_GONE, [one.code for one in doc.lending.pulling])
    for schedule in doc.lending.pulling:
        due = last_due(schedule.weekdays, schedule.at, schedule.zone, now=now)
        if due is None:
            continue
        await resources.pool.execute(_SEEN, schedule.code, now)
        if await resources.pool.fetchval(_FOLLOWED, schedule.code) < due:
            await _follow(resources, schedule, due, now)
    await resources.pool.execute(_OLD, now - timedelta(days=doc.times.messages_kept_days))


async def _follow(resources: Resources, schedule: PullScheduleDoc, due: datetime, now: datetime) -> None:
    """Batches until nothing waits, each in a transaction of its own; whoever dies half-way is followed by the rest."""
    token = outbox.origin.set(resources.origin(Actor("system", "pull-schedule")))
    try:
        for _ in range(MOST_AT_ONCE):
            async with resources.pool.acquire() as connection, connection.transaction():
                made = await make_batch(
                    connection,
                    library=schedule.library,
                    location=schedule.location,
                    most=schedule.most,
                    actor="system:pull-schedule",
                    now=now,
                    schedule=schedule.code,
                    mail_to=schedule.mail_to,
                )
            if made is None or not made["more"]:
                break
        else:
            log.warning(
                "more waits to be fetched than a schedule makes slips of", extra={"code": schedule.code}
            )
    finally:
        outbox.origin.reset(token)
    await resources.pool.execute(_DONE, schedule.code, due)
