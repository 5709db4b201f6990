"""Where a package's list is fetched, and chunks of lists that are pushed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Uuid, text
from sqlmodel import Field

from erm.metadata import Table, count, document, flag, key, ref, version, when, words


class ListSource(Table, table=True):
    """Where a package's list is fetched on schedule (KBART Automation, NISO RP-26)."""

    __tablename__ = "list_source"
    __table_args__ = (
        Index("list_source_one_per_package", "package_id", unique=True),
        Index("list_source_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    package_id: UUID = Field(sa_column=ref(to="package.id"))
    url: str = Field(sa_column=words())
    key_name: str | None = Field(default=None, sa_column=words(null=True))
    """What the key is called."""
    key_in: str = Field(default="query", sa_column=words())
    """`query` or `header`."""
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The key, sealed."""
    every_hours: int = Field(sa_column=count(None))
    active: bool = Field(default=True, sa_column=flag(default=True))
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """None: it is not asked."""
    asked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    error: str | None = Field(default=None, sa_column=words(null=True))
    """Without the address, which may hold a key."""
    failures: int = Field(default=0, sa_column=count())
    """In a row."""
    etag: str | None = Field(default=None, sa_column=words(null=True))
    modified: str | None = Field(default=None, sa_column=words(null=True))
    digest: str | None = Field(default=None, sa_column=words(null=True))
    """Of the list that was taken last."""
    load_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The load that it was taken by."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class ListChunk(Table, table=True):
    """Whole lines of a list that comes in chunks; they become its parts once all are there."""

    __tablename__ = "list_chunk"

    load_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("kbart_load.id", ondelete="CASCADE"), primary_key=True)
    )
    ordinal: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    lines: int = Field(sa_column=count(None))
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    received_at: datetime = Field(sa_column=when())


class ListChunkError(Table, table=True):
    """A chunk that was not taken, and why."""

    __tablename__ = "list_chunk_error"
    __table_args__ = (Index("list_chunk_error_by_load", "load_id", "id"),)

    id: UUID = Field(sa_column=key())
    load_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("kbart_load.id", ondelete="CASCADE"), nullable=False)
    )
    ordinal: int = Field(sa_column=count(None))
    reasons: list[dict[str, Any]] = Field(sa_column=document())
    at: datetime = Field(sa_column=when())
