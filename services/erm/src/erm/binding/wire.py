"""Volumes and shipments as clients write and read them."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from erm.binding.rules import Action, BindingState, ShipmentState
from erm.wire import Day, Note, Strict, Word

Several = Annotated[list[UUID], Field(min_length=1, max_length=200)]


class BindingIn(Strict):
    """Issues that become one volume."""

    piece_ids: Several
    """Of receipts of the order line."""
    enumeration: Word
    """From the first issue to the last: `12, 1-6`."""
    chronology: Word | None = None
    """`2027 Jan-Jun`."""
    barcode: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")] | None = None
    call_number: Word | None = None
    """Where it is not the line's."""


class BindingAct(Strict):
    """What is to be done with a volume."""

    action: Action
    """`ask-again`: what stood against it may be gone; `bind`: it was bound in the house; `undo`: it is no volume."""


class BoundIssueOut(BaseModel):
    """An issue of a volume."""

    piece_id: UUID
    item_id: UUID | None
    """Its item, withdrawn once it is part of the volume."""
    reasons: list[str]
    """Why its item stays, as codes: `on-loan` …"""


class BindingOut(BaseModel):
    """A volume."""

    id: UUID
    order_line_id: UUID
    enumeration: str
    chronology: str | None
    volume: str
    """As it stands on the spine, and in the catalogue."""
    barcode: str | None
    call_number: str | None
    state: BindingState
    item_id: UUID | None
    reasons: list[str]
    shipment_id: UUID | None
    returned_on: date | None
    created_at: datetime
    actor: str
    pieces: list[BoundIssueOut]
    version: int


class ShipmentIn(Strict):
    """Volumes that go to a bindery."""

    bindery_id: UUID
    """An organisation."""
    binding_ids: Several
    sent_on: Day
    due_on: Day | None = None
    note: Note | None = None

    @model_validator(mode="after")
    def _comes_after_it_goes(self) -> "ShipmentIn":
        if self.due_on is not None and self.due_on < self.sent_on:
            raise ValueError("it would be back before it goes")
        if len(set(self.binding_ids)) < len(self.binding_ids):
            raise ValueError("a volume is named twice")
        return self


class ReturnIn(Strict):
    """Volumes that have come back."""

    binding_ids: Several
    returned_on: Day


class ShipmentOut(BaseModel):
    """A shipment to a bindery."""

    id: UUID
    bindery_id: UUID
    state: ShipmentState
    sent_on: date
    due_on: date | None
    returned_on: date | None
    note: str | None
    created_at: datetime
    away: int
    """Volumes that have not come back."""
    version: int
