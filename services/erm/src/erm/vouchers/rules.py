"""What kind of voucher an invoice makes, what becomes of it, and whether a payment that is told of is its."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class VoucherKind(StrEnum):
    """What the university's books are to do."""

    PAYMENT = "payment"
    CREDIT = "credit"
    """The vendor gives back."""
    REVERSAL = "reversal"
    """Take back a voucher that they were told of."""


class VoucherState(StrEnum):
    """How far it has got."""

    AWAITING = "awaiting"
    """It goes out with its group's next batch."""
    EXPORTED = "exported"
    PAID = "paid"
    CANCELLED = "cancelled"
    """Its invoice was cancelled; of one that was exported, a reversal tells."""


def kind_of(amount: int) -> VoucherKind:
    """Of an invoice that comes to so much."""
    return VoucherKind.CREDIT if amount < 0 else VoucherKind.PAYMENT


def wants_reversal(*, exported: bool) -> bool:
    """Whether the books have to be told that an invoice was cancelled: only what they have heard of is taken back."""
    return exported


@dataclass(frozen=True, slots=True)
class Told:
    """A payment as the university's books report it; the amount in minor units."""

    amount: int
    currency: str
    reference: str


@dataclass(frozen=True, slots=True)
class Known:
    """The voucher as it stands."""

    state: VoucherState
    amount: int
    currency: str
    reference: str | None


def is_known(told: Told, known: Known) -> bool:
    """The same was reported before."""
    return known.state is VoucherState.PAID and told == Told(
        known.amount, known.currency, known.reference or ""
    )


def payment_flaws(told: Told, known: Known) -> list[str]:
    """Everything that speaks against a payment; nothing against one that was reported before."""
    if is_known(told, known):
        return []
    applies = {
        "voucher-not-exported": known.state is VoucherState.AWAITING,
        "voucher-cancelled": known.state is VoucherState.CANCELLED,
        "paid-otherwise": known.state is VoucherState.PAID,
        "amount-differs": (told.amount, told.currency) != (known.amount, known.currency),
    }
    return [code for code, holds in applies.items() if holds]


ATTEMPTS: Final = 12
"""After so many it is left to somebody: two days and a half with the gaps between them."""
FIRST_GAP: Final = timedelta(minutes=1)
LONGEST_GAP: Final = timedelta(hours=12)


def tried_again_at(attempts: int, now: datetime) -> datetime | None:
    """When a batch that could not be delivered is tried again: in a minute, then in four times that each time, within
    half a day; None: it has been tried often enough."""
    if attempts >= ATTEMPTS:
        return None
    gap: timedelta = min(LONGEST_GAP, FIRST_GAP * 4 ** min(attempts - 1, 6))
    return now + gap


def file_name(group: str, number: int, form: str) -> str:
    """What a batch is called where it is put; a group's code is letters, digits and `._/-`."""
    return f"vouchers-{group.replace('/', '_')}-{number:06}.{form}"
