"""Staff say that works are one, or that titles are of another; that stays so, whatever is imported again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.works.grouping import LOCK, regroup, tell, unite
from chassis import etags
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason


class WorkUnknown(NotFound):
    """There is no such work, or nothing of it is shown to you."""

    code, title = "work-unknown", "There is no such work."


_WORK = text("SELECT id, version, merged_into FROM work WHERE id = ANY (:ids)")


_KEEP_MERGES = """
INSERT INTO work_decision (id, kind, work_id, other_id, title_ids, pinned_ids, own_keys, other_keys, led_ids,
    made_at, made_by)
SELECT o.id, 'merge', $1, o.other_id,
    ARRAY(SELECT title_id FROM work_title WHERE work_id = o.other_id ORDER BY title_id),
    ARRAY(SELECT title_id FROM work_title WHERE work_id IN ($1, o.other_id) AND keys = '{}' AND NOT pinned),
    ARRAY(SELECT key FROM work_key WHERE work_id = $1 ORDER BY key),
    ARRAY(SELECT key FROM work_key WHERE work_id = o.other_id ORDER BY key),
    ARRAY(SELECT id FROM work WHERE merged_into = o.other_id ORDER BY id), $4, $5
FROM unnest($2::uuid[], $3::uuid[]) AS o (id, other_id)
"""
_KEEP_SPLIT = """
INSERT INTO work_decision (id, kind, work_id, other_id, title_ids, pinned_ids, made_at, made_by)
SELECT $1, 'split', $2, $3, $4, ARRAY(SELECT title_id FROM work_title WHERE title_id = ANY ($4) AND NOT pinned), $5, $6
"""


async def locked(session: AsyncSession) -> Any:
    """The driver's own connection, within this transaction, with the lock on works held."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection


async def _guarded(session: AsyncSession, work_id: UUID, others: Sequence[UUID], expected: int) -> None:
    rows = {row.id: row for row in await session.execute(_WORK, {"ids": [work_id, *others]})}
    if work_id not in rows:
        raise WorkUnknown
    etags.guard(expected=expected, found=rows[work_id].version)
    reasons = []
    for place, each in enumerate((work_id, *others)):
        where = f"/merged/{place - 1}" if place else None
        if each not in rows or rows[each].merged_into is not None:
            reasons.append(Reason("work-unknown", f"There is no work {each}, or it was merged.", where))
        elif place and each == work_id:
            reasons.append(Reason("work-itself", "A work is not merged into itself.", where))
    if reasons:
        raise Invalid(reasons=reasons)


async def merge(
    session: AsyncSession, work_id: UUID, others: Sequence[UUID], *, expected: int, by: str, now: datetime
) -> None:
    """Other works become this one; all their keys stay together from now on, until that is taken back."""
    connection = await locked(session)
    await _guarded(session, work_id, others, expected)
    others = list(dict.fromkeys(others))
    await connection.execute(_KEEP_MERGES, work_id, [uuid7() for _ in others], others, now, by)
    await unite(connection, work_id, others, now=now)
    await session.execute(text("UPDATE work_key SET by_staff = true WHERE work_id = :id"), {"id": work_id})
    await session.execute(
        text("UPDATE work_title SET pinned = true WHERE work_id = :id AND keys = '{}'"), {"id": work_id}
    )
    await tell(connection, [], [work_id])
    await _changed(session, work_id, now)


async def split(
    session: AsyncSession, work_id: UUID, title_ids: Sequence[UUID], *, expected: int, by: str, now: datetime
) -> UUID:
    """Some of a work's titles are of another, new one, and stay there."""
    connection = await locked(session)
    await _guarded(session, work_id, [], expected)
    rows = await session.execute(text("SELECT title_id FROM work_title WHERE work_id = :id"), {"id": work_id})
    members = {row.title_id for row in rows}
    reasons = [
        Reason("title-elsewhere", f"Title {each} is not of this work.", f"/title_ids/{place}")
        for place, each in enumerate(title_ids)
        if each not in members
    ]
    if not reasons and members <= set(title_ids):
        reasons.append(Reason("nothing-left", "A work keeps one title at least.", "/title_ids"))
    if reasons:
        raise Invalid(reasons=reasons)
    apart = uuid7()
    await session.execute(
        text("INSERT INTO work (id, created_at, updated_at) VALUES (:id, :now, :now)"),
        {"id": apart, "now": now},
    )
    await connection.execute(_KEEP_SPLIT, uuid7(), work_id, apart, list(dict.fromkeys(title_ids)), now, by)
    await session.execute(
        text("UPDATE work_title SET work_id = :apart, pinned = true WHERE title_id = ANY (:ids)"),
        {"apart": apart, "ids": list(title_ids)},
    )
    fallen = await regroup(connection, work_id, now=now)
    await tell(connection, [], [work_id, apart, *fallen])
    await _changed(session, work_id, now)
    return apart


async def rebuild(session: AsyncSession) -> int:
    """Every title is looked at anew; how many there are."""
    await session.execute(text("UPDATE work_state SET passed = 0"))
    return int(await session.scalar(text("SELECT count(*) FROM title")) or 0)


async def _changed(session: AsyncSession, work_id: UUID, now: datetime) -> None:
    await session.execute(
        text("UPDATE work SET version = version + 1, updated_at = :now WHERE id = :id"),
        {"id": work_id, "now": now},
    )
