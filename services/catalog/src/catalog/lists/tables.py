"""Saved lists and what is in them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKey, Index, Uuid, text
from sqlmodel import Field

from catalog.metadata import Table, big, document, flag, key, ref, when, words

OPEN = "state IN ('queued', 'filling')"


class SavedList(Table, table=True):
    """A list. It is filled beside what it holds: readers see the old members until the new ones are all there."""

    __tablename__ = "saved_list"
    __table_args__ = (
        Index("saved_list_by_owner", "owner", "id"),
        Index("saved_list_shared", "id", postgresql_where=text("shared")),
        Index("saved_list_open", "worked_at", "id", postgresql_where=text(OPEN)),
        Index("saved_list_passing", "created_at", postgresql_where=text("passing")),
    )

    id: UUID = Field(sa_column=key())
    version: int = Field(sa_column=big(1))
    kind: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    note: str | None = Field(default=None, sa_column=words(null=True))
    owner: str = Field(sa_column=words())
    shared: bool = Field(sa_column=flag(default=False))
    frozen: bool = Field(sa_column=flag(default=False))
    passing: bool = Field(sa_column=flag(default=False))
    """Made for one bulk edit; nobody's list shows it."""
    source: dict[str, Any] = Field(sa_column=document("{}"))
    """What it is made of; empty where its members were told one by one."""
    state: str = Field(sa_column=words(default="queued"))
    problem: str | None = Field(default=None, sa_column=words(null=True))
    count: int = Field(sa_column=big(0))
    generation: int = Field(sa_column=big(0))
    """Of the members that are read; the next one is being filled."""
    filled: int = Field(sa_column=big(0))
    """Members of the next generation by now."""
    last_id: UUID = Field(sa_column=ref())
    """How far that has come."""
    index_wanted: int = Field(sa_column=big(0))
    unknown_count: int = Field(sa_column=big(0))
    unknown: list[str] = Field(default_factory=list, sa_column=document("[]"))
    """What was told and is not here, as far as that is kept."""
    created_at: datetime = Field(sa_column=when())
    updated_at: datetime = Field(sa_column=when())
    worked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    filled_at: datetime | None = Field(default=None, sa_column=when(null=True))


class SavedListMember(Table, table=True):
    """A title, holdings or an item in a list."""

    __tablename__ = "saved_list_member"

    list_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("saved_list.id", ondelete="CASCADE"), primary_key=True)
    )
    generation: int = Field(sa_column=big(primary=True))
    entity_id: UUID = Field(sa_column=ref(primary=True))
