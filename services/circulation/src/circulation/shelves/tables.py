"""What was printed: which slips, when, by whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from circulation.metadata import Table, count, key, ref, when, words


class SlipPrint(Table, table=True):
    """Slips that were printed together."""

    __tablename__ = "slip_print"
    __table_args__ = (
        Index("slip_print_by_desk", "service_point_id", "id"),
        CheckConstraint("kind IN ('pick', 'hold')", name="slip_print_kind"),
    )

    id: UUID = Field(sa_column=key())
    service_point_id: UUID = Field(sa_column=ref())
    kind: str = Field(sa_column=words())
    printed_at: datetime = Field(sa_column=when())
    printed_by: str = Field(sa_column=words())
    slips: int = Field(default=0, sa_column=count())


class SlipPrinted(Table, table=True):
    """A slip among them: of a copy, for a hold."""

    __tablename__ = "slip_printed"
    __table_args__ = (Index("slip_printed_by_hold", "hold_id", "item_id", "kind"),)

    print_id: UUID = Field(sa_column=key())
    item_id: UUID = Field(sa_column=key())
    hold_id: UUID = Field(sa_column=ref())
    kind: str = Field(sa_column=words())
