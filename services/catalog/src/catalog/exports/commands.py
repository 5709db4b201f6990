"""Exports are asked for, by somebody or by a schedule, and cancelled."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.exports import queries
from catalog.exports.documents import ExportDoc
from catalog.exports.rules import KEPT, MOST_OPEN, OPEN, Mode, State
from catalog.exports.tables import Export
from catalog.lists import queries as lists
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused

_CANCEL: Final = text("""
UPDATE export SET state = 'cancelled', finished_at = :now WHERE id = :id AND state = ANY (:open)
""")
_FORGET: Final = (
    text("DELETE FROM export_title WHERE export_id = :id"),
    text("DELETE FROM export_found WHERE export_id = :id"),
)


class ExportUnknown(NotFound):
    """There is no such export, or it holds what the asker may not see."""

    code, title = "export-unknown", "There is no such export (any more)."


class ExportEnded(Refused):
    """There is nothing left to stop."""

    code, title = "export-ended", "This export has ended already."


class TooManyExports(Refused):
    """The asker has as many exports under way as may be."""

    code, title = "too-many-exports", "As many exports of yours are under way as may be at a time."


async def listed(session: AsyncSession, doc: ExportDoc, *, by: str) -> None:
    """Raise unless the asker sees the list that is named, and it has been filled once."""
    if doc.list_id is None:
        return
    row = await lists.one(session, doc.list_id, by=by)
    if row is None:
        raise Invalid(reasons=[Reason("list-unknown", f"There is no list {doc.list_id}.", "/list_id")])
    if row.generation == 0 and row.state != "ready":
        words = f"The list is {row.state}."
        raise Invalid(reasons=[Reason("list-unfilled", words, "/list_id", "Ask again when it is ready.")])


async def ask(session: AsyncSession, doc: ExportDoc, *, by: str, now: datetime) -> Export:
    """Ask for an export; whoever asks is counted one request after the other."""
    await listed(session, doc, by=by)
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('exports'), hashtext(:by))"), {"by": by}
    )
    if (under_way := await queries.open_of(session, by)) >= MOST_OPEN:
        words, mend = f"Up to {MOST_OPEN} wait or are written at a time.", "Ask again when one is done."
        raise TooManyExports(
            reasons=[Reason("too-many-exports", words, mend=mend, value=under_way, limit=MOST_OPEN)]
        )
    return await begin(session, doc, by=by, now=now)


async def begin(
    session: AsyncSession,
    doc: ExportDoc,
    *,
    by: str,
    now: datetime,
    schedule: str | None = None,
    since: UUID | None = None,
) -> Export:
    """Put an export into the queue: of everything, or of what has changed since another one."""
    made = Export(
        id=uuid7(),
        schedule=schedule,
        mode=Mode.FULL if since is None else Mode.DELTA,
        since=since,
        format=doc.format,
        query=doc.query,
        filters=doc.filters,
        list_id=doc.list_id,
        with_suppressed=doc.with_suppressed,
        with_ids=doc.with_ids,
        with_holdings=doc.with_holdings,
        requested_by=by,
        state=State.QUEUED,
        index_wanted=await queries.written(session),
        selected=0,
        given=0,
        gone=0,
        left_out=0,
        size=0,
        last_number=0,
        created_at=now,
        expires_at=now + KEPT,
    )
    session.add(made)
    await session.flush()
    return made


async def cancel(session: AsyncSession, export_id: UUID, *, hidden: bool, now: datetime) -> Any:
    """Stop an export; its file is removed by the caller, or by the worker that still writes it."""
    if await queries.export(session, export_id, hidden=hidden) is None:
        raise ExportUnknown
    stopped: Any = await session.execute(_CANCEL, {"id": export_id, "open": [*OPEN], "now": now})
    if not stopped.rowcount:
        raise ExportEnded
    for statement in _FORGET:
        await session.execute(statement, {"id": export_id})
    return await queries.export(session, export_id, hidden=hidden)
