"""The worker that edits patrons in bulk: a slice of one edit in a transaction, then the edit that has waited longest.

Whoever is asked for is gathered first, at the moment of the asking. Then each step – preview, edit, undo – goes through
them in the order of their ids: patrons, events, outcomes and how far it has come, or none of it. The edit's row is held
for a slice, so whoever cancels is heard between two; whoever takes over after a crash goes on behind the last one.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.edits import Outcome, reason
from chassis.json import dumped
from chassis.problems import Problem
from chassis.resources import Resources
from circulation.patronedits import statements as sql
from circulation.patronedits.documents import PatronChangesDoc
from circulation.patronedits.editing import Editing, Rows, Verdicts
from circulation.patronedits.rules import ENDS, KEPT, MOST_EDITED, SEEN, SLICE, State, Verdict
from circulation.questions.looking import START, Question, page
from circulation.questions.vocabulary import Kind, read
from contracts.events import Actor

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 0.5
GATHERED: Final = 5000
"""Patrons who are gathered at a time."""
AGAIN: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
"""Somebody else was faster, or the database is away: nothing was written, look again."""
GONE: Final = reason("gone", "There is no such patron any more.")


async def edit_patrons(resources: Resources, stop: asyncio.Event) -> None:
    """The worker: slice after slice until told to stop."""
    while not stop.is_set():
        try:
            worked = await work_once(resources)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:  # or somebody was faster
            log.warning("bulk edits of patrons wait", extra={"error": type(error).__name__})
            worked = False
        if not worked:
            await asyncio.sleep(IDLE_SECONDS)


async def work_once(resources: Resources) -> bool:
    """A slice of the edit that has waited longest; whether there was one. What cannot go on fails."""
    async with resources.pool.acquire() as connection:
        for row in await connection.fetch(sql.WAITING):
            try:
                if await _slice(resources, connection, row["id"]):
                    return True
            except (OSError, asyncpg.InterfaceError, *AGAIN):
                raise
            except Problem as problem:
                await connection.execute(sql.FAIL, row["id"], problem.title, resources.clock())
            except Exception:
                log.exception("a bulk edit of patrons cannot go on", extra={"edit": str(row["id"])})
                words = "It could not go on; the log of the worker says why."
                await connection.execute(sql.FAIL, row["id"], words, resources.clock())
    return False


async def _slice(resources: Resources, connection: Connection, edit_id: UUID) -> bool:
    edit = await connection.fetchrow(sql.LOOK, edit_id)
    if edit is None:
        return False
    now = resources.clock()
    if not edit["gathered"]:
        return await _gather(connection, edit, now=now)
    library = await resources.own["shelf"].fresh()
    told = edit["requested_by"] if edit["state"] == State.PREVIEWING else edit["confirmed_by"]
    by = told or edit["requested_by"]
    kind, _, ref = by.partition(":")
    token = outbox.origin.set(resources.origin(Actor(kind, ref)))
    try:
        async with connection.transaction():
            edit = await connection.fetchrow(sql.HOLD, edit_id, now)
            if edit is None:
                return False
            changes = PatronChangesDoc.model_validate(edit["changes"])
            await _see_to(connection, edit, Editing(library, changes, by=by, now=now), now=now)
    finally:
        outbox.origin.reset(token)
    return True


async def _gather(connection: Connection, edit: asyncpg.Record, *, now: datetime) -> bool:
    """The next patrons who are asked for; moments count from when it was asked."""
    node, faults = read(edit["source"]["condition"], Kind.PATRONS, now=edit["created_at"])
    if faults:
        await connection.execute(sql.FAIL, edit["id"], "; ".join(each.text for each in faults), now)
        return True
    libraries = None if edit["libraries"] is None else frozenset(edit["libraries"])
    question = Question(Kind.PATRONS, node, edit["created_at"], libraries)
    found = await page(connection, question, after=edit["position"], limit=GATHERED)
    async with connection.transaction():
        held = await connection.fetchrow(sql.HOLD, edit["id"], now)
        if held is None or held["position"] != edit["position"] or held["gathered"]:
            return held is not None
        if held["matched"] + len(found.ids) > MOST_EDITED:
            words = f"More than {MOST_EDITED} patrons are meant; edit fewer at a time."
            await connection.execute(sql.FAIL, edit["id"], words, now)
            return True
        await connection.execute(sql.GATHER, edit["id"], found.ids)
        ended = found.behind is None
        await connection.execute(
            sql.GATHERED, edit["id"], len(found.ids), START if ended else found.behind, ended
        )
    return True


async def _see_to(connection: Connection, edit: asyncpg.Record, editing: Editing, *, now: datetime) -> None:
    state = State(edit["state"])
    records = await connection.fetch(sql.NEXT, edit["id"], SEEN[state], edit["position"], SLICE)
    if not records:
        await connection.execute(sql.END_STEP, edit["id"], ENDS[state], START, now)
        return
    ids = [each["id"] for each in records]
    rows: Rows = await editing.look(connection, ids, hold=state is not State.PREVIEWING)
    if state is State.PREVIEWING:
        verdicts = {id_: editing.judge(rows[id_]) if id_ in rows else _gone(Outcome.CANNOT) for id_ in ids}
        await _tell(
            connection, edit["id"], verdicts, versions={id_: row["version"] for id_, row in rows.items()}
        )
    elif state is State.APPLYING:
        await _apply(connection, editing, edit["id"], rows, records)
    else:
        verdicts = await editing.back(connection, rows, records, edit["name"])
        for verdict in verdicts.values():
            if verdict.outcome is Outcome.CHANGE:
                verdict.outcome = Outcome.RESTORED
            verdict.before = verdict.after = {}
        await _tell(connection, edit["id"], verdicts)
    await connection.execute(sql.MOVE_ON, edit["id"], ids[-1])


def _gone(outcome: Outcome) -> Verdict:
    return Verdict(outcome, reasons=[GONE])


async def _apply(
    connection: Connection,
    editing: Editing,
    edit_id: UUID,
    rows: Rows,
    records: Sequence[asyncpg.Record],
) -> None:
    """Only what the preview saw; all rules once more, since they may have changed."""
    told: Verdicts = {}
    for each in records:
        row = rows.get(each["id"])
        if row is None:
            told[each["id"]] = _gone(Outcome.CHANGED_MEANWHILE)
        elif row["version"] != each["version_seen"]:
            words = f"The preview saw version {each['version_seen']}; it is at {row['version']}."
            told[each["id"]] = Verdict(
                Outcome.CHANGED_MEANWHILE, reasons=[reason("changed-meanwhile", words)]
            )
        else:
            told[each["id"]] = editing.judge(row)
    added = await editing.write(connection, rows, told)
    for verdict in told.values():
        if verdict.outcome is Outcome.CHANGE:
            verdict.outcome = Outcome.EDITED
        elif verdict.outcome is Outcome.CANNOT:
            verdict.outcome = Outcome.REFUSED
    lifted = {id_: list(each.lifted) for id_, each in told.items() if each.outcome is Outcome.EDITED}
    await _tell(connection, edit_id, told, blocks=added, lifted=lifted)


async def _tell(
    connection: Connection,
    edit_id: UUID,
    verdicts: Verdicts,
    *,
    versions: Mapping[UUID, int] | None = None,
    blocks: Mapping[UUID, UUID] | None = None,
    lifted: Mapping[UUID, list[UUID]] | None = None,
) -> None:
    """What became of each patron; what an earlier step has told of them stays, but for the reasons."""
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
        [_json(each.after) for each in told],
        [(blocks or {}).get(id_) for id_ in ids],
        ["{" + ",".join(map(str, lifted[id_])) + "}" if lifted and id_ in lifted else None for id_ in ids],
    )


def _json(told: Any) -> str | None:
    """None where there is nothing: what was told before stays."""
    return dumped(told).decode() if told else None


async def sweep_patron_edits(resources: Resources, now: datetime) -> None:
    """A timer: edits whose time is over, with what they have told of patrons."""
    await resources.pool.execute(sql.SWEEP, now - KEPT, now - 2 * KEPT)
