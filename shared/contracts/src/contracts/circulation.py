"""What circulation tells: loans, holds, fees, patrons, and what each item's availability has become."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from pydantic import Field

from contracts.events import Event, Part
from contracts.money import Amount

CATALOG = frozenset({"catalog"})
ILL = frozenset({"ill"})
GATEWAY = frozenset({"gateway"})
ERM = frozenset({"erm"})


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


class LoanFacts(Part):
    """A loan as it stands after the event."""

    loan_id: UUID
    item_id: UUID
    title_id: UUID
    patron_ref: UUID
    patron_group: str
    service_point_id: UUID
    lent_at: datetime
    due_at: datetime
    due_zone: str
    renewals: int
    policy: str
    rules_version: int
    proxy_ref: UUID | None = None
    """Who borrowed it for the patron, if somebody did."""
    in_library: str | None = None
    """Of a loan for use in the library: in-use, held (kept at the desk), returned."""


class LoanEvent(Event):
    """Common shape of what happens to a loan; its item is the ordering key."""

    subject: ClassVar = "loan_id"
    partition: ClassVar = "item_id"

    loan_id: UUID
    item_id: UUID
    loan: LoanFacts


class LoanCreated(LoanEvent):
    """An item was lent."""

    type: ClassVar = "circulation.loan-created.v1"
    listeners: ClassVar = CATALOG | ILL

    availability: ItemAvailability
    overridden: tuple[str, ...] = ()
    migrated_from: str | None = None
    """The system that it was taken over from with its own dates: nothing happened that anybody need be told of."""


class LoanRenewed(LoanEvent):
    """A loan was extended."""

    type: ClassVar = "circulation.loan-renewed.v1"
    listeners: ClassVar = CATALOG | ILL

    previous_due_at: datetime
    availability: ItemAvailability
    overridden: tuple[str, ...] = ()
    automatic: bool = False
    """Nobody asked for it."""
    final: bool = False
    """No further automatic renewal can follow."""


class LoanNotRenewed(LoanEvent):
    """A loan could not be renewed without being asked for, for other reasons than the last time."""

    type: ClassVar = "circulation.loan-not-renewed.v1"

    reasons: tuple[str, ...]
    """Codes: what is against automatic renewals alone comes first."""


class LoanKeptAtDesk(LoanEvent):
    """What is used in the library waits at a desk for the patron's next use."""

    type: ClassVar = "circulation.loan-kept-at-desk.v1"

    service_point_id: UUID
    held_until: datetime


class LoanUsedAgain(LoanEvent):
    """What was kept at a desk is in use again, on the same loan."""

    type: ClassVar = "circulation.loan-used-again.v1"

    service_point_id: UUID


class LoanRecalled(LoanEvent):
    """Somebody waits: the loan is due earlier, never later, than it was."""

    type: ClassVar = "circulation.loan-recalled.v1"
    listeners: ClassVar = CATALOG | ILL

    previous_due_at: datetime
    hold_id: UUID
    availability: ItemAvailability


class LoanRecallLifted(LoanEvent):
    """No recall is left for which the loan was shortened; its due time stays, and it may be renewed again."""

    type: ClassVar = "circulation.loan-recall-lifted.v1"

    hold_id: UUID
    """The recall that is over."""


class LoanDueDateChanged(LoanEvent):
    """A loan's due time was set otherwise than by a renewal or a recall."""

    type: ClassVar = "circulation.loan-due-date-changed.v1"
    listeners: ClassVar = CATALOG

    previous_due_at: datetime
    reason: str
    """manual, closing; of what is lent between libraries: renewed, recalled, owner-needs-it."""
    availability: ItemAvailability


class LoanReturned(LoanEvent):
    """A lent item came back; the desk was told the next step."""

    type: ClassVar = "circulation.loan-returned.v1"
    listeners: ClassVar = CATALOG | ILL

    service_point_id: UUID
    returned_at: datetime
    system_returned_at: datetime
    next_step: str
    availability: ItemAvailability


class ItemDeclaredLost(LoanEvent):
    """Somebody says that a lent item is lost."""

    type: ClassVar = "circulation.item-declared-lost.v1"
    listeners: ClassVar = ILL


class LoanAgedToLost(LoanEvent):
    """A loan was overdue for so long that its item counts as lost."""

    type: ClassVar = "circulation.loan-aged-to-lost.v1"
    listeners: ClassVar = ILL


