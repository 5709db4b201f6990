"""INVOIC makes an open invoice, its lines matched with what was ordered; nothing is booked before it is approved."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from chassis.problems import Reason
from erm.edifact.documents import Bill, BilledLine, Line
from erm.edifact.matching import Found, unknown
from erm.edifact.tasks import Held, Outcome, Task, flaws_of
from erm.invoices import commands as invoices
from erm.invoices.entering import InvoiceIn
from erm.invoices.queries import Invoice, matched
from erm.invoices.rules import Finding
from erm.money.rules import written

_HOLDS: Final = frozenset(
    {Finding.ORDER_PENDING, Finding.ORDER_CLOSED, Finding.LINE_CANCELLED, Finding.OTHER_VENDOR}
)
"""What keeps an invoice from being entered; copies that have not come yet only keep it from being approved."""
_CLOSED_YEARS: Final = """
SELECT y.code FROM fiscal_year y WHERE y.state = 'closed' AND $1::date BETWEEN y.starts_on AND y.ends_on
    AND y.series IN (SELECT l.series FROM order_line_share s JOIN fund f ON f.id = s.fund_id
        JOIN ledger l ON l.id = f.ledger_id WHERE s.order_line_id = ANY ($2::uuid[]))
ORDER BY y.code
"""


async def apply(task: Task, bill: Bill) -> Outcome:
    """Enter the invoice as the vendor has it."""
    found, _ = await task.found(bill.lines, order_number=bill.order_number)
    currency = task.currency(bill.currency)
    reasons = [unknown(line) for line in bill.lines if line.segment not in found and not _shares(task, line)]
    if bill.dated is None:
        reasons.append(
            Reason("date-missing", "The invoice has no date (DTM 137).", None, "Ask the vendor for it.")
        )
    else:
        reasons += await _closed_years(task, bill.dated, [its.line.id for its in found.values()])
    task.hold(reasons)
    try:
        body = InvoiceIn.model_validate(_body(task, bill, found, currency))
    except ValidationError as error:
        raise Held(flaws_of(error, "")) from error
    units = {unit for its in found.values() for unit in its.order.units} or set(task.vendor_units)
    invoice = await invoices.enter(
        task.connection,
        body,
        actor=task.actor,
        now=task.now,
        standing=task.standing,
        units=sorted(units),
    )
    task.hold(await _found_wrong(task, invoice))
    return Outcome({"invoice_id": invoice.id}, _warnings(invoice, bill))


def _shares(task: Task, line: Line) -> list[dict[str, Any]]:
    told = task.told.lines.get(line.number)
    return [share.model_dump(mode="json") for share in told.shares] if told is not None else []


async def _closed_years(task: Task, dated: date, line_ids: Sequence[UUID]) -> list[Reason]:
    """An invoice of a year that is closed, unless somebody says which year pays."""
    if task.told.fiscal_year_id is not None:
        return []
    rows = await task.connection.fetch(_CLOSED_YEARS, dated, line_ids)
    mend = "Apply it with the `fiscal_year_id` that pays, or accept `fiscal-year-closed`: the open year pays."
    return [
        Reason(
            "fiscal-year-closed", f"It is of {dated}, and {row['code']} is closed.", "/fiscal_year_id", mend
        )
        for row in rows
    ]


def _body(task: Task, bill: Bill, found: Mapping[int, Found], currency: str) -> dict[str, Any]:
    sign = -1 if bill.credit else 1
    taxed = _taxes_by_line(bill)
    lines = []
    for line in bill.lines:
        its = found.get(line.segment)
        amount = (line.amount or Decimal(0)) + ((line.tax or Decimal(0)) if taxed else Decimal(0))
        lines.append(
            {
                "description": (
                    its.line.row["title"] if its else line.title or line.ean or f"Line {line.number}"
                )[:300],
                "order_line_id": its.line.id if its else None,
                "quantity": sign * line.quantity,
                "amount": _amount(sign * amount),
                "shares": _shares(task, line),
            }
        )
    adjustments: list[dict[str, Any]] = [
        {
            "kind": charge.kind,
            "description": charge.description[:300],
            "amount": _amount(sign * charge.amount),
        }
        for charge in bill.charges
    ]
    tax = sum((line.tax or Decimal(0) for line in bill.lines), Decimal(0)) if taxed else bill.tax
    if tax:
        told = {"kind": "tax", "description": "Tax", "amount": _amount(sign * tax), "included": taxed}
        adjustments.append(told)
    return {
        "vendor_id": task.vendor_id,
        "vendor_invoice_number": bill.number,
        "invoiced_on": bill.dated,
        "currency": currency,
        "fiscal_year_id": task.told.fiscal_year_id,
        "lock_total": None if bill.total is None else _amount(sign * bill.total),
        "adjustments": adjustments,
        "lines": lines,
    }


def _taxes_by_line(bill: Bill) -> bool:
    """Whether each line's own tax is told, so that each fund bears what is its own; else it is spread over all."""
    told: list[BilledLine] = [line for line in bill.lines if line.tax is not None]
    if not told:
        return False
    return bill.tax is None or bill.tax == sum((line.tax or Decimal(0) for line in told), Decimal(0))


def _amount(told: Decimal) -> str:
    return f"{told:f}" if told else "0"


async def _found_wrong(task: Task, invoice: Invoice) -> list[Reason]:
    bought = await invoices.orders_of(task.connection, invoice, lock=True)
    return [
        invoices.finding_reason(each, finding)
        for each in await matched(task.connection, invoice, bought)
        for finding in each.found
        if finding in _HOLDS
    ]


def _warnings(invoice: Invoice, bill: Bill) -> list[Reason]:
    row = invoice.row
    if row["lock_total"] is None or row["lock_total"] == row["total"]:
        return []
    lines, paper = (written(row[name], row["currency"]) for name in ("total", "lock_total"))
    text = f"Lines, charges and tax come to {lines}; the vendor wants {paper}."
    return [Reason("lock-total-differs", text, None, "Correct the invoice before it is approved.")]
