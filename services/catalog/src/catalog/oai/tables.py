"""What harvesters are told of each title, and since when; sets by rule."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, CheckConstraint, Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from catalog.metadata import Table, big, content, flag, key, ref, when, words


def several() -> Column[list[str]]:
    """Several texts."""
    return Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))


class OaiRecord(Table, table=True):
    """A title that is, or once was, public. Never removed: a tombstone lasts (deletedRecord=persistent).

    The datestamp is given when the row is written, one writer at a time, so that rows become visible in
    the order of their datestamps: a harvester that has read up to one has missed nothing before it.
    """

    __tablename__ = "oai_record"
    __table_args__ = (Index("oai_record_order", "datestamp", "title_id"),)

    title_id: UUID = Field(sa_column=key())
    datestamp: datetime = Field(sa_column=when())
    deleted: bool = Field(sa_column=flag(default=False))
    title_version: int = Field(sa_column=big())
    holdings_digest: int = Field(sa_column=big())
    """Of the versions of its public holdings and items: when it differs, they have changed."""
    sets: list[str] = Field(default_factory=list, sa_column=several())


class OaiMembership(Table, table=True):
    """A title in a set or in one below it, in the order in which that set is listed."""

    __tablename__ = "oai_membership"
    __table_args__ = (Index("oai_membership_title", "title_id"),)

    set_spec: str = Field(sa_column=words(primary=True))
    datestamp: datetime = Field(sa_column=Column(when().type, primary_key=True))
    title_id: UUID = Field(sa_column=ref(primary=True))


class OaiSet(Table, table=True):
    """A set as it is configured; what is empty asks for nothing."""

    __tablename__ = "oai_set"

    code: str = Field(sa_column=words(primary=True))
    name: str = Field(sa_column=words())
    description: str = Field(sa_column=words(default=""))
    material_types: list[str] = Field(default_factory=list, sa_column=several())
    libraries: list[str] = Field(default_factory=list, sa_column=several())
    locations: list[str] = Field(default_factory=list, sa_column=several())
    languages: list[str] = Field(default_factory=list, sa_column=several())
    formats: list[str] = Field(default_factory=list, sa_column=several())
    query: str = Field(sa_column=words(default=""))


class OaiFormat(Table, table=True):
    """A format of the library's own (`catalog.oai.documents`)."""

    __tablename__ = "oai_format"

    code: str = Field(sa_column=words(primary=True))
    """Its metadataPrefix."""
    document: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class OaiState(Table, table=True):
    """One row: how far the changes have been followed, and what resumption tokens are signed with."""

    __tablename__ = "oai_state"
    __table_args__ = (CheckConstraint("singleton", name="oai_state_one_row"),)

    singleton: bool = Field(sa_column=Column(Boolean, primary_key=True, server_default=text("true")))
    position: int = Field(sa_column=big(0))
    """The last transaction of `title_change` that has been followed whole."""
    ready: bool = Field(sa_column=flag(default=False))
    """Every title has been looked at once: harvests are answered."""
    filling: bool = Field(sa_column=flag(default=True))
    """Every title is being looked at: for the first time, or because sets have changed."""
    filled_to: UUID | None = Field(default=None, sa_column=ref(null=True))
    rules: str = Field(sa_column=words(default=""))
    """A digest of the sets that titles have been sorted into."""
    followed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    secret: bytes = Field(sa_column=content())
