"""Links, where they stand, and the checks of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Text, Uuid, text
from sqlmodel import Field

from catalog.metadata import Table, big, content, count, document, key, ref, when, words

OPEN = "state IN ('queued', 'gathering', 'checking')"


class Link(Table, table=True):
    """An address, and what it came to when it was last checked."""

    __tablename__ = "link"
    __table_args__ = (
        Index("link_digest", "digest", unique=True),
        Index("link_by_outcome", "outcome", "id", postgresql_where=text("outcome IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    digest: bytes = Field(sa_column=content())
    """SHA-256 of the address, which may be longer than an index takes."""
    url: str = Field(sa_column=words())
    host: str = Field(sa_column=words())
    """As the address names it; empty where it cannot be read."""
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    problem: str | None = Field(default=None, sa_column=words(null=True))
    status: int | None = Field(default=None, sa_column=count(None, null=True))
    final_address: str | None = Field(default=None, sa_column=words(null=True))
    moved_to: str | None = Field(default=None, sa_column=words(null=True))
    hops: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    checked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    since: datetime | None = Field(default=None, sa_column=when(null=True))
    """Since when it comes to this."""
    mended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When it was last found to lead somewhere again."""


class LinkPlace(Table, table=True):
    """A record that has a link, as it was when its links were last gathered."""

    __tablename__ = "link_place"
    __table_args__ = (Index("link_place_title", "title_id"),)

    link_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("link.id", ondelete="CASCADE"), primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    entity_id: UUID = Field(sa_column=ref(primary=True))
    title_id: UUID = Field(sa_column=ref())
    relation: str | None = Field(default=None, sa_column=words(null=True))
    label: str | None = Field(default=None, sa_column=words(null=True))


class LinkCheck(Table, table=True):
    """A check, and how far it has come."""

    __tablename__ = "link_check"
    __table_args__ = (
        Index("link_check_open", "id", postgresql_where=text(OPEN)),
        Index(
            "link_check_one_of_a_schedule",
            "schedule",
            unique=True,
            postgresql_where=text(f"schedule IS NOT NULL AND {OPEN}"),
        ),
        Index("link_check_by_age", "finished_at"),
    )

    id: UUID = Field(sa_column=key())
    schedule: str | None = Field(default=None, sa_column=words(null=True))
    source: dict[str, Any] = Field(sa_column=document("{}"))
    requested_by: str = Field(sa_column=words())
    state: str = Field(sa_column=words(default="queued"))
    problem: str | None = Field(default=None, sa_column=words(null=True))
    last_number: int = Field(sa_column=big(0))
    """The number of the last title whose links were gathered."""
    titles: int = Field(sa_column=big(0))
    links: int = Field(sa_column=big(0))
    checked: int = Field(sa_column=big(0))
    well: int = Field(sa_column=big(0))
    moved: int = Field(sa_column=big(0))
    broken: int = Field(sa_column=big(0))
    unclear: int = Field(sa_column=big(0))
    not_asked: int = Field(sa_column=big(0))
    broke: int = Field(sa_column=big(0))
    mended: int = Field(sa_column=big(0))
    created_at: datetime = Field(sa_column=when())
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))


class LinkCheckLink(Table, table=True):
    """A link in a check; it waits as long as it has no outcome."""

    __tablename__ = "link_check_link"
    __table_args__ = (
        Index(
            "link_check_link_waiting",
            "host",
            "not_before",
            "link_id",
            postgresql_where=text("outcome IS NULL"),
        ),
        Index("link_check_link_link", "link_id"),
    )

    check_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("link_check.id", ondelete="CASCADE"), primary_key=True)
    )
    link_id: UUID = Field(sa_column=Column(Uuid, ForeignKey("link.id", ondelete="CASCADE"), primary_key=True))
    host: str = Field(sa_column=words())
    """Empty where nobody is asked."""
    not_before: datetime = Field(sa_column=when())
    tries: int = Field(sa_column=count(0))
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    before: str | None = Field(default=None, sa_column=words(null=True))
    """What it came to the last time."""
    change: str | None = Field(default=None, sa_column=words(null=True))
    problem: str | None = Field(default=None, sa_column=words(null=True))
    status: int | None = Field(default=None, sa_column=count(None, null=True))
    final_address: str | None = Field(default=None, sa_column=words(null=True))
    moved_to: str | None = Field(default=None, sa_column=words(null=True))
    hops: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    checked_at: datetime | None = Field(default=None, sa_column=when(null=True))


class LinkHost(Table, table=True):
    """A host at which links wait, and from when on it may be asked again."""

    __tablename__ = "link_host"
    __table_args__ = (Index("link_host_next", "next_at", "host"),)

    host: str = Field(sa_column=words(primary=True))
    next_at: datetime = Field(sa_column=when())


class LinkCheckSchedule(Table, table=True):
    """Checks that are made every so often."""

    __tablename__ = "link_check_schedule"
    __table_args__ = (
        Index("link_check_schedule_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
    )

    code: str = Field(sa_column=words(primary=True))
    version: int = Field(sa_column=big(1))
    document: dict[str, Any] = Field(sa_column=document("{}"))
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    updated_at: datetime = Field(sa_column=when())
    updated_by: str = Field(sa_column=words())
