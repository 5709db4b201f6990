"""Appointments, kept when they have ended."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Integer, text
from sqlmodel import Field

from circulation.metadata import Table, big, key, ref, when, words

OPEN = "state IN ('booked', 'staged', 'arrived')"


class PickupAppointment(Table, table=True):
    """A patron comes for what is ready, at an agreed time. Two never have the same place of a slot."""

    __tablename__ = "pickup_appointment"
    __table_args__ = (
        Index(
            "pickup_appointment_one_in_place",
            "service_point_id",
            "starts_at",
            "place",
            unique=True,
            postgresql_where=text(OPEN),
        ),
        Index(
            "pickup_appointment_one_open_per_patron",
            "patron_id",
            "service_point_id",
            unique=True,
            postgresql_where=text(OPEN),
        ),
        Index("pickup_appointment_by_day", "service_point_id", "starts_at", "id"),
        Index("pickup_appointment_by_patron", "patron_id", "starts_at", "id"),
        Index(
            "pickup_appointment_to_miss", "missed_at", postgresql_where=text("state IN ('booked', 'staged')")
        ),
        CheckConstraint("place > 0", name="pickup_appointment_place_counts"),
        CheckConstraint("ends_at > starts_at", name="pickup_appointment_runs_forwards"),
    )

    id: UUID = Field(sa_column=key())
    service_point_id: UUID = Field(sa_column=ref())
    patron_id: UUID = Field(sa_column=ref(to="patron.id"))
    starts_at: datetime = Field(sa_column=when())
    ends_at: datetime = Field(sa_column=when())
    missed_at: datetime = Field(sa_column=when())
    """From when on it counts as missed unless the patron has come."""
    place: int = Field(sa_column=Column(Integer, nullable=False))
    state: str = Field(sa_column=words())
    booked_at: datetime = Field(sa_column=when())
    staged_at: datetime | None = Field(default=None, sa_column=when(null=True))
    arrived_at: datetime | None = Field(default=None, sa_column=when(null=True))
    ended_at: datetime | None = Field(default=None, sa_column=when(null=True))
    version: int = Field(default=1, sa_column=big(1))
