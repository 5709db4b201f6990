"""Invoices are entered, matched, approved, paid and cancelled; each is booked as a whole, or not at all."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import InvoiceChanged, InvoiceFacts
from erm.finance.commands import Books, budgets_for
from erm.invoices import queries
from erm.invoices.booking import Drawing, borne, shares_of_line
from erm.invoices.entering import Entered, InvoiceIn, read_invoice, unknown_in
from erm.invoices.queries import Invoice
from erm.invoices.rules import CHANGEABLE, FROM, Action, Finding, not_accepted
from erm.money.rules import written
from erm.orders import queries as orders
from erm.orders.commands import may_approve, open_books, settle
from erm.orders.encumbering import bearer
from erm.orders.queries import Order
from erm.rates.commands import taken
from erm.rows import change, insert, insert_many
from erm.units.rules import UNLIMITED, Act, Standing
from erm.units.standing import demand_entry, demand_units
from erm.units.telling import members_only
from erm.vouchers import drawing as vouchers


class InvoiceUnknown(NotFound):
    """There is no such invoice."""

    code, title = "invoice-unknown", "There is no such invoice."


class InvoiceTaken(Refused):
    """The vendor's number is on another invoice."""

    code, title = "invoice-taken", "This invoice of the vendor's is here already."


class InvoiceRefused(Refused):
    """The invoice's state, what was ordered or received, or the budgets stand against it."""

    code, title = "invoice-refused", "This cannot be done with the invoice."


async def locked(
    connection: Connection, invoice_id: UUID, standing: Standing, act: Act = Act.UPDATE
) -> Invoice:
    """The invoice under its lock; `InvoiceUnknown` for what somebody may not see, too, `UnitsForbid`."""
    found = await queries.invoice(connection, invoice_id, lock=True)
    if found is None or not standing.lets(Act.READ, found.units):
        raise InvoiceUnknown
    demand_units(standing, act, found.units)
    return found


async def _checked(connection: Connection, body: InvoiceIn, invoice_id: UUID, standing: Standing) -> Entered:
    """Rows of an invoice that can be; `Invalid` or `InvoiceRefused` with everything against it."""
    told = read_invoice(body, invoice_id)
    told.reasons += await unknown_in(connection, told, standing)
    units = await connection.fetchval(
        "SELECT acquisition_unit_ids FROM organisation WHERE id = $1 FOR SHARE", body.vendor_id
    )
    if units is None or not standing.lets(Act.READ, units):
        text = f"There is no organisation {body.vendor_id}."
        told.reasons.append(Reason("vendor-unknown", text, "/vendor_id", "Name a vendor."))
    state = None
    if body.fiscal_year_id is not None:
        state = await connection.fetchval("SELECT state FROM fiscal_year WHERE id = $1", body.fiscal_year_id)
        if state is None:
            text = f"There is no fiscal year {body.fiscal_year_id}."
            told.reasons.append(Reason("fiscal-year-unknown", text, "/fiscal_year_id"))
    active = True
    if body.batch_group_id is not None:
        active = await connection.fetchval(
            "SELECT active FROM batch_group WHERE id = $1", body.batch_group_id
        )
        if active is None:
            text = f"There is no batch group {body.batch_group_id}."
            told.reasons.append(Reason("batch-group-unknown", text, "/batch_group_id"))
    if told.reasons:
        raise Invalid(reasons=told.reasons)
    reasons = []
    if not active:
        text = "The batch group is not used any more."
        reasons.append(Reason("batch-group-inactive", text, "/batch_group_id", "Name another."))
    if state == "closed":
        mend = "Book it in an open year, or have the year reopened."
        reasons.append(Reason("fiscal-year-closed", "The fiscal year is closed.", "/fiscal_year_id", mend))
    if reasons:
        raise InvoiceRefused(reasons=reasons)
    return told


def _taken(body: InvoiceIn) -> InvoiceTaken:
    text = f"The vendor's invoice {body.vendor_invoice_number} is here already."
    mend = "Look it up; cancel it if it was wrong."
    return InvoiceTaken(reasons=[Reason("invoice-taken", text, "/vendor_invoice_number", mend)])


