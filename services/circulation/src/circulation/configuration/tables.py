"""Drafts of the configuration, and when they come into force; what they would have changed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, text
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


class Simulation(Table, table=True):
    """A configuration tried on past loans and holds."""

    __tablename__ = "simulation"
    __table_args__ = (
        Index("simulation_open", "id", postgresql_where=text("state IN ('queued', 'running')")),
        CheckConstraint(
            "state IN ('queued', 'running', 'finished', 'cancelled', 'failed')", name="simulation_state"
        ),
        CheckConstraint("from_at < until_at", name="simulation_span"),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    document: dict[str, Any] = Field(sa_column=document())
    base_version: int = Field(sa_column=count())
    """The version that it is compared with."""
    from_at: datetime = Field(sa_column=when())
    until_at: datetime = Field(sa_column=when())
    examples_wanted: int = Field(sa_column=count())
    state: str = Field(sa_column=words())
    cancelling: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    total: int = Field(default=0, sa_column=big(0))
    done: int = Field(default=0, sa_column=big(0))
    counts: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    by_rule: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    examples: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    error: str | None = Field(default=None, sa_column=words(null=True))
    requested_by: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=when())
    started_at: datetime | None = Field(default=None, sa_column=when(null=True))
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))
