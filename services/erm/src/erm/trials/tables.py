"""Trials, and what people say of them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary
from sqlmodel import Field

from erm.metadata import Table, day, document, flag, key, ref, version, when, words


class Trial(Table, table=True):
    """A resource for a while."""

    __tablename__ = "trial"
    __table_args__ = (
        CheckConstraint(
            "status IN ('requested', 'set-up', 'running', 'feedback', 'decided')", name="trial_status"
        ),
        Index("trial_by_organisation", "organisation_id", "id"),
        CheckConstraint("decision IN ('buy', 'drop')", name="trial_decision"),
        CheckConstraint("(status = 'decided') = (decision IS NOT NULL)", name="trial_decided_by_a_decision"),
        CheckConstraint("ends_on >= starts_on", name="trial_runs_forwards"),
        Index("trial_by_status", "status", "id"),
        Index("trial_by_package", "package_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    status: str = Field(sa_column=words())
    organisation_id: UUID | None = Field(default=None, sa_column=ref(to="organisation.id", null=True))
    package_id: UUID | None = Field(default=None, sa_column=ref(to="package.id", null=True))
    agreement_id: UUID | None = Field(default=None, sa_column=ref(to="agreement.id", null=True))
    """By which it was bought."""
    starts_on: date | None = Field(default=None, sa_column=day(null=True))
    ends_on: date | None = Field(default=None, sa_column=day(null=True))
    """The last day of access."""
    feedback_until: date | None = Field(default=None, sa_column=day(null=True))
    access_url: str | None = Field(default=None, sa_column=words(null=True))
    contacts: list[dict[str, Any]] = Field(sa_column=document())
    questions: list[dict[str, Any]] = Field(sa_column=document())
    for_readers: bool = Field(default=False, sa_column=flag(default=False))
    decision: str | None = Field(default=None, sa_column=words(null=True))
    decisions: list[dict[str, Any]] = Field(sa_column=document())
    """Every one, extensions included, in their order."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class TrialFeedback(Table, table=True):
    """What somebody says of a trial; once, and changed by themselves alone."""

    __tablename__ = "trial_feedback"
    __table_args__ = (
        Index("trial_feedback_one_each", "trial_id", "giver", unique=True),
        Index("trial_feedback_by_trial", "trial_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    trial_id: UUID = Field(sa_column=ref(to="trial.id"))
    giver: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """A digest of who and what, so that nobody counts twice; who it was cannot be read out of it."""
    kind: str = Field(sa_column=words())
    """staff or patron."""
    answers: dict[str, Any] = Field(sa_column=document())
    comment: str | None = Field(default=None, sa_column=words(null=True))
    at: datetime = Field(sa_column=when())
