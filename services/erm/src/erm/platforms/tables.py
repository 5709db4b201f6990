"""Platforms and their domains."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text
from sqlmodel import Field

from erm.metadata import Table, count, document, flag, key, ref, several, version, when, words


class Platform(Table, table=True):
    """Where titles lie: a publisher's site, an aggregator's."""

    __tablename__ = "platform"
    __table_args__ = (
        Index("platform_one_per_code", "code", unique=True),
        CheckConstraint("simultaneous_users > 0", name="platform_simultaneous_users"),
        CheckConstraint("state IN ('active', 'retired')", name="platform_state"),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    provider_id: UUID | None = Field(default=None, sa_column=ref(to="organisation.id", null=True))
    domains: list[str] = Field(sa_column=several())
    link_templates: list[str] = Field(sa_column=several())
    """In order of preference."""
    proxied: bool = Field(default=True, sa_column=flag(default=True))
    """Readers come through the library's proxy."""
    proxy_prefix: str | None = Field(default=None, sa_column=words(null=True))
    """Where this platform has another proxy than the rest."""
    access_methods: list[dict[str, Any]] = Field(sa_column=document(default="[]"))
    """Ways of access, in order of preference; none: `proxied` says it."""
    ip_ranges: list[str] = Field(sa_column=several())
    """The library's addresses, as the platform knows them."""
    simultaneous_users: int | None = Field(default=None, sa_column=count(None, null=True))
    """How many may read at once; None: any number."""
    state: str = Field(default="active", sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class PlatformDomain(Table, table=True):
    """Whose a domain is among the platforms in use: one platform's at most."""

    __tablename__ = "platform_domain"
    __table_args__ = (Index("platform_domain_by_platform", "platform_id"),)

    domain: str = Field(sa_column=Column(Text, primary_key=True))
    platform_id: UUID = Field(sa_column=ref(to="platform.id"))
