"""What staff have said of works is taken back: as if they had not said it. What came since goes by its keys."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.works.commands import WorkUnknown, locked
from catalog.works.grouping import Connection, place, regroup, tell
from catalog.works.rules import parted
from chassis import etags
from chassis.problems import NotFound, Reason, Refused

_DECISION: Final = "SELECT * FROM work_decision WHERE id = $1 AND $2 IN (work_id, other_id)"
_WORK: Final = "SELECT id, version, merged_into FROM work WHERE id = $1"
_MEMBERS: Final = "SELECT title_id, keys, pinned FROM work_title WHERE work_id = $1 ORDER BY title_id"
_STANDING: Final = """
SELECT id, own_keys || other_keys AS keys FROM work_decision
WHERE work_id = $1 AND id <> $2 AND kind = 'merge' AND undone_at IS NULL ORDER BY number
"""
_LATER: Final = """
SELECT id, kind FROM work_decision
WHERE number > $1 AND undone_at IS NULL AND (work_id IN ($3, $4) OR other_id IN ($3, $4))
    AND NOT ($2 = 'merge' AND kind = 'merge' AND work_id = $3)
ORDER BY number DESC LIMIT $5
"""
"""What was merged into the same work since does not stand in the way of a merge."""
_UNDONE: Final = "UPDATE work_decision SET undone_at = $2, undone_by = $3 WHERE id = $1"
_LEAVE_PINNED: Final = "UPDATE work_decision SET pinned_ids = pinned_ids || $2::uuid[] WHERE id = $1"
_PUT: Final = "UPDATE work_title SET work_id = $2 WHERE title_id = ANY ($1::uuid[])"
_UNPIN: Final = "UPDATE work_title SET pinned = false WHERE title_id = ANY ($1::uuid[])"
_MOVE_KEYS: Final = "UPDATE work_key SET work_id = $2 WHERE work_id = $1 AND key = ANY ($3::text[])"
_MOVE_ALL_KEYS: Final = "UPDATE work_key SET work_id = $2 WHERE work_id = $1"
_BIND: Final = "UPDATE work_key SET by_staff = key = ANY ($2::text[]) WHERE work_id = $1"
_HOLD: Final = """
INSERT INTO work_key (key, work_id)
SELECT DISTINCT key, $2::uuid FROM work_title, unnest(keys) AS key WHERE title_id = ANY ($1::uuid[])
ON CONFLICT (key) DO NOTHING
"""
_REVIVE: Final = "UPDATE work SET merged_into = NULL WHERE id = $1"
_LEAD: Final = "UPDATE work SET merged_into = $2 WHERE id = ANY ($1::uuid[])"
_END: Final = "UPDATE work SET merged_into = $2 WHERE id = $1 OR merged_into = $1"
_TOUCH: Final = "UPDATE work SET version = version + 1, updated_at = $2 WHERE id = ANY ($1::uuid[])"
MOST_TOLD: Final = 20


class DecisionUnknown(NotFound):
    """Nobody has said such a thing of this work."""

    code, title = "work-decision-unknown", "There is no such decision on this work."


class DecisionStands(Refused):
    """What has come since stands against taking it back."""

    code, title = "work-decision-stands", "This decision cannot be taken back."


async def undo(
    session: AsyncSession, work_id: UUID, decision_id: UUID, *, expected: int, by: str, now: datetime
) -> UUID:
    """Take back a merge or a split; the work that comes forth again, or to which titles return.

    Raises `WorkUnknown`, `DecisionUnknown`, `Stale`, and `DecisionStands` with what stands against it.
    """
    connection = await locked(session)
    work = await connection.fetchrow(_WORK, work_id)
    if work is None:
        raise WorkUnknown
    decision = await connection.fetchrow(_DECISION, decision_id, work_id)
    if decision is None:
        raise DecisionUnknown
    if decision["undone_at"] is not None:
        raise _stands("already-undone", "It was taken back already.")
    etags.guard(expected=expected, found=work["version"])
    later = await connection.fetch(
        _LATER, *(decision[name] for name in ("number", "kind", "work_id", "other_id")), MOST_TOLD
    )
    if later:
        raise DecisionStands(
            reasons=[
                Reason("later-decision", f"A later {each['kind']}, {each['id']}, is to be taken back first.")
                for each in later
            ]
        )
    if decision["kind"] == "merge":
        back, touched = await _unmerged(connection, decision)
    else:
        back, touched = await _unsplit(connection, decision, now)
    await connection.execute(_UNDONE, decision_id, now, by)
    apart = [made for each in sorted(touched) for made in await regroup(connection, each, now=now)]
    await tell(connection, [], [*touched, *apart])
    await connection.execute(_TOUCH, list(touched), now)
    return back


def _stands(code: str, words: str) -> DecisionStands:
    return DecisionStands(reasons=[Reason(code, words)])


async def _standing(connection: Connection, work_id: UUID) -> asyncpg.Record:
    """A work that is not part of another."""
    work = await connection.fetchrow(_WORK, work_id)
    assert work is not None, "works are kept for good"
    if work["merged_into"] is not None:
        raise _stands("work-merged", f"Work {work_id} has become part of another since, by records.")
    return work


async def _unmerged(connection: Connection, decision: asyncpg.Record) -> tuple[UUID, set[UUID]]:
    """The other work comes forth with the titles that it had, and with those that came by its keys."""
    work_id, other_id = decision["work_id"], decision["other_id"]
    await _standing(connection, work_id)
    standing = await connection.fetch(_STANDING, work_id, decision["id"])
    bound = {key for row in standing for key in row["keys"]}
    had, theirs = set(decision["title_ids"]), set(decision["other_keys"])
    members = await connection.fetch(_MEMBERS, work_id)
    free = {row["title_id"]: row["keys"] for row in members if not row["pinned"]}
    leaving, torn = parted(free, had, ours={*decision["own_keys"], *bound} - theirs, theirs=theirs)
    if torn:
        raise DecisionStands(
            reasons=[
                Reason("records-hold-together", f"By its record, title {each} is of both works.")
                for each in sorted(torn)[:MOST_TOLD]
            ]
        )
    leaving |= {row["title_id"] for row in members if row["pinned"]} & had
    if not leaving:
        raise _stands("titles-gone", "None of the titles that it brought is there any more.")
    if len(leaving) == len(members):
        raise _stands("nothing-left", "A work keeps one title at least.")
    await connection.execute(_REVIVE, other_id)
    await connection.execute(_LEAD, decision["led_ids"], other_id)
    await connection.execute(_PUT, list(leaving), other_id)
    keys = theirs | {key for each in leaving & free.keys() for key in free[each]}
    await connection.execute(_MOVE_KEYS, work_id, other_id, list(keys))
    await connection.execute(_BIND, work_id, list(bound))
    within = await connection.fetch(_STANDING, other_id, decision["id"])
    await connection.execute(_BIND, other_id, [key for row in within for key in row["keys"]])
    pinned = set(decision["pinned_ids"])
    if standing:  # these still want its own titles where they are
        await connection.execute(_LEAVE_PINNED, standing[0]["id"], list(pinned - leaving))
        pinned &= leaving
    await connection.execute(_UNPIN, list(pinned))
    return other_id, {work_id, other_id}


async def _unsplit(connection: Connection, decision: asyncpg.Record, now: datetime) -> tuple[UUID, set[UUID]]:
    """The titles return to the work that they were taken out of, or to what has become of it."""
    work = await connection.fetchrow(_WORK, decision["work_id"])
    assert work is not None, "works are kept for good"
    work_id, apart = work["merged_into"] or work["id"], decision["other_id"]
    if work_id == apart:
        raise _stands("works-are-one", "Both works have become one since.")
    await _standing(connection, apart)
    there = {row["title_id"]: row["keys"] for row in await connection.fetch(_MEMBERS, apart)}
    back = [each for each in decision["title_ids"] if each in there]
    if not back:
        raise _stands("titles-gone", "None of its titles is there any more.")
    free = sorted({*back} & {*decision["pinned_ids"]})
    await connection.execute(_PUT, back, work_id)
    await connection.execute(_UNPIN, free)
    await connection.execute(_HOLD, free, work_id)
    touched = {work_id, apart}
    if len(back) == len(there):
        await connection.execute(_MOVE_ALL_KEYS, apart, work_id)
        await connection.execute(_END, apart, work_id)
    for each in free:
        touched |= await place(connection, each, there[each], gone=False, again=True, now=now)
    work = await connection.fetchrow(_WORK, work_id)
    assert work is not None, "works are kept for good"
    return work["merged_into"] or work_id, touched
