"""Relations of sponsor and proxy, kept when they have ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from circulation.metadata import Table, big, key, ref, when, words


class Proxy(Table, table=True):
    """Somebody who may borrow for a patron."""

    __tablename__ = "patron_proxy"
    __table_args__ = (
        Index(
            "patron_proxy_one_in_force",
            "sponsor_id",
            "proxy_id",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("patron_proxy_by_sponsor", "sponsor_id", "id"),
        Index("patron_proxy_by_proxy", "proxy_id", "id"),
        CheckConstraint("sponsor_id <> proxy_id", name="patron_proxy_of_another"),
        CheckConstraint("valid_to > valid_from", name="patron_proxy_runs_forwards"),
    )

    id: UUID = Field(sa_column=key())
    sponsor_id: UUID = Field(sa_column=ref(to="patron.id"))
    proxy_id: UUID = Field(sa_column=ref(to="patron.id"))
    valid_from: datetime | None = Field(default=None, sa_column=when(null=True))
    valid_to: datetime | None = Field(default=None, sa_column=when(null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    created_by: str = Field(sa_column=words())
    revoked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    revoked_by: str | None = Field(default=None, sa_column=words(null=True))
    version: int = Field(default=1, sa_column=big(1))
