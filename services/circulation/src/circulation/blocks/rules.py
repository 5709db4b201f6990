"""Reasons to refuse a check-out or a renewal: their codes, their words, and which may be overridden."""

from collections.abc import Collection
from enum import StrEnum
from typing import Final

from circulation.proxies.rules import TEXTS as PROXY_TEXTS
from circulation.proxies.rules import ProxyRefusal


class Block(StrEnum):
    """A reason to refuse a check-out or a renewal. Codes never change."""

    ITEM_ON_LOAN = "item-on-loan"
    ITEM_NOT_LOANABLE = "item-not-loanable"
    ITEM_STATE = "item-state"
    ITEM_WITHDRAWING = "item-withdrawing"
    ITEM_LOST = "item-lost"
    ITEM_INTELLECTUAL = "item-intellectual"
    PIECES_UNCONFIRMED = "pieces-unconfirmed"
    CLAIMED_RETURNED = "claimed-returned"
    DECLARED_LOST = "declared-lost"
    AGED_TO_LOST = "aged-to-lost"
    ITEM_HELD_FOR_ANOTHER = "item-held-for-another"
    CARD_EXPIRED = "card-expired"
    PATRON_INACTIVE = "patron-inactive"
    PATRON_BLOCKED = "patron-blocked"
    FEES_OWED = "fees-owed"
    LOAN_LIMIT = "loan-limit"
    GROUP_LOAN_LIMIT = "group-loan-limit"
    OVERDUE_ITEMS = "overdue-items"
    OVERDUE_RECALLS = "overdue-recalls"
    RECALL_OVERDUE_DAYS = "recall-overdue-days"
    LOST_ITEMS = "lost-items"
    WARDS_OWE = "wards-owe"
    NO_OPEN_DAY = "no-open-day"
    DUE_NOT_AHEAD = "due-not-ahead"
    NOT_RENEWABLE = "not-renewable"
    RENEWAL_LIMIT = "renewal-limit"
    HOLDS_WAIT = "holds-wait"
    RECALLED = "recalled"
    DUE_DATE_UNCHANGED = "due-date-unchanged"
    OUTSIDE_SCHEDULE = "outside-schedule"
    RENEWED_TOO_EARLY = "renewed-too-early"
    TOTAL_PERIOD = "total-period"
    RULE_LOAN_LIMIT = "rule-loan-limit"
    LIBRARY_LOAN_LIMIT = "library-loan-limit"
    NEW_ITEM_LOCAL = "new-item-local"
    SECOND_COPY = "second-copy"
    UNSEEN_LIMIT = "unseen-limit"
    LOAN_OVERDUE = "loan-overdue"
    OTHERS_OVERDUE = "others-overdue"
    PROXY_IS_SPONSOR = "proxy-is-sponsor"
    PROXY_UNRELATED = "proxy-unrelated"
    PROXY_INACTIVE = "proxy-inactive"


