"""Copies that have come, and what the catalogue made of each."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, count, flag, key, ref, several, version, when, words


class Receipt(Table, table=True):
    """Copies of one order line that came at once."""

    __tablename__ = "receipt"
    __table_args__ = (
        Index("receipt_by_line", "order_line_id", "id"),
        CheckConstraint("quantity > 0", name="receipt_of_something"),
    )

    id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref(to="order_line.id"))
    quantity: int = Field(sa_column=count(None))
    location_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Where they came; none: where the line goes, as was so before there were several."""
    electronic: bool = Field(default=False, sa_column=flag(default=False))
    """They are no things that get an item."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    at: datetime = Field(sa_column=when())
    actor: str = Field(sa_column=words())
    version: int = Field(default=1, sa_column=version())


class Piece(Table, table=True):
    """A copy."""

    __tablename__ = "piece"
    __table_args__ = (
        Index("piece_by_receipt", "receipt_id", "position"),
        Index("piece_by_line", "order_line_id", "id"),
        Index("piece_by_binding", "binding_id", postgresql_where=text("binding_id IS NOT NULL")),
        CheckConstraint(
            "state IN ('counted', 'asked', 'in-process', 'refused', 'undoing', 'undone')", name="piece_state"
        ),
    )

    id: UUID = Field(sa_column=key())
    receipt_id: UUID = Field(sa_column=ref(to="receipt.id"))
    order_line_id: UUID = Field(sa_column=ref(to="order_line.id"))
    position: int = Field(sa_column=count(None))
    state: str = Field(sa_column=words())
    barcode: str | None = Field(default=None, sa_column=words(null=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    binding_id: UUID | None = Field(default=None, sa_column=ref(to="binding.id", null=True))
    """The volume that it is part of, or is to be."""
    reasons: list[str] = Field(default_factory=list, sa_column=several())
    """What the catalogue says about it, as codes."""
