"""Bulk edits of patrons, and what becomes of each patron."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Column, ForeignKey, Index, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from circulation.metadata import Table, big, count, document, key, ref, texts, when, words

WORKING = "state IN ('previewing', 'applying', 'undoing')"


def _empty(told: str) -> Any:
    return Column(JSONB, nullable=False, server_default=text(f"'{told}'"))


class PatronEdit(Table, table=True):
    """An edit, and how far it has come."""

    __tablename__ = "patron_edit"
    __table_args__ = (
        Index("patron_edit_working", "worked_at", "id", postgresql_where=text(WORKING)),
        Index("patron_edit_by_asker", "requested_by", "id"),
        Index("patron_edit_by_age", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(default=1, sa_column=big(1))
    name: str = Field(sa_column=words())
    source: dict[str, Any] = Field(sa_column=document())
    """The condition by which patrons are found; empty where they were told one by one."""
    libraries: list[str] | None = Field(default=None, sa_column=Column(ARRAY(Text)))
    """Whose patrons the asker may see; null: everybody's."""
    changes: dict[str, Any] = Field(sa_column=document())
    state: str = Field(sa_column=words())
    gathered: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    """Everybody who is asked for is found."""
    matched: int = Field(default=0, sa_column=count())
    position: UUID = Field(sa_column=ref())
    """The last patron that this step has seen to."""
    unknown_count: int = Field(default=0, sa_column=count())
    unknown: list[str] = Field(default_factory=list, sa_column=texts())
    """What was told and is nobody's here, as far as that is kept."""
    problem: str | None = Field(default=None, sa_column=words(null=True))
    requested_by: str = Field(sa_column=words())
    confirmed_by: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    previewed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    confirmed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    worked_at: datetime | None = Field(default=None, sa_column=when(null=True))


class PatronEditRecord(Table, table=True):
    """A patron of an edit."""

    __tablename__ = "patron_edit_record"
    __table_args__ = (Index("patron_edit_record_outcome", "edit_id", "outcome", "patron_id"),)

    edit_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("patron_edit.id", ondelete="CASCADE"), primary_key=True)
    )
    patron_id: UUID = Field(sa_column=key())
    outcome: str = Field(default="waiting", sa_column=Column(Text, nullable=False, server_default="waiting"))
    version_seen: int = Field(default=0, sa_column=big(0))
    """Which the preview saw; 0: none yet."""
    differences: list[dict[str, Any]] = Field(default_factory=list, sa_column=_empty("[]"))
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_column=_empty("[]"))
    before: dict[str, Any] = Field(default_factory=dict, sa_column=_empty("{}"))
    """Facts that were changed, as they were."""
    after: dict[str, Any] = Field(default_factory=dict, sa_column=_empty("{}"))
    """The same, as the edit left them."""
    block_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The block that was set."""
    lifted: list[UUID] = Field(
        default_factory=list, sa_column=Column(ARRAY(Uuid), nullable=False, server_default=text("'{}'"))
    )
    """Blocks that were lifted."""
