"""What circulation tells of fees and of what settles them."""

from typing import ClassVar
from uuid import UUID

from contracts.events import Event, Part
from contracts.money import Amount


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
