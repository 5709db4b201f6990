"""Loans for use in the library: what becomes of one between two uses (L21). Decisions only.

In use, kept at the desk for the patron's next use, in use again: all on one loan, until it is checked in.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar
from circulation.policies.rules import LoanPolicy

IN_USE: Final = "in-use"
HELD: Final = "held"
RETURNED: Final = "returned"


class Refusal(StrEnum):
    """Why the desk neither keeps nor hands out an item. Codes never change."""

    LOAN_CLOSED = "loan-closed"
    NOT_IN_LIBRARY = "not-for-use-in-library"
    ALREADY_HELD = "already-held"
    NOT_HELD = "not-held"
    CLAIMED_RETURNED = "claimed-returned"
    ITEM_LOST = "item-lost"
    KEPT_TOO_LONG = "kept-too-long"


TEXTS: Final = {
    Refusal.LOAN_CLOSED: ("The loan has ended.", "Lend the item again."),
    Refusal.NOT_IN_LIBRARY: ("The loan is not for use in the library.", "Check the item in."),
    Refusal.ALREADY_HELD: ("The desk keeps it already.", "Hand it out first."),
    Refusal.NOT_HELD: ("The patron has it.", "Take it to the desk first."),
    Refusal.CLAIMED_RETURNED: ("The patron says that it was brought back.", "Resolve that claim first."),
    Refusal.ITEM_LOST: ("The item counts as lost.", "Return it: that is how it is found."),
    Refusal.KEPT_TOO_LONG: ("The time for which it was kept is over.", "Check it in, and lend it again."),
}
"""What is said, and what would mend it."""


def _refusals(use: str | None, *, ended: bool, claimed: bool, lost: bool) -> dict[Refusal, bool]:
    return {
        Refusal.LOAN_CLOSED: ended,
        Refusal.NOT_IN_LIBRARY: use is None,
        Refusal.CLAIMED_RETURNED: not ended and claimed,
        Refusal.ITEM_LOST: not ended and lost,
    }


def keeping_refusals(use: str | None, *, ended: bool, claimed: bool, lost: bool) -> list[Refusal]:
    """Every reason not to keep an item at the desk."""
    applies = _refusals(use, ended=ended, claimed=claimed, lost=lost) | {Refusal.ALREADY_HELD: use == HELD}
    return [refusal for refusal, holds in applies.items() if holds]


def handing_out_refusals(
    use: str | None,
    *,
    ended: bool,
    claimed: bool,
    lost: bool,
    held_until: datetime | None,
    now: datetime,
) -> list[Refusal]:
    """Every reason not to hand it out again."""
    applies = _refusals(use, ended=ended, claimed=claimed, lost=lost) | {
        Refusal.NOT_HELD: use == IN_USE,
        Refusal.KEPT_TOO_LONG: use == HELD and held_until is not None and held_until <= now,
    }
    return [refusal for refusal, holds in applies.items() if holds]


def held_until(policy: LoanPolicy | None, calendar: Calendar, *, due_at: datetime, now: datetime) -> datetime:
    """Until when the desk keeps it: the policy's time in the place's own zone, never past the due time."""
    if policy is None or policy.desk_shelf is None:
        return due_at
    return min(policy.desk_shelf.after(now, calendar), due_at)
