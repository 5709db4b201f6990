"""A loan that stands in the way of a recall is shortened, once."""

from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from circulation.holds.choosing import Considered
from circulation.holds.rules import recalled_due_at, serves
from circulation.items.rules import State
from circulation.places.library import Library
from contracts.circulation import ItemAvailability, LoanFacts, LoanRecalled


async def recall(
    connection: Connection, library: Library, seen: Considered, hold_id: UUID, *, now: datetime
) -> None:
    """Of the loans that may be recalled the one due first is shortened, once; never lengthened."""
    policies = {c.item_id: c.policy for c in seen.wish.candidates if serves(c, seen.wish, "recall")}
    lent = [
        item
        for item in seen.items
        if item["id"] in policies
        and item["loan_id"] is not None
        and item["recalled_at"] is None
        and seen.wish.item_id in (None, item["id"])
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
        "UPDATE loan SET due_at = $2, recalled_at = $3, version = version + 1 WHERE id = $1",
        loan["id"],
        due,
        now,
    )
    told = await connection.fetchrow(
        "UPDATE item SET due_at = $2, guard = guard + 1 WHERE id = $1 RETURNING guard, "
        "  (SELECT count(*) FROM hold h WHERE h.title_id = ANY (title_ids) AND h.position IS NOT NULL) AS queue",
        item["id"],
        due,
    )
    assert told is not None
    facts = {
        name: loan[name] for name in ("item_id", "title_id", "patron_group", "service_point_id", "lent_at")
    }
    more = {name: loan[name] for name in ("due_zone", "renewals", "policy", "rules_version")}
    event = LoanRecalled(
        version=loan["version"] + 1,
        occurred_at=now,
        loan_id=loan["id"],
        item_id=item["id"],
        loan=LoanFacts(
            loan_id=loan["id"],
            patron_ref=loan["patron_id"],
            due_at=due,
            proxy_ref=loan["proxy_id"],
            **facts,
            **more,
        ),
        previous_due_at=loan["due_at"],
        hold_id=hold_id,
        availability=ItemAvailability(
            item_id=item["id"],
            version=told["guard"],
            title_ids=tuple(item["title_ids"]),
            library=item["library"] or "",
            location=item["location"] or "",
            state=State.ON_LOAN,
            lendable=False,
            due_at=due,
            queue_length=told["queue"],
            as_of=now,
        ),
    )
    await outbox.record(connection, [event])