async def enter(
    connection: Connection,
    body: InvoiceIn,
    *,
    actor: str,
    now: datetime,
    standing: Standing = UNLIMITED,
    units: Sequence[UUID] = (),
) -> Invoice:
    """Enter an invoice, as one of these acquisition units; nothing is booked before it is approved."""
    entered_into = await demand_entry(connection, standing, units)
    invoice_id = uuid7()
    told = await _checked(connection, body, invoice_id, standing)
    try:
        await insert(
            connection,
            "invoice",
            id=invoice_id,
            state="open",
            created_at=now,
            created_by=actor,
            rate_at=now if body.exchange_rate is not None else None,
            acquisition_unit_ids=entered_into,
            version=0,
            **told.head,
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(body) from error
    await _write(connection, told)
    return await changed(connection, invoice_id, "entered", now)


async def _write(connection: Connection, told: Entered) -> None:
    await insert_many(connection, "invoice_line", told.lines)
    await insert_many(connection, "invoice_share", told.shares)
    await insert_many(connection, "invoice_adjustment", told.adjustments)


async def rewrite(
    connection: Connection, invoice: Invoice, body: InvoiceIn, *, now: datetime, standing: Standing
) -> Invoice:
    """Put another in its place, as long as it is open."""
    if invoice.row["state"] not in CHANGEABLE:
        raise InvoiceRefused(reasons=[_state(invoice, "Reopen it, or cancel it and enter another.")])
    if await out_of_sight(connection, [invoice], standing):
        text = "It names lines of orders that you may not see: they would be lost."
        mend = "Ask somebody who may see all of its orders."
        raise InvoiceRefused(reasons=[Reason("orders-out-of-sight", text, "/lines", mend)])
    told = await _checked(connection, body, invoice.id, standing)
    ids = [line.row["id"] for line in invoice.lines]
    await connection.execute("DELETE FROM invoice_share WHERE invoice_line_id = ANY ($1::uuid[])", ids)
    await connection.execute("DELETE FROM invoice_line WHERE invoice_id = $1", invoice.id)
    await connection.execute("DELETE FROM invoice_adjustment WHERE invoice_id = $1", invoice.id)
    await _write(connection, told)
    rate_at = invoice.row["rate_at"] if body.exchange_rate == invoice.row["exchange_rate"] else now
    try:
        return await changed(connection, invoice.id, "changed", now, rate_at=rate_at, **told.head)
    except asyncpg.UniqueViolationError as error:
        raise _taken(body) from error


def _state(invoice: Invoice, mend: str) -> Reason:
    return Reason("invoice-state", f"The invoice is {invoice.row['state']}.", None, mend)


async def changed(
    connection: Connection, invoice_id: UUID, what: str, now: datetime, **values: Any
) -> Invoice:
    """Write the invoice's row with one more version, and tell; the invoice as it now stands."""
    await change(connection, "invoice", invoice_id, **values)
    told = await queries.invoice(connection, invoice_id)
    assert told is not None
    row = told.row
    facts = InvoiceFacts(
        invoice_id=told.id,
        vendor_id=row["vendor_id"],
        vendor_invoice_number=row["vendor_invoice_number"],
        state=row["state"],
        currency=row["currency"],
        total_minor=row["total"],
        order_line_ids=tuple(told.order_lines),
        invoiced_on=row["invoiced_on"].isoformat(),
        paid_at=row["paid_at"],
    )
    event = InvoiceChanged(
        version=row["version"],
        occurred_at=now,
        invoice_id=told.id,
        what=what,
        invoice=facts,
        members_only=await members_only(connection, told.units),
    )
    await outbox.record(connection, [event])
    return told


def demand_state(invoice: Invoice, action: Action) -> None:
    """Raise unless the action is for an invoice in this state."""
    if invoice.row["state"] not in FROM[action]:
        raise InvoiceRefused(reasons=[_state(invoice, f"It must be {' or '.join(sorted(FROM[action]))}.")])


async def out_of_sight(
    connection: Connection | asyncpg.Pool, told: Collection[Invoice], standing: Standing
) -> set[UUID]:
    """The order lines they name that somebody may not see."""
    wanted = {line_id for invoice in told for line_id in invoice.order_lines}
    if standing.unlimited or not wanted:
        return set()
    return wanted - await orders.lines_in_sight(connection, wanted, standing)


async def orders_of(connection: Connection, invoice: Invoice, *, lock: bool) -> list[Order]:
    """The orders that its lines name."""
    ids = await orders.orders_of(connection, invoice.order_lines)
    return list((await orders.orders(connection, ids, lock=lock)).values())


_TEXTS = {
    Finding.ORDER_PENDING: ("The order has not been approved.", "Approve the order first."),
    Finding.ORDER_CLOSED: ("The order is closed.", "Reopen the order, or accept `order-closed`."),
    Finding.LINE_CANCELLED: ("The order line is cancelled.", "Send it back, or accept `line-cancelled`."),
    Finding.OTHER_VENDOR: ("It was ordered of another vendor.", "Name the right order line."),
    Finding.MORE_THAN_ORDERED: (
        "{after} would be invoiced, {ordered} were ordered.",
        "Correct the quantity, or accept `more-than-ordered`.",
    ),
    Finding.MORE_THAN_RECEIVED: (
        "{after} would be invoiced, {received} have come.",
        "Receive them first, or accept `more-than-received`.",
    ),
    Finding.MORE_THAN_PAID: (
        "Fewer have been invoiced than are credited.",
        "Correct the quantity, or accept `credit-for-more-than-invoiced`.",
    ),
}


def finding_reason(each: queries.Matched, finding: Finding) -> Reason:
    """A finding in words."""
    match = each.match
    after = match.invoiced + match.quantity
    text, mend = _TEXTS[finding]
    words = text.format(after=after, ordered=match.ordered, received=match.received)
    return Reason(finding.value, words, f"/lines/{each.position}", mend)


def _hidden(charge: queries.Charge) -> Reason:
    return Reason(
        "orders-out-of-sight",
        "It is for an order that you may not see: you cannot tell whether it is right.",
        f"/lines/{charge.row['position']}",
        "Ask somebody who may see the order.",
    )


async def approve(
    connection: Connection, invoice: Invoice, books: Books, by: Principal, *, accept: Sequence[str]
) -> Invoice:
    """It is to be paid: booked against the budgets and what was set aside; or every reason why not, nothing booked."""
    demand_state(invoice, Action.APPROVE)
    row = invoice.row
    bought = await orders_of(connection, invoice, lock=True)
    if hidden := await out_of_sight(connection, [invoice], books.standing):
        raise InvoiceRefused(
            reasons=[_hidden(charge) for charge in invoice.lines if charge.order_line_id in hidden]
        )
    matched = await queries.matched(connection, invoice, bought)
    reasons = [
        finding_reason(each, finding) for each in matched for finding in not_accepted(each.found, accept)
    ]
    if row["lock_total"] is not None and row["lock_total"] != row["total"]:
        lines, paper = (written(row[name], row["currency"]) for name in ("total", "lock_total"))
        text = f"The lines come to {lines}, the paper says {paper}."
        reasons.append(
            Reason("lock-total-differs", text, "/lock_total", "Correct the lines or the lock total.")
        )
    places = [
        (bearer(share), f"/lines/{charge.row['position']}")
        for charge in invoice.lines
        for share in shares_of_line(charge, bought)
    ]
    budgets, currency, unplaced = await budgets_for(
        connection, places, fiscal_year_id=row["fiscal_year_id"], now=books.now, standing=books.standing
    )
    rated, unrated = await taken(
        connection, row["currency"], currency, row["exchange_rate"], row["invoiced_on"]
    )
    unplaced += unrated
    invoice = replace(invoice, row=row | rated)
    told = [] if unplaced or currency is None else borne(invoice, bought, budgets, currency)
    ledger_total = sum(each.amount for each in told)
    reasons += unplaced + await may_approve(
        connection,
        by,
        entered_by=row["created_by"],
        total=abs(ledger_total),
        currency=currency or "",
        unlimited="invoices:unlimited",
    )
    drawing = Drawing(
        await open_books(books, invoice.order_lines, [each.budget_id for each in told]), invoice.id
    )
    for each in told:
        drawing.approve(each)
    done = {
        each.position
        for each in matched
        if not each.match.ongoing
        and each.match.quantity > 0
        and each.match.invoiced + each.match.quantity >= each.match.ordered
    }
    for charge in invoice.lines:
        if (
            told
            and charge.order_line_id is not None
            and (charge.row["last"] or charge.row["position"] in done)
        ):
            drawing.release(charge)
    reasons += await books.judge(drawing.entries)
    if reasons:
        raise InvoiceRefused(reasons=reasons)
    await books.write(drawing.entries)
    await books.keep(drawing.kept)
    assert currency is not None
    charged = [vouchers.Charged(each.budget_id, each.expense_class_id, each.amount) for each in told]
    await vouchers.draw(
        connection, invoice.row, charged, currency=currency, amount=ledger_total, now=books.now
    )
    return await changed(
        connection,
        invoice.id,
        "approved",
        books.now,
        state="approved",
        ledger_currency=currency,
        ledger_total=ledger_total,
        approved_at=books.now,
        approved_by=str(by.actor),
        **(rated | {"rate_at": books.now} if rated else {}),
    )


_APPROVED = "SELECT * FROM budget_transaction WHERE invoice_id = $1 AND act = 'approve' ORDER BY id"


async def _drawn(
    connection: Connection, invoice: Invoice, books: Books
) -> tuple[list[Order], Drawing, list[tuple[Any, dict[str, Any]]]]:
    """Its orders and all that they have set aside, under their locks, and what was approved."""
    bought = await orders_of(connection, invoice, lock=True)
    rows = await connection.fetch(_APPROVED, invoice.id)
    lines = {line.row["id"]: line.row for line in invoice.lines}
    held = await open_books(
        books, [line.id for order in bought for line in order.lines], [row["budget_id"] for row in rows]
    )
    return bought, Drawing(held, invoice.id), [(row, lines[row["invoice_line_id"]]) for row in rows]


async def pay(connection: Connection, invoice: Invoice, books: Books, *, reference: str | None) -> Invoice:
    """It has been paid, or the credit has come; orders that are complete by it close."""
    demand_state(invoice, Action.PAY)
    bought, drawing, approved = await _drawn(connection, invoice, books)
    for row, line in approved:
        drawing.pay(row, line)
    await _book(books, drawing)
    await _count(connection, invoice, 1)
    for order in bought:
        await settle(connection, order.id, books, "paid", released_by=invoice.id)
    await vouchers.settle(connection, invoice.id, reference=reference, now=books.now)
    return await changed(
        connection,
        invoice.id,
        "paid",
        books.now,
        state="paid",
        paid_at=books.now,
        payment_reference=reference,
    )


async def _book(books: Books, drawing: Drawing) -> None:
    if reasons := await books.judge(drawing.entries):
        raise InvoiceRefused(reasons=reasons)
    await books.write(drawing.entries)
    await books.keep(drawing.kept)


_COUNT = """
UPDATE order_line l SET paid = l.paid + t.quantity, paid_last = l.paid_last + t.last
FROM (SELECT order_line_id, sum(quantity) * $2 AS quantity, count(*) FILTER (WHERE last) * $2 AS last
    FROM invoice_line WHERE invoice_id = $1 AND order_line_id IS NOT NULL GROUP BY order_line_id) t
WHERE l.id = t.order_line_id
"""


async def _count(connection: Connection, invoice: Invoice, sign: int) -> None:
    """Copies paid of the order lines, or not paid any more."""
    await connection.execute(_COUNT, invoice.id, sign)


async def cancel(connection: Connection, invoice: Invoice, books: Books, *, reason: str) -> Invoice:
    """It was wrong: every sum is as if it had never been, and its number may be used again."""
    demand_state(invoice, Action.CANCEL)
    state = invoice.row["state"]
    if state in ("approved", "paid"):
        bought, drawing, approved = await _drawn(connection, invoice, books)
        for row, line in approved:
            drawing.cancel(row, line, paid=state == "paid")
        drawing.restore(
            {
                line.id
                for order in bought
                for line in order.lines
                if line.row["cancelled"]
                or (order.row["state"] == "closed" and order.row["close_reason"] != "complete")
            }
        )
        await _book(books, drawing)
        if state == "paid":
            await _count(connection, invoice, -1)
            for order in bought:
                await settle(connection, order.id, books, "payment-cancelled")
        await vouchers.take_back(connection, invoice.id, now=books.now)
    return await changed(
        connection,
        invoice.id,
        "cancelled",
        books.now,
        state="cancelled",
        cancelled_at=books.now,
        cancel_reason=reason,
    )
