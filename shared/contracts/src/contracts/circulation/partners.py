"""What circulation answers to interlibrary loan."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.circulation.listeners import ILL
from contracts.events import Event


class BorrowedItemTaken(Event):
    """Something that another library lends us is known here, and kept for its patron, or why it is not."""

    type: ClassVar = "circulation.borrowed-item-taken.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = ILL

    item_id: UUID
    request_id: UUID
    hold_id: UUID | None = None
    reasons: tuple[str, ...] = ()


class PartnerAnswer(Event):
    """Common shape of what interlibrary loan is answered about a partner's request."""

    subject: ClassVar = "request_id"
    listeners: ClassVar = ILL

    request_id: UUID
    asked: int
    """The version of the question."""
    reasons: tuple[str, ...] = ()
    """Why not: codes."""


class PatronLookedAt(PartnerAnswer):
    """How a patron of ours stands who asks other libraries for something; `reasons` are what stops them now."""

    type: ClassVar = "circulation.patron-looked-at.v1"

    known: bool
    """Registered here, under this reference or as who they have become."""


class PartnerItemKept(PartnerAnswer):
    """A copy is kept on its shelf for the partner, or why none is; or a hold of a patron's own is placed."""

    type: ClassVar = "circulation.partner-item-kept.v1"

    hold_id: UUID | None = None
    title_id: UUID | None = None
    item_id: UUID | None = None
    barcode: str | None = None
    short_title: str | None = None
    library: str | None = None
    location: str | None = None
    call_number: str | None = None


class PartnerLoanMade(PartnerAnswer):
    """The item is lent to the partner, or why it is not."""

    type: ClassVar = "circulation.partner-loan-made.v1"

    loan_id: UUID | None = None
    item_id: UUID | None = None
    barcode: str | None = None
    due_at: datetime | None = None


class PartnerActRefused(PartnerAnswer):
    """The loan stays as it was."""

    type: ClassVar = "circulation.partner-act-refused.v1"

    item_id: UUID
    act: str
    """move-date, take-back or charge."""
