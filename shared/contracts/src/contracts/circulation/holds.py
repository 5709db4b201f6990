"""What circulation tells of holds and their queues."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.circulation.listeners import ILL
from contracts.events import Event, Part


class HoldFacts(Part):
    """A hold as it stands after the event."""

    hold_id: UUID
    kind: str
    """hold, page or recall."""
    level: str
    """title, volume or item."""
    title_id: UUID
    item_id: UUID | None
    patron_ref: UUID
    pickup_id: UUID
    state: str
    position: int | None
    expires_at: datetime | None = None
    shelf_expires_at: datetime | None = None
    suspended: bool = False
    suspended_until: datetime | None = None
    proxy_ref: UUID | None = None
    """Who placed it for the patron, if somebody did."""
    volume: str | None = None
    """The volume that is wanted, at the level of volumes."""
    fulfilment: str = "hold-shelf"
    """hold-shelf, or delivery to an address of the patron's."""
    delivery_address_type: str | None = None


class HoldEvent(Event):
    """Common shape of what happens to a hold; the queue of a title is its ordering key."""

    subject: ClassVar = "hold_id"
    partition: ClassVar = "title_id"

    hold_id: UUID
    title_id: UUID
    hold: HoldFacts


class HoldPlaced(HoldEvent):
    """A patron wants a title or an item."""

    type: ClassVar = "circulation.hold-placed.v1"

    overridden: tuple[str, ...] = ()
    """What stood against it and was set aside by staff."""
    migrated_from: str | None = None
    """The system that it was taken over from with its own dates: nothing happened that anybody need be told of."""


class HoldInTransit(HoldEvent):
    """An item is on its way to the pickup point."""

    type: ClassVar = "circulation.hold-in-transit.v1"


class HoldReady(HoldEvent):
    """An item waits on the hold shelf."""

    type: ClassVar = "circulation.hold-ready.v1"


class HoldRequeued(HoldEvent):
    """The item that was to fill the hold is gone; the hold waits again."""

    type: ClassVar = "circulation.hold-requeued.v1"
    listeners: ClassVar = ILL


class HoldFilled(HoldEvent):
    """The patron has the item."""

    type: ClassVar = "circulation.hold-filled.v1"


class HoldCancelled(HoldEvent):
    """The hold was given up."""

    type: ClassVar = "circulation.hold-cancelled.v1"
    listeners: ClassVar = ILL
    reason: str = ""


class HoldExpired(HoldEvent):
    """The hold ran out, unfilled or uncollected."""

    type: ClassVar = "circulation.hold-expired.v1"
    listeners: ClassVar = ILL
    reason: str = ""


class HoldSuspended(HoldEvent):
    """The hold keeps its place and is passed over, until a moment or until it is resumed."""

    type: ClassVar = "circulation.hold-suspended.v1"


class HoldResumed(HoldEvent):
    """The hold waits again."""

    type: ClassVar = "circulation.hold-resumed.v1"
    reason: str = ""


class HoldMoved(HoldEvent):
    """The hold is to be filled by another copy of its title; its kind may have become another."""

    type: ClassVar = "circulation.hold-moved.v1"
    to_item_id: UUID
    previous_item_id: UUID | None = None
    previous_kind: str = ""
    reason: str = ""
    """Empty: somebody wished it so. `not-found`: the copy that was looked for was not on its shelf, or is gone."""


class HoldUpdated(HoldEvent):
    """What was asked for has changed: where it is picked up, or how long it waits."""

    type: ClassVar = "circulation.hold-updated.v1"
    changed: tuple[str, ...] = ()


class HoldQueueReordered(Event):
    """Staff put a title's queue into another order."""

    type: ClassVar = "circulation.hold-queue-reordered.v1"
    subject: ClassVar = "title_id"

    title_id: UUID
    hold_ids: tuple[UUID, ...]
    """First to last."""
    previous_hold_ids: tuple[UUID, ...]
