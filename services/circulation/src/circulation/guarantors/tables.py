"""Relations of ward and guarantor, kept when they have ended."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Date, Index, text
from sqlmodel import Field

from circulation.metadata import Table, big, key, ref, when, words


class Guarantee(Table, table=True):
    """Somebody answers for a patron."""

    __tablename__ = "patron_guarantee"
    __table_args__ = (
        Index(
            "patron_guarantee_one_in_force",
            "ward_id",
            "guarantor_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("patron_guarantee_by_ward", "ward_id", "id"),
        Index("patron_guarantee_by_guarantor", "guarantor_id", "id"),
        CheckConstraint("ward_id <> guarantor_id", name="patron_guarantee_for_another"),
    )

    id: UUID = Field(sa_column=key())
    ward_id: UUID = Field(sa_column=ref(to="patron.id"))
    guarantor_id: UUID = Field(sa_column=ref(to="patron.id"))
    kind: str = Field(sa_column=words())
    """`parent`, `sponsor`, whatever the library calls it."""
    until_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    """As it was agreed."""
    ends_on: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    """The first day on which it is over: that one, or the ward's coming of age."""
    shared_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """Since when the guarantor sees the ward's account; null: they do not."""
    shared_by: str | None = Field(default=None, sa_column=words(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    ended_by: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=big(1))
