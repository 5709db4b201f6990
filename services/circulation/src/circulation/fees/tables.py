"""Fees, payments, and the double-entry ledger behind them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from circulation.metadata import Table, big, document, key, minor_units, ref, when, words


class Fee(Table, table=True):
    """Something a patron owes or owed."""

    __tablename__ = "fee"
    __table_args__ = (
        Index("fee_open_by_patron", "patron_id", postgresql_where=text("state = 'open'")),
        Index("fee_by_patron", "patron_id", "id"),
        Index("fee_by_loan", "loan_id"),
        CheckConstraint("amount > 0 AND remaining >= 0 AND remaining <= amount", name="fee_amounts"),
        CheckConstraint("(state = 'closed') = (remaining = 0)", name="fee_closed_when_settled"),
    )

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref())
    loan_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    kind: str = Field(sa_column=words())
    policy: str | None = Field(default=None, sa_column=words(null=True))
    amount: int = Field(sa_column=minor_units())
    remaining: int = Field(sa_column=minor_units())
    currency: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    charged_at: datetime = Field(sa_column=when())
    closed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=big(1))
    status: str | None = Field(default=None, sa_column=words(null=True))
    """How it is being settled (`paid-partly`, `waived-fully` …); null until something was done with it."""
    owner: str | None = Field(default=None, sa_column=words(null=True))
    """Whose income it is: a library, or what its service point names."""


class Receipt(Table, table=True):
    """Money taken in one act, for one fee or many; a method's reference is used once."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index(
            "receipt_once_by_reference",
            "method",
            "reference",
            unique=True,
            postgresql_where=text("reference IS NOT NULL"),
        ),
        Index("receipt_by_patron", "patron_id", "id"),
        CheckConstraint("amount > 0", name="receipt_positive"),
    )

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref())
    amount: int = Field(sa_column=minor_units())
    currency: str = Field(sa_column=words())
    method: str = Field(sa_column=words())
    reference: str | None = Field(default=None, sa_column=words(null=True))
    asked: dict[str, Any] = Field(sa_column=document())
    """What was asked for, to tell a repetition from another payment with the same reference."""
    at: datetime = Field(sa_column=when())


class Payment(Table, table=True):
    """Money taken."""

    __tablename__ = "payment"
    __table_args__ = (
        Index("payment_by_fee", "fee_id"),
        Index("payment_by_receipt", "receipt_id", postgresql_where=text("receipt_id IS NOT NULL")),
        Index("payment_by_drawer", "drawer_id", postgresql_where=text("drawer_id IS NOT NULL")),
        CheckConstraint("amount > 0", name="payment_positive"),
    )

    id: UUID = Field(sa_column=key())
    fee_id: UUID = Field(sa_column=ref(to="fee.id"))
    amount: int = Field(sa_column=minor_units())
    currency: str = Field(sa_column=words())
    method: str = Field(sa_column=words())
    reference: str | None = Field(default=None, sa_column=words(null=True))
    service_point_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    paid_at: datetime = Field(sa_column=when())
    taken_by: str = Field(sa_column=words())
    receipt_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    drawer_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The cash drawer that was open at the service point."""
    comment: str | None = Field(default=None, sa_column=words(null=True))


class FeeAction(Table, table=True):
    """What was done with a fee besides paying it."""

    __tablename__ = "fee_action"
    __table_args__ = (
        Index("fee_action_by_fee", "fee_id"),
        Index("fee_action_by_export", "export_id", "id", postgresql_where=text("export_id IS NOT NULL")),
        Index(
            "fee_action_to_give_back",
            "account",
            postgresql_where=text("act = 'credit' AND export_id IS NULL"),
        ),
        Index("fee_action_by_drawer", "drawer_id", postgresql_where=text("drawer_id IS NOT NULL")),
        CheckConstraint("amount > 0", name="fee_action_positive"),
        CheckConstraint("act IN ('waive', 'cancel', 'transfer', 'refund', 'credit')", name="fee_action_act"),
        CheckConstraint("(act = 'refund') = (method IS NOT NULL)", name="fee_action_refund_has_method"),
        CheckConstraint(
            "(act IN ('transfer', 'credit')) = (account IS NOT NULL)", name="fee_action_transfer_has_account"
        ),
    )

    id: UUID = Field(sa_column=key())
    fee_id: UUID = Field(sa_column=ref(to="fee.id"))
    act: str = Field(sa_column=words())
    amount: int = Field(sa_column=minor_units())
    currency: str = Field(sa_column=words())
    method: str | None = Field(default=None, sa_column=words(null=True))
    account: str | None = Field(default=None, sa_column=words(null=True))
    """The bursar's account."""
    comment: str | None = Field(default=None, sa_column=words(null=True))
    service_point_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    drawer_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    export_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The bursar's export that it went with."""
    at: datetime = Field(sa_column=when())
    done_by: str = Field(sa_column=words())


class LedgerEntry(Table, table=True):
    """One side of a booking; the entries of a booking sum to nothing."""

    __tablename__ = "ledger_entry"
    __table_args__ = (Index("ledger_entry_by_fee", "fee_id"), Index("ledger_entry_by_booking", "booking_id"))

    id: UUID = Field(sa_column=key())
    booking_id: UUID = Field(sa_column=ref())
    fee_id: UUID = Field(sa_column=ref(to="fee.id"))
    account: str = Field(sa_column=words())
    """`receivable` (what patrons owe), `income`, `cash` …: ledger/rules.py."""
    amount: int = Field(sa_column=minor_units())
    """Minor units; debits positive, credits negative."""
    currency: str = Field(sa_column=words())
    at: datetime = Field(sa_column=when())
