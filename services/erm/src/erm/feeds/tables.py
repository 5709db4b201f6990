"""Knowledge bases whose changes are harvested."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, count, document, flag, key, ref, version, when, words


class KbFeed(Table, table=True):
    """A foreign knowledge base, and how far it has been followed."""

    __tablename__ = "kb_feed"
    __table_args__ = (
        CheckConstraint("every_hours > 0", name="kb_feed_every_hours"),
        Index("kb_feed_one_per_source", "source", unique=True),
        Index("kb_feed_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    source: str = Field(sa_column=words())
    """Its packages bear it as their source."""
    url: str = Field(sa_column=words())
    platform_id: UUID = Field(sa_column=ref(to="platform.id"))
    """Of packages that are new."""
    follow_new: bool = Field(default=False, sa_column=flag(default=False))
    """Packages that are new follow their lists at once."""
    every_hours: int = Field(sa_column=count(None))
    active: bool = Field(default=True, sa_column=flag(default=True))
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """None: it is not asked."""
    since: datetime | None = Field(default=None, sa_column=when(null=True))
    """When the last harvest that came to its end had begun: what changed from then on is asked for."""
    began_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """The harvest that is under way."""
    cursor: str | None = Field(default=None, sa_column=words(null=True))
    """The page that it goes on with."""
    asked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    error: str | None = Field(default=None, sa_column=words(null=True))
    failures: int = Field(default=0, sa_column=count())
    """In a row."""
    pages: int = Field(default=0, sa_column=count())
    """Of the harvest under way, or of the last."""
    changed: int = Field(default=0, sa_column=count())
    """Packages that it has changed."""
    findings: list[dict[str, Any]] = Field(sa_column=document(default="[]"))
    """Records that could not be taken."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())
