"""Reminders: which one is due, its fee, its block. The notice itself goes out by the events of both."""

from datetime import datetime

from chassis.database import Connection
from circulation.fees import reminder_blocks
from circulation.fees.charging import charge
from circulation.fees.overdue import Row, owner_at
from circulation.fees.rules import reminders_due
from circulation.places.library import Library


def _reminded(loan: Row) -> int:
    """How many reminders the loan's present due time has had; another due time begins anew."""
    return int(loan["reminded"]) if loan["reminded_for"] == loan["due_at"] else 0


def _due(library: Library, loan: Row, now: datetime) -> tuple[int, datetime | None]:
    policy = library.rules.fine.get(loan["fine_policy"])
    if policy is None or not policy.reminders or loan["due_at"] > now:
        return 0, None
    calendar = library.calendar_at(loan["lent_from"], loan["due_zone"])
    return reminders_due(policy, calendar, due_at=loan["due_at"], at=now)


def wanted(library: Library, loan: Row, now: datetime) -> tuple[bool, datetime | None]:
    """Whether a reminder is due that was not charged yet, and when the next one will be."""
    due, ahead = _due(library, loan, now)
    return due > _reminded(loan), ahead


async def remind(connection: Connection, library: Library, loan: Row, *, now: datetime) -> None:
    """Charge the reminder that fell due last, and block by it; those before it that were missed do neither.

    All is locked.
    """
    due, _ = _due(library, loan, now)
    if due <= _reminded(loan):
        return
    policy = library.rules.fine[loan["fine_policy"]]
    reminder = policy.reminders[due - 1]
    if reminder.amount:
        await charge(
            connection,
            patron_id=loan["patron_id"],
            loan_id=loan["id"],
            item_id=loan["item_id"],
            kind="reminder",
            policy=policy.code,
            amount=reminder.amount,
            now=now,
            owner=owner_at(library, loan),
        )
    if reminder.block is not None:
        await reminder_blocks.block(connection, loan, library.block_templates[reminder.block], now=now)
    await connection.execute(
        "UPDATE loan SET reminded = $2, reminded_for = due_at WHERE id = $1", loan["id"], due
    )
