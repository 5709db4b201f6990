"""Partners, and apart from them what proves who they are."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from ill.metadata import Table, big, count, day, digest, flag, key, ref, when, words


class Partner(Table, table=True):
    """A library that we exchange requests with."""

    __tablename__ = "partner"
    __table_args__ = (
        Index("partner_one_per_symbol", text("upper(scheme)"), text("upper(symbol)"), unique=True),
        Index("partner_one_per_client", "client_id", unique=True),
        Index("partner_by_name", "name", "id"),
        Index(
            "partner_by_network",
            "networks",
            postgresql_using="gin",
            postgresql_ops={"networks": "jsonb_path_ops"},
        ),
        CheckConstraint("closed_from <= closed_until", name="partner_closed_forwards"),
        CheckConstraint("days_to_respond > 0", name="partner_has_time_to_respond"),
        CheckConstraint("max_open > 0", name="partner_takes_some"),
        CheckConstraint("speaks IN ('1.2', '2021-2')", name="partner_speaks"),
        CheckConstraint("catalogue_silent IN ('ask', 'skip')", name="partner_catalogue_silent"),
        CheckConstraint("broker IN ('opaque', 'transparent')", name="partner_broker"),
    )

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    scheme: str = Field(sa_column=words())
    symbol: str = Field(sa_column=words())
    address: str | None = Field(default=None, sa_column=words(null=True))
    """Where its messages go (ISO 18626 over HTTP); none: it is written to otherwise, and staff record what it says."""
    lends_books: bool = Field(default=True, sa_column=flag(default=True))
    lends_copies: bool = Field(default=True, sa_column=flag(default=True))
    borrows: bool = Field(default=True, sa_column=flag(default=True))
    """Whether we take its requests."""
    rank: int = Field(default=100, sa_column=count(100))
    """Lower is asked first."""
    last_resort: bool = Field(default=False, sa_column=flag(default=False))
    days_to_respond: int = Field(default=4, sa_column=count(4))
    """Working days."""
    respond_levels: dict[str, Any] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'"))
    )
    """Its time to respond at service levels of which it says something else: days or hours of each."""
    max_open: int | None = Field(default=None, sa_column=count(None, null=True))
    closed_from: date | None = Field(default=None, sa_column=day(null=True))
    closed_until: date | None = Field(default=None, sa_column=day(null=True))
    zone: str = Field(default="UTC", sa_column=Column(Text, nullable=False, server_default="UTC"))
    """Where it is: its days begin there."""
    closings: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    """More of them: first and last days."""
    closed_weekdays: list[int] = Field(
        sa_column=Column(ARRAY(Integer), nullable=False, server_default=text("'{5,6}'"))
    )
    charges_loan: int | None = Field(default=None, sa_column=big(null=True))
    charges_copy: int | None = Field(default=None, sa_column=big(null=True))
    charges_currency: str | None = Field(default=None, sa_column=words(null=True))
    """What it takes, in minor units."""
    policies: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    """What it lends from which of its places; the first that is about a place decides."""
    networks: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    """Those it is in, by code, and the tier in each."""
    branches: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    endpoints: list[dict[str, Any]] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'[]'"))
    )
    """Other services of its: told, and never called."""
    speaks: str = Field(default="1.2", sa_column=Column(Text, nullable=False, server_default="1.2"))
    """The version of ISO 18626 in which it is written to; it is read in either."""
    broker: str | None = Field(default=None, sa_column=words(null=True))
    """opaque: its suppliers are named in notes alone; transparent: their messages name them as the agency."""
    holdings_code: str | None = Field(default=None, sa_column=words(null=True))
    """As which an index names it, where that is not its symbol."""
    catalogue_url: str | None = Field(default=None, sa_column=words(null=True))
    """SRU of its own catalogue, looked into before it is asked."""
    catalogue_version: str = Field(
        default="1.2", sa_column=Column(Text, nullable=False, server_default="1.2")
    )
    catalogue_schema: str = Field(
        default="marcxml", sa_column=Column(Text, nullable=False, server_default="marcxml")
    )
    catalogue_attributes: dict[str, int] = Field(
        sa_column=Column(JSONB, nullable=False, server_default=text("'{}'"))
    )
    """Of Bib-1, where they are other ones than the index's."""
    catalogue_copies: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB, nullable=True))
    """Where its records tell whether copies are in."""
    catalogue_silent: str = Field(default="ask", sa_column=Column(Text, nullable=False, server_default="ask"))
    """ask or skip: when its catalogue does not answer."""
    lenient: bool = Field(default=False, sa_column=flag(default=False))
    """Its messages may have elements that the standard does not know."""
    client_id: str | None = Field(default=None, sa_column=words(null=True))
    """The machine at the gateway as which it sends, if it has one."""
    patron_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """Its registration with circulation: to it our items are lent."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    active: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=big(1))


class PartnerSymbol(Table, table=True):
    """A symbol that a partner has besides the one in its row. That no two partners share one is seen to by whoever
    writes here, one after the other (`routes._free`), for the first ones stand elsewhere."""

    __tablename__ = "partner_symbol"
    __table_args__ = (
        Index("partner_symbol_one_library", text("upper(scheme)"), text("upper(symbol)"), unique=True),
        Index("partner_symbol_by_symbol", text("upper(symbol)")),
        Index(
            "partner_symbol_one_for_messages",
            "partner_id",
            unique=True,
            postgresql_where=text("'messages' = ANY (preferred_for)"),
        ),
        Index(
            "partner_symbol_one_for_slips",
            "partner_id",
            unique=True,
            postgresql_where=text("'slips' = ANY (preferred_for)"),
        ),
    )

    partner_id: UUID = Field(sa_column=ref(to="partner.id", primary=True))
    position: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    scheme: str = Field(sa_column=words())
    symbol: str = Field(sa_column=words())
    branch: str | None = Field(default=None, sa_column=words(null=True))
    preferred_for: list[str] = Field(
        sa_column=Column(ARRAY(Text), nullable=False, server_default=text("'{}'"))
    )


class Network(Table, table=True):
    """Libraries that supply each other on terms of their own. One that is no more is inactive, and stays on record."""

    __tablename__ = "network"

    code: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_column=words())
    rank: int = Field(default=100, sa_column=count(100))
    """Lower is asked first."""
    currency: str | None = Field(default=None, sa_column=words(null=True))
    tiers: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False, server_default=text("'[]'")))
    active: bool = Field(default=True, sa_column=flag(default=True))
    version: int = Field(default=1, sa_column=big(1))


class PartnerSecret(Table, table=True):
    """What it proves itself with (a hash), and what we prove ourselves with to it. No route reads it out."""

    __tablename__ = "partner_secret"

    partner_id: UUID = Field(sa_column=ref(to="partner.id", primary=True))
    security_code_hash: bytes | None = Field(default=None, sa_column=digest(null=True))
    given_at: datetime | None = Field(default=None, sa_column=when(null=True))
    sealed: bytes | None = Field(default=None, sa_column=digest(null=True))
    """Account, security code and token: what we prove ourselves with (`partners/sealing.py`)."""
    our_account: str | None = Field(default=None, sa_column=words(null=True))
    our_security_code: str | None = Field(default=None, sa_column=words(null=True))
    our_token: str | None = Field(default=None, sa_column=words(null=True))
    """These three were in plain text; nothing is written there any more."""