class ItemClaimedReturned(LoanEvent):
    """The patron says that it was brought back."""

    type: ClassVar = "circulation.item-claimed-returned.v1"
    listeners: ClassVar = ILL

    claimed_at: datetime


class ItemClaimResolved(LoanEvent):
    """Such a claim ended: returned-by-patron, found-by-library, missing, withdrawn."""

    type: ClassVar = "circulation.item-claim-resolved.v1"
    listeners: ClassVar = ILL

    resolution: str


class ItemLostAndPaid(LoanEvent):
    """Nothing of a lost item is owed any more: its loan has ended."""

    type: ClassVar = "circulation.item-lost-and-paid.v1"


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


class PickupAppointmentFacts(Part):
    """An appointment as it stands after the event."""

    appointment_id: UUID
    patron_ref: UUID
    service_point_id: UUID
    starts_at: datetime
    ends_at: datetime
    state: str
    """booked, staged, arrived, delivered, cancelled or missed."""


class PickupAppointmentEvent(Event):
    """Common shape of what happens to an appointment."""

    subject: ClassVar = "appointment_id"

    appointment_id: UUID
    appointment: PickupAppointmentFacts


class PickupAppointmentBooked(PickupAppointmentEvent):
    """A patron will come for what is ready."""

    type: ClassVar = "circulation.pickup-appointment-booked.v1"


class PickupAppointmentMoved(PickupAppointmentEvent):
    """They will come at another time."""

    type: ClassVar = "circulation.pickup-appointment-moved.v1"


class PickupAppointmentStaged(PickupAppointmentEvent):
    """Everything has been put together for them."""

    type: ClassVar = "circulation.pickup-appointment-staged.v1"


class PickupAppointmentArrived(PickupAppointmentEvent):
    """They are there."""

    type: ClassVar = "circulation.pickup-appointment-arrived.v1"


class PickupAppointmentDelivered(PickupAppointmentEvent):
    """Everything was handed over."""

    type: ClassVar = "circulation.pickup-appointment-delivered.v1"


class PickupAppointmentCancelled(PickupAppointmentEvent):
    """They will not come."""

    type: ClassVar = "circulation.pickup-appointment-cancelled.v1"


class PickupAppointmentMissed(PickupAppointmentEvent):
    """They did not come."""

    type: ClassVar = "circulation.pickup-appointment-missed.v1"


class FeeFacts(Part):
    """A fee as it stands after the event."""

    fee_id: UUID
    patron_ref: UUID
    loan_id: UUID | None
    kind: str
    amount: Amount
    remaining: Amount
    state: str


class FeeEvent(Event):
    """Common shape of what happens to a fee; its patron is the ordering key."""

    subject: ClassVar = "fee_id"
    partition: ClassVar = "patron_ref"

    fee_id: UUID
    patron_ref: UUID
    fee: FeeFacts


class FeeCharged(FeeEvent):
    """A patron owes something new."""

    type: ClassVar = "circulation.fee-charged.v1"

    migrated_from: str | None = None
    """The system that it was taken over from with its own dates: nothing happened that anybody need be told of."""


class FeePaid(FeeEvent):
    """A fee was paid, wholly or in part."""

    type: ClassVar = "circulation.fee-paid.v1"

    payment_id: UUID
    paid: Amount
    method: str


class FeeWaived(FeeEvent):
    """The library gave up a fee, wholly or in part."""

    type: ClassVar = "circulation.fee-waived.v1"

    waived: Amount


class FeeCancelled(FeeEvent):
    """What remained of a fee should not have been charged."""

    type: ClassVar = "circulation.fee-cancelled.v1"

    cancelled: Amount


class FeeTransferred(FeeEvent):
    """The bursar collects a fee from now on, wholly or in part."""

    type: ClassVar = "circulation.fee-transferred.v1"

    transferred: Amount
    account: str


class FeeRefunded(FeeEvent):
    """What had been paid or transferred was given back, wholly or in part."""

    type: ClassVar = "circulation.fee-refunded.v1"

    refunded: Amount
    method: str | None = None
    """How the money went back; none where the bursar gives it back."""
    account: str | None = None
    """The bursar's account; none where the money was the library's to give."""


class FeeClosed(FeeEvent):
    """Nothing remains of a fee; `status` tells how it came to that."""

    type: ClassVar = "circulation.fee-closed.v1"

    status: str


class PatronCreated(Event):
    """A patron was registered."""

    type: ClassVar = "circulation.patron-created.v1"
    subject: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    patron_ref: UUID
    patron_group: str


