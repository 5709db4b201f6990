"""Titles and their earlier versions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Column, Identity, Index, Text, text
from sqlmodel import Field

from catalog.metadata import Table, big, content, count, document, flag, key, ref, texts, when, words


class Title(Table, table=True):
    """A title. The record is the truth; the columns beside it are read from it when it is written."""

    __tablename__ = "title"
    __table_args__ = (
        Index("title_hrid", "hrid", unique=True),
        Index("title_match_key", "match_key", unique=True),
        Index("title_keys", "keys", postgresql_using="gin"),
        Index("title_unkeyed", "id", postgresql_where=text("keys IS NULL")),
        Index("title_brief", "brief_since", "id", postgresql_where=text("brief_since IS NOT NULL")),
        Index("title_merged_into", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),
        Index(
            "title_deleted",
            "deleted_at",
            "id",
            postgresql_where=text("deleted_at IS NOT NULL AND merged_into IS NULL"),
        ),
        Index(
            "title_tagged",
            "tags",
            postgresql_using="gin",
            postgresql_where=text("tags <> '{}'"),
        ),
        Index(
            "title_custom",
            "custom",
            postgresql_using="gin",
            postgresql_where=text("custom <> '{}'"),
        ),
        Index(
            "title_counted",
            "statistical_codes",
            postgresql_using="gin",
            postgresql_where=text("statistical_codes <> '{}'"),
        ),
    )

    id: UUID = Field(sa_column=key())
    hrid: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    """The number people read out; given once, never again."""
    hrid_prefix: str = Field(sa_column=words(default=""))
    """What stands before it, of the time when it was given (`catalog.numbers`)."""
    version: int = Field(sa_column=big(1))
    match_key: str = Field(sa_column=words())
    """What makes it the same record when it comes again: 003 and 001, else a digest of its content."""
    control_number: str | None = Field(default=None, sa_column=words(null=True))
    control_agency: str | None = Field(default=None, sa_column=words(null=True))
    title: str = Field(sa_column=words())
    subtitle: str | None = Field(default=None, sa_column=words(null=True))
    author: str | None = Field(default=None, sa_column=words(null=True))
    year: int | None = Field(default=None, sa_column=count(None, null=True))
    format: str = Field(sa_column=words())
    suppressed: bool = Field(sa_column=flag(default=False))
    record: bytes = Field(sa_column=content())
    """In storage form (`catalog.marc.storage`)."""
    keys: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    """What an import's match rules find it by (`catalog.matching.keys`); none yet for one of an earlier release."""
    created_at: datetime = Field(sa_column=when())
    updated_at: datetime = Field(sa_column=when())
    deleted_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """Since when it is out of the catalogue; it is suppressed then, too."""
    merged_into: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The title that has become of it, never one that was merged itself."""
    statistical_codes: list[str] = Field(default_factory=list, sa_column=texts())
    """What it counts as in reports."""
    tags: list[str] = Field(default_factory=list, sa_column=texts())
    custom: dict[str, Any] = Field(sa_column=document("{}"))
    """Facts of the library's own (`catalog.custom`)."""
    brief_since: datetime | None = Field(default=None, sa_column=when(null=True))
    """Since when it waits for a whole record; it was added in haste at a desk."""


class TitleVersion(Table, table=True):
    """A record as it was before it was changed."""

    __tablename__ = "title_version"

    title_id: UUID = Field(sa_column=ref(to="title.id", primary=True))
    version: int = Field(sa_column=big(primary=True))
    record: bytes = Field(sa_column=content())
    suppressed: bool = Field(sa_column=flag(default=False))
    replaced_at: datetime = Field(sa_column=when())
    replaced_by: str = Field(sa_column=words())


class TitleChange(Table, table=True):
    """That something a search may show of a title has changed; what the indexer reads, transaction by transaction."""

    __tablename__ = "title_change"

    xact: int = Field(
        sa_column=Column(
            BigInteger,
            primary_key=True,
            autoincrement=False,
            server_default=text("((pg_current_xact_id())::text)::bigint"),
        )
    )
    seq: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    title_id: UUID = Field(sa_column=ref())
    changed_at: datetime = Field(sa_column=when(default_now=True))
