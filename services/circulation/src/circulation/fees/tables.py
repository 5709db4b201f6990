"""Fees, payments, and the double-entry ledger behind them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from circulation.metadata import Table, big, key, minor_units, ref, when, words


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


class Payment(Table, table=True):
    """Money taken."""

    __tablename__ = "payment"
    __table_args__ = (
        Index("payment_by_fee", "fee_id"),
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


class LedgerEntry(Table, table=True):
    """One side of a booking; the entries of a booking sum to nothing."""

    __tablename__ = "ledger_entry"
    __table_args__ = (Index("ledger_entry_by_fee", "fee_id"), Index("ledger_entry_by_booking", "booking_id"))

    id: UUID = Field(sa_column=key())
    booking_id: UUID = Field(sa_column=ref())
    fee_id: UUID = Field(sa_column=ref(to="fee.id"))
    account: str = Field(sa_column=words())
    """`receivable` (what patrons owe), `income`, `cash` …"""
    amount: int = Field(sa_column=minor_units())
    """Minor units; debits positive, credits negative."""
    currency: str = Field(sa_column=words())
    at: datetime = Field(sa_column=when())
