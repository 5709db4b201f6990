"""What circulation tells of items: what became of each, and whether it can be had."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.circulation.listeners import CATALOG
from contracts.events import Event, Part


class ItemAvailability(Part):
    """Whether and how an item can be had; a reader keeps the newest (epoch, version) and drops the rest."""

    item_id: UUID
    version: int
    """Circulation's own version of the item, raised by each change of what is told here."""
    title_ids: tuple[UUID, ...]
    library: str
    location: str
    state: str
    """available, on-loan, on-hold-shelf, in-transit, paged … (feature page §3.4)."""
    lendable: bool
    due_at: datetime | None = None
    queue_length: int = 0
    as_of: datetime
    reshelving_until: datetime | None = None
    """Of an item that can be had, and is on its way from the desk to its shelf: when it will stand there.

    In the year 9999: nobody knows, since it was left on a hold shelf and stays there until it is scanned.
    """


class ItemCheckedIn(Event):
    """An item that was not on loan was scanned at a desk."""

    type: ClassVar = "circulation.item-checked-in.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CATALOG

    item_id: UUID
    service_point_id: UUID
    next_step: str
    availability: ItemAvailability


class DeskSessionEnded(Event):
    """A patron's visit to a desk is over: what went out and what came in, by loan."""

    type: ClassVar = "circulation.desk-session-ended.v1"
    subject: ClassVar = "session_id"
    partition: ClassVar = "patron_ref"

    session_id: UUID
    patron_ref: UUID
    service_point_id: UUID
    opened_at: datetime
    how: str
    """asked: somebody ended it; idle: nothing was scanned for a while."""
    lent: tuple[UUID, ...]
    returned: tuple[UUID, ...]


class ItemUsedInHouse(Event):
    """An item that was on its shelf was scanned at a desk: somebody used it in the house."""

    type: ClassVar = "circulation.item-used-in-house.v1"
    subject: ClassVar = "use_id"
    partition: ClassVar = "item_id"

    use_id: UUID
    item_id: UUID
    title_id: UUID
    service_point_id: UUID
    used_at: datetime


class ItemFound(Event):
    """An item that the catalogue thinks gone lies on a desk: it is part of the collection again."""

    type: ClassVar = "circulation.item-found.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CATALOG

    item_id: UUID
    base_before: str
    """missing, long-missing or withdrawn; of another base state the catalogue knows better."""
    service_point_id: UUID


class ItemFloated(Event):
    """An item of a floating collection stays where it was brought back: that is its location from now on."""

    type: ClassVar = "circulation.item-floated.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CATALOG

    item_id: UUID
    from_location_id: UUID
    to_location_id: UUID
    service_point_id: UUID


class ItemTransitCancelled(Event):
    """An item is on its way no more, though it has not arrived."""

    type: ClassVar = "circulation.item-transit-cancelled.v1"
    subject: ClassVar = "item_id"

    item_id: UUID
    from_service_point_id: UUID | None
    to_service_point_id: UUID
    hold_id: UUID | None
    """The hold it was to fill, which waits again."""
    reason: str
    """not-sent, not-arrived, not-needed; or the base state the catalogue gave it: missing, withdrawn …"""


class ItemAvailabilityChanged(Event):
    """An item's availability changed for a reason that no other event tells."""

    type: ClassVar = "circulation.item-availability-changed.v1"
    subject: ClassVar = "item_id"
    listeners: ClassVar = CATALOG

    item_id: UUID
    availability: ItemAvailability


class AvailabilityAnnounced(Event):
    """Up to 500 items' availability as it now stands: after bulk work, or for a new or restored reader."""

    type: ClassVar = "circulation.availability-announced.v1"
    subject: ClassVar = "batch_id"
    listeners: ClassVar = CATALOG

    batch_id: UUID
    items: tuple[ItemAvailability, ...]


class ItemWithdrawalCleared(Event):
    """Circulation has no objection: its copy is marked, no loan can slip in."""

    type: ClassVar = "circulation.item-withdrawal-cleared.v1"
    subject: ClassVar = "withdrawal_id"
    partition: ClassVar = "item_id"
    listeners: ClassVar = CATALOG

    withdrawal_id: UUID
    item_id: UUID


class ItemWithdrawalRefused(Event):
    """The item cannot go: on loan, awaited, under way; every reason at once."""

    type: ClassVar = "circulation.item-withdrawal-refused.v1"
    subject: ClassVar = "withdrawal_id"
    partition: ClassVar = "item_id"
    listeners: ClassVar = CATALOG

    withdrawal_id: UUID
    item_id: UUID
    reasons: tuple[str, ...]
