"""Packages, the titles on platforms, what of them a package holds, and from when to when."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from erm.metadata import (
    Table,
    count,
    day,
    document,
    flag,
    key,
    ref,
    several,
    sorted_words,
    version,
    when,
    words,
)


class Package(Table, table=True):
    """What a provider sells, or gives, together."""

    __tablename__ = "package"
    __table_args__ = (
        CheckConstraint("state IN ('current', 'retired')", name="package_state"),
        CheckConstraint("scope IN ('global', 'consortium', 'local')", name="package_scope"),
        CheckConstraint("removal_percent BETWEEN 0 AND 100", name="package_removal_percent"),
        Index("package_one_per_reference", "source", "reference", unique=True),
        Index("package_by_platform", "platform_id", "id"),
        Index("package_by_provider", "provider_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    source: str = Field(sa_column=words())
    """Who keeps the list; what its `title_id` means is theirs."""
    reference: str = Field(sa_column=words())
    """What they call the package."""
    name: str = Field(sa_column=words())
    provider_id: UUID | None = Field(default=None, sa_column=ref(to="organisation.id", null=True))
    platform_id: UUID = Field(sa_column=ref(to="platform.id"))
    """Where its titles lie, unless their addresses say otherwise."""
    scope: str = Field(default="global", sa_column=words())
    region: str = Field(default="Global", sa_column=words())
    content_types: list[str] = Field(sa_column=several())
    state: str = Field(default="current", sa_column=words())
    sync: bool = Field(default=True, sa_column=flag(default=True))
    """It follows its list; else loads are refused."""
    removal_percent: int = Field(default=10, sa_column=count(10))
    """A list that leaves out more of the titles waits until somebody confirms."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    loaded_at: datetime | None = Field(default=None, sa_column=when(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class PlatformTitle(Table, table=True):
    """A title on a platform."""

    __tablename__ = "platform_title"
    __table_args__ = (
        Index("platform_title_once", "title_id", "platform_id", unique=True),
        Index("platform_title_by_platform", "platform_id", "id"),
    )

    id: UUID = Field(sa_column=key())
    title_id: UUID = Field(sa_column=ref(to="title_instance.id"))
    platform_id: UUID = Field(sa_column=ref(to="platform.id"))
    url: str | None = Field(default=None, sa_column=words(null=True))


class PackageItem(Table, table=True):
    """A title on a platform, in a package. Never deleted: what is listed no more has an end."""

    __tablename__ = "package_item"
    __table_args__ = (
        CheckConstraint("origin IN ('list', 'hand')", name="package_item_origin"),
        CheckConstraint(
            "access_end_on >= access_start_on OR removed_at IS NOT NULL",
            name="package_item_access_ends_after_it_starts",
        ),
        Index("package_item_once", "platform_title_id", "package_id", unique=True),
        Index("package_item_one_per_key", "package_id", "key", unique=True),
        Index(
            "package_item_by_end", "access_end_on", "id", postgresql_where=text("access_end_on IS NOT NULL")
        ),
        Index("package_item_by_name", "package_id", "sort_name", "id"),
        Index(
            "package_item_after",
            "package_id",
            text("(listed ->> 'preceding_publication_title_id')"),
            postgresql_where=text("(listed ->> 'preceding_publication_title_id') IS NOT NULL"),
        ),
        Index(
            "package_item_removed_by",
            "removed_load_id",
            "id",
            postgresql_where=text("removed_load_id IS NOT NULL"),
        ),
    )

    id: UUID = Field(sa_column=key())
    package_id: UUID = Field(sa_column=ref(to="package.id"))
    platform_title_id: UUID = Field(sa_column=ref(to="platform_title.id"))
    key: str = Field(sa_column=sorted_words())
    """What it is recognised by in the next list."""
    listed: dict[str, Any] = Field(sa_column=document())
    """What the list says of the title: KBART's cells that are the same in all of its rows."""
    digest: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """Of all cells of all of its rows: the same again changes nothing."""
    sort_name: str = Field(sa_column=sorted_words())
    url: str | None = Field(default=None, sa_column=words(null=True))
    access_start_on: date | None = Field(default=None, sa_column=day(null=True))
    access_end_on: date | None = Field(default=None, sa_column=day(null=True))
    """The last day."""
    removed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    removed_load_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    origin: str = Field(sa_column=words())
    load_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The load that it was last changed by."""
    line: int | None = Field(default=None, sa_column=count(None, null=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    """The library's own; a list's notes stand with the coverage."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class CoverageStatement(Table, table=True):
    """From when to when, behind which walls, how much of it, and for whom. A book has one without dates."""

    __tablename__ = "coverage_statement"
    __table_args__ = (
        CheckConstraint("end_on >= start_on", name="coverage_statement_ends_after_it_starts"),
        CheckConstraint("access_type IN ('P', 'F')", name="coverage_statement_access_type"),
        Index("coverage_statement_of_item", "item_id", "ordinal", unique=True),
    )

    id: UUID = Field(sa_column=key())
    item_id: UUID = Field(sa_column=ref(to="package_item.id"))
    ordinal: int = Field(sa_column=count(None))
    starts: str | None = Field(default=None, sa_column=words(null=True))
    """As it was told: a year, a month or a day."""
    start_on: date | None = Field(default=None, sa_column=day(null=True))
    start_volume: str | None = Field(default=None, sa_column=words(null=True))
    start_issue: str | None = Field(default=None, sa_column=words(null=True))
    ends: str | None = Field(default=None, sa_column=words(null=True))
    end_on: date | None = Field(default=None, sa_column=day(null=True))
    end_volume: str | None = Field(default=None, sa_column=words(null=True))
    end_issue: str | None = Field(default=None, sa_column=words(null=True))
    depth: str = Field(sa_column=words())
    embargo: str | None = Field(default=None, sa_column=words(null=True))
    access_type: str = Field(sa_column=words())
    """`P` paid, `F` free."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    url: str | None = Field(default=None, sa_column=words(null=True))
    """Where this part lies elsewhere than the rest."""
    listed: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """What its row of the list says of the title otherwise than the first one does: what it was called before, say."""
    line: int | None = Field(default=None, sa_column=count(None, null=True))
