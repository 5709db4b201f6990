"""Loads and their lines. A line's words are kept only where it was rejected, for the error file."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from circulation.metadata import Table, big, count, document, key, ref, when, words


class PatronLoad(Table, table=True):
    """One file of the campus."""

    __tablename__ = "patron_load"
    __table_args__ = (
        Index("patron_load_to_do", "id", postgresql_where=text("state IN ('queued', 'running')")),
    )

    id: UUID = Field(sa_column=key())
    state: str = Field(sa_column=words())
    cancelling: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    media_type: str = Field(sa_column=words())
    columns: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    dry_run: bool = Field(sa_column=Column(Boolean, nullable=False))
    profile: dict[str, object] = Field(sa_column=document())
    """The profile as it stood when the file came."""
    lines: int = Field(default=0, sa_column=count())
    done: int = Field(default=0, sa_column=count())
    created: int = Field(default=0, sa_column=count())
    updated: int = Field(default=0, sa_column=count())
    unchanged: int = Field(default=0, sa_column=count())
    rejected: int = Field(default=0, sa_column=count())
    deactivated: int = Field(default=0, sa_column=count())
    error: str | None = Field(default=None, sa_column=words(null=True))
    requested_by: str = Field(sa_column=words())
    created_at: datetime = Field(sa_column=when())
    started_at: datetime | None = Field(default=None, sa_column=when(null=True))
    finished_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=big(1))


class PatronLoadLine(Table, table=True):
    """One line, and what became of it."""

    __tablename__ = "patron_load_line"
    __table_args__ = (
        Index("patron_load_line_by_external_id", "load_id", "external_id"),
        Index("patron_load_line_by_outcome", "load_id", "outcome", "line"),
    )

    load_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("patron_load.id", ondelete="CASCADE"), primary_key=True)
    )
    line: int = Field(sa_column=Column(Integer, primary_key=True))
    told: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    external_id: str | None = Field(default=None, sa_column=words(null=True))
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    patron_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    changed: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text), nullable=True))
    reasons: list[dict[str, str]] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
