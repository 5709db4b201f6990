"""Vendors that post orders, and what they have posted."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from erm.metadata import Table, document, flag, key, ref, refs, version, when, words


class VendorOrderAccount(Table, table=True):
    """A program of a vendor's: for which organisation it acts, and how what it posts becomes an order."""

    __tablename__ = "vendor_order_account"
    __table_args__ = (
        Index("vendor_order_account_one_per_client", "client", unique=True),
        Index("vendor_order_account_by_organisation", "organisation_id", "id"),
        CheckConstraint("format IN ('json', 'xml')", name="vendor_order_account_format"),
    )

    id: UUID = Field(sa_column=key())
    organisation_id: UUID = Field(sa_column=ref(to="organisation.id"))
    client: str = Field(sa_column=words())
    """The gateway's client that it signs in as."""
    name: str = Field(sa_column=words())
    format: str = Field(sa_column=words())
    mapping: dict[str, Any] = Field(sa_column=document())
    approve: bool = Field(default=False, sa_column=flag(default=False))
    """Its orders are opened at once; else somebody approves them."""
    acquisition_unit_ids: list[UUID] = Field(default_factory=list, sa_column=refs())
    """What its orders belong to."""
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class VendorOrder(Table, table=True):
    """What was posted under a key of the vendor's: the same again is the same order."""

    __tablename__ = "vendor_order"
    __table_args__ = (
        Index("vendor_order_once", "account_id", "order_key", unique=True),
        Index("vendor_order_by_account", "account_id", "id"),
        Index("vendor_order_by_order", "order_id"),
    )

    id: UUID = Field(sa_column=key())
    account_id: UUID = Field(sa_column=ref(to="vendor_order_account.id"))
    order_key: str = Field(sa_column=words())
    digest: str = Field(sa_column=words())
    """Of what was posted, whatever it was written in."""
    order_id: UUID | None = Field(default=None, sa_column=ref(to="purchase_order.id", null=True))
    created_at: datetime = Field(sa_column=when())
