"""How far the counting has come, and what it found."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from circulation.metadata import Table, big, key, ref, when, words


class Reconciliation(Table, table=True):
    """A walk over all patrons, items or fees, once a day; it goes on where it was left."""

    __tablename__ = "reconciliation"

    name: str = Field(sa_column=Column(Text, primary_key=True))
    """One of `Walk`."""
    after: UUID | None = Field(default=None, sa_column=Column(Uuid, nullable=True))
    """The last that was looked at."""
    looked_at: int = Field(default=0, sa_column=big(0))
    begun_at: datetime = Field(sa_column=when())
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))


class Discrepancy(Table, table=True):
    """Something that is kept otherwise than it counts up to."""

    __tablename__ = "discrepancy"
    __table_args__ = (
        Index(
            "discrepancy_open", "kind", "subject_id", unique=True, postgresql_where=text("settled IS NULL")
        ),
    )

    id: UUID = Field(sa_column=key())
    kind: str = Field(sa_column=words())
    """One of `Kind`."""
    subject_id: UUID = Field(sa_column=ref())
    """The patron, the item or the fee."""
    kept: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    counted: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    found_at: datetime = Field(sa_column=when())
    seen_at: datetime = Field(sa_column=when())
    """The last time that it was there."""
    settled: str | None = Field(default=None, sa_column=words(null=True))
    """`repaired` by the counting itself, or `gone` when it looked again; null while it stands."""
    settled_at: datetime | None = Field(default=None, sa_column=when(null=True))
