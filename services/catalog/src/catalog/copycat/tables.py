"""Servers that are searched, and what was found there."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import Table, content, key, when, words


class SearchTarget(Table, table=True):
    """A server."""

    __tablename__ = "search_target"

    code: str = Field(sa_column=words(primary=True))
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class FoundRecord(Table, table=True):
    """A record as a server gave it; kept for a day, so that what is looked at is what is imported."""

    __tablename__ = "found_record"
    __table_args__ = (Index("found_record_by_age", "found_at"),)

    id: UUID = Field(sa_column=key())
    target: str = Field(sa_column=words())
    record: bytes = Field(sa_column=content())
    """In storage form (`catalog.marc.storage`)."""
    found_by: str = Field(sa_column=words())
    found_at: datetime = Field(sa_column=when())
