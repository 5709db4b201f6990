"""What interlibrary loan tells: requests of both sides, and how they stand."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events import Event, Part
from contracts.money import Amount


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
CATALOG = frozenset({"catalog"})
ERM = frozenset({"erm"})


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


class PatronsWanted(Event):
    """Interlibrary loan is new here: which patrons are there, and what stops them?"""

    type: ClassVar = "ill.patrons-wanted.v1"
    subject: ClassVar = "asking_id"
    listeners: ClassVar = CIRCULATION

    asking_id: UUID


class PatronSought(Event):
    """A patron asks other libraries for something: may they have it, as they stand at this moment?

    `version` counts what was asked of others for the request.
    """

    type: ClassVar = "ill.patron-sought.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = CIRCULATION

    request_id: UUID
    patron_ref: UUID


class ItemSought(Event):
    """A partner wants something; which title of ours is it? `version` counts what was asked of others for it."""

    type: ClassVar = "ill.item-sought.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = CATALOG

    request_id: UUID
    record_id: str | None = None
    """What the partner takes for our number of it."""
    isbn: str | None = None
    issn: tuple[str, ...] = ()
    oclc: str | None = None
    title: str | None = None
    author: str | None = None
    year: str | None = None


class AskingCirculation(Event):
    """Common shape of what is asked of circulation for a partner's request: in the order of its versions."""

    subject: ClassVar = "request_id"
    listeners: ClassVar = CIRCULATION

    request_id: UUID
    patron_ref: UUID
    """The partner's registration with circulation."""


class ItemWanted(AskingCirculation):
    """Keep a copy on its shelf for a partner, if one is there to be had."""

    type: ClassVar = "ill.item-wanted.v1"

    title_ids: tuple[UUID, ...] = ()
    """In the order in which they are tried …"""
    barcode: str | None = None
    """… or the very item."""
    desk: str
    """The code of the service point from which things go out to partners."""
    library: str | None = None
    """Only a copy of this branch, where one is named …"""
    besides: tuple[UUID, ...] = ()
    """… and none of these items, which were looked for in vain."""


class HoldWantedHere(Event):
    """What a patron asked other libraries for is here: place a hold of theirs. Answered as for a partner."""

    type: ClassVar = "ill.hold-wanted-here.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = CIRCULATION

    request_id: UUID
    patron_ref: UUID
    title_ids: tuple[UUID, ...]
    """In the order in which they are tried."""
    pickup: str | None = None
    """The service point's code."""


class ItemNotWanted(AskingCirculation):
    """What is kept for the partner is wanted no more."""

    type: ClassVar = "ill.item-not-wanted.v1"

    reason: str


class PartnerLoanWanted(AskingCirculation):
    """Lend it to the partner: it is about to be sent."""

    type: ClassVar = "ill.partner-loan-wanted.v1"

    item_id: UUID | None = None
    barcode: str | None = None
    """Of another item than the one that was kept."""
    desk: str
    due_at: datetime


class PartnerLoanOver(AskingCirculation):
    """It has come back from the partner."""

    type: ClassVar = "ill.partner-loan-over.v1"

    item_id: UUID
    loan_id: UUID
    desk: str


class LoanDateMoved(Event):
    """Until when something may be kept that is lent between libraries: by their owner, or by us."""

    type: ClassVar = "ill.loan-date-moved.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = CIRCULATION

    request_id: UUID
    item_id: UUID
    loan_id: UUID | None = None
    """Of what is lent to a partner; none: whoever of our patrons has it."""
    due_at: datetime
    """For whoever has it: a patron of ours, or the partner."""
    why: str
    """renewed, recalled, owner-needs-it."""


class PatronChargeWanted(Event):
    """What another library lent us did not come back, and it has named its price: the patron who had it owes it."""

    type: ClassVar = "ill.patron-charge-wanted.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = CIRCULATION

    request_id: UUID
    number: str
    """The request's, which was on the item."""
    patron_ref: UUID
    item_id: UUID
    """As circulation knew it."""
    amount: Amount
    why: str = "not-returned"
    """not-returned or damaged."""


class AccessSought(Event):
    """May our readers have it electronically, and may we supply it? `version` counts what was asked for the request."""

    type: ClassVar = "ill.access-sought.v1"
    subject: ClassVar = "request_id"
    listeners: ClassVar = ERM

    request_id: UUID
    part: bool
    """A piece of a journal or book is wanted."""
    citation: dict[str, str]
    """As the request tells it."""


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
    notice: str | None = None
    """What the patron is to be told now, as a code; none: nothing that they were not told before."""


class PullSlipsMade(Event):
    """Slips were made of what is to be fetched for partners: print the batch, or mail it, where it is read."""

    type: ClassVar = "ill.pull-slips-made.v1"
    subject: ClassVar = "batch_id"

    batch_id: UUID
    schedule: str | None = None
    """The code of the schedule that made it; none: somebody has taken it."""
    library: str | None = None
    location: str | None = None
    """Of which place; none: of all."""
    slips: int
    more: bool = False
    """More was waiting; the rest is in another batch, or waits still."""
