"""Groups, who is in them, what was placed for them, and what came of it patron by patron."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Column, Index, text
from sqlmodel import Field

from circulation.metadata import Table, big, count, key, ref, when, words


class HoldGroup(Table, table=True):
    """Patrons who want whatever is new of something."""

    __tablename__ = "hold_group"
    __table_args__ = (
        Index(
            "hold_group_by_serial", "serial_title_id", postgresql_where=text("serial_title_id IS NOT NULL")
        ),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    serial_title_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """New volumes of this title are held for the group by themselves."""
    active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=big(1))


class HoldGroupMember(Table, table=True):
    """A patron in a group, and where they pick things up."""

    __tablename__ = "hold_group_member"
    __table_args__ = (
        Index("hold_group_member_in_order", "group_id", "added_at", "patron_id"),
        Index("hold_group_member_by_patron", "patron_id"),
    )

    group_id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=key())
    pickup_id: UUID = Field(sa_column=ref())
    added_at: datetime = Field(sa_column=when())


class HoldGroupOrder(Table, table=True):
    """Something that is held for everybody in a group, once."""

    __tablename__ = "hold_group_order"
    __table_args__ = (
        Index("hold_group_order_once", "group_id", "title_id", "volume_key", unique=True),
        Index("hold_group_order_by_group", "group_id", "id"),
        Index("hold_group_order_by_title", "title_id"),
        Index("hold_group_order_open", "id", postgresql_where=text("done_at IS NULL")),
    )

    id: UUID = Field(sa_column=key())
    group_id: UUID = Field(sa_column=ref(to="hold_group.id"))
    title_id: UUID = Field(sa_column=ref())
    volume: str | None = Field(default=None, sa_column=words(null=True))
    volume_key: str = Field(sa_column=words())
    """Empty: it is about the title."""
    ordered_at: datetime = Field(sa_column=when())
    ordered_by: str = Field(sa_column=words())
    placed: int = Field(default=0, sa_column=count())
    refused: int = Field(default=0, sa_column=count())
    done_at: datetime | None = Field(default=None, sa_column=when(null=True))


class HoldGroupResult(Table, table=True):
    """What came of an order for one patron: a hold, or every reason against it."""

    __tablename__ = "hold_group_result"
    __table_args__ = (Index("hold_group_result_by_patron", "patron_id"),)

    order_id: UUID = Field(sa_column=key())
    patron_id: UUID = Field(sa_column=key())
    hold_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    refusals: str | None = Field(default=None, sa_column=words(null=True))
    """Codes, in a row."""
    tried_at: datetime = Field(sa_column=when())
