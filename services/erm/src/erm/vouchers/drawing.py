"""A voucher follows its invoice: drawn when that is approved, settled when it is paid, taken back when cancelled."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from erm.money.rules import written
from erm.rows import change, insert
from erm.vouchers.rules import VoucherKind, VoucherState, kind_of, wants_reversal

DEFAULT_GROUP: Final = UUID("00000000-0000-7000-8000-000000000001")
"""`main`: of invoices that name no other."""


class Charged(NamedTuple):
    """What a budget bears of the invoice, in the ledger's currency."""

    budget_id: UUID
    expense_class_id: UUID | None
    amount: int


_NEXT = "UPDATE voucher_counter SET last = last + 1 RETURNING last"
_VENDOR = "SELECT code, name, identifiers FROM organisation WHERE id = $1"
_BUDGETS = """
SELECT b.id, f.code AS fund, f.account_number, y.code AS fiscal_year FROM budget b
JOIN fund f ON f.id = b.fund_id JOIN fiscal_year y ON y.id = b.fiscal_year_id WHERE b.id = ANY ($1::uuid[])
"""
_CLASSES = "SELECT id, code FROM expense_class WHERE id = ANY ($1::uuid[])"
_OF_INVOICE = "SELECT * FROM voucher WHERE invoice_id = $1 AND kind <> 'reversal' FOR UPDATE"


async def draw(
    connection: Connection,
    invoice: dict[str, Any],
    charged: Iterable[Charged],
    *,
    currency: str,
    amount: int,
    now: datetime,
) -> None:
    """Draw the voucher of an invoice that is approved. Its number is taken last: whoever approves next waits for the
    end of this transaction, and what is taken back leaves no gap."""
    sums: defaultdict[tuple[UUID, UUID | None], int] = defaultdict(int)
    for each in charged:
        sums[each.budget_id, each.expense_class_id] += each.amount
    budgets = {row["id"]: row for row in await connection.fetch(_BUDGETS, [budget for budget, _ in sums])}
    classes = {
        row["id"]: row["code"] for row in await connection.fetch(_CLASSES, [each for _, each in sums if each])
    }
    lines = [
        {
            "account_number": budgets[budget]["account_number"],
            "fund": budgets[budget]["fund"],
            "fiscal_year": budgets[budget]["fiscal_year"],
            "expense_class": classes[expense_class] if expense_class else None,
            "amount": written(part, currency),
        }
        for (budget, expense_class), part in sums.items()
    ]
    lines.sort(key=lambda line: (line["fund"], line["fiscal_year"], line["expense_class"] or ""))
    vendor = await connection.fetchrow(_VENDOR, invoice["vendor_id"])
    assert vendor is not None
    rate = invoice["exchange_rate"]
    document = {
        "invoice_id": str(invoice["id"]),
        "vendor": dict(vendor),
        "vendor_invoice_number": invoice["vendor_invoice_number"],
        "invoiced_on": invoice["invoiced_on"].isoformat(),
        "invoice_currency": invoice["currency"],
        "invoice_total": written(invoice["total"], invoice["currency"]),
        "exchange_rate": None if rate is None else f"{rate:f}",
        "currency": currency,
        "amount": written(amount, currency),
        "lines": lines,
    }
    await _write(
        connection,
        document,
        now=now,
        kind=kind_of(amount),
        invoice_id=invoice["id"],
        batch_group_id=invoice["batch_group_id"] or DEFAULT_GROUP,
        currency=currency,
        amount=amount,
    )


async def _write(
    connection: Connection, document: dict[str, Any], *, kind: VoucherKind, now: datetime, **values: Any
) -> None:
    number = await connection.fetchval(_NEXT)
    document = {"number": number, "kind": kind.value} | document
    state = VoucherState.AWAITING.value
    values |= {"kind": kind.value, "state": state, "document": document, "created_at": now}
    await insert(connection, "voucher", id=uuid7(), number=number, **values)


async def settle(connection: Connection, invoice_id: UUID, *, reference: str | None, now: datetime) -> None:
    """Its invoice was paid; what was not exported yet is not any more, for it was paid in another way."""
    row = await connection.fetchrow(_OF_INVOICE, invoice_id)
    if row is not None:
        values = {"state": VoucherState.PAID.value, "paid_on": now.date(), "payment_reference": reference}
        await change(connection, "voucher", row["id"], **values)


async def take_back(connection: Connection, invoice_id: UUID, *, now: datetime) -> None:
    """Its invoice was cancelled. What the university's books have heard of is reversed by a voucher of its own."""
    row = await connection.fetchrow(_OF_INVOICE, invoice_id)
    if row is None:
        return
    await change(connection, "voucher", row["id"], state=VoucherState.CANCELLED.value)
    if not wants_reversal(exported=row["batch_id"] is not None):
        return
    currency, told = row["currency"], row["document"]
    lines = [line | {"amount": _negated(line["amount"])} for line in told["lines"]]
    document = told | {
        "reverses": row["number"],
        "invoice_total": _negated(told["invoice_total"]),
        "amount": written(-row["amount"], currency),
        "lines": lines,
    }
    del document["number"], document["kind"]
    await _write(
        connection,
        document,
        now=now,
        kind=VoucherKind.REVERSAL,
        invoice_id=invoice_id,
        reverses_id=row["id"],
        batch_group_id=row["batch_group_id"],
        currency=currency,
        amount=-row["amount"],
    )


def _negated(told: str) -> str:
    """An amount as it is written, with the other sign; nothing stays nothing."""
    if told.startswith("-"):
        return told[1:]
    return f"-{told}" if told.strip("0.") else told
