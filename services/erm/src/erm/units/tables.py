"""Acquisition units and their members."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, Uuid, text
from sqlmodel import Field

from erm.metadata import Table, flag, key, version, when, words


class AcquisitionUnit(Table, table=True):
    """A part of the staff that buys by itself, and what it keeps to itself."""

    __tablename__ = "acquisition_unit"
    __table_args__ = (Index("acquisition_unit_one_per_name", text("lower(name)"), unique=True),)

    id: UUID = Field(sa_column=key())
    name: str = Field(sa_column=words())
    description: str | None = Field(default=None, sa_column=words(null=True))
    protect_read: bool = Field(default=False, sa_column=flag(default=False))
    protect_create: bool = Field(default=True, sa_column=flag(default=True))
    protect_update: bool = Field(default=True, sa_column=flag(default=True))
    protect_delete: bool = Field(default=True, sa_column=flag(default=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class AcquisitionUnitMember(Table, table=True):
    """Somebody in a unit: a member of staff, or a program."""

    __tablename__ = "acquisition_unit_member"
    __table_args__ = (
        Index("acquisition_unit_of_member", "member", "unit_id"),
        CheckConstraint("member ~ '^(staff|client):.'", name="acquisition_unit_member_kind"),
    )

    unit_id: UUID = Field(
        sa_column=Column(Uuid, ForeignKey("acquisition_unit.id", ondelete="CASCADE"), primary_key=True)
    )
    member: str = Field(sa_column=Column(Text(collation="C"), primary_key=True))
    """As the gateway names them: `staff:` or `client:`, and an opaque reference."""
    added_at: datetime = Field(sa_column=when())
    added_by: str = Field(sa_column=words())
