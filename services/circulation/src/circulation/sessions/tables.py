"""Sessions; the loans know in which of them they began and ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from circulation.metadata import Table, key, ref, when, words


class DeskSession(Table, table=True):
    """A patron at a desk."""

    __tablename__ = "desk_session"
    __table_args__ = (
        Index(
            "desk_session_one_open",
            "patron_id",
            "service_point_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("desk_session_by_patron", "patron_id"),
        Index("desk_session_idle", "last_at", postgresql_where=text("ended_at IS NULL")),
        Index("desk_session_over", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
        CheckConstraint("(ended_at IS NULL) = (how IS NULL)", name="desk_session_ended_somehow"),
    )

    id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    service_point_id: UUID = Field(sa_column=ref())
    opened_at: datetime = Field(sa_column=when())
    last_at: datetime = Field(sa_column=when())
    """The last loan or return; what a timeout counts from."""
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    how: str | None = Field(default=None, sa_column=words(null=True))
    """asked or idle."""
