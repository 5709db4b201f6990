"""Every message, out and in, with its answer. Nothing of a patron is kept in one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from ill.metadata import Table, count, digest, document, key, ref, when, words


class Message(Table, table=True):
    """One message."""

    __tablename__ = "message"
    __table_args__ = (
        Index("message_by_request", "request_id", "id"),
        Index("message_by_age", "at"),
        Index("message_to_be_sent", "next_at", postgresql_where=text("state = 'queued'")),
        Index("message_queued_by_request", "request_id", "id", postgresql_where=text("state = 'queued'")),
        Index(
            "message_taken_once",
            "partner_id",
            "fingerprint",
            unique=True,
            postgresql_where=text("direction = 'in' AND state = 'taken'"),
        ),
        CheckConstraint("direction IN ('in', 'out')", name="message_direction"),
        CheckConstraint(
            "state IN ('queued', 'sent', 'refused', 'failed', 'withdrawn', 'taken')", name="message_state"
        ),
    )

    id: UUID = Field(sa_column=key())
    request_id: UUID | None = Field(default=None, sa_column=ref(to="request.id", null=True))
    entry_id: UUID | None = Field(default=None, sa_column=ref(to="rota_entry.id", null=True))
    partner_id: UUID = Field(sa_column=ref(to="partner.id"))
    direction: str = Field(sa_column=words())
    kind: str = Field(sa_column=words())
    """request, supplyingAgencyMessage, requestingAgencyMessage."""
    what: str = Field(sa_column=words())
    """Its request type, reason and status, or action."""
    document: dict[str, Any] = Field(sa_column=document())
    answer: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    version: str | None = Field(default=None, sa_column=words(null=True))
    """Of the standard: 1.2 or 2021-2."""
    state: str = Field(sa_column=words())
    fingerprint: bytes | None = Field(default=None, sa_column=digest(null=True))
    at: datetime = Field(sa_column=when())
    attempts: int = Field(default=0, sa_column=count())
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    last_error: str | None = Field(default=None, sa_column=words(null=True))