TEXTS: Final = {
    Block.ITEM_ON_LOAN: ("The item is on loan to somebody else.", "Return it first."),
    Block.ITEM_NOT_LOANABLE: ("The loan policy does not lend this item.", "Override, naming a due time."),
    Block.ITEM_STATE: ("The item's state in the catalogue stands against it.", "Set the item's state right."),
    Block.ITEM_WITHDRAWING: (
        "The item is being withdrawn.",
        "Wait for the withdrawal to end, or see it refused.",
    ),
    Block.ITEM_LOST: ("The item counts as lost.", "Return it first: that is how it is found."),
    Block.ITEM_INTELLECTUAL: (
        "The record stands for no single thing that could be lent.",
        "Scan the piece that lies before you.",
    ),
    Block.PIECES_UNCONFIRMED: (
        "Nobody has said yet whether all its pieces are there.",
        "Look at them and send confirm: pieces, naming what is missing in missing_pieces.",
    ),
    Block.CLAIMED_RETURNED: ("The patron says that it was brought back.", "Resolve that claim first."),
    Block.DECLARED_LOST: ("The item is declared lost.", "Return it, or override: its fees are undone."),
    Block.AGED_TO_LOST: ("The item has aged to lost.", "Return it, or override: its fees are undone."),
    Block.ITEM_HELD_FOR_ANOTHER: (
        "The item is held for another patron.",
        "Lend it to that patron, or override.",
    ),
    Block.CARD_EXPIRED: ("The patron's card has expired.", "Renew the card."),
    Block.PATRON_INACTIVE: ("The patron is not active.", "Activate the patron."),
    Block.PATRON_BLOCKED: ("The patron is blocked.", "Lift the block, or override."),
    Block.FEES_OWED: ("The patron owes more than the group may.", "Take a payment, or override."),
    Block.LOAN_LIMIT: ("The patron has as many of these as the policy allows.", "Return one, or override."),
    Block.GROUP_LOAN_LIMIT: ("The patron has as many loans as the group allows.", "Return one, or override."),
    Block.OVERDUE_ITEMS: (
        "The patron has more overdue items than the group may.",
        "Return them, or override.",
    ),
    Block.LOST_ITEMS: (
        "The patron has more lost items than the group may.",
        "Settle or find them, or override.",
    ),
    Block.WARDS_OWE: (
        "Those the patron answers for owe more than the group may.",
        "Take a payment for them, or override.",
    ),
    Block.OVERDUE_RECALLS: (
        "The patron has more overdue recalled items than the group may.",
        "Return them, or override.",
    ),
    Block.RECALL_OVERDUE_DAYS: (
        "The patron keeps a recalled item longer than the group may.",
        "Return it, or override.",
    ),
    Block.NO_OPEN_DAY: ("The service point's calendar has no open day within a year.", "Mend the calendar."),
    Block.DUE_NOT_AHEAD: ("The due time would not lie ahead.", "The card may be about to expire: renew it."),
    Block.NOT_RENEWABLE: ("The loan policy does not renew this.", "Override, naming a due time."),
    Block.RENEWAL_LIMIT: (
        "The loan has been renewed as often as the policy allows.",
        "Return it, or override.",
    ),
    Block.HOLDS_WAIT: ("Others are waiting for it.", "Return it, or override."),
    Block.RECALLED: ("It has been recalled.", "Return it, or override."),
    Block.DUE_DATE_UNCHANGED: ("A renewal would not move the due time forward.", "Renew later."),
    Block.OUTSIDE_SCHEDULE: (
        "The policy's schedule has no due date for this day.",
        "Add a term to the schedule, or override, naming a due time.",
    ),
    Block.RENEWED_TOO_EARLY: ("It is too early to renew this loan.", "Renew later, or override."),
    Block.TOTAL_PERIOD: (
        "The loan has lasted as long as the policy allows in all.",
        "Return it, or override, naming a due time.",
    ),
    Block.RULE_LOAN_LIMIT: (
        "The patron has as many of these as the rule allows.",
        "Return one, or override.",
    ),
    Block.LIBRARY_LOAN_LIMIT: (
        "The patron has as many of the library's items as the group allows.",
        "Return one, or override.",
    ),
    Block.NEW_ITEM_LOCAL: (
        "The item is new, and lent by its own library alone for a while.",
        "Lend it at a service point of that library, wait, or override.",
    ),
    Block.SECOND_COPY: ("The patron has another copy of it.", "Confirm that this is meant."),
    Block.UNSEEN_LIMIT: (
        "It has been renewed as often as the policy allows without being seen.",
        "Bring it to the desk, or override.",
    ),
    Block.LOAN_OVERDUE: ("The loan is overdue.", "Return it, or override."),
    Block.OTHERS_OVERDUE: ("The patron has overdue items.", "Return them, or override."),
    Block.PROXY_IS_SPONSOR: PROXY_TEXTS[ProxyRefusal.SELF],
    Block.PROXY_UNRELATED: PROXY_TEXTS[ProxyRefusal.UNRELATED],
    Block.PROXY_INACTIVE: PROXY_TEXTS[ProxyRefusal.INACTIVE],
}
"""What is said, and what would mend it."""

OVERRIDABLE: Final = frozenset(
    {
        Block.ITEM_NOT_LOANABLE,
        Block.ITEM_STATE,
        Block.ITEM_HELD_FOR_ANOTHER,
        Block.PATRON_BLOCKED,
        Block.FEES_OWED,
        Block.LOAN_LIMIT,
        Block.GROUP_LOAN_LIMIT,
        Block.OVERDUE_ITEMS,
        Block.OVERDUE_RECALLS,
        Block.RECALL_OVERDUE_DAYS,
        Block.LOST_ITEMS,
        Block.WARDS_OWE,
        Block.NOT_RENEWABLE,
        Block.RENEWAL_LIMIT,
        Block.HOLDS_WAIT,
        Block.RECALLED,
        Block.DECLARED_LOST,
        Block.AGED_TO_LOST,
        Block.OUTSIDE_SCHEDULE,
        Block.RENEWED_TOO_EARLY,
        Block.TOTAL_PERIOD,
        Block.RULE_LOAN_LIMIT,
        Block.LIBRARY_LOAN_LIMIT,
        Block.NEW_ITEM_LOCAL,
        Block.SECOND_COPY,
        Block.UNSEEN_LIMIT,
        Block.LOAN_OVERDUE,
        Block.OTHERS_OVERDUE,
    }
)
"""Staff with the scope may override these, with a comment; never a double loan or a withdrawal."""
NEEDS_DUE_TIME: Final = frozenset(
    {Block.ITEM_NOT_LOANABLE, Block.NOT_RENEWABLE, Block.OUTSIDE_SCHEDULE, Block.TOTAL_PERIOD}
)
"""The policy names no period for these: who overrides them names the due time."""


def not_overridable(blocks: Collection[Block]) -> list[Block]:
    """Those among the blocks that nobody may override."""
    return [block for block in blocks if block not in OVERRIDABLE]


def overridden(blocks: Collection[Block], named: Collection[Block], *, due_named: bool) -> list[Block]:
    """The blocks that an override sets aside: those it names, and stands for with a due time where one is needed."""
    return [
        block
        for block in blocks
        if block in named and block in OVERRIDABLE and (due_named or block not in NEEDS_DUE_TIME)
    ]
