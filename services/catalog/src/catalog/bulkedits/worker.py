"""The worker that edits in bulk: two lanes, so that what somebody waits for never stands behind a hundred thousand.

An edit's records are taken over from its list once. Then each step – preview, edit, undo – goes through them in the
order of their ids, a slice in a transaction: records, events, outcomes and how far it has come, or none of it. Who
pauses or cancels is heard between two slices; whoever takes over goes on behind the last one.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from catalog.bulkedits import statements as sql
from catalog.bulkedits.documents import ChangesDoc
from catalog.bulkedits.editing import Editing, Verdicts, conflict
from catalog.bulkedits.rules import KEPT, MOST_EDITED, SMALL, TURN, State, Verdict
from catalog.bulkedits.shelved import Holdings, Items
from catalog.bulkedits.titles import Titles
from catalog.conditions.looking import START
from catalog.conditions.vocabulary import Kind
from catalog.imports.rules import rest
from catalog.lists.rules import OPEN
from catalog.turns import held, in_turns
from chassis import outbox, precedence
from chassis.database import Connection
from chassis.edits import Outcome, reason
from chassis.json import dumped
from chassis.resources import Resources
from contracts.events import Actor

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.3
ANY: Final = 2**62
SURVEYED: Final = 10_000
"""So many new rows at once, and the planner is told of them before it is asked about them."""
AGAIN: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.UniqueViolationError,
)
"""Somebody else was faster: nothing was written, look again."""
SEEN: Final[Mapping[State, Outcome]] = {
    State.PREVIEWING: Outcome.WAITING,
    State.APPLYING: Outcome.CHANGE,
    State.UNDOING: Outcome.EDITED,
}
"""Which records a step sees to."""
ENDS: Final[Mapping[State, State]] = {
    State.PREVIEWING: State.PREVIEWED,
    State.APPLYING: State.FINISHED,
    State.UNDOING: State.UNDONE,
}


class CannotGather(Exception):
    """The records of the list cannot be taken over."""


class Overtaken(Exception):
    """The edit was paused, cancelled, or carried on elsewhere, while this slice was seen to."""


async def edit_in_bulk(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: both lanes until told to stop."""
    async with asyncio.TaskGroup() as group:
        group.create_task(lane(resources, stop, largest=SMALL))
        group.create_task(lane(resources, stop, largest=ANY))


async def lane(resources: Resources, stop: asyncio.Event, *, largest: int) -> None:
    """One turn after another."""
    turn = functools.partial(work_once, resources, stop, largest=largest)
    await in_turns(turn, stop, of="bulk edits", idle_seconds=IDLE_SECONDS)


async def work_once(resources: Resources, stop: asyncio.Event, *, largest: int = ANY) -> bool:
    """Take the edit that has waited longest and work on it for a turn; whether there was one that can go on."""
    async with resources.pool.acquire() as connection:
        for row in await connection.fetch(sql.WAITING, largest):
            large = row["matched"] > SMALL
            async with held(connection, "bulk edit", row["id"]) as mine:
                try:
                    if mine and large:
                        precedence.step_back_with(connection, resources.settings.import_niceness)
                    went_on = mine and await _carry(resources, connection, row["id"], stop)
                finally:
                    if mine and large:  # its process has stepped back for good: let the pool open another
                        await connection.close()
            if went_on or (mine and large):
                return went_on
    return False


async def _carry(resources: Resources, connection: Connection, edit_id: UUID, stop: asyncio.Event) -> bool:
    """A turn of one edit; whether anything was done. What cannot be gathered fails, and holds up no other."""
    try:
        for place in range(TURN):
            began = time.monotonic()
            if stop.is_set() or not await step(resources, connection, edit_id):
                return place > 0
            await _rest(resources, time.monotonic() - began, stop)
    except AGAIN as error:
        log.info("a slice of a bulk edit is tried again", extra={"error": str(error)})
        await asyncio.sleep(0.05)
    except Overtaken:
        return True
    except CannotGather as problem:
        await connection.execute(sql.FAIL, edit_id, str(problem), resources.clock())
    return True


async def _rest(resources: Resources, worked: float, stop: asyncio.Event) -> None:
    """Let others have the machine for a while, as the operator wishes of large imports."""
    if seconds := rest(worked, share=resources.settings.import_share):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)


def editing_of(resources: Resources, edit: asyncpg.Record) -> Editing:
    """What does the work of this kind."""
    changes = ChangesDoc.model_validate(edit["changes"])
    if edit["kind"] == Kind.TITLES:
        return Titles(changes, resources.sessions)
    return Items(changes) if edit["kind"] == Kind.ITEMS else Holdings(changes)


async def step(resources: Resources, connection: Connection, edit_id: UUID) -> bool:
    """A slice in a transaction; whether anything was done."""
    now = resources.clock()
    edit = await connection.fetchrow(sql.BEGIN, edit_id, now)
    if edit is None:
        return False
    if not edit["gathered"]:
        return await _gather(connection, edit)
    told = edit["requested_by"] if edit["state"] == State.PREVIEWING else edit["confirmed_by"]
    by = told or edit["requested_by"]
    kind, _, ref = by.partition(":")
    token = outbox.origin.set(resources.origin(Actor(kind, ref)))
    try:
        async with connection.transaction():
            await _see_to(resources, connection, edit, by=by, now=now)
    finally:
        outbox.origin.reset(token)
    return True


