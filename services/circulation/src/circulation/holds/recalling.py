"""A loan that stands in the way of a recall is shortened, once; when no recall is left, it is recalled no more."""

from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from circulation.fees import reminder_blocks
from circulation.holds.considering import Considered
from circulation.holds.rules import fitting, recalled_due_at, serves
from circulation.holds.tables import FILLED_BY
from circulation.places.library import Library
from contracts.circulation import ItemAvailability, LoanFacts, LoanRecalled, LoanRecallLifted


async def recall(
    connection: Connection, library: Library, seen: Considered, hold_id: UUID, *, now: datetime
) -> None:
    """Of the loans that may be recalled the one due first is shortened, once; never lengthened."""
    policies = {copy.item_id: copy.policy for copy in fitting(seen.wish) if serves(copy, seen.wish, "recall")}
    lent = [
        item
        for item in seen.items
        if item["id"] in policies and item["loan_id"] is not None and item["recalled_at"] is None
    ]
    item = min(lent, key=lambda i: (i["loan_due_at"], i["id"]), default=None)
    if item is None:
        return
    loan = await connection.fetchrow("SELECT * FROM loan WHERE id = $1 FOR NO KEY UPDATE", item["loan_id"])
    assert loan is not None
    desk = library.desks.get(loan["service_point_id"])
    due = loan["due_at"]
    if desk is not None:
        due = recalled_due_at(
            policies[item["id"]], desk.calendar, lent_at=loan["lent_at"], due_at=due, now=now
        )
    await connection.execute(
        "UPDATE loan SET due_at = $2, recalled_at = $3::timestamptz, recalled_by = $4, version = version + 1, "
        "  auto_at = CASE WHEN auto_at IS NOT NULL THEN $3::timestamptz END WHERE id = $1",
        loan["id"],
        due,
        now,
        hold_id,
    )
    event = LoanRecalled(
        version=loan["version"] + 1,
        occurred_at=now,
        loan_id=loan["id"],
        item_id=item["id"],
        loan=_facts(loan, due),
        previous_due_at=loan["due_at"],
        hold_id=hold_id,
        availability=await _availability(connection, item["id"], due, now),
    )
    await outbox.record(connection, [event])
    await reminder_blocks.lift(connection, [loan["id"]], now=now)


_RECALLED = """
SELECT l.item_id FROM loan l WHERE l.recalled_by = $1 AND l.recalled_at IS NOT NULL AND l.returned_at IS NULL
"""
_HEIR = f"""
SELECT h.id FROM item i JOIN hold h ON h.title_id = ANY (i.title_ids)
WHERE i.id = $1 AND h.kind = 'recall' AND h.id <> $2 AND h.state IN ('waiting', 'in-transit', 'ready')
  AND {FILLED_BY}
  AND NOT EXISTS (SELECT FROM loan other WHERE other.recalled_by = h.id AND other.returned_at IS NULL)
ORDER BY h.position LIMIT 1
"""  # noqa: S608 - our own text
"""A recall that waits for this item too, and for which no loan was shortened."""


async def lift(connection: Connection, hold_id: UUID, *, now: datetime) -> None:
    """The recall is over, or about another copy: its loan serves the next recall, or is recalled no more.

    The due time stays as it is: a loan never becomes longer by itself. It may be renewed again.
    """
    for row in await connection.fetch(_RECALLED, hold_id):
        await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", row["item_id"])
        loan = await connection.fetchrow(
            "SELECT * FROM loan WHERE item_id = $1 AND recalled_by = $2 AND returned_at IS NULL "
            "FOR NO KEY UPDATE",
            row["item_id"],
            hold_id,
        )
        if loan is None:
            continue
        heir = await connection.fetchval(_HEIR, row["item_id"], hold_id)
        if heir is not None:
            await connection.execute("UPDATE loan SET recalled_by = $2 WHERE id = $1", loan["id"], heir)
            continue
        await connection.execute("UPDATE item SET guard = guard + 1 WHERE id = $1", loan["item_id"])
        await connection.execute(
            "UPDATE loan SET recalled_at = NULL, recalled_by = NULL, version = version + 1 WHERE id = $1",
            loan["id"],
        )
        event = LoanRecallLifted(
            version=loan["version"] + 1,
            occurred_at=now,
            loan_id=loan["id"],
            item_id=loan["item_id"],
            loan=_facts(loan, loan["due_at"]),
            hold_id=hold_id,
        )
        await outbox.record(connection, [event])


def _facts(loan: asyncpg.Record, due_at: datetime) -> LoanFacts:
    names = ("item_id", "title_id", "patron_group", "service_point_id", "lent_at")
    more = ("due_zone", "renewals", "policy", "rules_version")
    return LoanFacts(
        loan_id=loan["id"],
        patron_ref=loan["patron_id"],
        due_at=due_at,
        proxy_ref=loan["proxy_id"],
        **{name: loan[name] for name in (*names, *more)},
    )


_DUE = """
UPDATE item SET due_at = $2, guard = guard + 1 WHERE id = $1 RETURNING guard, title_ids, library, location, state,
    (SELECT count(*) FROM hold h WHERE h.title_id = ANY (title_ids) AND h.position IS NOT NULL) AS queue
"""


async def _availability(
    connection: Connection, item_id: UUID, due_at: datetime, now: datetime
) -> ItemAvailability:
    """What the item's availability has become; a desk that has read it looks again."""
    told = await connection.fetchrow(_DUE, item_id, due_at)
    assert told is not None
    return ItemAvailability(
        item_id=item_id,
        version=told["guard"],
        title_ids=tuple(told["title_ids"]),
        library=told["library"] or "",
        location=told["location"] or "",
        state=told["state"],
        lendable=False,
        due_at=due_at,
        queue_length=told["queue"],
        as_of=now,
    )
