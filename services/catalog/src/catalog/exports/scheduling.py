"""Schedules are written, started by somebody or by the clock, and taken away."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.exports import commands, queries
from catalog.exports.documents import ScheduleDoc
from catalog.exports.rules import Mode, first_at, next_at
from catalog.exports.tables import Export
from chassis import etags
from chassis.problems import NotFound, Refused
from chassis.resources import Resources

log = logging.getLogger(__name__)

_PUT: Final = text("""
INSERT INTO export_schedule (code, document, next_at, last_done, updated_at, updated_by)
VALUES (:code, CAST(:document AS jsonb), :next_at, NULL, :now, :by)
ON CONFLICT (code) DO UPDATE SET version = export_schedule.version + 1, document = excluded.document,
    next_at = excluded.next_at, updated_at = excluded.updated_at, updated_by = excluded.updated_by,
    last_done = CASE WHEN :anew THEN NULL ELSE export_schedule.last_done END
WHERE export_schedule.version = :expected
RETURNING version
""")
_FORGET: Final = text("DELETE FROM export_given WHERE schedule = :code")
_DELETE: Final = text("DELETE FROM export_schedule WHERE code = :code")
_DUE: Final = "SELECT code FROM export_schedule WHERE next_at <= $1 ORDER BY next_at LIMIT 100"
_NEXT: Final = text("UPDATE export_schedule SET next_at = :next_at WHERE code = :code")


class ScheduleUnknown(NotFound):
    """There is no such schedule."""

    code, title = "export-schedule-unknown", "There is no such schedule of exports."


class ExportUnderWay(Refused):
    """One export of a schedule is made after the other."""

    code, title = "export-under-way", "An export of this schedule is under way; wait for it, or cancel it."


async def put(
    session: AsyncSession, code: str, doc: ScheduleDoc, *, expected: int, by: str, now: datetime
) -> int:
    """Write a schedule; its version. Where files are to look different from now on, the next one gives everything."""
    await commands.listed(session, doc, by=by)
    row = await queries.schedule(session, code, hold=True)
    etags.guard(expected=expected, found=row.version if row is not None else 0)
    due = first_at(doc.every_hours, doc.starts_at, now=now)
    anew = True
    if row is not None:
        await _idle(session, code)
        before = ScheduleDoc.model_validate(row.document)
        anew = not doc.writes_as(before)
        if (doc.every_hours, doc.starts_at) == (before.every_hours, before.starts_at):
            due = row.next_at
    told = {
        "code": code,
        "document": doc.model_dump_json(),
        "next_at": due,
        "now": now,
        "by": by,
        "anew": anew,
    }
    if await session.scalar(_PUT, told | {"expected": expected}) is None:
        etags.guard(expected=expected, found=expected + 1)
    if anew:
        await session.execute(_FORGET, {"code": code})
    return expected + 1


async def delete(session: AsyncSession, code: str, *, expected: int) -> None:
    """Take a schedule away; files that it has made are kept their time."""
    row = await _held(session, code)
    etags.guard(expected=expected, found=row.version)
    await _idle(session, code)
    await session.execute(_DELETE, {"code": code})


async def run(session: AsyncSession, code: str, *, full: bool, by: str, now: datetime) -> Export:
    """Make an export of a schedule now: what has changed since the last one, or everything anew."""
    row = await _held(session, code)
    await _idle(session, code)
    return await _begin(session, row, full=full, by=by, now=now)


async def start_exports(resources: Resources, now: datetime) -> None:
    """A timer: schedules whose time has come. One whose last export is still under way waits for its next time."""
    for due in await resources.pool.fetch(_DUE, now):
        async with resources.sessions.begin() as session:
            row = await queries.schedule(session, due["code"], hold=True)
            if row is None or row.next_at is None or row.next_at > now:
                continue
            every = timedelta(hours=row.document["every_hours"])
            await session.execute(_NEXT, {"code": row.code, "next_at": next_at(row.next_at, every, now=now)})
            if await queries.under_way(session, row.code) is None:
                await _begin(session, row, full=False, by=row.updated_by, now=now)
            else:
                log.warning("the last export of a schedule is not done yet", extra={"schedule": row.code})


async def _begin(session: AsyncSession, row: Any, *, full: bool, by: str, now: datetime) -> Export:
    doc = ScheduleDoc.model_validate(row.document)
    since: UUID | None = row.last_done if doc.mode is Mode.DELTA and not full else None
    return await commands.begin(session, doc, by=by, now=now, schedule=row.code, since=since)


async def _held(session: AsyncSession, code: str) -> Any:
    row = await queries.schedule(session, code, hold=True)
    if row is None:
        raise ScheduleUnknown
    return row


async def _idle(session: AsyncSession, code: str) -> None:
    if (under_way := await queries.under_way(session, code)) is not None:
        raise ExportUnderWay(export_id=str(under_way))
