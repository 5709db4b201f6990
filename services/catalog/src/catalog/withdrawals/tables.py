"""Withdrawals, with every step and its time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, text
from sqlmodel import Field

from catalog.metadata import Table, big, document, key, ref, when, words


class Withdrawal(Table, table=True):
    """A wish to take an item out of the collection, and how it ended."""

    __tablename__ = "withdrawal"
    __table_args__ = (
        Index(
            "withdrawal_one_open_per_item",
            "item_id",
            unique=True,
            postgresql_where=text("state = 'requested'"),
        ),
        Index("withdrawal_item", "item_id"),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(sa_column=big(1))
    item_id: UUID = Field(sa_column=ref(to="item.id"))
    state: str = Field(sa_column=words())
    reason: str = Field(sa_column=words())
    refusals: list[str] = Field(default_factory=list, sa_column=document("[]"))
    steps: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    requested_by: str = Field(sa_column=words())
    requested_at: datetime = Field(sa_column=when())
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
