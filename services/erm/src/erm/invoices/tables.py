"""Invoices and credit notes, with lines, shares and adjustments."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, count, day, exact, flag, key, minor, ref, refs, version, when, words


class Invoice(Table, table=True):
    """What a vendor wants, or gives back."""

    __tablename__ = "invoice"
    __table_args__ = (
        Index(
            "invoice_one_per_vendors_number",
            "vendor_id",
            text("lower(vendor_invoice_number)"),
            unique=True,
            postgresql_where=text("state <> 'cancelled'"),
        ),
        Index("invoice_by_vendor", "vendor_id", "id"),
        Index("invoice_by_state", "state", "id"),
        Index(
            "invoice_in_units",
            "acquisition_unit_ids",
            postgresql_using="gin",
            postgresql_where=text("acquisition_unit_ids <> '{}'"),
        ),
        CheckConstraint(
            "state IN ('open', 'reviewed', 'approved', 'paid', 'cancelled')", name="invoice_state"
        ),
        CheckConstraint("exchange_rate > 0", name="invoice_rate"),
    )

    id: UUID = Field(sa_column=key())
    vendor_id: UUID = Field(sa_column=ref(to="organisation.id"))
    acquisition_unit_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """Who may see and change it; none: whoever has the scope."""
    vendor_invoice_number: str = Field(sa_column=words())
    invoiced_on: date = Field(sa_column=day())
    state: str = Field(sa_column=words())
    currency: str = Field(sa_column=words())
    ledger_currency: str | None = Field(default=None, sa_column=words(null=True))
    exchange_rate: Decimal | None = Field(default=None, sa_column=exact(19, 10, null=True))
    """Units of the ledger's currency for one of the invoice's."""
    rate_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When the rate was told; it stays with the invoice."""
    rate_source_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The source that it was taken from; none: it was told by hand."""
    rated_on: date | None = Field(default=None, sa_column=day(null=True))
    """The day that the source's rate is of."""
    rate_note: str | None = Field(default=None, sa_column=words(null=True))
    """How it came about."""
    fiscal_year_id: UUID | None = Field(default=None, sa_column=ref(to="fiscal_year.id", null=True))
    batch_group_id: UUID | None = Field(default=None, sa_column=ref(to="batch_group.id", null=True))
    """Its voucher goes out with; none: with the group `main`."""
    lock_total: int | None = Field(default=None, sa_column=minor(null=True))
    """What stands on the paper; it must be what the lines come to."""
    total: int = Field(sa_column=minor())
    """Derived once, in the invoice's currency."""
    ledger_total: int | None = Field(default=None, sa_column=minor(null=True))
    """What was booked, in the ledger's currency."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    payment_reference: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    approved_at: datetime | None = Field(default=None, sa_column=when(null=True))
    approved_by: str | None = Field(default=None, sa_column=words(null=True))
    paid_at: datetime | None = Field(default=None, sa_column=when(null=True))
    cancelled_at: datetime | None = Field(default=None, sa_column=when(null=True))
    cancel_reason: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=version())


class InvoiceLine(Table, table=True):
    """One position of an invoice; negative on a credit note."""

    __tablename__ = "invoice_line"
    __table_args__ = (
        Index("invoice_line_by_invoice", "invoice_id", "position"),
        Index(
            "invoice_line_by_order_line",
            "order_line_id",
            postgresql_where=text("order_line_id IS NOT NULL"),
        ),
        CheckConstraint("quantity <> 0", name="invoice_line_of_something"),
        CheckConstraint("subtotal = 0 OR (subtotal > 0) = (quantity > 0)", name="invoice_line_sign"),
    )

    id: UUID = Field(sa_column=key())
    invoice_id: UUID = Field(sa_column=ref(to="invoice.id"))
    position: int = Field(sa_column=count(None))
    description: str = Field(sa_column=words())
    order_line_id: UUID | None = Field(default=None, sa_column=ref(to="order_line.id", null=True))
    quantity: int = Field(sa_column=count(None))
    subtotal: int = Field(sa_column=minor())
    adjustments: int = Field(sa_column=minor())
    """Its part of what comes on top of the invoice."""
    total: int = Field(sa_column=minor())
    last: bool = Field(default=False, sa_column=flag(default=False))
    """No other invoice is to come for the order line: what is still set aside is let go."""


class InvoiceShare(Table, table=True):
    """What one fund bears of a line; a line without shares is borne as its order line."""

    __tablename__ = "invoice_share"

    invoice_line_id: UUID = Field(sa_column=ref(to="invoice_line.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    fund_id: UUID = Field(sa_column=ref(to="fund.id"))
    expense_class_id: UUID | None = Field(default=None, sa_column=ref(to="expense_class.id", null=True))
    fiscal_year_id: UUID | None = Field(default=None, sa_column=ref(to="fiscal_year.id", null=True))
    """Whose money it is; none: of the invoice's year."""
    percent: Decimal | None = Field(default=None, sa_column=exact(9, 6, null=True))
    amount: int | None = Field(default=None, sa_column=minor(null=True))
    bears: int = Field(sa_column=minor())


class InvoiceAdjustment(Table, table=True):
    """Freight, tax, a discount: spread over the lines."""

    __tablename__ = "invoice_adjustment"
    __table_args__ = (
        CheckConstraint("(percent IS NULL) <> (amount IS NULL)", name="invoice_adjustment_one_measure"),
        CheckConstraint(
            "prorate IN ('by-line', 'by-amount', 'by-quantity')", name="invoice_adjustment_prorate"
        ),
    )

    invoice_id: UUID = Field(sa_column=ref(to="invoice.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    kind: str = Field(sa_column=words())
    description: str = Field(sa_column=words())
    percent: Decimal | None = Field(default=None, sa_column=exact(9, 6, null=True))
    amount: int | None = Field(default=None, sa_column=minor(null=True))
    prorate: str = Field(sa_column=words())
    included: bool = Field(default=False, sa_column=flag(default=False))
    """It is within the lines' amounts already, and only told."""
    comes_to: int = Field(sa_column=minor())
