"""A plan is booked as a whole, and what became of each budget and order is kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.problems import Reason
from contracts.erm import OrderChanged
from erm.finance.commands import Books
from erm.orders import queries as orders
from erm.orders.announcing import facts
from erm.orders.encumbering import write_begun
from erm.orders.queries import Order
from erm.rollovers.planning import Plan
from erm.rollovers.rules import RolloverOutcome
from erm.units.telling import for_members

_GONE = """
UPDATE encumbrance SET state = 'released', amount = 0, rollover_id = $2 WHERE id = ANY ($1::uuid[])
"""
_ENDED = """
UPDATE budget b SET version = b.version + 1, rollover_id = $3 FROM fund f
WHERE f.id = b.fund_id AND f.ledger_id = $1 AND b.fiscal_year_id = $2 AND b.rollover_id IS NULL
"""
_YEARS_OF_ORDERS = """
UPDATE purchase_order o SET version = o.version + 1, fiscal_year_id = t.year_id
FROM unnest($1::uuid[], $2::uuid[]) t (order_id, year_id) WHERE o.id = t.order_id
"""
_YEARS_OF_SHARES = """
UPDATE order_line_share s SET fiscal_year_id = t.fiscal_year_id
FROM encumbrance e JOIN budget b ON b.id = e.budget_id, unnest($1::uuid[], $2::uuid[]) g (encumbrance_id, target_id)
JOIN budget t ON t.id = g.target_id
WHERE e.id = g.encumbrance_id AND s.order_line_id = e.order_line_id AND s.fund_id = b.fund_id
    AND s.expense_class_id IS NOT DISTINCT FROM e.expense_class_id AND s.fiscal_year_id = b.fiscal_year_id
"""


async def write(connection: Connection, row: Any, plan: Plan, books: Books) -> None:
    """Book the plan, and tell of every order that has gone over."""
    await write_begun(books, plan.begun, books.now)
    await books.write(plan.entries)
    await books.keep(plan.grown)
    gone = [move.part.held.id for move in plan.moved]
    await connection.execute(_GONE, gone, row["id"])
    await connection.execute(_YEARS_OF_SHARES, gone, [move.target for move in plan.moved])
    await connection.execute(_ENDED, row["ledger_id"], row["from_year_id"], row["id"])
    years: dict[UUID, set[UUID | None]] = {}
    for move in plan.moved:
        to_year = row["to_year_id"] if move.part.ledger_id == row["ledger_id"] else move.part.to_year_id
        years.setdefault(move.part.order_id, set()).add(to_year)
    await connection.execute(
        _YEARS_OF_ORDERS,
        list(years),
        [next(iter(told)) if len(told) == 1 else None for told in years.values()],
    )
    rolled = await orders.orders(connection, years)
    closed = await for_members(connection, {unit for order in rolled.values() for unit in order.units})
    events = [
        _event(order, books.now, members_only=not closed.isdisjoint(order.units)) for order in rolled.values()
    ]
    await outbox.record(connection, events)


def _event(order: Order, now: datetime, *, members_only: bool) -> OrderChanged:
    return OrderChanged(
        version=order.row["version"],
        occurred_at=now,
        order_id=order.id,
        what="rolled-over",
        order=facts(order),
        members_only=members_only,
    )


_TELL_BUDGET = """
INSERT INTO rollover_budget AS b (rollover_id, fund_id, allocated, carried, released, encumbered, reasons)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (rollover_id, fund_id) DO UPDATE SET allocated = b.allocated + excluded.allocated,
    carried = b.carried + excluded.carried, released = b.released + excluded.released,
    encumbered = b.encumbered + excluded.encumbered, reasons = excluded.reasons
"""
_TELL_ORDER = """
INSERT INTO rollover_order AS o (rollover_id, order_id, outcome, released, encumbered, lines, reasons)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (rollover_id, order_id) DO UPDATE SET outcome = excluded.outcome,
    released = o.released + excluded.released, encumbered = o.encumbered + excluded.encumbered,
    lines = o.lines || excluded.lines, reasons = excluded.reasons
"""
"""An order that has gone over goes again when something is set aside in the old year anew: its last invoice was
cancelled."""
_LATER = """
UPDATE rollover_order o SET outcome = 'rolled' FROM rollover r WHERE r.id = o.rollover_id AND r.state = 'done'
    AND o.order_id = ANY ($1::uuid[]) AND o.rollover_id <> $2 AND o.outcome IN ('waiting', 'failed', 'left')
RETURNING o.rollover_id
"""
_COUNT = """
UPDATE rollover r SET orders = (SELECT coalesce(jsonb_object_agg(t.outcome, t.number), '{}') FROM (
    SELECT o.outcome, count(*) AS number FROM rollover_order o WHERE o.rollover_id = r.id GROUP BY o.outcome) t)
WHERE r.id = ANY ($1::uuid[])
"""


async def forget(connection: Connection, rollover_id: UUID) -> None:
    """What was only looked at."""
    await connection.execute("DELETE FROM rollover_budget WHERE rollover_id = $1", rollover_id)
    await connection.execute("DELETE FROM rollover_order WHERE rollover_id = $1", rollover_id)


async def tell(connection: Connection, rollover_id: UUID, plan: Plan) -> None:
    """Keep what became of each budget and order; what has gone over before stays told."""
    await connection.execute(
        "DELETE FROM rollover_order WHERE rollover_id = $1 AND outcome <> 'rolled'", rollover_id
    )
    await connection.executemany(
        _TELL_BUDGET,
        [
            (rollover_id, f.fund_id, f.allocated, f.carried, f.released, f.encumbered, _json(f.reasons))
            for f in plan.funds.values()
        ],
    )
    await connection.executemany(
        _TELL_ORDER,
        [
            (rollover_id, o.order_id, o.outcome.value, o.released, o.encumbered, o.lines, _json(o.reasons))
            for o in plan.told
        ],
    )
    await connection.execute(_COUNT, [rollover_id])


async def tell_others(connection: Connection, rollover_id: UUID, plan: Plan) -> None:
    """Earlier rollovers of other ledgers, for which some of these orders waited."""
    rolled = [told.order_id for told in plan.told if told.outcome is RolloverOutcome.ROLLED]
    others = {row["rollover_id"] for row in await connection.fetch(_LATER, rolled, rollover_id)}
    await connection.execute(_COUNT, list(others))


def _json(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    return [reason.as_json() for reason in reasons]
