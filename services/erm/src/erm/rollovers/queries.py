"""What a rollover has to know: its ledger and years, the orders with money in them, and what each has set aside."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.finance.queries import Held
from erm.finance.rules import Encumbered

_CANDIDATES = """
SELECT DISTINCT l.order_id FROM budget b JOIN fund f ON f.id = b.fund_id JOIN encumbrance e ON e.budget_id = b.id
JOIN order_line l ON l.id = e.order_line_id JOIN purchase_order o ON o.id = l.order_id
WHERE f.ledger_id = $1 AND b.fiscal_year_id = $2 AND e.rollover_id IS NULL AND o.state = 'open' AND NOT l.cancelled
    AND (e.state = 'active' OR (o.order_type <> 'one-time' AND e.released_by IS NOT NULL))
"""
_PARTS = """
SELECT e.*, b.fund_id, b.fiscal_year_id, f.ledger_id, g.code AS ledger_code, y.starts_on, l.order_id,
    r.to_year_id, r.rules, t.id AS to_budget_id
FROM order_line l JOIN encumbrance e ON e.order_line_id = l.id JOIN budget b ON b.id = e.budget_id
JOIN fund f ON f.id = b.fund_id JOIN ledger g ON g.id = f.ledger_id JOIN fiscal_year y ON y.id = b.fiscal_year_id
LEFT JOIN rollover r ON r.id = b.rollover_id
LEFT JOIN budget t ON t.fund_id = f.id AND t.fiscal_year_id = r.to_year_id
WHERE l.order_id = ANY ($1::uuid[]) AND NOT l.cancelled ORDER BY l.order_id, l.position, e.id
"""
_BUDGETS = """
SELECT f.id AS fund_id, f.code, f.active, b.id AS before_id, b.encumbrance_percent, b.expenditure_percent,
    b.expense_classes, t.id AS after_id
FROM fund f JOIN budget b ON b.fund_id = f.id AND b.fiscal_year_id = $2
LEFT JOIN budget t ON t.fund_id = f.id AND t.fiscal_year_id = $3
WHERE f.ledger_id = $1 ORDER BY f.code
"""
_YEARS = "SELECT * FROM fiscal_year WHERE id = ANY ($1::uuid[]) ORDER BY id"


@dataclass(frozen=True, slots=True)
class Part:
    """An encumbrance of an order that may go over, and where to, if its ledger has gone already."""

    order_id: UUID
    held: Held
    ledger_id: UUID
    ledger_code: str
    year: Any
    """The fiscal year it lies in: `fiscal_year_id`, `starts_on`."""
    to_year_id: UUID | None
    rules: Any
    """Of the rollover by which its ledger has gone."""
    to_budget_id: UUID | None


async def candidates(connection: Connection, ledger_id: UUID, year_id: UUID) -> set[UUID]:
    """Open orders for which the ledger has set something aside in this year that has not gone over."""
    return {row["order_id"] for row in await connection.fetch(_CANDIDATES, ledger_id, year_id)}


async def parts(connection: Connection, order_ids: Collection[UUID]) -> list[Part]:
    """All encumbrances of these orders, order by order and line by line."""
    return [
        Part(
            row["order_id"],
            Held(
                row["id"],
                row["order_line_id"],
                row["budget_id"],
                row["expense_class_id"],
                row["released_by"],
                Encumbered(
                    row["initial"],
                    row["awaiting"],
                    row["expended"],
                    row["credited"],
                    row["state"] == "active",
                ),
                row["fund_id"],
                row["rollover_id"],
            ),
            row["ledger_id"],
            row["ledger_code"],
            row,
            row["to_year_id"],
            row["rules"],
            row["to_budget_id"],
        )
        for row in await connection.fetch(_PARTS, list(order_ids))
    ]


async def funds(
    connection: Connection | asyncpg.Pool, ledger_id: UUID, from_year: UUID, to_year: UUID
) -> Sequence[Any]:
    """The ledger's funds that have a budget in the year before, with their budget in the next, if any."""
    rows: Sequence[Any] = await connection.fetch(_BUDGETS, ledger_id, from_year, to_year)
    return rows


async def years(connection: Connection, ids: Sequence[UUID], *, lock: bool) -> dict[UUID, Any]:
    """Fiscal years; while they are locked nobody opens or closes them."""
    rows = await connection.fetch(_YEARS + (" FOR SHARE" if lock else ""), list(ids))
    return {row["id"]: row for row in rows}
