"""What circulation tells of loans, from the desk to the end, lost and claimed ones among them."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.circulation.items import ItemAvailability
from contracts.circulation.listeners import CATALOG, ILL
from contracts.events import Event, Part


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
    deposit: str | None = None
    """`keep` or `refund`: what became of the loan's deposit; null: there was none, or the loan goes on."""
    deposit_minor: int = 0
    """What of it was given back, in minor units."""


class ItemLostAndPaid(LoanEvent):
    """Nothing of a lost item is owed any more: its loan has ended."""

    type: ClassVar = "circulation.item-lost-and-paid.v1"
    deposit: str | None = None
    """`keep` or `refund`: what became of the loan's deposit; null: there was none."""
    deposit_minor: int = 0
    """What of it was given back, in minor units."""
