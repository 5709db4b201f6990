"""What stands against taking up what another system hands over, and where a hold stands in its queue.

None of the rules of lending is asked: whoever had a book on the last day of the old system has it on the first of the
new one, blocked or not. Only what cannot be true is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from circulation.holds.rules import IN_FULFILMENT, HoldState


class Kind(StrEnum):
    """What is handed over."""

    PATRON = "patron"
    LOAN = "loan"
    HOLD = "hold"
    FEE = "fee"


class Outcome(StrEnum):
    """What became of a row."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    """It was loaded before, with the same facts."""
    REFUSED = "refused"
    """Nothing was written but that; it may be sent again."""


class Refusal(StrEnum):
    """Why a row cannot be taken up. Codes never change."""

    PATRON_UNKNOWN = "patron-unknown"
    ITEM_UNKNOWN = "item-unknown"
    TITLE_UNKNOWN = "title-unknown"
    LOAN_UNKNOWN = "loan-unknown"
    SERVICE_POINT_UNKNOWN = "service-point-unknown"
    NO_PICKUP_POINT = "no-pickup-point"
    FEE_TYPE_UNKNOWN = "fee-type-unknown"
    ITEM_LENT = "item-lent"
    ITEM_KEPT = "item-kept-for-hold"
    ITEM_GONE = "item-gone"
    ITEM_OF_OTHER_TITLE = "item-of-other-title"
    ITEM_MISSING = "item-not-named"
    IN_THE_FUTURE = "in-the-future"
    DUE_NOT_AFTER_LENT = "due-not-after-lent"
    OTHER_CURRENCY = "other-currency"
    MORE_THAN_CHARGED = "more-than-charged"
    TOLD_OTHERWISE = "told-otherwise"


TEXTS: Final = {
    Refusal.PATRON_UNKNOWN: "No patron was brought here by this legacy id.",
    Refusal.ITEM_UNKNOWN: "Circulation does not know the item; its import may still be under way.",
    Refusal.TITLE_UNKNOWN: "No item of the title is known here; its import may still be under way.",
    Refusal.LOAN_UNKNOWN: "No loan was brought here by this legacy id.",
    Refusal.SERVICE_POINT_UNKNOWN: "There is no such service point.",
    Refusal.NO_PICKUP_POINT: "Nothing can be picked up at this service point.",
    Refusal.FEE_TYPE_UNKNOWN: "There is no such fee type, and no rule charges such a fee.",
    Refusal.ITEM_LENT: "The item is lent already.",
    Refusal.ITEM_KEPT: "The item is kept for somebody's hold.",
    Refusal.ITEM_GONE: "The item is withdrawn, about to be, or lost.",
    Refusal.ITEM_OF_OTHER_TITLE: "The item does not belong to this title.",
    Refusal.ITEM_MISSING: "A hold on an item, or one that waits on the hold shelf, names its item.",
    Refusal.IN_THE_FUTURE: "It has not happened yet.",
    Refusal.DUE_NOT_AFTER_LENT: "It is due before it was lent.",
    Refusal.OTHER_CURRENCY: "The library keeps its accounts in another currency.",
    Refusal.MORE_THAN_CHARGED: "More remains to be paid than was charged.",
    Refusal.TOLD_OTHERWISE: "It was loaded before with other facts; what is here was left as it is.",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """An item, as circulation knows it."""

    lent: bool = False
    kept: bool = False
    """For a hold: paged, on its way, on the shelf."""
    gone: bool = False
    title_ids: tuple[UUID, ...] = ()


def loan_refusals(
    *,
    patron_known: bool,
    item: Piece | None,
    point_known: bool,
    lent_at: datetime,
    due_at: datetime,
    now: datetime,
) -> list[Refusal]:
    """Every reason against an open loan."""
    applies = {
        Refusal.PATRON_UNKNOWN: not patron_known,
        Refusal.ITEM_UNKNOWN: item is None,
        Refusal.SERVICE_POINT_UNKNOWN: not point_known,
        Refusal.ITEM_LENT: item is not None and item.lent,
        Refusal.ITEM_KEPT: item is not None and item.kept,
        Refusal.ITEM_GONE: item is not None and item.gone,
        Refusal.IN_THE_FUTURE: lent_at > now,
        Refusal.DUE_NOT_AFTER_LENT: due_at <= lent_at,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def hold_refusals(
    *,
    patron_known: bool,
    title_id: UUID,
    title_known: bool,
    item_named: bool,
    item: Piece | None,
    on_item: bool,
    ready: bool,
    point_known: bool,
    pickup: bool,
    placed_at: datetime,
    now: datetime,
) -> list[Refusal]:
    """Every reason against a hold: `on_item` and no other, or on the title; `ready` on the hold shelf, or waiting."""
    named = item_named and item is not None
    applies = {
        Refusal.PATRON_UNKNOWN: not patron_known,
        Refusal.TITLE_UNKNOWN: not title_known,
        Refusal.ITEM_UNKNOWN: item_named and item is None,
        Refusal.ITEM_MISSING: (on_item or ready) and not item_named,
        Refusal.ITEM_OF_OTHER_TITLE: named and item is not None and title_id not in item.title_ids,
        Refusal.ITEM_LENT: ready and item is not None and item.lent,
        Refusal.ITEM_KEPT: ready and item is not None and item.kept,
        Refusal.ITEM_GONE: ready and item is not None and item.gone,
        Refusal.SERVICE_POINT_UNKNOWN: not point_known,
        Refusal.NO_PICKUP_POINT: point_known and not pickup,
        Refusal.IN_THE_FUTURE: placed_at > now,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def fee_refusals(
    *,
    patron_known: bool,
    type_known: bool,
    loan_unknown: bool,
    item_unknown: bool,
    amount: int,
    remaining: int,
    currency: str,
    ours: str,
    charged_at: datetime,
    now: datetime,
) -> list[Refusal]:
    """Every reason against an open fee; `loan_unknown` and `item_unknown` where one is named."""
    applies = {
        Refusal.PATRON_UNKNOWN: not patron_known,
        Refusal.LOAN_UNKNOWN: loan_unknown,
        Refusal.ITEM_UNKNOWN: item_unknown,
        Refusal.FEE_TYPE_UNKNOWN: not type_known,
        Refusal.OTHER_CURRENCY: currency != ours,
        Refusal.MORE_THAN_CHARGED: remaining > amount,
        Refusal.IN_THE_FUTURE: charged_at > now,
    }
    return [refusal for refusal, holds in applies.items() if holds]


@dataclass(frozen=True, slots=True)
class Queued:
    """A hold in a title's queue; `place` is what it had in the old system's, where it comes from there."""

    id: UUID
    state: str
    place: int | None = None


def queue_with(present: Sequence[Queued], new: Iterable[Queued]) -> list[Queued]:
    """The queue with what is handed over: who is served before who waits, and among those the old order.

    Somebody's hold that was placed here keeps its turn; a hold that comes late goes before those that stood behind it.
    """
    served = [hold for hold in present if HoldState(hold.state) in IN_FULFILMENT]
    waiting = [hold for hold in present if HoldState(hold.state) not in IN_FULFILMENT]
    for hold in sorted(new, key=lambda each: each.place or 0):
        line = served if HoldState(hold.state) in IN_FULFILMENT else waiting
        line.insert(_turn(line, hold.place or 0), hold)
    return [*served, *waiting]


def _turn(line: Sequence[Queued], place: int) -> int:
    for at, other in enumerate(line):
        if other.place is not None and other.place > place:
            return at
    return len(line)
