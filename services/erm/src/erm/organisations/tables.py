"""Organisations: one record, many roles."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from erm.metadata import Table, count, document, flag, key, several, version, when, words


class Organisation(Table, table=True):
    """A vendor, publisher, consortium or society."""

    __tablename__ = "organisation"
    __table_args__ = (
        Index("organisation_one_per_code", "code", unique=True),
        CheckConstraint("cardinality(roles) > 0", name="organisation_is_something"),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    roles: list[str] = Field(sa_column=several())
    currency: str | None = Field(default=None, sa_column=words(null=True))
    """What its prices are in, unless an order says otherwise."""
    accounts: list[dict[str, Any]] = Field(sa_column=document())
    """The library's accounts with it."""
    identifiers: list[dict[str, Any]] = Field(sa_column=document())
    claim_after_days: int | None = Field(default=None, sa_column=count(None, null=True))
    """How long after an approval it has, where the order line does not say when it is expected."""
    claim_interval_days: int | None = Field(default=None, sa_column=count(None, null=True))
    claims_at_most: int | None = Field(default=None, sa_column=count(None, null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())
