"""Cash drawers, one open at a service point at a time."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, text
from sqlmodel import Field

from circulation.metadata import Table, key, minor_units, ref, when, words


class Drawer(Table, table=True):
    """From the counting in the morning to the counting at night."""

    __tablename__ = "drawer"
    __table_args__ = (
        Index(
            "drawer_one_open_per_point",
            "service_point_id",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index("drawer_by_point", "service_point_id", "id"),
        CheckConstraint("opening >= 0 AND counted >= 0", name="drawer_amounts"),
        CheckConstraint("(closed_at IS NULL) = (counted IS NULL)", name="drawer_counted_when_closed"),
    )

    id: UUID = Field(sa_column=key())
    service_point_id: UUID = Field(sa_column=ref())
    currency: str = Field(sa_column=words())
    opening: int = Field(sa_column=minor_units())
    opened_at: datetime = Field(sa_column=when())
    opened_by: str = Field(sa_column=words())
    counted: int | None = Field(default=None, sa_column=Column(BigInteger))
    expected: int | None = Field(default=None, sa_column=Column(BigInteger))
    """As it was when it was closed."""
    closed_at: datetime | None = Field(default=None, sa_column=when(null=True))
    closed_by: str | None = Field(default=None, sa_column=words(null=True))
    comment: str | None = Field(default=None, sa_column=words(null=True))
