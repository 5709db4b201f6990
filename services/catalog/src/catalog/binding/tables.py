"""Volumes that are to be bound, or were, and the issues in them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from catalog.metadata import Table, big, document, flag, key, ref


class BoundVolume(Table, table=True):
    """A binding of acquisitions, as far as the catalogue has heard of it."""

    __tablename__ = "bound_volume"
    __table_args__ = (
        Index(
            "bound_volume_by_withdrawal", "withdrawal_id", postgresql_where=text("withdrawal_id IS NOT NULL")
        ),
    )

    binding_id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref())
    told: dict[str, Any] = Field(sa_column=document("{}"))
    """What it is to become, as it was told last."""
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The volume's."""
    withdrawal_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """What was asked of circulation when it was to be issues again."""
    undone: bool = Field(default=False, sa_column=flag(default=False))
    version: int = Field(sa_column=big(0))
    """How often the catalogue has answered."""


class BoundPiece(Table, table=True):
    """An issue, and what becomes of its item."""

    __tablename__ = "bound_piece"
    __table_args__ = (
        Index(
            "bound_piece_by_withdrawal", "withdrawal_id", postgresql_where=text("withdrawal_id IS NOT NULL")
        ),
    )

    binding_id: UUID = Field(sa_column=ref(to="bound_volume.binding_id", primary=True))
    piece_id: UUID = Field(sa_column=ref(primary=True))
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    withdrawal_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """What circulation has not answered yet."""
    taken_out: bool = Field(default=False, sa_column=flag(default=False))
    """Its item is withdrawn, or it never had one."""
    reasons: list[str] = Field(default_factory=list, sa_column=document("[]"))
    """Why its item stays, as codes."""
