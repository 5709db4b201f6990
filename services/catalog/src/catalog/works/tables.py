"""Works, the keys by which titles find them, and which title is of which."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Text, Uuid, text
from sqlmodel import Field

from catalog.metadata import Table, big, flag, key, ref, when, words


class Work(Table, table=True):
    """A work. Its id is kept for good; one that was merged names the one that has become of it."""

    __tablename__ = "work"
    __table_args__ = (Index("work_merged", "merged_into", postgresql_where=text("merged_into IS NOT NULL")),)

    id: UUID = Field(sa_column=key())
    version: int = Field(sa_column=big(1))
    merged_into: UUID | None = Field(default=None, sa_column=ref(null=True))
    created_at: datetime = Field(sa_column=when())
    updated_at: datetime = Field(sa_column=when())


class WorkKey(Table, table=True):
    """A key (`catalog.works.rules`), and the work of every title that has it."""

    __tablename__ = "work_key"
    __table_args__ = (Index("work_key_work", "work_id"),)

    key: str = Field(sa_column=words(primary=True))
    work_id: UUID = Field(sa_column=ref())
    """(No foreign key, here and below: whoever writes one holds the lock of all works and has just found or made the
    work, no work or title is ever removed, and the checks cost more than the rows.)"""
    by_staff: bool = Field(sa_column=flag(default=False))
    """Staff have merged works: such keys of one work stay together whatever their titles' records say."""


class WorkTitle(Table, table=True):
    """That a title is of a work."""

    __tablename__ = "work_title"
    __table_args__ = (Index("work_title_work", "work_id", "title_id"),)

    title_id: UUID = Field(sa_column=ref(primary=True))
    work_id: UUID = Field(sa_column=ref())
    keys: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    pinned: bool = Field(sa_column=flag(default=False))
    """Staff have put it there: its keys move it nowhere, and bring nobody along."""
    eldest: int | None = Field(default=None, sa_column=big(null=True))
    """The number (`hrid`) of the work's eldest title, by which the index knows the work; null where it is of this title
    alone."""


class WorkPart(Table, table=True):
    """That a title, a collection, contains works of this key."""

    __tablename__ = "work_part"
    __table_args__ = (Index("work_part_key", "key", "title_id"),)

    title_id: UUID = Field(sa_column=ref(primary=True))
    key: str = Field(sa_column=words(primary=True))


class WorkDecision(Table, table=True):
    """That staff have merged works or split one, and what there was then, by which it is taken back (`undoing`)."""

    __tablename__ = "work_decision"
    __table_args__ = (
        CheckConstraint("kind IN ('merge', 'split')", name="work_decision_kind"),
        Index("work_decision_work", "work_id", "number"),
        Index("work_decision_other", "other_id", "number"),
    )

    id: UUID = Field(sa_column=key())
    number: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False))
    """In the order in which they were made: one at a time, under the lock on works."""
    kind: str = Field(sa_column=words())
    work_id: UUID = Field(sa_column=ref(to="work.id"))
    """Which others became part of, or out of which titles were taken."""
    other_id: UUID = Field(sa_column=ref(to="work.id"))
    """Which became part of it, or into which they were put."""
    title_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    """That it brought, or that were taken out."""
    pinned_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    """Titles that are where staff have put them (`WorkTitle.pinned`) by this and were not before."""
    own_keys: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    other_keys: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'")))
    """Of each work when they were merged: they stay together as long as the decision stands."""
    led_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False, server_default=text("'{}'")))
    """Works that were part of the other one by then."""
    made_at: datetime = Field(sa_column=when())
    made_by: str = Field(sa_column=words())
    undone_at: datetime | None = Field(default=None, sa_column=when(null=True))
    undone_by: str | None = Field(default=None, sa_column=words(null=True))


class WorkState(Table, table=True):
    """One row: how far titles have been looked at."""

    __tablename__ = "work_state"
    __table_args__ = (CheckConstraint("singleton", name="work_state_one_row"),)

    singleton: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=text("true")))
    position: int = Field(sa_column=big(0))
    """The last transaction of `title_change` that has been followed whole."""
    passed: int | None = Field(default=None, sa_column=big(0, null=True))
    """The number of the last title that was looked at while all are; null when that is done."""
    followed_at: datetime = Field(sa_column=when(default_now=True))
