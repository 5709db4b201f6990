"""A transfer is announced and makes its tasks; the title moves, the tasks are settled, or it is withdrawn."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import TitleTransferChanged, TitleTransferFacts
from erm.identifiers.rules import read
from erm.instances.queries import LOCK
from erm.rights import commands as rights
from erm.rows import change, insert, insert_many
from erm.transfers import queries
from erm.transfers.rules import TaskKind, TaskState, tasks
from erm.transfers.wire import TaskSettlementIn, TitleMovementIn, TitleTransferIn


class TransferUnknown(NotFound):
    """There is no such transfer."""

    code, title = "title-transfer-unknown", "There is no such transfer of a title."


class TaskUnknown(NotFound):
    """There is no such task."""

    code, title = "title-transfer-task-unknown", "There is no such task of a transfer."


class TransferTaken(Refused):
    """The alert is there already."""

    code, title = "title-transfer-taken", "This alert is there already."


class TransferRefused(Refused):
    """The transfer is past this."""

    code, title = "title-transfer-refused", "This cannot be done with the transfer."


_NAMED: Final = {
    "title_transfer_title_id_fkey": ("title-unknown", "/title_id"),
    "title_transfer_from_organisation_id_fkey": ("organisation-unknown", "/from_organisation_id"),
    "title_transfer_to_organisation_id_fkey": ("organisation-unknown", "/to_organisation_id"),
    "title_transfer_from_platform_id_fkey": ("platform-unknown", "/from_platform_id"),
    "title_transfer_to_platform_id_fkey": ("platform-unknown", "/to_platform_id"),
}


async def _titled(connection: Connection, body: TitleTransferIn) -> UUID:
    """The title that it is about; `Invalid` where numbers name none, or several."""
    if body.title_id is not None:
        return body.title_id
    became = [(each.namespace, read(each.namespace, each.value)) for each in body.identifiers]
    reasons = [
        Reason(
            told.flaw or "identifier-malformed",
            "It is no such number.",
            f"/identifiers/{at}/value",
            "Look it up.",
        )
        for at, (_, told) in enumerate(became)
        if told.value is None
    ]
    if not reasons:
        found = await queries.titled(
            connection, [(namespace, told.value) for namespace, told in became if told.value is not None]
        )
        if len(found) == 1:
            title_id: UUID = found[0]
            return title_id
        text = "They are no title's." if not found else "They are several titles': name the title."
        code = "title-ambiguous" if found else "title-unknown"
        reasons = [Reason(code, text, "/identifiers", "Name the title by its id.")]
    raise Invalid(reasons=reasons)


async def _told(connection: Connection, transfer_id: UUID, what: str, now: datetime) -> None:
    row = await queries.transfer(connection, transfer_id)
    assert row is not None
    facts = {
        name: row[name]
        for name in TitleTransferFacts.model_fields
        if name not in ("transfer_id", "open_tasks")
    }
    open_tasks = sum(1 for task in row["tasks"] if task["state"] == TaskState.OPEN)
    event = TitleTransferChanged(
        version=row["version"],
        occurred_at=now,
        transfer_id=transfer_id,
        what=what,
        transfer=TitleTransferFacts(transfer_id=transfer_id, open_tasks=open_tasks, **facts),
    )
    await outbox.record(connection, [event])


async def announce(connection: Connection, body: TitleTransferIn, *, now: datetime) -> UUID:
    """A transfer with what it asks of the library; its id. `Invalid`, `TransferTaken`."""
    title_id, transfer_id = await _titled(connection, body), uuid7()
    values = body.model_dump(exclude={"identifiers", "title_id"})
    try:
        await insert(
            connection,
            "title_transfer",
            id=transfer_id,
            title_id=title_id,
            status="announced",
            created_at=now,
            **values,
        )
    except asyncpg.UniqueViolationError as error:
        text = f"{body.source} has told of {body.reference} before."
        raise TransferTaken(reasons=[Reason("alert-known", text, "/reference")]) from error
    except asyncpg.ForeignKeyViolationError as error:
        code, pointer = _NAMED.get(error.constraint_name or "", ("not-known", ""))
        text = "It names what is not known here."
        raise Invalid(reasons=[Reason(code, text, pointer, "Name what there is.")]) from error
    held = await queries.held(connection, title_id)
    asked = tasks(*held, from_platform_id=body.from_platform_id, effective_on=body.effective_on)
    await insert_many(
        connection,
        "title_transfer_task",
        [
            {
                "id": uuid7(),
                "transfer_id": transfer_id,
                "kind": task.kind,
                "right_id": task.right_id,
                "line_id": task.line_id,
                "due_on": body.effective_on,
                "state": TaskState.OPEN,
            }
            for task in asked
        ],
    )
    if not asked:
        await connection.execute("UPDATE title_transfer SET status = 'done' WHERE id = $1", transfer_id)
    await _told(connection, transfer_id, "announced", now)
    return transfer_id


async def _locked(connection: Connection, transfer_id: UUID) -> Any:
    found = await connection.fetchrow("SELECT * FROM title_transfer WHERE id = $1 FOR UPDATE", transfer_id)
    if found is None:
        raise TransferUnknown
    if found["status"] == "withdrawn":
        raise TransferRefused(reasons=[Reason("transfer-withdrawn", "It was withdrawn.")])
    return found


_SETTLE: Final = """
UPDATE title_transfer_task SET state = $3, note = coalesce($4, note), settled_at = $5, settled_by = $6
WHERE transfer_id = $1 AND state = 'open' AND (kind = ANY ($2::text[]) OR id = ANY ($7::uuid[])) RETURNING id
"""
_OPEN: Final = "SELECT EXISTS (SELECT FROM title_transfer_task WHERE transfer_id = $1 AND state = 'open')"


async def _go_on(connection: Connection, transfer: Any, what: str, now: datetime, **values: Any) -> None:
    """A new version: done, where nothing is left to do."""
    if not await connection.fetchval(_OPEN, transfer["id"]):
        values["status"] = "done"
    await change(connection, "title_transfer", transfer["id"], **values)
    await _told(connection, transfer["id"], what, now)


_ON_PLATFORM: Final = """
INSERT INTO platform_title (id, title_id, platform_id, url) VALUES ($1, $2, $3, $4)
ON CONFLICT (title_id, platform_id) DO UPDATE SET url = coalesce(excluded.url, platform_title.url)
"""


async def move(
    connection: Connection, transfer_id: UUID, body: TitleMovementIn, *, actor: str, now: datetime
) -> None:
    """Put the title on the receiving publisher's platform, and the rights whose tasks are open with it, if wished.

    `TransferUnknown`, `TransferRefused`, `Invalid` where no platform is named or there is none such.
    """
    await connection.execute(LOCK)
    transfer = await _locked(connection, transfer_id)
    platform_id = body.platform_id or transfer["to_platform_id"]
    if not await connection.fetchval("SELECT EXISTS (SELECT FROM platform WHERE id = $1)", platform_id):
        text = "There is no such platform." if platform_id else "Neither the transfer nor this names one."
        raise Invalid(reasons=[Reason("platform-unknown", text, "/platform_id", "Name the new platform.")])
    if platform_id == transfer["from_platform_id"]:
        text = "It is the platform that the title leaves."
        raise Invalid(reasons=[Reason("platform-left", text, "/platform_id", "Name the new platform.")])
    await connection.execute(_ON_PLATFORM, uuid7(), transfer["title_id"], platform_id, body.url)
    kinds = [TaskKind.NEW_PLATFORM.value]
    if body.move_rights:
        kinds.append(TaskKind.PERPETUAL_RIGHT.value)
        rows = await connection.fetch(
            "SELECT right_id FROM title_transfer_task WHERE transfer_id = $1 AND state = 'open' "
            "AND right_id IS NOT NULL",
            transfer_id,
        )
        await rights.move(connection, [row["right_id"] for row in rows], platform_id, actor=actor, now=now)
    await connection.fetch(_SETTLE, transfer_id, kinds, TaskState.DONE, None, now, actor, [])
    await _go_on(connection, transfer, "moved", now, status="moved", to_platform_id=platform_id)


async def settle(
    connection: Connection, task_id: UUID, body: TaskSettlementIn, *, actor: str, now: datetime
) -> UUID:
    """A task is done, or none; the id of its transfer. One that is settled stays as it is. `TaskUnknown`."""
    transfer_id: UUID | None = await connection.fetchval(
        "SELECT transfer_id FROM title_transfer_task WHERE id = $1", task_id
    )
    if transfer_id is None:
        raise TaskUnknown
    transfer = await _locked(connection, transfer_id)
    if await connection.fetch(_SETTLE, transfer_id, [], body.state, body.note, now, actor, [task_id]):
        await _go_on(connection, transfer, "settled", now)
    return transfer_id


async def withdraw(connection: Connection, transfer_id: UUID, *, actor: str, now: datetime) -> None:
    """It does not come to pass: what was open is dropped. `TransferUnknown`, `TransferRefused` once it has moved."""
    transfer = await _locked(connection, transfer_id)
    if transfer["status"] != "announced":
        text = f"It is {transfer['status']}."
        mend = "Announce the transfer back."
        raise TransferRefused(reasons=[Reason("transfer-moved-on", text, mend=mend)])
    every = [each.value for each in TaskKind]
    await connection.fetch(_SETTLE, transfer_id, every, TaskState.DROPPED, None, now, actor, [])
    await change(connection, "title_transfer", transfer_id, status="withdrawn")
    await _told(connection, transfer_id, "withdrawn", now)
