"""Batches of slips as they were made, and up to when the schedules of them were followed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from ill.metadata import Table, count, flag, key, when, words


class PullBatch(Table, table=True):
    """Slips that were made together. What is in it never changes: printed again, it is the same."""

    __tablename__ = "pull_batch"
    __table_args__ = (
        Index("pull_batch_by_library", "library", "id"),
        Index("pull_batch_by_schedule", "schedule", "id", postgresql_where=text("schedule IS NOT NULL")),
        Index("pull_batch_by_age", "made_at"),
        CheckConstraint("slip_count > 0", name="pull_batch_has_slips"),
    )

    id: UUID = Field(sa_column=key())
    made_at: datetime = Field(sa_column=when())
    made_by: str = Field(sa_column=words())
    schedule: str | None = Field(default=None, sa_column=words(null=True))
    """The schedule's code; none: somebody has taken it."""
    library: str | None = Field(default=None, sa_column=words(null=True))
    location: str | None = Field(default=None, sa_column=words(null=True))
    """What was asked for; none: wherever it stands."""
    slip_count: int = Field(sa_column=count(None))
    more: bool = Field(default=False, sa_column=flag(default=False))
    """More was waiting than fitted in."""
    slips: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))


class Mail(Table, table=True):
    """Slips of a batch on their way to one address; forgotten with the batch."""

    __tablename__ = "mail"
    __table_args__ = (
        Index("mail_to_be_sent", "next_at", postgresql_where=text("state = 'queued'")),
        Index("mail_by_batch", "batch_id"),
        CheckConstraint("state IN ('queued', 'sent', 'given-up')", name="mail_state"),
    )

    id: UUID = Field(sa_column=key())
    batch_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("pull_batch.id", ondelete="CASCADE"), nullable=False)
    )
    recipient: str = Field(sa_column=words())
    state: str = Field(sa_column=words())
    attempts: int = Field(default=0, sa_column=count())
    error: str | None = Field(default=None, sa_column=words(null=True))
    """What the mail server said, or that there is none."""
    next_at: datetime = Field(sa_column=when())
    made_at: datetime = Field(sa_column=when())
    sent_at: datetime | None = Field(default=None, sa_column=when(null=True))


class PullSchedule(Table, table=True):
    """How far a schedule of the configuration was followed."""

    __tablename__ = "pull_schedule"

    code: str = Field(sa_column=Column(Text, primary_key=True))
    done_until: datetime = Field(sa_column=when())
