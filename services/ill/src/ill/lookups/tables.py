"""What is asked of sources on the net, and what they answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from ill.metadata import Table, count, key, ref, when, words


class Lookup(Table, table=True):
    """One question about one request."""

    __tablename__ = "lookup"
    __table_args__ = (
        Index("lookup_by_request", "request_id", "id"),
        Index("lookup_by_age", "asked_at"),
        Index("lookup_to_be_made", "next_at", postgresql_where=text("state = 'waiting'")),
        CheckConstraint("state IN ('waiting', 'answered', 'silent', 'dropped')", name="lookup_state"),
        CheckConstraint("kind IN ('citation', 'open-access', 'index', 'availability')", name="lookup_kind"),
    )

    id: UUID = Field(sa_column=key())
    request_id: UUID = Field(sa_column=ref(to="request.id"))
    kind: str = Field(sa_column=words())
    by: str = Field(sa_column=words())
    """doi, pmid, isbn, issn, oclc, record_id or title."""
    url: str = Field(sa_column=words())
    partner_id: UUID | None = Field(default=None, sa_column=ref(to="partner.id", null=True))
    """Whose catalogue it is."""
    reads: list[str] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'")))
    """Subfields that name holders."""
    copies: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """Where records tell whether copies are in."""
    state: str = Field(sa_column=words())
    """waiting; answered; silent: no answer that is one; dropped: nobody waited for it any more."""
    outcome: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    error: str | None = Field(default=None, sa_column=words(null=True))
    attempts: int = Field(default=0, sa_column=count())
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    asked_at: datetime = Field(sa_column=when())
    answered_at: datetime | None = Field(default=None, sa_column=when(null=True))
