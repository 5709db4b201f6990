"""Blocks that come with a reminder: they end when the loan ends, or has another due time (L95)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from circulation.fees.overdue import Row
from circulation.places.documents import BlockTemplateDoc
from contracts.circulation import PatronBlockAdded, PatronBlockRemoved

_ADD = """
INSERT INTO patron_block (id, patron_id, template, actions, note, message, expires_at, created_at, created_by, kind,
    loan_id, for_due_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, 'system', 'reminder', $9, $10
WHERE NOT EXISTS (SELECT FROM patron_block WHERE loan_id = $9 AND template = $3)
RETURNING id
"""
_LIFT = """
WITH gone AS (
    DELETE FROM patron_block b USING loan l
    WHERE b.loan_id = ANY ($1::uuid[]) AND l.id = b.loan_id
      AND (l.returned_at IS NOT NULL OR l.due_at <> b.for_due_at)
    RETURNING b.*
), kept AS (
    INSERT INTO lifted_block (id, patron_id, template, actions, note, message, expires_at, created_at, created_by,
        loan_id, lifted_at, lifted_by, lifted_because)
    SELECT id, patron_id, template, actions, note, message, expires_at, created_at, created_by, loan_id, $2,
        'system', $3
    FROM gone
)
SELECT id, patron_id, version FROM gone
"""
BECAUSE = "What the reminder was about came back, or is due anew."


async def block(connection: Connection, loan: Row, template: BlockTemplateDoc, *, now: datetime) -> None:
    """Block the borrower, who is locked, as the template says; once for a loan and a template."""
    until = now + timedelta(days=template.days) if template.days is not None else None
    block_id = await connection.fetchval(
        _ADD,
        uuid7(),
        loan["patron_id"],
        template.code,
        list(template.actions),
        template.note,
        template.message,
        until,
        now,
        loan["id"],
        loan["due_at"],
    )
    if block_id is None:
        return
    await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", loan["patron_id"])
    event = PatronBlockAdded(
        version=1,
        occurred_at=now,
        block_id=block_id,
        patron_ref=loan["patron_id"],
        actions=tuple(template.actions),
        template=template.code,
        until=until,
    )
    await outbox.record(connection, [event])


async def lift(connection: Connection, loan_ids: Sequence[UUID], *, now: datetime) -> None:
    """Lift what reminders set for loans that have ended or are due at another time by now; the rest stands.

    The patron's guard stays as it is: who decided by a block that is gone refused, and may be asked again.
    """
    gone = await connection.fetch(_LIFT, loan_ids, now, BECAUSE)
    events = [
        PatronBlockRemoved(
            version=row["version"] + 1, occurred_at=now, block_id=row["id"], patron_ref=row["patron_id"]
        )
        for row in gone
    ]
    if events:
        await outbox.record(connection, events)
