"""What interlibrary loan tells: requests of both sides, and how they stand."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events import Event, Part


class RequestFacts(Part):
    """A request as it stands after the event."""

    request_id: UUID
    number: str
    side: str
    """borrowing (a patron of ours asks) or lending (a partner asks)."""
    service: str
    """loan, copy or copy-or-loan."""
    state: str
    ended: bool
    patron_ref: UUID | None = None
    partner_id: UUID | None = None
    """Who supplies it now, or who asked."""
    pickup: str | None = None
    """The service point's code."""
    due_at: datetime | None = None
    attention: str | None = None
    """Why staff should look, as a code."""


CIRCULATION = frozenset({"circulation"})


class BorrowedItemArrived(Event):
    """Something that another library lends us is here, for one of our patrons."""

    type: ClassVar = "ill.borrowed-item-arrived.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CIRCULATION

    item_id: UUID
    """Minted for its stay."""
    title_id: UUID
    request_id: UUID
    barcode: str
    """The request's number, which is put on it."""
    short_title: str
    short_author: str | None = None
    patron_ref: UUID
    pickup: str | None = None
    """The service point's code."""
    due_at: datetime | None = None
    """When its owner wants it back."""
    use_here_only: bool = False


class BorrowedItemLeft(Event):
    """It is on its way back, or will never come back."""

    type: ClassVar = "ill.borrowed-item-left.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CIRCULATION

    item_id: UUID
    request_id: UUID


class RequestPlaced(Event):
    """A patron of ours, or a partner, asks for something."""

    type: ClassVar = "ill.request-placed.v1"
    subject: ClassVar = "request_id"

    request_id: UUID
    request: RequestFacts


class RequestProgressed(Event):
    """Something happened to a request; what happened in one go is told once, as it now stands."""

    type: ClassVar = "ill.request-progressed.v1"
    subject: ClassVar = "request_id"

    request_id: UUID
    request: RequestFacts
    previous_state: str
    what: tuple[str, ...]
    """The events of the state model, in order."""
