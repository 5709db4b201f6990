"""What acquisitions tell: orders, what came of them, and invoices."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events import Event, Part

CATALOG = frozenset({"catalog"})


class OrderLineFacts(Part):
    """A line as it stands after the event."""

    order_line_id: UUID
    title: str
    title_id: UUID | None = None
    """In the catalogue, once it is known there."""
    quantity: int
    received: int
    total_minor: int
    """With tax, in the order's currency."""
    receipt_state: str
    payment_state: str
    cancelled: bool = False


class OrderFacts(Part):
    """An order as it stands after the event."""

    order_id: UUID
    number: str
    vendor_id: UUID
    state: str
    """pending, open or closed."""
    close_reason: str | None = None
    currency: str
    total_minor: int
    lines: tuple[OrderLineFacts, ...]


class OrderChanged(Event):
    """An order was entered, approved, changed, closed; it came, or was paid."""

    type: ClassVar = "erm.order-changed.v1"
    subject: ClassVar = "order_id"

    order_id: UUID
    what: str
    """What happened: entered, changed, approved, unopened, closed, reopened, cancelled, received, paid …"""
    order: OrderFacts


class ReceivedPiece(Part):
    """A copy that has come."""

    piece_id: UUID
    barcode: str | None = None


class OrderLineReceived(Event):
    """Copies of an order line have come: the catalogue makes items of them, which are in process."""

    type: ClassVar = "erm.order-line-received.v1"
    subject: ClassVar = "receipt_id"
    partition: ClassVar = "order_line_id"
    listeners: ClassVar = CATALOG

    receipt_id: UUID
    order_line_id: UUID
    order_number: str
    title_id: UUID | None = None
    """None: the catalogue enters the title from what the order says of it."""
    title: str
    author: str | None = None
    publisher: str | None = None
    year: str | None = None
    isbn: str | None = None
    location_id: UUID
    material_type: str
    loan_type: str
    call_number: str | None = None
    price_minor: int | None = None
    """What one copy costs, with tax and its part of what comes on top."""
    price_currency: str | None = None
    pieces: tuple[ReceivedPiece, ...]


class ReceiptUndone(Event):
    """Copies were taken for received that have not come, or go back: their items are to be withdrawn."""

    type: ClassVar = "erm.receipt-undone.v1"
    subject: ClassVar = "receipt_id"
    partition: ClassVar = "order_line_id"
    listeners: ClassVar = CATALOG

    receipt_id: UUID
    order_line_id: UUID
    pieces: tuple[UUID, ...]


class InvoiceFacts(Part):
    """An invoice as it stands after the event."""

    invoice_id: UUID
    vendor_id: UUID
    vendor_invoice_number: str
    state: str
    """open, reviewed, approved, paid or cancelled."""
    currency: str
    total_minor: int
    order_line_ids: tuple[UUID, ...] = ()
    invoiced_on: str
    paid_at: datetime | None = None


class InvoiceChanged(Event):
    """An invoice was entered, changed, reviewed, approved, paid or cancelled."""

    type: ClassVar = "erm.invoice-changed.v1"
    subject: ClassVar = "invoice_id"

    invoice_id: UUID
    what: str
    invoice: InvoiceFacts
