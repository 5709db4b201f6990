"""Our copy of what circulation tells of patrons: references, no names."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, Index, Text, text
from sqlmodel import Field

from ill.metadata import Table, big, count, flag, key, ref, when, words


class KnownPatron(Table, table=True):
    """A patron that circulation has told of."""

    __tablename__ = "known_patron"

    patron_ref: UUID = Field(sa_column=key())
    patron_group: str = Field(sa_column=words())
    epoch: int = Field(default=1, sa_column=count(1))
    version: int = Field(default=0, sa_column=big(0))


class MergedPatron(Table, table=True):
    """A reference of former times, and which patron it is now."""

    __tablename__ = "merged_patron"
    __table_args__ = (Index("merged_patron_into", "patron_ref"),)

    merged_ref: UUID = Field(sa_column=key())
    patron_ref: UUID = Field(sa_column=ref())


class PatronsAsked(Table, table=True):
    """That circulation was asked for all patrons: once, by whoever was the first to run here."""

    __tablename__ = "patrons_asked"
    __table_args__ = (CheckConstraint("singleton", name="patrons_asked_once"),)

    singleton: bool = Field(
        default=True, sa_column=Column(Boolean, primary_key=True, server_default=text("true"))
    )
    asked_at: datetime = Field(sa_column=when())
    known_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """When the last of them was told of."""


class KnownBlock(Table, table=True):
    """A block of a patron; one that was lifted stays, so that late news of it brings it not back."""

    __tablename__ = "known_block"
    __table_args__ = (Index("known_block_by_patron", "patron_ref"),)

    block_id: UUID = Field(sa_column=key())
    patron_ref: UUID = Field(sa_column=ref())
    actions: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    until: datetime | None = Field(default=None, sa_column=when(null=True))
    lifted: bool = Field(default=False, sa_column=flag(default=False))
    epoch: int = Field(default=1, sa_column=count(1))
    version: int = Field(default=0, sa_column=big(0))
