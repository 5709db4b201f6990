"""Every transaction of a budget on the wire."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from erm.finance.budgets import BudgetUnknown, MayRead, read_budget
from erm.finance.rules import SUMS
from erm.money.rules import written
from erm.rows import page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen
from erm.wire import AmountOut, Limit

router = new_router(tag="finance")


class TransactionOut(BaseModel):
    """What was done to a budget's sums, in the ledger's currency; never changed afterwards."""

    id: UUID
    batch_id: UUID
    """Done in one go."""
    act: str
    allocated: AmountOut
    transferred: AmountOut
    encumbered: AmountOut
    awaiting: AmountOut
    expended: AmountOut
    credited: AmountOut
    counterpart_id: UUID | None
    encumbrance_id: UUID | None
    order_line_id: UUID | None
    invoice_id: UUID | None
    invoice_line_id: UUID | None
    expense_class_id: UUID | None
    note: str | None
    at: datetime
    actor: str


_UNITS_OF = """
SELECT t.id, o.acquisition_unit_ids AS order_units, i.acquisition_unit_ids AS invoice_units,
    f.acquisition_unit_ids AS fund_units
FROM budget_transaction t
LEFT JOIN order_line l ON l.id = t.order_line_id LEFT JOIN purchase_order o ON o.id = l.order_id
LEFT JOIN invoice i ON i.id = t.invoice_id
LEFT JOIN budget b ON b.id = t.counterpart_id LEFT JOIN fund f ON f.id = b.fund_id
WHERE t.id = ANY ($1::uuid[])
"""
_OF_ORDER = {"order_line_id": None, "encumbrance_id": None, "note": None}
_OF_INVOICE = {"invoice_id": None, "invoice_line_id": None, "note": None}
_OF_FUND = {"counterpart_id": None, "note": None}


async def _in_sight(pool: asyncpg.Pool, rows: list[Any], seen: Standing) -> list[dict[str, Any]]:
    """Transactions without what they name and somebody may not see."""
    told = [dict(row) for row in rows]
    if seen.unlimited:
        return told
    units = {row["id"]: row for row in await pool.fetch(_UNITS_OF, [row["id"] for row in rows])}
    for row in told:
        its = units[row["id"]]
        for name, hidden in (("order", _OF_ORDER), ("invoice", _OF_INVOICE), ("fund", _OF_FUND)):
            if not seen.lets(Act.READ, its[f"{name}_units"] or []):
                row |= hidden
    return told


@router.get(
    "/v1/budgets/{budget_id}/transactions",
    response_model=cursors.Page[TransactionOut],
    responses=problems(Unauthenticated, Forbidden, BudgetUnknown, Invalid),
)
async def list_transactions(
    request: Request,
    response: Response,
    budget_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[TransactionOut]:
    """Everything that was done to a budget's sums, newest first. Of orders, invoices and budgets that whoever asks may
    not see it tells the amounts, and not which they are."""
    pool = pool_of(request)
    currency = (await read_budget(pool, budget_id, seen)).currency
    rows, more = await page(
        request,
        response,
        "SELECT * FROM budget_transaction",
        {"budget_id =": budget_id},
        cursor=cursor,
        limit=limit,
    )
    told = await _in_sight(pool, rows, seen)
    items = [TransactionOut(**(row | {name: written(row[name], currency) for name in SUMS})) for row in told]
    return cursors.Page(items=items, next_cursor=more)
