"""Vouchers, the groups that they go out in, and the batches that went."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, LargeBinary, text
from sqlalchemy import text as sql
from sqlmodel import Field

from erm.metadata import Table, count, day, document, flag, key, minor, ref, version, when, words


def _number() -> Any:
    return Column(BigInteger, nullable=False)


class BatchGroup(Table, table=True):
    """Vouchers that go to the university's books together."""

    __tablename__ = "batch_group"
    __table_args__ = (Index("batch_group_one_per_code", "code", unique=True),)

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    last_batch: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    """The number of its last batch; the next is one more."""
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class VoucherCounter(Table, table=True):
    """The number of the last voucher. A sequence leaves gaps where something is taken back; a row does not."""

    __tablename__ = "voucher_counter"
    __table_args__ = (CheckConstraint('"only"', name="voucher_counter_is_one"),)

    only: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=sql("true")))
    last: int = Field(sa_column=_number())


class VoucherBatch(Table, table=True):
    """Vouchers that went out together, byte by byte as they went."""

    __tablename__ = "voucher_batch"
    __table_args__ = (
        Index("voucher_batch_one_per_number", "batch_group_id", "number", unique=True),
        Index("voucher_batch_by_group", "batch_group_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    batch_group_id: UUID = Field(sa_column=ref(to="batch_group.id"))
    number: int = Field(sa_column=_number())
    vouchers: int = Field(sa_column=count(None))
    as_json: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    as_xml: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())


class Voucher(Table, table=True):
    """An approved invoice as the university's books are told of it. What it says never changes."""

    __tablename__ = "voucher"
    __table_args__ = (
        Index("voucher_one_per_number", "number", unique=True),
        Index(
            "voucher_one_per_invoice", "invoice_id", unique=True, postgresql_where=text("kind <> 'reversal'")
        ),
        Index("voucher_reversed_once", "reverses_id", unique=True),
        Index("voucher_by_invoice", "invoice_id", "id"),
        Index("voucher_by_state", "state", "id"),
        Index("voucher_by_group", "batch_group_id", "id"),
        Index("voucher_to_export", "batch_group_id", "number", postgresql_where=text("state = 'awaiting'")),
        Index("voucher_by_batch", "batch_id", "id"),
        CheckConstraint("kind IN ('payment', 'credit', 'reversal')", name="voucher_kind"),
        CheckConstraint("state IN ('awaiting', 'exported', 'paid', 'cancelled')", name="voucher_state"),
        CheckConstraint("(kind = 'reversal') = (reverses_id IS NOT NULL)", name="voucher_reversal_of_one"),
        CheckConstraint("state <> 'exported' OR batch_id IS NOT NULL", name="voucher_exported_in_a_batch"),
        CheckConstraint("state <> 'awaiting' OR batch_id IS NULL", name="voucher_exported_once"),
    )

    id: UUID = Field(sa_column=key())
    number: int = Field(sa_column=_number())
    kind: str = Field(sa_column=words())
    invoice_id: UUID = Field(sa_column=ref(to="invoice.id"))
    reverses_id: UUID | None = Field(default=None, sa_column=ref(to="voucher.id", null=True))
    batch_group_id: UUID = Field(sa_column=ref(to="batch_group.id"))
    state: str = Field(sa_column=words())
    currency: str = Field(sa_column=words())
    """The ledger's."""
    amount: int = Field(sa_column=minor())
    document: dict[str, Any] = Field(sa_column=document())
    """What goes out of it."""
    batch_id: UUID | None = Field(default=None, sa_column=ref(to="voucher_batch.id", null=True))
    paid_on: date | None = Field(default=None, sa_column=day(null=True))
    payment_reference: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    exported_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=version())


class BatchGroupDelivery(Table, table=True):
    """Where the batches of a group are put, and as whom."""

    __tablename__ = "batch_group_delivery"
    __table_args__ = (
        Index("batch_group_delivery_one", "batch_group_id", unique=True),
        CheckConstraint("security IN ('tls', 'none')", name="batch_group_delivery_security"),
        CheckConstraint("form IN ('json', 'xml')", name="batch_group_delivery_form"),
    )

    id: UUID = Field(sa_column=key())
    batch_group_id: UUID = Field(sa_column=ref(to="batch_group.id"))
    host: str = Field(sa_column=words())
    port: int = Field(sa_column=count(None))
    security: str = Field(sa_column=words())
    """`tls`: explicit TLS (RFC 4217) for commands and files; `none`: in networks that the operator allows alone."""
    user_name: str = Field(sa_column=words())
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The password, sealed."""
    directory: str = Field(sa_column=words())
    form: str = Field(sa_column=words())
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class VoucherDelivery(Table, table=True):
    """A batch on its way to the university's books."""

    __tablename__ = "voucher_delivery"
    __table_args__ = (
        Index("voucher_delivery_one_per_batch", "batch_id", unique=True),
        Index("voucher_delivery_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        Index("voucher_delivery_by_state", "state", "id"),
        CheckConstraint("state IN ('waiting', 'sent', 'failed')", name="voucher_delivery_state"),
        CheckConstraint(
            "(state = 'waiting') = (next_at IS NOT NULL)", name="voucher_delivery_waits_for_a_time"
        ),
    )

    id: UUID = Field(sa_column=key())
    batch_id: UUID = Field(sa_column=ref(to="voucher_batch.id"))
    state: str = Field(sa_column=words())
    file_name: str | None = Field(default=None, sa_column=words(null=True))
    attempts: int = Field(default=0, sa_column=count())
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    error: str | None = Field(default=None, sa_column=words(null=True))
    """Why the last attempt came to nothing."""
    sent_at: datetime | None = Field(default=None, sa_column=when(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())
