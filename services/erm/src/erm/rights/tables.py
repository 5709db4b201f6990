"""Perpetual rights, and what became of each."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from erm.metadata import Table, day, document, key, ref, version, when, words


class PerpetualRight(Table, table=True):
    """Years of a title that stay the library's. Outlives its agreement, and the title's moves between platforms."""

    __tablename__ = "perpetual_right"
    __table_args__ = (
        CheckConstraint(
            "status IN ('claimed', 'confirmed', 'disputed', 'lost')", name="perpetual_right_status"
        ),
        CheckConstraint("end_on >= start_on", name="perpetual_right_runs_forwards"),
        Index("perpetual_right_by_title", "title_id", "id"),
        Index("perpetual_right_by_agreement", "agreement_id", "id"),
        Index("perpetual_right_by_platform", "platform_id", "id"),
        Index("perpetual_right_by_status", "status", "id"),
    )

    id: UUID = Field(sa_column=key())
    title_id: UUID = Field(sa_column=ref(to="title_instance.id"))
    agreement_id: UUID | None = Field(default=None, sa_column=ref(to="agreement.id", null=True))
    line_id: UUID | None = Field(default=None, sa_column=ref(to="agreement_line.id", null=True))
    """The line that it was made from."""
    platform_id: UUID | None = Field(default=None, sa_column=ref(to="platform.id", null=True))
    """Where it is exercised today; none: nowhere that readers could be led."""
    starts: str | None = Field(default=None, sa_column=words(null=True))
    """As it was told: a year, a month or a day."""
    start_on: date | None = Field(default=None, sa_column=day(null=True))
    start_volume: str | None = Field(default=None, sa_column=words(null=True))
    ends: str | None = Field(default=None, sa_column=words(null=True))
    end_on: date | None = Field(default=None, sa_column=day(null=True))
    end_volume: str | None = Field(default=None, sa_column=words(null=True))
    status: str = Field(sa_column=words())
    documents: list[dict[str, Any]] = Field(sa_column=document())
    """What proves it."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class PerpetualRightEntry(Table, table=True):
    """What became of a right, written once and never changed."""

    __tablename__ = "perpetual_right_entry"
    __table_args__ = (Index("perpetual_right_entry_by_right", "right_id", "id"),)

    id: UUID = Field(sa_column=key())
    right_id: UUID = Field(sa_column=ref(to="perpetual_right.id"))
    what: str = Field(sa_column=words())
    """entered, changed, moved."""
    told: dict[str, Any] = Field(sa_column=document())
    """As it stood afterwards."""
    at: datetime = Field(sa_column=when())
    actor: str = Field(sa_column=words())
