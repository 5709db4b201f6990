"""Claims are sent, put off and withdrawn; the order is locked, so that nothing comes meanwhile."""

from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from erm.claims.rules import NEVER
from erm.claims.scheduling import schedule
from erm.finance.commands import Books
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown
from erm.orders.queries import Line, Order
from erm.orders.rules import RECEIPT_FINAL, receipt_state
from erm.receipts.commands import locked_of
from erm.rows import change, insert


class ClaimUnknown(NotFound):
    """There is no such claim."""

    code, title = "claim-unknown", "There is no such claim."


class ClaimRefused(Refused):
    """Nothing of it is to be claimed."""

    code, title = "claim-refused", "This is not claimed."


async def read(connection: Connection | asyncpg.Pool, claim_id: UUID) -> Any:
    """One claim; `ClaimUnknown`."""
    row = await connection.fetchrow("SELECT * FROM claim WHERE id = $1", claim_id)
    if row is None:
        raise ClaimUnknown
    return row


def _refusals(order: Order, line: Line) -> list[Reason]:
    """Why nothing of a line is to be claimed."""
    reasons = []
    if order.row["state"] != "open":
        reasons.append(Reason("order-state", f"The order is {order.row['state']}.", None, "Reopen it first."))
    state = receipt_state(line.progress)
    if state in RECEIPT_FINAL:
        reasons.append(
            Reason("nothing-awaited", f"The line is {state.value}.", None, "Undo a receipt first.")
        )
    return reasons


async def claim(connection: Connection, line_id: UUID, books: Books, *, via: str, note: str | None) -> UUID:
    """Write down that a line was claimed, whether its day has come or not."""
    if not await orders.orders_of(connection, [line_id]):
        raise OrderUnknown("There is no such order line.")
    unknown = OrderUnknown("There is no such order line.")
    order, line = await locked_of(connection, line_id, books.standing, unknown)
    await connection.execute("SELECT FROM order_line WHERE id = $1 FOR UPDATE", line_id)  # before the timer
    if reasons := _refusals(order, line):
        raise ClaimRefused(reasons=reasons)
    waiting = await connection.fetchval(
        "SELECT id FROM claim WHERE order_line_id = $1 AND state = 'proposed'", line_id
    )
    claim_id: UUID = waiting or uuid7()
    if waiting is None:
        sent = await connection.fetchval(
            "SELECT count(*) FROM claim WHERE order_line_id = $1 AND state = 'sent'", line_id
        )
        await insert(
            connection,
            "claim",
            id=claim_id,
            order_line_id=line_id,
            vendor_id=order.row["vendor_id"],
            number=sent + 1,
            missing=line.row["quantity"] - line.row["received"],
            state="proposed",
            created_at=books.now,
            actor=books.actor,
            version=0,
        )
    await _send(connection, claim_id, books, via=via, note=note)
    await schedule(connection, order, books.now)
    return claim_id


async def _send(connection: Connection, claim_id: UUID, books: Books, *, via: str, note: str | None) -> None:
    told = {"state": "sent", "sent_at": books.now, "via": via, "note": note, "actor": books.actor}
    await change(connection, "claim", claim_id, **told)


async def _proposed(connection: Connection, claim_id: UUID, books: Books) -> tuple[Order, Line]:
    """The order and line of a claim that is proposed, under the order's lock; or why it is not any more."""
    row = await read(connection, claim_id)
    order, line = await locked_of(connection, row["order_line_id"], books.standing, ClaimUnknown())
    row = await read(connection, claim_id)
    if row["state"] != "proposed":
        text = f"The claim is {row['state']}."
        reasons = [Reason("claim-state", text, None, "Claim the line anew, if it is still awaited.")]
        raise ClaimRefused(reasons=[*reasons, *_refusals(order, line)])
    return order, line


async def send(connection: Connection, claim_id: UUID, books: Books, *, via: str, note: str | None) -> None:
    """It went to the vendor; the next one is due after the interval. Refused when all has come meanwhile."""
    order, line = await _proposed(connection, claim_id, books)
    missing = line.row["quantity"] - line.row["received"]
    await connection.execute("UPDATE claim SET missing = $2 WHERE id = $1", claim_id, missing)
    await _send(connection, claim_id, books, via=via, note=note)
    await schedule(connection, order, books.now)


async def stop(
    connection: Connection, claim_id: UUID, books: Books, *, until: date | None, note: str | None
) -> None:
    """It is not sent: not before a day, or, with none, not at all."""
    order, line = await _proposed(connection, claim_id, books)
    reason = "withdrawn" if until is None else "put-off"
    await change(
        connection,
        "claim",
        claim_id,
        state="stopped",
        stopped_at=books.now,
        stop_reason=reason,
        note=note,
        actor=books.actor,
    )
    await connection.execute(
        "UPDATE order_line SET claim_put_off_until = $2 WHERE id = $1", line.id, until or NEVER
    )
    fresh = await orders.order(connection, order.id)
    assert fresh is not None
    await schedule(connection, fresh, books.now)