async def _gather(connection: Connection, edit: asyncpg.Record) -> bool:
    """Take over the records of the list, as it is at one moment; waits for a list that was never filled."""
    async with connection.transaction():
        found = await connection.fetchrow(sql.LIST, edit["list_id"], edit["requested_by"])
        if found is None or found["kind"] != edit["kind"]:
            raise CannotGather("The list is not there any more, or is not shared any more.")
        if found["generation"] == 0 and found["state"] in OPEN:
            return False
        if found["state"] == "failed":
            raise CannotGather(f"The list could not be filled: {found['problem']}")
        if found["count"] > MOST_EDITED:
            raise CannotGather(f"The list holds {found['count']}; up to {MOST_EDITED} are edited at a time.")
        await connection.execute(sql.GATHER, edit["id"], edit["list_id"], found["generation"])
        await connection.execute(sql.GATHERED, edit["id"], found["count"])
    if found["count"] > SURVEYED:
        await connection.execute(sql.SURVEY)
    return True


async def _see_to(
    resources: Resources, connection: Connection, edit: asyncpg.Record, *, by: str, now: datetime
) -> None:
    state = State(edit["state"])
    editing = editing_of(resources, edit)
    records = await connection.fetch(sql.NEXT, edit["id"], SEEN[state], edit["position"], editing.slice)
    if not records:
        await connection.execute(sql.END_STEP, edit["id"], state, ENDS[state], START, now)
        return
    if state is State.PREVIEWING:
        await _preview(connection, editing, edit["id"], [each["id"] for each in records])
    elif state is State.APPLYING:
        await _apply(connection, editing, edit["id"], records, by=by, now=now)
    else:
        await _undo(connection, editing, edit["id"], records, by=by, now=now)
    moved = (edit["id"], state, edit["position"], records[-1]["id"], now)
    if not await connection.fetchval(sql.MOVE_ON, *moved):
        raise Overtaken


async def _preview(connection: Connection, editing: Editing, edit_id: UUID, ids: Sequence[UUID]) -> None:
    rows = await editing.look(connection, ids, hold=False)
    verdicts = await editing.judge(connection, rows)
    versions = {id_: row["version"] for id_, row in rows.items()}
    gone = {id_: Verdict(Outcome.CANNOT, reasons=[GONE]) for id_ in ids if id_ not in rows}
    await _tell(connection, edit_id, verdicts | gone, versions=versions)


GONE: Final = reason("gone", "It is not in the catalogue any more.")


async def _apply(
    connection: Connection,
    editing: Editing,
    edit_id: UUID,
    records: Sequence[asyncpg.Record],
    *,
    by: str,
    now: datetime,
) -> None:
    """Only what the preview saw; all rules once more, since they may have changed."""
    rows = await editing.look(connection, [each["id"] for each in records], hold=True)
    seen = {each["id"]: each["version_seen"] for each in records}
    fresh = {id_: row for id_, row in rows.items() if row["version"] == seen[id_]}
    verdicts = await editing.judge(connection, fresh)
    left_as = await editing.write(connection, fresh, verdicts, by=by, now=now)
    told: Verdicts = {}
    for id_, version in seen.items():
        verdict = verdicts.get(id_)
        if verdict is None:
            words = (
                f"The preview saw version {version}; it is at {rows[id_]['version']}."
                if id_ in rows
                else None
            )
            why = reason("changed-meanwhile", words) if words else GONE
            told[id_] = Verdict(Outcome.CHANGED_MEANWHILE, reasons=[why])
        elif verdict.outcome is Outcome.CANNOT:
            told[id_] = Verdict(Outcome.REFUSED, reasons=verdict.reasons)
        else:
            edited = Outcome.EDITED if id_ in left_as else Outcome.UNCHANGED
            told[id_] = Verdict(edited, reasons=[], before=verdict.before)
    await _tell(connection, edit_id, told, left_as=left_as)


async def _undo(
    connection: Connection,
    editing: Editing,
    edit_id: UUID,
    records: Sequence[asyncpg.Record],
    *,
    by: str,
    now: datetime,
) -> None:
    """Only what nobody has changed since."""
    rows = await editing.look(connection, [each["id"] for each in records], hold=True)
    verdicts = await editing.back(connection, rows, records)
    restored = await editing.write(connection, rows, verdicts, by=by, now=now)
    told: Verdicts = {}
    for id_, verdict in verdicts.items():
        if id_ in restored:
            told[id_] = Verdict(Outcome.RESTORED)
        elif verdict.outcome is Outcome.CANNOT:
            told[id_] = Verdict(Outcome.CONFLICT, reasons=verdict.reasons)
        else:
            told[id_] = verdict if verdict.outcome is Outcome.CONFLICT else conflict("gone", GONE["text"])
    await _tell(connection, edit_id, told)


async def _tell(
    connection: Connection,
    edit_id: UUID,
    verdicts: Verdicts,
    *,
    versions: Mapping[UUID, int] | None = None,
    left_as: Mapping[UUID, str] | None = None,
) -> None:
    """What became of each record; what an earlier step has told of it stays, but for the reasons."""
    ids = list(verdicts)
    told = [verdicts[id_] for id_ in ids]
    await connection.execute(
        sql.TELL,
        edit_id,
        ids,
        [each.outcome.value for each in told],
        [(versions or {}).get(id_) for id_ in ids],
        [_json(each.differences) for each in told],
        [dumped(each.reasons).decode() for each in told],
        [_json(each.before) for each in told],
        [(left_as or {}).get(id_) for id_ in ids],
    )


def _json(told: Any) -> str | None:
    """None where there is nothing: what was told before stays."""
    return dumped(told).decode() if told else None


async def sweep_edits(resources: Resources, now: datetime) -> None:
    """A timer: edits whose time is over."""
    await resources.pool.execute(sql.SWEEP, now - KEPT, now - 2 * KEPT)
