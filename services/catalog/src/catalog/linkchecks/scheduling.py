"""Schedules of checks are written, started by somebody or by the clock, and taken away."""

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.exports.rules import first_at, next_at
from catalog.linkchecks import commands, queries
from catalog.linkchecks.documents import LinkScheduleDoc
from catalog.linkchecks.tables import LinkCheck
from chassis import etags
from chassis.problems import NotFound, Refused
from chassis.resources import Resources

log = logging.getLogger(__name__)

_PUT: Final = text("""
INSERT INTO link_check_schedule (code, document, next_at, updated_at, updated_by)
VALUES (:code, CAST(:document AS jsonb), :next_at, :now, :by)
ON CONFLICT (code) DO UPDATE SET version = link_check_schedule.version + 1, document = excluded.document,
    next_at = excluded.next_at, updated_at = excluded.updated_at, updated_by = excluded.updated_by
WHERE link_check_schedule.version = :expected
RETURNING version
""")
_DELETE: Final = text("DELETE FROM link_check_schedule WHERE code = :code")
_DUE: Final = "SELECT code FROM link_check_schedule WHERE next_at <= $1 ORDER BY next_at LIMIT 100"
_NEXT: Final = text("UPDATE link_check_schedule SET next_at = :next_at WHERE code = :code")


class ScheduleUnknown(NotFound):
    """There is no such schedule."""

    code, title = "link-check-schedule-unknown", "There is no such schedule of link checks."


class CheckUnderWay(Refused):
    """One check of a schedule is made after the other."""

    code, title = "link-check-under-way", "A check of this schedule is under way; wait for it, or cancel it."


async def put(
    session: AsyncSession, code: str, doc: LinkScheduleDoc, *, expected: int, by: str, now: datetime
) -> int:
    """Write a schedule; its version. A check under way goes on as it was begun."""
    await commands.made_of(session, doc, by=by)
    row = await queries.schedule(session, code, hold=True)
    etags.guard(expected=expected, found=row.version if row is not None else 0)
    due = first_at(doc.every_hours, doc.starts_at, now=now)
    if row is not None:
        before = LinkScheduleDoc.model_validate(row.document)
        if (doc.every_hours, doc.starts_at) == (before.every_hours, before.starts_at):
            due = row.next_at
    told = {"code": code, "document": doc.model_dump_json(), "next_at": due, "now": now, "by": by}
    if await session.scalar(_PUT, told | {"expected": expected}) != expected + 1:
        etags.guard(expected=expected, found=expected + 1)
    return expected + 1


async def delete(session: AsyncSession, code: str, *, expected: int) -> None:
    """Take a schedule away; a check under way goes on."""
    row = await _held(session, code)
    etags.guard(expected=expected, found=row.version)
    await session.execute(_DELETE, {"code": code})


async def run(session: AsyncSession, code: str, *, by: str, now: datetime) -> LinkCheck:
    """Make a check of a schedule now; its times stay as they are."""
    row = await _held(session, code)
    if (under_way := await queries.under_way(session, code)) is not None:
        raise CheckUnderWay(check_id=str(under_way))
    doc = LinkScheduleDoc.model_validate(row.document)
    await commands.made_of(session, doc, by=by)
    return await commands.begin(session, doc, by=by, now=now, schedule=code)


async def start_link_checks(resources: Resources, now: datetime) -> None:
    """A timer: schedules whose time has come. One whose last check is still under way waits for its next time."""
    for due in await resources.pool.fetch(_DUE, now):
        async with resources.sessions.begin() as session:
            row = await queries.schedule(session, due["code"], hold=True)
            if row is None or row.next_at is None or row.next_at > now:
                continue
            doc = LinkScheduleDoc.model_validate(row.document)
            every = timedelta(hours=doc.every_hours or 1)
            await session.execute(_NEXT, {"code": row.code, "next_at": next_at(row.next_at, every, now=now)})
            if await queries.under_way(session, row.code) is None:
                await commands.begin(session, doc, by=row.updated_by, now=now, schedule=row.code)
            else:
                log.warning("the last link check of a schedule is not done", extra={"schedule": row.code})


async def _held(session: AsyncSession, code: str) -> Any:
    row = await queries.schedule(session, code, hold=True)
    if row is None:
        raise ScheduleUnknown
    return row
