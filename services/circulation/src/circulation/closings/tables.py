"""Closings, and what each has moved."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, Index, Text, Uuid, text
from sqlmodel import Field

from circulation.metadata import Table, big, document, key, ref, uuids, when, words


class Closing(Table, table=True):
    """Places that closed unexpectedly, from when until when."""

    __tablename__ = "closing"
    __table_args__ = (
        Index("closing_open", "id", postgresql_where=text("state IN ('running', 'undoing')")),
        CheckConstraint("state IN ('running', 'finished', 'undoing', 'undone')", name="closing_state"),
        CheckConstraint("from_at < until_at", name="closing_span"),
    )

    id: UUID = Field(sa_column=key())
    service_point_ids: list[UUID] = Field(sa_column=uuids())
    codes: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    from_at: datetime = Field(sa_column=when())
    until_at: datetime = Field(sa_column=when())
    reason: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    hours: dict[str, Any] = Field(sa_column=document())
    """By service point: exceptions before, and those that the closing set."""
    total: int = Field(default=0, sa_column=big(0))
    loans_moved: int = Field(default=0, sa_column=big(0))
    holds_moved: int = Field(default=0, sa_column=big(0))
    moved_back: int = Field(default=0, sa_column=big(0))
    kept: int = Field(default=0, sa_column=big(0))
    """What undoing left as it was: ended or changed since, or else overdue at once."""
    requested_by: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=when())
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))
    undone_by: str | None = Field(default=None, sa_column=words(null=True))
    undone_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=big(1))


class ClosingEffect(Table, table=True):
    """A loan or hold that a closing moved."""

    __tablename__ = "closing_effect"

    closing_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    subject_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    subject: str = Field(sa_column=words())
    """loan or hold."""
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    before: datetime = Field(sa_column=when())
    after: datetime = Field(sa_column=when())
    settled: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    """Looked at by the undoing."""
