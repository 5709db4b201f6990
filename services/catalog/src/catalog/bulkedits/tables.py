"""Bulk edits, and what becomes of each record."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Uuid, text
from sqlmodel import Field

from catalog.metadata import Table, big, document, flag, key, ref, when, words

WORKING = "state IN ('previewing', 'applying', 'undoing')"


class BulkEdit(Table, table=True):
    """An edit, and how far it has come."""

    __tablename__ = "bulk_edit"
    __table_args__ = (
        Index("bulk_edit_working", "worked_at", "id", postgresql_where=text(WORKING)),
        Index("bulk_edit_by_asker", "requested_by", "id"),
        Index("bulk_edit_by_age", "ended_at", postgresql_where=text("ended_at IS NOT NULL")),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(sa_column=big(1))
    kind: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    list_id: UUID = Field(sa_column=ref())
    """The list that its records were taken from."""
    changes: dict[str, Any] = Field(sa_column=document("{}"))
    state: str = Field(sa_column=words(default="previewing"))
    paused_from: str | None = Field(default=None, sa_column=words(null=True))
    gathered: bool = Field(sa_column=flag(default=False))
    """The records of the list are taken over: from now on they are the edit's own."""
    matched: int = Field(sa_column=big(0))
    position: UUID = Field(sa_column=ref())
    """The last record that this step has seen to."""
    problem: str | None = Field(default=None, sa_column=words(null=True))
    requested_by: str = Field(sa_column=words())
    confirmed_by: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    previewed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    confirmed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    worked_at: datetime | None = Field(default=None, sa_column=when(null=True))


class BulkEditRecord(Table, table=True):
    """A title, holdings or an item of an edit."""

    __tablename__ = "bulk_edit_record"
    __table_args__ = (Index("bulk_edit_record_outcome", "edit_id", "outcome", "entity_id"),)

    edit_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("bulk_edit.id", ondelete="CASCADE"), primary_key=True)
    )
    entity_id: UUID = Field(sa_column=ref(primary=True))
    outcome: str = Field(sa_column=words(default="waiting"))
    version_seen: int | None = Field(default=None, sa_column=big(null=True))
    """Which the preview saw."""
    differences: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_column=document("[]"))
    before: dict[str, Any] = Field(default_factory=dict, sa_column=document("{}"))
    """Facts that were changed, as they were."""
    left_as: str | None = Field(default=None, sa_column=words(null=True))
    """What the edit left: a title's version, a digest of the facts of holdings or an item."""
