"""Orders, their lines, and which fund bears what of a line."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, Sequence, text
from sqlmodel import Field

from erm.metadata import Table, count, day, exact, flag, key, minor, ref, refs, version, when, words

ORDER_NUMBER = Sequence("order_number", metadata=Table.metadata)


class PurchaseOrder(Table, table=True):
    """What is bought of one vendor, in one currency."""

    __tablename__ = "purchase_order"
    __table_args__ = (
        Index("purchase_order_one_per_number", "number", unique=True),
        Index("purchase_order_by_vendor", "vendor_id", "id"),
        Index("purchase_order_by_state", "state", "id"),
        Index(
            "purchase_order_in_units",
            "acquisition_unit_ids",
            postgresql_using="gin",
            postgresql_where=text("acquisition_unit_ids <> '{}'"),
        ),
        CheckConstraint("state IN ('pending', 'open', 'closed')", name="purchase_order_state"),
        CheckConstraint("exchange_rate > 0", name="purchase_order_rate"),
        CheckConstraint("order_type IN ('one-time', 'ongoing', 'subscription')", name="purchase_order_type"),
    )

    id: UUID = Field(sa_column=key())
    number: str = Field(sa_column=words())
    vendor_id: UUID = Field(sa_column=ref(to="organisation.id"))
    acquisition_unit_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """Who may see and change it; none: whoever has the scope."""
    account_number: str | None = Field(default=None, sa_column=words(null=True))
    order_type: str = Field(default="one-time", sa_column=words(default="one-time"))
    """`one-time` closes when all has come and is paid; `ongoing` and `subscription` go on year after year."""
    state: str = Field(sa_column=words())
    close_reason: str | None = Field(default=None, sa_column=words(null=True))
    currency: str = Field(sa_column=words())
    ledger_currency: str | None = Field(default=None, sa_column=words(null=True))
    """Of the funds; told when it is approved."""
    exchange_rate: Decimal | None = Field(default=None, sa_column=exact(19, 10, null=True))
    """Units of the ledger's currency for one of the order's."""
    rate_source_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The source that it was taken from; none: it was told by hand."""
    rated_on: date | None = Field(default=None, sa_column=day(null=True))
    """The day that the source's rate is of."""
    rate_note: str | None = Field(default=None, sa_column=words(null=True))
    """How it came about."""
    fiscal_year_id: UUID | None = Field(default=None, sa_column=ref(to="fiscal_year.id", null=True))
    """The year that was named when it was approved; none: the one that was open."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    approved_at: datetime | None = Field(default=None, sa_column=when(null=True))
    approved_by: str | None = Field(default=None, sa_column=words(null=True))
    closed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=version())


class OrderLine(Table, table=True):
    """One title of an order."""

    __tablename__ = "order_line"
    __table_args__ = (
        Index("order_line_by_order", "order_id", "position"),
        Index("order_line_by_title", "title_id", "id", postgresql_where=text("title_id IS NOT NULL")),
        Index("order_line_to_claim", "claim_on", postgresql_where=text("claim_on IS NOT NULL")),
        CheckConstraint("quantity > 0", name="order_line_of_something"),
        CheckConstraint("list_price >= 0 AND additional >= 0 AND total >= 0", name="order_line_costs"),
        CheckConstraint("electronic BETWEEN 0 AND quantity", name="order_line_electronic_of_it"),
        CheckConstraint("discount_amount >= 0", name="order_line_discount"),
        CheckConstraint("received >= 0", name="order_line_received"),
        CheckConstraint("receipt IN ('items', 'count', 'none')", name="order_line_receipt"),
        CheckConstraint(
            "receipt <> 'items' OR location_id IS NOT NULL", name="order_line_items_go_somewhere"
        ),
    )

    id: UUID = Field(sa_column=key())
    order_id: UUID = Field(sa_column=ref(to="purchase_order.id"))
    position: int = Field(sa_column=count(None))
    title: str = Field(sa_column=words())
    author: str | None = Field(default=None, sa_column=words(null=True))
    publisher: str | None = Field(default=None, sa_column=words(null=True))
    year: str | None = Field(default=None, sa_column=words(null=True))
    isbn: str | None = Field(default=None, sa_column=words(null=True))
    title_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """In the catalogue."""
    receipt: str = Field(sa_column=words())
    """`items`: the catalogue makes an item of each copy; `count`: it is only counted; `none`: nothing comes."""
    location_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Where its copies go; of several locations, the first."""
    material_type: str | None = Field(default=None, sa_column=words(null=True))
    loan_type: str | None = Field(default=None, sa_column=words(null=True))
    call_number: str | None = Field(default=None, sa_column=words(null=True))
    quantity: int = Field(sa_column=count(None))
    list_price: int = Field(sa_column=minor())
    electronic: int = Field(default=0, sa_column=count())
    """How many of the copies are electronic."""
    discount_percent: Decimal | None = Field(default=None, sa_column=exact(9, 6, null=True))
    discount_amount: int = Field(default=0, sa_column=minor(0))
    """For the whole line, instead of a percentage."""
    additional: int = Field(default=0, sa_column=minor(0))
    tax_percent: Decimal | None = Field(default=None, sa_column=exact(9, 6, null=True))
    total: int = Field(sa_column=minor())
    """Derived once, and kept."""
    received: int = Field(default=0, sa_column=count())
    paid: int = Field(default=0, sa_column=count())
    """Copies on paid invoices, less those on credit notes."""
    paid_last: int = Field(default=0, sa_column=count())
    """How many paid invoices say that they are the last for it."""
    expected_on: date | None = Field(default=None, sa_column=day(null=True))
    claim_interval_days: int | None = Field(default=None, sa_column=count(None, null=True))
    """Between claims; none: as its vendor has it."""
    claim_put_off_until: date | None = Field(default=None, sa_column=day(null=True))
    claim_on: date | None = Field(default=None, sa_column=day(null=True))
    """When it is to be claimed next; follows from the rest, and is kept for the timer."""
    cancelled: bool = Field(default=False, sa_column=flag(default=False))
    cancel_reason: str | None = Field(default=None, sa_column=words(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))


class OrderLineShare(Table, table=True):
    """What one fund bears of a line."""

    __tablename__ = "order_line_share"

    order_line_id: UUID = Field(sa_column=ref(to="order_line.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    fund_id: UUID = Field(sa_column=ref(to="fund.id"))
    expense_class_id: UUID | None = Field(default=None, sa_column=ref(to="expense_class.id", null=True))
    fiscal_year_id: UUID | None = Field(default=None, sa_column=ref(to="fiscal_year.id", null=True))
    """Whose money it is, where a line is paid for several years; none: of the year that is meant."""
    percent: Decimal | None = Field(default=None, sa_column=exact(9, 6, null=True))
    amount: int | None = Field(default=None, sa_column=minor(null=True))
    bears: int = Field(sa_column=minor())
    """Derived once, in the order's currency."""


class OrderLineLocation(Table, table=True):
    """How many of a line's copies are for a location, where they go to several or some are electronic."""

    __tablename__ = "order_line_location"
    __table_args__ = (
        CheckConstraint("physical >= 0 AND electronic >= 0", name="order_line_location_no_less_than_nothing"),
        CheckConstraint("physical + electronic > 0", name="order_line_location_of_something"),
    )

    order_line_id: UUID = Field(sa_column=ref(to="order_line.id", primary=True))
    location_id: UUID = Field(sa_column=ref(primary=True))
    position: int = Field(sa_column=count(None))
    physical: int = Field(sa_column=count(None))
    electronic: int = Field(sa_column=count(None))
