"""Claims, proposed and sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from erm.metadata import Table, count, key, ref, version, when, words


class Claim(Table, table=True):
    """A vendor is asked where something is, or is to be."""

    __tablename__ = "claim"
    __table_args__ = (
        Index("claim_one_proposed", "order_line_id", unique=True, postgresql_where="state = 'proposed'"),
        Index("claim_by_line", "order_line_id", "id"),
        Index("claim_by_state", "state", "id"),
        Index("claim_by_vendor", "vendor_id", "id"),
        CheckConstraint("state IN ('proposed', 'sent', 'stopped')", name="claim_state"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name="claim_sent_at_some_time"),
    )

    id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref(to="order_line.id"))
    vendor_id: UUID = Field(sa_column=ref(to="organisation.id"))
    number: int = Field(sa_column=count(None))
    """Of those of its line that are sent, from 1; what is stopped gives its number back."""
    missing: int = Field(sa_column=count(None))
    """Copies that had not come."""
    state: str = Field(sa_column=words())
    via: str | None = Field(default=None, sa_column=words(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    sent_at: datetime | None = Field(default=None, sa_column=when(null=True))
    stopped_at: datetime | None = Field(default=None, sa_column=when(null=True))
    stop_reason: str | None = Field(default=None, sa_column=words(null=True))
    actor: str = Field(sa_column=words())
    """Who sent or stopped it; the timer that proposed it."""
    version: int = Field(default=1, sa_column=version())
