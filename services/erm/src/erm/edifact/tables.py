"""Accounts with vendors that speak EDIFACT, interchanges, messages, and what came of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from erm.metadata import (
    Table,
    count,
    day,
    document,
    flag,
    key,
    minor,
    ref,
    refs,
    several,
    version,
    when,
    words,
)


class EdifactAccount(Table, table=True):
    """How the library and a vendor address each other, and what the vendor's codes stand for."""

    __tablename__ = "edifact_account"
    __table_args__ = (
        Index("edifact_account_one_per_codes", "vendor_code", "library_code", unique=True),
        Index("edifact_account_by_organisation", "organisation_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    organisation_id: UUID = Field(sa_column=ref(to="organisation.id"))
    account_number: str | None = Field(default=None, sa_column=words(null=True))
    """Of the library with the vendor; orders that name it go by this one."""
    vendor_code: str = Field(sa_column=words())
    vendor_qualifier: str = Field(sa_column=words())
    library_code: str = Field(sa_column=words())
    library_qualifier: str = Field(sa_column=words())
    character_set: str = Field(sa_column=words())
    send_orders: bool = Field(default=False, sa_column=flag(default=False))
    test: bool = Field(default=False, sa_column=flag(default=False))
    branches: list[dict[str, Any]] = Field(sa_column=document())
    """The vendor's codes for locations."""
    default_location_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    default_fund_id: UUID | None = Field(default=None, sa_column=ref(to="fund.id", null=True))
    refusal_codes: list[str] = Field(sa_column=several())
    last_reference: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """Of interchanges to the vendor; the next is one more."""
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class EdifactInterchange(Table, table=True):
    """A file's interchange as it came, or goes out."""

    __tablename__ = "edifact_interchange"
    __table_args__ = (
        Index("edifact_interchange_once", "digest", unique=True, postgresql_where=text("direction = 'in'")),
        Index(
            "edifact_interchange_one_per_reference",
            "account_id",
            "reference",
            unique=True,
            postgresql_where=text("direction = 'out'"),
        ),
        Index("edifact_interchange_by_state", "state", "id"),
        Index("edifact_interchange_by_account", "account_id", "id"),
        CheckConstraint("direction IN ('in', 'out')", name="edifact_interchange_direction"),
        CheckConstraint("state IN ('taken', 'made', 'sent', 'failed')", name="edifact_interchange_state"),
    )

    id: UUID = Field(sa_column=key())
    direction: str = Field(sa_column=words())
    account_id: UUID | None = Field(default=None, sa_column=ref(to="edifact_account.id", null=True))
    state: str = Field(sa_column=words())
    sender: str = Field(sa_column=words())
    sender_qualifier: str = Field(sa_column=words())
    recipient: str = Field(sa_column=words())
    recipient_qualifier: str = Field(sa_column=words())
    reference: str = Field(sa_column=words())
    prepared: str = Field(sa_column=words())
    character_set: str = Field(sa_column=words())
    separators: str = Field(sa_column=words())
    test: bool = Field(default=False, sa_column=flag(default=False))
    digest: str = Field(sa_column=words())
    findings: list[dict[str, Any]] = Field(sa_column=document())
    messages: int = Field(sa_column=count(None))
    content: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """What goes out; what came in lies with its messages."""
    file_name: str | None = Field(default=None, sa_column=words(null=True))
    failure: str | None = Field(default=None, sa_column=words(null=True))
    sent_at: datetime | None = Field(default=None, sa_column=when(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    unlimited: bool = Field(default=True, sa_column=flag(default=True))
    """Units do not hold back whoever sent it in: its messages may do everything."""
    version: int = Field(default=1, sa_column=version())


class EdifactMessage(Table, table=True):
    """A message, and what became of it."""

    __tablename__ = "edifact_message"
    __table_args__ = (
        Index("edifact_message_to_do", "id", postgresql_where=text("state = 'received'")),
        Index("edifact_message_by_state", "state", "id"),
        Index("edifact_message_by_interchange", "interchange_id", "id"),
        Index(
            "edifact_message_by_document",
            "account_id",
            "kind",
            "document_number",
            postgresql_where=text("state = 'applied'"),
        ),
        Index(
            "edifact_message_once",
            "account_id",
            "kind",
            "document_number",
            "digest",
            unique=True,
            postgresql_where=text("state = 'applied'"),
        ),
        Index("edifact_message_by_order", "order_id", "id", postgresql_where=text("order_id IS NOT NULL")),
        Index(
            "edifact_message_to_send",
            "account_id",
            "id",
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "edifact_message_one_pending",
            "order_id",
            unique=True,
            postgresql_where=text("state = 'pending'"),
        ),
        CheckConstraint(
            "state IN ('received', 'held', 'applied', 'rejected', 'duplicate', 'discarded', 'pending', 'sent', "
            "'acknowledged', 'withdrawn')",
            name="edifact_message_state",
        ),
    )

    id: UUID = Field(sa_column=key())
    interchange_id: UUID | None = Field(default=None, sa_column=ref(to="edifact_interchange.id", null=True))
    direction: str = Field(sa_column=words())
    account_id: UUID | None = Field(default=None, sa_column=ref(to="edifact_account.id", null=True))
    reference: str | None = Field(default=None, sa_column=words(null=True))
    kind: str = Field(sa_column=words())
    release: str = Field(sa_column=words())
    document_number: str | None = Field(default=None, sa_column=words(null=True))
    state: str = Field(sa_column=words())
    again: bool = Field(default=False, sa_column=flag(default=False))
    """The order was sent before."""
    reasons: list[dict[str, Any]] = Field(sa_column=document())
    text: str | None = Field(default=None, sa_column=words(null=True))
    digest: str | None = Field(default=None, sa_column=words(null=True))
    first_segment: int = Field(default=1, sa_column=count(1))
    first_line: int = Field(default=1, sa_column=count(1))
    order_id: UUID | None = Field(default=None, sa_column=ref(to="purchase_order.id", null=True))
    invoice_id: UUID | None = Field(default=None, sa_column=ref(to="invoice.id", null=True))
    despatch_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    named_order_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """The orders that one that came in speaks of, as far as they were found: whoever may see it has to see them all."""
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    done_at: datetime | None = Field(default=None, sa_column=when(null=True))
    done_by: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=version())


class QuotedLine(Table, table=True):
    """What a vendor calls the line of its quote that an order line was made of; the order repeats it."""

    __tablename__ = "edifact_quoted_line"

    order_line_id: UUID = Field(sa_column=ref(primary=True))
    reference: str = Field(sa_column=words())


class LineReport(Table, table=True):
    """What a vendor last said of an order line."""

    __tablename__ = "edifact_line_report"

    order_line_id: UUID = Field(sa_column=ref(primary=True))
    message_id: UUID = Field(sa_column=ref(to="edifact_message.id"))
    report: str = Field(sa_column=words())
    action: str | None = Field(default=None, sa_column=words(null=True))
    codes: list[str] = Field(sa_column=several())
    text: str | None = Field(default=None, sa_column=words(null=True))
    ordered: int | None = Field(default=None, sa_column=count(None, null=True))
    despatched: int | None = Field(default=None, sa_column=count(None, null=True))
    back_ordered: int | None = Field(default=None, sa_column=count(None, null=True))
    expected_on: date | None = Field(default=None, sa_column=day(null=True))
    price: int | None = Field(default=None, sa_column=minor(null=True))
    """For one copy, in the order's currency."""
    reported_at: datetime = Field(sa_column=when())


class DespatchAdvice(Table, table=True):
    """A delivery that a vendor has announced."""

    __tablename__ = "despatch_advice"
    __table_args__ = (
        Index("despatch_advice_by_organisation", "organisation_id", "id"),
        Index("despatch_advice_by_number", "number", "id"),
    )

    id: UUID = Field(sa_column=key())
    organisation_id: UUID = Field(sa_column=ref(to="organisation.id"))
    message_id: UUID = Field(sa_column=ref(to="edifact_message.id"))
    number: str = Field(sa_column=words())
    dated: date | None = Field(default=None, sa_column=day(null=True))
    expected_on: date | None = Field(default=None, sa_column=day(null=True))
    created_at: datetime = Field(sa_column=when())


class DespatchAdviceLine(Table, table=True):
    """Copies of an order line in a delivery."""

    __tablename__ = "despatch_advice_line"
    __table_args__ = (
        Index("despatch_advice_line_by_parcel", "parcel", postgresql_where=text("parcel IS NOT NULL")),
        Index("despatch_advice_line_by_order_line", "order_line_id"),
        CheckConstraint("quantity > 0", name="despatch_advice_line_of_something"),
    )

    despatch_id: UUID = Field(sa_column=ref(to="despatch_advice.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    order_line_id: UUID = Field(sa_column=ref())
    quantity: int = Field(sa_column=count(None))
    parcel: str | None = Field(default=None, sa_column=words(null=True))
    """SSCC"""
    receipt_id: UUID | None = Field(default=None, sa_column=ref(to="receipt.id", null=True))
