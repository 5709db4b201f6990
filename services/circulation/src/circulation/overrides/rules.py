"""Which permission sets which block aside (L41). Decisions only.

The scope `loans:override` sets aside whatever can be; each of `overrides:…` its own kind. One that is missing
refuses the whole override, so that nobody believes half of it done.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from circulation.blocks.rules import Block
from circulation.holds.rules import HoldRefusal

ALL: Final = "loans:override"
"""Whoever has this may set aside every block that can be."""


class Power(StrEnum):
    """A scope that sets aside one kind of block."""

    ITEM = "overrides:items"
    LIMIT = "overrides:limits"
    PATRON = "overrides:patrons"
    HOLD = "overrides:holds"
    RECALL = "overrides:recalls"
    RENEWAL = "overrides:renewals"
    DUE_DATE = "overrides:dates"
    LOST = "overrides:losses"


POWERS: Final[Mapping[StrEnum, Power]] = {
    Block.ITEM_NOT_LOANABLE: Power.ITEM,
    Block.ITEM_STATE: Power.ITEM,
    Block.NEW_ITEM_LOCAL: Power.ITEM,
    Block.ITEM_HELD_FOR_ANOTHER: Power.HOLD,
    Block.HOLDS_WAIT: Power.HOLD,
    Block.RECALLED: Power.RECALL,
    Block.PATRON_BLOCKED: Power.PATRON,
    Block.FEES_OWED: Power.PATRON,
    Block.OVERDUE_ITEMS: Power.PATRON,
    Block.OVERDUE_RECALLS: Power.PATRON,
    Block.RECALL_OVERDUE_DAYS: Power.PATRON,
    Block.LOST_ITEMS: Power.PATRON,
    Block.WARDS_OWE: Power.PATRON,
    Block.LOAN_LIMIT: Power.LIMIT,
    Block.GROUP_LOAN_LIMIT: Power.LIMIT,
    Block.RULE_LOAN_LIMIT: Power.LIMIT,
    Block.LIBRARY_LOAN_LIMIT: Power.LIMIT,
    Block.NOT_RENEWABLE: Power.RENEWAL,
    Block.RENEWAL_LIMIT: Power.RENEWAL,
    Block.UNSEEN_LIMIT: Power.RENEWAL,
    Block.RENEWED_TOO_EARLY: Power.RENEWAL,
    Block.TOTAL_PERIOD: Power.RENEWAL,
    Block.LOAN_OVERDUE: Power.RENEWAL,
    Block.OTHERS_OVERDUE: Power.RENEWAL,
    Block.OUTSIDE_SCHEDULE: Power.DUE_DATE,
    Block.DECLARED_LOST: Power.LOST,
    Block.AGED_TO_LOST: Power.LOST,
}
"""Every block that can be set aside, but those that whoever lends may confirm."""
HOLD_POWERS: Final[Mapping[StrEnum, Power]] = {
    HoldRefusal.NEW_ITEM_LOCAL: Power.ITEM,
    HoldRefusal.COPY_ON_SHELF: Power.HOLD,
    HoldRefusal.ON_SHELF_AT_PICKUP: Power.HOLD,
    HoldRefusal.PATRON_BLOCKED: Power.PATRON,
    HoldRefusal.FEES_OWED: Power.PATRON,
    HoldRefusal.OVERDUE_ITEMS: Power.PATRON,
    HoldRefusal.OVERDUE_RECALLS: Power.PATRON,
    HoldRefusal.RECALL_OVERDUE_DAYS: Power.PATRON,
    HoldRefusal.LOST_ITEMS: Power.PATRON,
    HoldRefusal.WARDS_OWE: Power.PATRON,
    HoldRefusal.HOLD_LIMIT: Power.LIMIT,
    HoldRefusal.DAY_LIMIT: Power.LIMIT,
    HoldRefusal.GROUP_LOAN_LIMIT: Power.LIMIT,
}
"""What stands against a hold and can be set aside. What no copy can do, or the policy does not have, stays refused."""
CONFIRMED: Final = frozenset({Block.SECOND_COPY})
"""Questions rather than refusals: who lends may answer them, without a scope or a comment."""


def scopes_missing(
    blocks: Collection[StrEnum], granted: Collection[str], powers: Mapping[StrEnum, Power] = POWERS
) -> list[str]:
    """The scopes that an override of these blocks needs and that are not granted, in order.

    Of blocks that nobody may set aside it needs the scope for all: what else is wrong with them is told after that.
    """
    if ALL in granted or "*" in granted:
        return []
    needed = {powers.get(block, ALL) for block in blocks if block not in CONFIRMED}
    return sorted(str(scope) for scope in needed if scope not in granted)