class PatronUpdated(Event):
    """A patron's registration changed."""

    type: ClassVar = "circulation.patron-updated.v1"
    subject: ClassVar = "patron_ref"
    listeners: ClassVar = ILL | ERM

    patron_ref: UUID
    patron_group: str
    changed: tuple[str, ...] = ()
    active: bool | None = None
    """Whether they are a patron still; told where `changed` has it."""


class PatronMerged(Event):
    """Registrations of one person became one: whatever named one of them names the surviving one from now on."""

    type: ClassVar = "circulation.patron-merged.v1"
    subject: ClassVar = "patron_ref"
    listeners: ClassVar = ILL | GATEWAY | ERM

    patron_ref: UUID
    merged_refs: tuple[UUID, ...]
    patron_group: str
    loans: int
    """How many moved, open and past."""
    holds: int
    fees: int
    holds_given_up: tuple[UUID, ...] = ()
    """Of two holds on one title; each has its own event, too."""


class PatronState(Part):
    """A patron as they now are: a reference, no name."""

    patron_ref: UUID
    patron_group: str
    version: int


class BlockState(Part):
    """What stops a patron now."""

    block_id: UUID
    patron_ref: UUID
    actions: tuple[str, ...]
    until: datetime | None = None
    version: int


class PatronsAnnounced(Event):
    """Up to 500 patrons, and what stops them: for a reader who is new."""

    type: ClassVar = "circulation.patrons-announced.v1"
    subject: ClassVar = "batch_id"
    listeners: ClassVar = ILL

    batch_id: UUID
    patrons: tuple[PatronState, ...]
    blocks: tuple[BlockState, ...] = ()
    last: bool = False


class PatronBlockAdded(Event):
    """Staff blocked a patron; why is not told."""

    type: ClassVar = "circulation.patron-block-added.v1"
    subject: ClassVar = "block_id"
    partition: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    block_id: UUID
    patron_ref: UUID
    actions: tuple[str, ...]
    template: str | None = None
    until: datetime | None = None


class PatronBlockRemoved(Event):
    """Staff lifted a block of a patron. One that runs out is told by its `until`."""

    type: ClassVar = "circulation.patron-block-removed.v1"
    subject: ClassVar = "block_id"
    partition: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    block_id: UUID
    patron_ref: UUID


class PatronSuspended(Event):
    """A patron may not do some things until a moment, for having been late: a block was made, or made longer."""

    type: ClassVar = "circulation.patron-suspended.v1"
    subject: ClassVar = "block_id"
    partition: ClassVar = "patron_ref"
    listeners: ClassVar = ILL

    block_id: UUID
    patron_ref: UUID
    actions: tuple[str, ...]
    until: datetime


class PatronProxyGranted(Event):
    """Somebody may borrow for a patron from now on, or between two moments."""

    type: ClassVar = "circulation.patron-proxy-granted.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "sponsor_ref"

    relation_id: UUID
    sponsor_ref: UUID
    proxy_ref: UUID
    valid_from: datetime | None = None
    valid_to: datetime | None = None


class PatronProxyRevoked(Event):
    """Somebody may borrow for a patron no more."""

    type: ClassVar = "circulation.patron-proxy-revoked.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "sponsor_ref"

    relation_id: UUID
    sponsor_ref: UUID
    proxy_ref: UUID


class PatronGuarantorNamed(Event):
    """Somebody answers for a patron from now on."""

    type: ClassVar = "circulation.patron-guarantor-named.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "ward_ref"

    relation_id: UUID
    ward_ref: UUID
    guarantor_ref: UUID


class PatronGuarantorReleased(Event):
    """Somebody answers for a patron no more."""

    type: ClassVar = "circulation.patron-guarantor-released.v1"
    subject: ClassVar = "relation_id"
    partition: ClassVar = "ward_ref"

    relation_id: UUID
    ward_ref: UUID
    guarantor_ref: UUID


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


class RulesActivated(Event):
    """A version of the configuration came into force: policies, rules, calendars, groups."""

    type: ClassVar = "circulation.rules-activated.v1"
    subject: ClassVar = "configuration"

    configuration: Annotated[str, Field(min_length=1)] = "circulation"
    rules_version: int
    how: str
    """applied, scheduled, rolled-back or closing."""
    sections: tuple[str, ...]
    """What of it differs from the version before."""


class CalendarChanged(Event):
    """A service point's opening hours changed; its document has them."""

    type: ClassVar = "circulation.calendar-changed.v1"
    subject: ClassVar = "service_point_id"

    service_point_id: UUID
    code: str
    zone: str
