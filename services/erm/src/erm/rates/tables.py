"""Where rates of exchange are read, and what was read."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, text
from sqlmodel import Field

from erm.metadata import Table, count, day, exact, flag, key, ref, version, when, words


class RateSource(Table, table=True):
    """Where rates are read, and how often."""

    __tablename__ = "rate_source"
    __table_args__ = (
        Index("rate_source_one_per_code", "code", unique=True),
        Index("rate_source_due", "next_at", postgresql_where=text("next_at IS NOT NULL")),
        CheckConstraint("format IN ('ecb-xml', 'json')", name="rate_source_format"),
    )

    id: UUID = Field(sa_column=key())
    code: str = Field(sa_column=words())
    name: str = Field(sa_column=words())
    format: str = Field(sa_column=words())
    url: str = Field(sa_column=words())
    key_name: str | None = Field(default=None, sa_column=words(null=True))
    key_in: str = Field(default="query", sa_column=words())
    """`query` or `header`."""
    sealed: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The key, sealed."""
    every_hours: int = Field(sa_column=count(None))
    active: bool = Field(default=True, sa_column=flag(default=True))
    next_at: datetime | None = Field(default=None, sa_column=when(null=True))
    """None: it is not asked."""
    asked_at: datetime | None = Field(default=None, sa_column=when(null=True))
    outcome: str | None = Field(default=None, sa_column=words(null=True))
    error: str | None = Field(default=None, sa_column=words(null=True))
    """Without the address, which may hold a key."""
    failures: int = Field(default=0, sa_column=count())
    """In a row."""
    last_rated_on: date | None = Field(default=None, sa_column=day(null=True))
    """The newest day of which it has told rates."""
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class ExchangeRate(Table, table=True):
    """What a source says of a currency on a day."""

    __tablename__ = "exchange_rate"
    __table_args__ = (CheckConstraint("rate > 0", name="exchange_rate_of_something"),)

    source_id: UUID = Field(sa_column=ref(to="rate_source.id", primary=True))
    currency: str = Field(sa_column=Column("currency", words().type, primary_key=True))
    rated_on: date = Field(sa_column=Column("rated_on", day().type, primary_key=True))
    base: str = Field(sa_column=words())
    rate: Decimal = Field(sa_column=exact(19, 10))
    """Units of the currency for one of the base; 1 for the base itself."""
    read_at: datetime = Field(sa_column=when())
