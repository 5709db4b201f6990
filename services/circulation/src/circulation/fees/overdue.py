"""What a late return or renewal comes to: a fine, a suspension, both or neither."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from circulation.calendars.rules import Calendar
from circulation.fees.charging import charge
from circulation.fees.rules import (
    FinePolicy,
    Money,
    known_price,
    overdue_fine,
    suspended_until,
    suspension_days,
)
from circulation.places.library import Library
from contracts.circulation import PatronSuspended

Row = Mapping[str, Any] | asyncpg.Record
"""A loan that is open: due_at, due_zone, fine_policy, recalled_at, and `lent_from`, its service point; of its item
price_minor and price_currency."""


@dataclass(frozen=True, slots=True)
class Late:
    """What it comes to, and by which policy and calendar."""

    policy: FinePolicy
    calendar: Calendar
    fine: Money
    days: int
    """Of suspension."""

    def __bool__(self) -> bool:
        return bool(self.fine) or self.days > 0


def late(library: Library, loan: Row, at: datetime) -> Late | None:
    """What an open loan, brought back at a moment, comes to; None when it is in time or nothing is fined."""
    if at <= loan["due_at"] or (policy := library.rules.fine.get(loan["fine_policy"])) is None:
        return None
    calendar = library.calendar_at(loan["lent_from"], loan["due_zone"])
    recalled = loan["recalled_at"] is not None
    price = known_price(loan["price_minor"], loan["price_currency"], ours=library.currency)
    found = Late(
        policy,
        calendar,
        overdue_fine(policy, calendar, due_at=loan["due_at"], at=at, recalled=recalled, price=price),
        suspension_days(policy, calendar, due_at=loan["due_at"], at=at, recalled=recalled),
    )
    return found or None


@dataclass(frozen=True, slots=True)
class Final:
    """What was charged, and until when the patron is suspended."""

    fine: Money
    fee_id: UUID | None
    suspended_until: datetime | None
    deposit_minor: int = 0
    """What of a deposit was given back."""


def would_be_suspended(found: Late, *, now: datetime) -> datetime | None:
    """The end of the suspension for a patron whom none runs against."""
    told = found.policy.suspension
    if told is None or not found.days:
        return None
    return suspended_until(told, found.calendar, days=found.days, at=now, running_until=None)


def owner_at(library: Library, loan: Row) -> str | None:
    """Whose income the loan's fees are: that of the service point where it was lent."""
    desk = library.desks.get(loan["lent_from"])
    return desk.owner if desk else None


_RUNNING = """
SELECT id, expires_at FROM patron_block
WHERE patron_id = $1 AND kind = 'suspension' AND expires_at > $2 ORDER BY expires_at DESC LIMIT 1
"""
NOTE = "Suspended for a late return."
MESSAGE = "You brought something back late: no loans, renewals or holds until this ends."
ACTIONS = ("borrow", "renew", "hold")


async def make_final(
    connection: Connection, library: Library, loan: Row, found: Late, *, now: datetime
) -> Final:
    """Charge the fine, suspend the patron, who is locked."""
    fee_id = None
    if found.fine:
        fee_id = await charge(
            connection,
            patron_id=loan["patron_id"],
            loan_id=loan["open_loan_id"],
            item_id=loan["item_id"],
            kind="overdue",
            policy=found.policy.code,
            amount=found.fine,
            now=now,
            owner=owner_at(library, loan),
        )
    until = await _suspend(connection, loan["patron_id"], found, now=now) if found.days else None
    return Final(found.fine, fee_id, until)


async def _suspend(connection: Connection, patron_id: UUID, found: Late, *, now: datetime) -> datetime:
    assert found.policy.suspension is not None
    running = await connection.fetchrow(_RUNNING, patron_id, now)
    until = suspended_until(
        found.policy.suspension,
        found.calendar,
        days=found.days,
        at=now,
        running_until=running["expires_at"] if running else None,
    )
    if running is not None and running["expires_at"] == until:
        return until
    block_id, version = uuid7(), 1
    if running is None:
        await connection.execute(
            "INSERT INTO patron_block (id, patron_id, actions, note, message, expires_at, created_at, created_by, "
            "  kind) VALUES ($1, $2, $3, $4, $5, $6, $7, 'system', 'suspension')",
            block_id,
            patron_id,
            list(ACTIONS),
            NOTE,
            MESSAGE,
            until,
            now,
        )
    else:
        block_id = running["id"]
        version = await connection.fetchval(
            "UPDATE patron_block SET expires_at = $2, version = version + 1 WHERE id = $1 RETURNING version",
            block_id,
            until,
        )
    await connection.execute("UPDATE patron SET guard = guard + 1 WHERE id = $1", patron_id)
    event = PatronSuspended(
        version=version,
        occurred_at=now,
        block_id=block_id,
        patron_ref=patron_id,
        actions=ACTIONS,
        until=until,
    )
    await outbox.record(connection, [event])
    return until
