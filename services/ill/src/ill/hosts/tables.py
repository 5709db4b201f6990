"""Which circulation serves which of our places, whom it knows as whom, and everything it was to be told."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from ill.metadata import Table, big, count, digest, document, flag, key, ref, when, words


class CirculationHost(Table, table=True):
    """A circulation system beside our own, as the library has set it."""

    __tablename__ = "circulation_host"
    __table_args__ = (
        Index("circulation_host_by_code", "code", unique=True),
        Index(
            "circulation_host_one_for_the_rest",
            "for_the_rest",
            unique=True,
            postgresql_where=text("for_the_rest AND active"),
        ),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    settings: dict[str, Any] = Field(sa_column=document())
    """As `documents.HostChange` has them."""
    for_the_rest: bool = Field(default=False, sa_column=flag(default=False))
    """It serves the places that no host names, and requests without one."""
    active: bool = Field(default=True, sa_column=flag(default=True))
    sealed: bytes | None = Field(default=None, sa_column=digest(null=True))
    """What we prove ourselves with, sealed as for partners."""
    version: int = Field(default=1, sa_column=big(1))
    created_at: datetime = Field(sa_column=when())


class CirculationHostPlace(Table, table=True):
    """A place of ours (the code of a service point) that a host serves."""

    __tablename__ = "circulation_host_place"

    place: str = Field(sa_column=Column(Text, primary_key=True))
    host_id: UUID = Field(sa_column=ref(to="circulation_host.id"))


class HostUser(Table, table=True):
    """As whom a host knows a patron or a partner of ours; sealed, for it is the number of a card."""

    __tablename__ = "host_user"

    host_id: UUID = Field(sa_column=ref(to="circulation_host.id", primary=True))
    ref: UUID = Field(sa_column=ref(primary=True))
    """A patron's reference, or a partner's id."""
    sealed: bytes = Field(sa_column=digest())


class HostAct(Table, table=True):
    """Something that a host is to be told about a request, and what came of it."""

    __tablename__ = "host_act"
    __table_args__ = (
        Index("host_act_by_request", "request_id", "id"),
        Index("host_act_by_state", "state", "id"),
        Index("host_act_by_host", "host_id"),
        Index("host_act_to_be_told", "next_at", postgresql_where=text("state = 'waiting'")),
        Index(
            "host_act_open",
            "request_id",
            "id",
            postgresql_where=text("state IN ('waiting', 'staff')"),
        ),
        CheckConstraint(
            "state IN ('waiting', 'staff', 'done', 'refused', 'withdrawn')", name="host_act_state"
        ),
        CheckConstraint("state = 'waiting' OR next_at IS NULL", name="host_act_waits_or_not"),
    )

    id: UUID = Field(sa_column=key())
    request_id: UUID = Field(sa_column=ref(to="request.id"))
    host_id: UUID = Field(sa_column=ref(to="circulation_host.id"))
    kind: str = Field(sa_column=words())
    """Of `rules.Act`."""
    question: dict[str, Any] = Field(sa_column=document())
    """The event that our own circulation would have been told by."""
    facts: dict[str, Any] = Field(sa_column=document())
    """What of the request a message needs besides."""
    state: str = Field(sa_column=words())
    """waiting (for the worker) · staff (for a person) · done · refused · withdrawn (it is wanted no more)."""
    doubtful: bool = Field(default=False, sa_column=flag(default=False))
    """It was sent, and nobody knows whether it was done."""
    reason: str | None = Field(default=None, sa_column=words(null=True))
    """Why it is for staff, as a code."""
    attempts: int = Field(default=0, sa_column=count())
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    last_error: str | None = Field(default=None, sa_column=words(null=True))
    message: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """As last sent, without whom it is about."""
    answer: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """With its Problem elements; without whom it is about."""
    told: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'{}'")))
    """What was learnt from it: by which number the host knows the item, until when it is lent."""
    at: datetime = Field(sa_column=when())
    settled_at: datetime | None = Field(default=None, sa_column=when(null=True))
    settled_by: str | None = Field(default=None, sa_column=words(null=True))
