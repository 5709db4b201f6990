"""Drafts of the configuration, and when they come into force."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from circulation.metadata import Table, big, count, document, key, when, words


class ConfigurationDraft(Table, table=True):
    """A configuration in the making."""

    __tablename__ = "configuration_draft"
    __table_args__ = (
        Index("configuration_draft_due", "activates_at", postgresql_where=text("state = 'scheduled'")),
        CheckConstraint(
            "state IN ('draft', 'scheduled', 'activated', 'failed', 'discarded')",
            name="configuration_draft_state",
        ),
        CheckConstraint(
            "(state = 'scheduled') = (activates_at IS NOT NULL)", name="configuration_draft_scheduled_when"
        ),
        CheckConstraint(
            "(state = 'activated') = (activated_version IS NOT NULL)", name="configuration_draft_activated_as"
        ),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    document: dict[str, Any] = Field(sa_column=document())
    based_on: int = Field(sa_column=count())
    """The version that it was begun from; what has changed since is not taken back by it."""
    state: str = Field(sa_column=words())
    activates_at: datetime | None = Field(default=None, sa_column=when(null=True))
    activated_version: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    reasons: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """Why it could not be put in place when its moment came."""
    created_at: datetime = Field(sa_column=when())
    changed_at: datetime = Field(sa_column=when())
    changed_by: str = Field(sa_column=words())
    version: int = Field(default=1, sa_column=big(1))
