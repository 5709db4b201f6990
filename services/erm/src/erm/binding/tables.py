"""Volumes that are bound of issues, and what is sent to a bindery."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field

from erm.metadata import Table, day, key, ref, several, version, when, words


class BinderyShipment(Table, table=True):
    """What went to a bindery at once."""

    __tablename__ = "bindery_shipment"
    __table_args__ = (
        Index("bindery_shipment_by_bindery", "bindery_id", "id"),
        CheckConstraint("state IN ('sent', 'returned')", name="bindery_shipment_state"),
        CheckConstraint("due_on >= sent_on", name="bindery_shipment_due_after_it_is_sent"),
        CheckConstraint("returned_on >= sent_on", name="bindery_shipment_returns_after_it_is_sent"),
    )

    id: UUID = Field(sa_column=key())
    bindery_id: UUID = Field(sa_column=ref(to="organisation.id"))
    state: str = Field(sa_column=words())
    sent_on: date = Field(sa_column=day())
    due_on: date | None = Field(default=None, sa_column=day(null=True))
    returned_on: date | None = Field(default=None, sa_column=day(null=True))
    """When the last of it came back."""
    note: str | None = Field(default=None, sa_column=words(null=True))
    created_at: datetime = Field(sa_column=when())
    version: int = Field(default=1, sa_column=version())


class Binding(Table, table=True):
    """A volume, of the pieces that name it."""

    __tablename__ = "binding"
    __table_args__ = (
        Index("binding_by_line", "order_line_id", "id"),
        Index("binding_by_state", "state", "id"),
        Index("binding_by_shipment", "shipment_id", "id", postgresql_where=text("shipment_id IS NOT NULL")),
        CheckConstraint(
            "state IN ('asked', 'waiting', 'ready', 'at-bindery', 'bound', 'undoing', 'undone')",
            name="binding_state",
        ),
        CheckConstraint(
            "state <> 'at-bindery' OR shipment_id IS NOT NULL", name="binding_sent_with_something"
        ),
    )

    id: UUID = Field(sa_column=key())
    order_line_id: UUID = Field(sa_column=ref(to="order_line.id"))
    enumeration: str = Field(sa_column=words())
    chronology: str | None = Field(default=None, sa_column=words(null=True))
    barcode: str | None = Field(default=None, sa_column=words(null=True))
    call_number: str | None = Field(default=None, sa_column=words(null=True))
    state: str = Field(sa_column=words())
    item_id: UUID | None = Field(default=None, sa_column=ref(null=True))
    """The volume's, in the catalogue."""
    reasons: list[str] = Field(default_factory=list, sa_column=several())
    """What the catalogue says about it, as codes."""
    shipment_id: UUID | None = Field(default=None, sa_column=ref(to="bindery_shipment.id", null=True))
    returned_on: date | None = Field(default=None, sa_column=day(null=True))
    created_at: datetime = Field(sa_column=when())
    actor: str = Field(sa_column=words())
    version: int = Field(default=1, sa_column=version())
