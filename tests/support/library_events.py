"""Events of circulation for tests that only pass them on."""

from datetime import UTC, datetime
from uuid import UUID

from chassis.ids import uuid7
from contracts.circulation import (
    FeeCharged,
    FeeFacts,
    HoldFacts,
    HoldReady,
    ItemAvailability,
    ItemCheckedIn,
)
from contracts.money import Amount

AT = datetime(2027, 3, 1, 9, tzinfo=UTC)
CHECKED_IN = ItemCheckedIn.type
HOLD_READY = HoldReady.type
FEE_CHARGED = FeeCharged.type


def checked_in(item: UUID | None = None, *, library: str = "MAIN", version: int = 1) -> ItemCheckedIn:
    """An item was scanned at a desk."""
    item = item or uuid7()
    availability = ItemAvailability(
        item_id=item,
        version=version,
        title_ids=(uuid7(),),
        library=library,
        location=f"{library}-STACKS",
        state="available",
        lendable=True,
        as_of=AT,
    )
    return ItemCheckedIn(
        item_id=item,
        service_point_id=uuid7(),
        next_step="shelve",
        availability=availability,
        version=version,
        occurred_at=AT,
    )


def hold_ready(title: UUID | None = None, *, version: int = 1) -> HoldReady:
    """A hold waits on the shelf for a patron."""
    title, hold = title or uuid7(), uuid7()
    facts = HoldFacts(
        hold_id=hold,
        kind="hold",
        level="title",
        title_id=title,
        item_id=uuid7(),
        patron_ref=uuid7(),
        pickup_id=uuid7(),
        state="ready",
        position=1,
    )
    return HoldReady(hold_id=hold, title_id=title, hold=facts, version=version, occurred_at=AT)


def fee_charged() -> FeeCharged:
    """A patron owes something."""
    fee, patron = uuid7(), uuid7()
    owed = Amount(minor=200, currency="EUR")
    facts = FeeFacts(
        fee_id=fee,
        patron_ref=patron,
        loan_id=uuid7(),
        kind="overdue",
        amount=owed,
        remaining=owed,
        state="open",
    )
    return FeeCharged(fee_id=fee, patron_ref=patron, fee=facts, version=1, occurred_at=AT)
