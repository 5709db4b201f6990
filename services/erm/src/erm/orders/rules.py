"""What a line costs, which states an order and its lines go through, and who may approve. Decisions only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from erm.money.rules import percent_of


@dataclass(frozen=True, slots=True)
class Price:
    """What is asked for one copy, and what goes off and on: minor units of the order's currency."""

    quantity: int
    list_price: int
    discount_percent: Decimal | None = None
    additional: int = 0
    """For the whole line: binding, freight."""
    tax_percent: Decimal | None = None
    discount_amount: int = 0
    """For the whole line, instead of a percentage."""

    @property
    def gross(self) -> int:
        """All copies at their list price."""
        return self.quantity * self.list_price

    @property
    def net(self) -> int:
        """All copies, less the discount, and what comes on top; before tax."""
        off = percent_of(self.gross, self.discount_percent or Decimal(0)) + self.discount_amount
        return self.gross - off + self.additional

    @property
    def total(self) -> int:
        """With tax."""
        return self.net + percent_of(self.net, self.tax_percent or Decimal(0))


class ReceiptState(StrEnum):
    """How much of a line has come."""

    AWAITING = "awaiting"
    PARTLY = "partly-received"
    FULLY = "fully-received"
    NOT_REQUIRED = "not-required"
    ONGOING = "ongoing"
    CANCELLED = "cancelled"


class PaymentState(StrEnum):
    """How much of a line has been paid."""

    AWAITING = "awaiting"
    PARTLY = "partly-paid"
    FULLY = "fully-paid"
    NOT_REQUIRED = "not-required"
    ONGOING = "ongoing"
    CANCELLED = "cancelled"


RECEIPT_FINAL: Final = frozenset({ReceiptState.FULLY, ReceiptState.NOT_REQUIRED, ReceiptState.CANCELLED})
PAYMENT_FINAL: Final = frozenset({PaymentState.FULLY, PaymentState.NOT_REQUIRED, PaymentState.CANCELLED})


@dataclass(frozen=True, slots=True)
class Progress:
    """What has come and been paid of a line."""

    quantity: int
    received: int
    paid: int
    """Copies on paid invoices, less those on credit notes."""
    paid_last: bool
    """A paid invoice said that it is the last for this line."""
    total: int
    receipt: str
    """`items`, `count` or `none`."""
    cancelled: bool = False
    ongoing: bool = False
    """It comes and is paid again and again, until somebody ends it."""


def receipt_state(line: Progress) -> ReceiptState:
    """Of what was ordered."""
    if line.ongoing:
        return ReceiptState.CANCELLED if line.cancelled else ReceiptState.ONGOING
    if line.receipt == "none":
        return ReceiptState.CANCELLED if line.cancelled else ReceiptState.NOT_REQUIRED
    if line.received >= line.quantity:
        return ReceiptState.FULLY
    if line.cancelled:
        return ReceiptState.CANCELLED
    return ReceiptState.PARTLY if line.received else ReceiptState.AWAITING


def payment_state(line: Progress) -> PaymentState:
    """What costs nothing needs no payment; what was cancelled keeps what was paid in full."""
    if line.ongoing:
        return PaymentState.CANCELLED if line.cancelled else PaymentState.ONGOING
    if line.paid_last or line.paid >= line.quantity:
        return PaymentState.FULLY
    if line.cancelled:
        return PaymentState.CANCELLED
    if line.total == 0:
        return PaymentState.NOT_REQUIRED
    return PaymentState.PARTLY if line.paid > 0 else PaymentState.AWAITING


def is_done(line: Progress) -> bool:
    """Nothing more is to come, and nothing to be paid."""
    return receipt_state(line) in RECEIPT_FINAL and payment_state(line) in PAYMENT_FINAL


class Action(StrEnum):
    """What is done with an order."""

    APPROVE = "approve"
    """Money is set aside, and it goes out."""
    UNOPEN = "unopen"
    """Back to pending: nothing has come of it or been invoiced."""
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"


FROM: Final = {
    Action.APPROVE: frozenset({"pending"}),
    Action.UNOPEN: frozenset({"open"}),
    Action.CLOSE: frozenset({"open"}),
    Action.REOPEN: frozenset({"closed"}),
    Action.CANCEL: frozenset({"pending", "open"}),
}
"""From which states."""


def above_limit(total: int, limit: int | None, *, unlimited: bool) -> bool:
    """Whether an approval takes more than the approver may give."""
    return limit is not None and total > limit and not unlimited


def may_bear(location_ids: Collection[UUID], limited_to: Collection[UUID]) -> bool:
    """Whether a fund that is limited to locations (none: it is not) pays for some of what goes to these; what goes
    nowhere that is told goes to none of them.
    """
    return not limited_to or not set(location_ids).isdisjoint(limited_to)


def unborne(location_ids: Collection[UUID], limits: Collection[Collection[UUID]]) -> list[UUID]:
    """Locations for whose copies none of a line's funds pays, each fund being limited to its locations (none: it is
    not)."""
    return [place for place in location_ids if not any(may_bear([place], limited) for limited in limits)]


@dataclass(frozen=True, slots=True)
class Place:
    """How many of a line's copies are for a location, and how many of these have come."""

    location_id: UUID
    physical: int = 0
    electronic: int = 0
    received_physical: int = 0
    received_electronic: int = 0


def quantity_flaws(quantity: int, electronic: int, places: Sequence[Place]) -> list[tuple[str, int | None]]:
    """Why a line's quantities and those of its locations do not agree, as codes, each with the location's position
    where it is about one. A line that names no locations agrees with itself."""
    flaws: list[tuple[str, int | None]] = []
    if electronic > quantity:
        flaws.append(("electronic-above-quantity", None))
    named: set[UUID] = set()
    for at, place in enumerate(places):
        if place.location_id in named:
            flaws.append(("location-twice", at))
        named.add(place.location_id)
        if not place.physical + place.electronic:
            flaws.append(("location-of-nothing", at))
    if places and electronic <= quantity:
        if sum(place.physical for place in places) != quantity - electronic:
            flaws.append(("physical-not-of-locations", None))
        if sum(place.electronic for place in places) != electronic:
            flaws.append(("electronic-not-of-locations", None))
    return flaws


def short_of_received(before: Sequence[Place], after: Sequence[Place]) -> list[tuple[Place, int | None]]:
    """Locations of which more has come than they are to have, as they were, each with its position among those that
    are told; none where it is not told any more."""
    told = {place.location_id: (at, place) for at, place in enumerate(after)}
    short: list[tuple[Place, int | None]] = []
    for place in before:
        at, new = told.get(place.location_id, (None, Place(place.location_id)))
        if new.physical < place.received_physical or new.electronic < place.received_electronic:
            short.append((place, at))
    return short
