"""Which items were made of which copies that came."""

from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from catalog.metadata import Table, big, key, ref


class Received(Table, table=True):
    """A receipt of acquisitions, as far as the catalogue has heard of it."""

    __tablename__ = "received"
    __table_args__ = (Index("received_by_line", "order_line_id", "receipt_id"),)

    receipt_id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref())
    title_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    version: int = Field(sa_column=big(0))
    """How often the catalogue has answered."""


class ReceivedPiece(Table, table=True):
    """A copy, and its item."""

    __tablename__ = "received_piece"
    __table_args__ = (
        Index(
            "received_piece_by_withdrawal",
            "withdrawal_id",
            postgresql_where=text("withdrawal_id IS NOT NULL"),
        ),
    )

    piece_id: UUID = Field(sa_column=key())
    receipt_id: UUID = Field(sa_column=ref(to="received.receipt_id"))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    withdrawal_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """What was asked of circulation when it was to go back."""
