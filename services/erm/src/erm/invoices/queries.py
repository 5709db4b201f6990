"""Invoices whole, and what other invoices want for the same order lines."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from erm.invoices.rules import Finding, Match, findings
from erm.orders.queries import Order

_LINES = "SELECT * FROM invoice_line WHERE invoice_id = ANY ($1::uuid[]) ORDER BY invoice_id, position"
_SHARES = """
SELECT s.* FROM invoice_share s JOIN invoice_line l ON l.id = s.invoice_line_id
WHERE l.invoice_id = ANY ($1::uuid[]) ORDER BY s.invoice_line_id, s.position
"""
_ADJUSTMENTS = (
    "SELECT * FROM invoice_adjustment WHERE invoice_id = ANY ($1::uuid[]) ORDER BY invoice_id, position"
)
_INVOICED = """
SELECT l.order_line_id, sum(l.quantity) AS quantity FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id
WHERE l.order_line_id = ANY ($1::uuid[]) AND i.state IN ('approved', 'paid') AND i.id <> $2 GROUP BY l.order_line_id
"""


@dataclass
class Charge:
    """A line with its shares."""

    row: dict[str, Any]
    shares: list[dict[str, Any]] = field(default_factory=list)

    @property
    def order_line_id(self) -> UUID | None:
        told: UUID | None = self.row["order_line_id"]
        return told


@dataclass
class Invoice:
    """An invoice with its lines and adjustments."""

    row: dict[str, Any]
    lines: list[Charge] = field(default_factory=list)
    adjustments: list[dict[str, Any]] = field(default_factory=list)

    @property
    def id(self) -> UUID:
        told: UUID = self.row["id"]
        return told

    @property
    def units(self) -> list[UUID]:
        """The acquisition units that it belongs to."""
        told: list[UUID] = self.row["acquisition_unit_ids"]
        return told

    @property
    def order_lines(self) -> list[UUID]:
        """The order lines it names, each once."""
        return list(
            dict.fromkeys(line.order_line_id for line in self.lines if line.order_line_id is not None)
        )


async def invoices(connection: Connection | asyncpg.Pool, ids: Collection[UUID]) -> dict[UUID, Invoice]:
    """Whole invoices."""
    wanted = list(ids)
    rows = await connection.fetch("SELECT * FROM invoice WHERE id = ANY ($1::uuid[])", wanted)
    found = {row["id"]: Invoice(dict(row)) for row in rows}
    lines: dict[UUID, Charge] = {}
    for row in await connection.fetch(_LINES, wanted):
        lines[row["id"]] = line = Charge(dict(row))
        found[row["invoice_id"]].lines.append(line)
    for row in await connection.fetch(_SHARES, wanted):
        lines[row["invoice_line_id"]].shares.append(dict(row))
    for row in await connection.fetch(_ADJUSTMENTS, wanted):
        found[row["invoice_id"]].adjustments.append(dict(row))
    return found


async def invoice(
    connection: Connection | asyncpg.Pool, invoice_id: UUID, *, lock: bool = False
) -> Invoice | None:
    """One invoice; locked, then read."""
    if lock:
        await connection.execute("SELECT FROM invoice WHERE id = $1 FOR UPDATE", invoice_id)
    return (await invoices(connection, [invoice_id])).get(invoice_id)


@dataclass(frozen=True, slots=True)
class Matched:
    """A line beside its order line."""

    position: int
    match: Match
    found: list[Finding]


async def matched(
    connection: Connection | asyncpg.Pool, invoice: Invoice, orders: Sequence[Order]
) -> list[Matched]:
    """Each line that names an order line, with what does not match; lines for the same one add up."""
    lines = {line.id: (order, line) for order in orders for line in order.lines}
    rows = await connection.fetch(_INVOICED, invoice.order_lines, invoice.id)
    invoiced = {row["order_line_id"]: int(row["quantity"]) for row in rows}
    told = []
    for charge in invoice.lines:
        if charge.order_line_id is None:
            continue
        order, line = lines[charge.order_line_id]
        before = invoiced.get(line.id, 0)
        match = Match(
            order_state=order.row["state"],
            close_reason=order.row["close_reason"],
            same_vendor=order.row["vendor_id"] == invoice.row["vendor_id"],
            cancelled=line.row["cancelled"],
            ordered=line.row["quantity"],
            received=line.row["received"],
            receipt=line.row["receipt"],
            invoiced=before,
            quantity=charge.row["quantity"],
            ongoing=line.progress.ongoing,
        )
        invoiced[line.id] = before + match.quantity
        told.append(Matched(charge.row["position"], match, findings(match)))
    return told
