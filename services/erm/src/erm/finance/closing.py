"""A fiscal year is opened, closed, and opened again; its budgets go with it."""

from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from chassis.problems import Reason, Refused
from erm.finance import queries
from erm.finance.commands import Books, Entry
from erm.finance.rules import YEAR_MOVES, Act, Totals


class YearRefused(Refused):
    """The fiscal year is not entered, opened or closed so."""

    code, title = "fiscal-year-refused", "The fiscal year does not let this happen."


_HELD = """
SELECT e.order_line_id FROM encumbrance e JOIN budget b ON b.id = e.budget_id
WHERE b.fiscal_year_id = $1 AND e.state = 'active'
"""
_AWAITING = """
SELECT b.id FROM budget b WHERE b.fiscal_year_id = $1 AND EXISTS (
    SELECT FROM budget_transaction t WHERE t.budget_id = b.id AND t.invoice_id IS NOT NULL
    GROUP BY t.invoice_id HAVING sum(t.awaiting) <> 0)
"""
_CLOSE = """
UPDATE budget SET version = version + 1, state_before_closing = state, state = 'closed' WHERE fiscal_year_id = $1
"""
_REOPEN = """
UPDATE budget SET version = version + 1, state = coalesce(state_before_closing, 'active'), state_before_closing = NULL
WHERE fiscal_year_id = $1
"""


async def move_year(
    connection: Connection, year_id: UUID, action: str, *, release: bool, actor: str, now: datetime
) -> bool:
    """Do it, or raise with every reason why not; whether there is such a year."""
    state = await connection.fetchval("SELECT state FROM fiscal_year WHERE id = $1 FOR UPDATE", year_id)
    if state is None:
        return False
    before, after = YEAR_MOVES[action]
    if state not in before:
        text = f"The fiscal year is {state}."
        raise YearRefused(
            reasons=[Reason("fiscal-year-state", text, "/action", f"It must be {' or '.join(before)}.")]
        )
    if action == "close":
        await _close(connection, year_id, release=release, actor=actor, now=now)
    elif action == "reopen":
        await connection.execute(_REOPEN, year_id)
    await connection.execute(
        "UPDATE fiscal_year SET version = version + 1, state = $2 WHERE id = $1", year_id, after
    )
    return True


async def _close(connection: Connection, year_id: UUID, *, release: bool, actor: str, now: datetime) -> None:
    rows = await connection.fetch("SELECT id FROM budget WHERE fiscal_year_id = $1", year_id)
    books = Books(connection, actor, now, note="the fiscal year was closed")
    await books.open([row["id"] for row in rows])
    lines = sorted({row["order_line_id"] for row in await connection.fetch(_HELD, year_id)})
    held = [
        each
        for each in await queries.encumbrances(connection, lines)
        if each.budget_id in books.budgets and each.sums.active
    ]
    reasons = []
    if waiting := await connection.fetch(_AWAITING, year_id):
        names = ", ".join(sorted(books.budgets[row["id"]].fund_code for row in waiting)[:20])
        text = f"Approved invoices are to be paid from {names}."
        reasons.append(Reason("payments-awaited", text, mend="Pay or cancel them."))
    if not release and (open_held := [each for each in held if each.sums.amount]):
        names = ", ".join(sorted({books.budgets[each.budget_id].fund_code for each in open_held})[:20])
        text = f"Money is still set aside in {names}."
        mend = "Close the orders, or send release_encumbrances: true."
        reasons.append(Reason("encumbrances-open", text, "/release_encumbrances", mend, len(open_held)))
    if reasons:
        raise YearRefused(reasons=reasons)
    entries = [
        Entry(
            Act.RELEASE,
            each.budget_id,
            Totals(encumbered=-each.sums.amount),
            encumbrance_id=each.id,
            order_line_id=each.order_line_id,
            expense_class_id=each.expense_class_id,
        )
        for each in held
    ]
    await books.write(entries)
    await books.keep([(each, each.sums.released(), None) for each in held])
    await connection.execute(_CLOSE, year_id)
