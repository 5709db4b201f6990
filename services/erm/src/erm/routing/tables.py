"""Routing lists, and the rounds of single issues. Who had an issue is forgotten when its round is over."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, count, day, flag, key, ref, version, when, words


class RoutingList(Table, table=True):
    """Who gets the issues of one copy of a subscription, one after the other."""

    __tablename__ = "routing_list"
    __table_args__ = (
        Index("routing_list_by_line", "order_line_id", "id"),
        Index("routing_list_one_per_copy", "order_line_id", "copy_number", unique=True),
        CheckConstraint("copy_number > 0", name="routing_list_copy"),
        CheckConstraint("keep_days > 0", name="routing_list_keeps"),
    )

    id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref(to="order_line.id"))
    copy_number: int = Field(sa_column=count(1))
    """The first of the line, the second …"""
    name: str = Field(sa_column=words())
    keep_days: int = Field(sa_column=count(None))
    back_to: str = Field(sa_column=words())
    """Where an issue goes when everybody has had it."""
    active: bool = Field(default=True, sa_column=flag(default=True))
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class RoutingStop(Table, table=True):
    """A reader, or a room, on a list."""

    __tablename__ = "routing_stop"
    __table_args__ = (
        Index("routing_stop_once", "list_id", "patron_ref", unique=True),
        Index("routing_stop_by_patron", "patron_ref", postgresql_where=text("patron_ref IS NOT NULL")),
        CheckConstraint("away_until >= away_from", name="routing_stop_comes_back_after_going"),
    )

    list_id: UUID = Field(sa_column=ref(to="routing_list.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    patron_ref: UUID | None = Field(default=None, sa_column=ref(null=True))
    """None: a room."""
    name: str = Field(sa_column=words())
    """As it stands on slips."""
    keep_days: int | None = Field(default=None, sa_column=count(None, null=True))
    away_from: date | None = Field(default=None, sa_column=day(null=True))
    away_until: date | None = Field(default=None, sa_column=day(null=True))


class RoutingRound(Table, table=True):
    """An issue that goes round, or went."""

    __tablename__ = "routing_round"
    __table_args__ = (
        Index(
            "routing_round_one_per_piece",
            "piece_id",
            unique=True,
            postgresql_where=text("state <> 'cancelled'"),
        ),
        Index("routing_round_by_list", "list_id", "id"),
        Index("routing_round_by_due", "due_on", "id", postgresql_where=text("state = 'under-way'")),
        CheckConstraint("state IN ('under-way', 'ended', 'cancelled')", name="routing_round_state"),
        CheckConstraint("(state = 'under-way') = (ended_at IS NULL)", name="routing_round_ends"),
    )

    id: UUID = Field(sa_column=key())
    list_id: UUID = Field(sa_column=ref(to="routing_list.id"))
    piece_id: UUID = Field(sa_column=ref(to="piece.id"))
    issue: str = Field(sa_column=words())
    """Its volume, number and date, as they stand on the slip."""
    state: str = Field(sa_column=words())
    due_on: date | None = Field(default=None, sa_column=day(null=True))
    """When who has it is to hand it on."""
    readers: int = Field(default=0, sa_column=count())
    """How many have had it; who is not kept."""
    started_at: datetime = Field(sa_column=when())
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=version())


class RoutingLeg(Table, table=True):
    """A turn of a round that is under way; gone with its end."""

    __tablename__ = "routing_leg"
    __table_args__ = (
        Index("routing_leg_by_patron", "patron_ref", postgresql_where=text("patron_ref IS NOT NULL")),
        CheckConstraint("state IN ('waiting', 'here', 'done', 'skipped')", name="routing_leg_state"),
        Index("routing_leg_one_here", "round_id", unique=True, postgresql_where=text("state = 'here'")),
    )

    round_id: UUID = Field(sa_column=ref(to="routing_round.id", primary=True))
    position: int = Field(sa_column=count(None, primary=True))
    patron_ref: UUID | None = Field(default=None, sa_column=ref(null=True))
    name: str = Field(sa_column=words())
    keep_days: int = Field(sa_column=count(None))
    away_from: date | None = Field(default=None, sa_column=day(null=True))
    away_until: date | None = Field(default=None, sa_column=day(null=True))
    state: str = Field(sa_column=words())
    got_on: date | None = Field(default=None, sa_column=day(null=True))
    due_on: date | None = Field(default=None, sa_column=day(null=True))
    leaver: bool = Field(default=False, sa_column=flag(default=False))
