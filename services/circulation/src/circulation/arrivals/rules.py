"""What becomes of an item by being scanned, apart from its loan and the holds on it? Decisions only."""

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from circulation.items.rules import GONE_BASES, INTELLECTUAL, Loss, State

WITHDRAWN: Final = "withdrawn"


class Refusal(StrEnum):
    """Why a check-in is refused, with nothing changed. Codes never change."""

    ITEM_INTELLECTUAL = "item-intellectual"
    ITEM_WITHDRAWN = "item-withdrawn"
    ITEM_LOST = "item-lost"
    PIECES_UNCONFIRMED = "pieces-unconfirmed"


TEXTS: Final = {
    Refusal.ITEM_INTELLECTUAL: (
        "The record stands for no single thing that could come in.",
        "Scan the piece that lies before you; if this is it, set the item right in the catalogue.",
    ),
    Refusal.ITEM_WITHDRAWN: (
        "The item has been withdrawn. Nothing was changed.",
        "Hand it to whoever looks after withdrawals, or add it to the collection anew.",
    ),
    Refusal.ITEM_LOST: (
        "The item counts as lost. Nothing was changed.",
        "Hand it to whoever looks after lost items.",
    ),
    Refusal.PIECES_UNCONFIRMED: (
        "Nobody has said yet whether all its pieces are there.",
        "Look at them and send confirm: pieces, naming what is missing in missing_pieces.",
    ),
}
"""What is said, and what would mend it."""


def refusals(
    *,
    base: str,
    loss: str | None,
    withdrawn: str,
    lost: str,
    pieces: int | None,
    confirm: bool,
    confirmed: bool,
) -> list[Refusal]:
    """Every reason not to take an item in. `withdrawn` and `lost` are the library's settings."""
    applies = {
        Refusal.ITEM_INTELLECTUAL: base == INTELLECTUAL,
        Refusal.ITEM_WITHDRAWN: base == WITHDRAWN and withdrawn == "refuse",
        Refusal.ITEM_LOST: loss in (Loss.LOST, Loss.LOST_AND_PAID) and lost == "refuse",
        Refusal.PIECES_UNCONFIRMED: unconfirmed(pieces, confirm=confirm, confirmed=confirmed),
    }
    return [refusal for refusal, holds in applies.items() if holds]


def unconfirmed(pieces: int | None, *, confirm: bool, confirmed: bool) -> bool:
    """Whether somebody has still to look at the pieces: of one piece nothing can be missing."""
    return confirm and not confirmed and pieces is not None and pieces > 1


def is_found(*, base: str, missing: str, withdrawn: str) -> bool:
    """Whether what the catalogue thinks gone is part of the collection again by being scanned."""
    if base not in GONE_BASES:
        return False
    return withdrawn == "revive" if base == WITHDRAWN else missing == "find"


def used_in_house(
    *,
    counted: bool,
    state: str,
    reshelving_until: datetime | None,
    now: datetime,
    reshelved: bool,
    serves_home: bool,
) -> bool:
    """Whether a scan tells that somebody read the item here without borrowing it.

    It was to be had, stood on its shelf as far as anybody knew, nobody waits for it, and the desk looks after
    its home (mod-circulation: InHouseUseCheckInTest). What has only just come in is scanned a second time.
    """
    on_shelf = state == State.AVAILABLE and (reshelving_until is None or reshelving_until <= now)
    return counted and on_shelf and reshelved and serves_home


def back_on_shelf_at(*, reshelved: bool, minutes: int, now: datetime) -> datetime | None:
    """Until when an item is on its way from the desk to its shelf; None where that takes no time."""
    return now + timedelta(minutes=minutes) if reshelved and minutes else None


def asks_for_pieces(at: str, confirm_pieces: Collection[str]) -> bool:
    """Whether the library has its pieces confirmed at `check-out` or `check-in`."""
    return at in confirm_pieces
