"""What a host is to be told waits in a table, written with what it follows from, until the worker has told it.

Of one request a host is told one thing after the other, and nothing that has been overtaken meanwhile.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from contracts.events import Event
from ill.hosts.rules import Act

IN_FLIGHT: Final = timedelta(seconds=90)
"""Longer than a host is waited for: who is overtaken by its own repetition has been answered by then."""
_FIND = """
SELECT h.id FROM circulation_host h LEFT JOIN circulation_host_place p ON p.host_id = h.id AND p.place = $1
WHERE h.active AND (p.place IS NOT NULL OR h.for_the_rest) ORDER BY p.place IS NULL LIMIT 1
"""
_INSERT = """
INSERT INTO host_act (id, request_id, host_id, kind, question, facts, state, doubtful, next_at, at)
VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $9)
"""
_OVERTAKEN = """
UPDATE host_act SET state = 'withdrawn', doubtful = doubtful OR (attempts > 0 AND state = 'waiting'), next_at = NULL,
    settled_at = $3
WHERE request_id = $1 AND kind = $2 AND state IN ('waiting', 'staff') RETURNING doubtful
"""
_LAST_KEPT = """
SELECT a.state, a.doubtful, a.question, a.facts FROM host_act a
WHERE a.request_id = $1 AND a.kind = 'item-wanted' AND NOT EXISTS (SELECT FROM host_act l
    WHERE l.request_id = $1 AND l.kind = 'item-not-wanted' AND l.facts ->> 'request_id' = a.facts ->> 'request_id')
ORDER BY a.id DESC LIMIT 1
"""


async def host_for(connection: Connection, place: str | None) -> UUID | None:
    """The host that serves a place of ours; None: our own circulation does."""
    found: UUID | None = await connection.fetchval(_FIND, place)
    return found


async def queue(
    connection: Connection, host_id: UUID, event: Event, row: Mapping[str, Any], now: datetime
) -> None:
    """Have the host told what the event tells of a request (`row`)."""
    act = Act(event.type.split(".")[1])
    question = event.model_dump(mode="json")
    facts = _facts(act, question, row)
    doubtful, at = False, now
    if act in (Act.KEEP, Act.LET_GO):
        await _let_go(connection, host_id, row["id"], now)
        if act is Act.LET_GO:
            return
    elif act is Act.LEND:
        kept = await connection.fetchrow(_LAST_KEPT, row["id"])
        if kept is not None:
            facts["request_id"] = kept["facts"]["request_id"]
        before = await connection.fetch(_OVERTAKEN, row["id"], act, now)
        doubtful = any(each["doubtful"] for each in before)
        at = now + IN_FLIGHT if doubtful else now
    elif act is Act.PATRON:
        await connection.fetch(_OVERTAKEN, row["id"], act, now)
    await _insert(connection, host_id, row["id"], act, question, facts, doubtful=doubtful, at=at, now=now)


async def _insert(
    connection: Connection,
    host_id: UUID,
    request_id: UUID,
    act: Act,
    question: Mapping[str, Any],
    facts: Mapping[str, Any],
    *,
    doubtful: bool = False,
    at: datetime,
    now: datetime,
) -> None:
    await connection.execute(
        _INSERT, uuid7(), request_id, host_id, act, dict(question), dict(facts), doubtful, at, now
    )


async def _let_go(connection: Connection, host_id: UUID, request_id: UUID, now: datetime) -> None:
    """What the host keeps, or may keep, is to be let go; what it was not told yet it is not told."""
    await connection.fetch(_OVERTAKEN, request_id, Act.KEEP, now)
    kept = await connection.fetchrow(_LAST_KEPT, request_id)
    if kept is None or not (kept["state"] == "done" or kept["doubtful"]):
        return
    at = now + IN_FLIGHT if kept["doubtful"] else now
    await _insert(
        connection, host_id, request_id, Act.LET_GO, kept["question"], kept["facts"], at=at, now=now
    )


def _facts(act: Act, question: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    """What of the request is needed besides the event; nothing of a patron but their reference."""
    citation, borrowed = row["citation"], row["side"] == "borrowing"
    barcode = question.get("barcode") or (
        row["number"] if borrowed and act not in (Act.HOLD, Act.PATRON) else row["item_barcode"]
    )
    told = {
        "request_id": f"{row['number']}-{question['version']}"
        if act in (Act.KEEP, Act.HOLD)
        else row["number"],
        "whose": str(row["patron_ref"] if borrowed else row["partner_id"]),
        "barcode": question.get("barcode") if act in (Act.KEEP, Act.HOLD) else barcode,
        "record_id": citation.get("record_id"),
        "title": citation.get("title") or citation.get("article_title"),
        "author": citation.get("author"),
        "due_at": question.get("due_at"),
        "pickup": row["pickup"] or question.get("desk"),
        "why": question.get("why"),
    }
    return {name: value for name, value in told.items() if value is not None}
