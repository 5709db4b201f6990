"""Double entry: how each act on a fee is booked, what stands against it, where a refund comes from.

`receivable` is what the patron still owes of the fee, `cash` what the library holds of their money (whatever
the method), `transferred` what the bursar collects. Two entries to a booking, which sum to nothing; no
account of a fee but `income` ever falls below zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

from circulation.fees.rules import FeeState, Money, PaymentRefusal, payment_refusals

Key = TypeVar("Key")


class Account(StrEnum):
    """Where an amount stands."""

    RECEIVABLE = "receivable"
    INCOME = "income"
    CASH = "cash"
    WAIVED = "waived"
    TRANSFERRED = "transferred"


class Act(StrEnum):
    """What is done with a fee."""

    CHARGE = "charge"
    PAY = "pay"
    WAIVE = "waive"
    CANCEL = "cancel"
    """It should not have been charged: the income is taken back."""
    TRANSFER = "transfer"
    """The bursar collects it from now on."""
    REFUND = "refund"
    """Money goes back to the patron."""
    CREDIT = "credit"
    """The bursar is told to give back what was transferred."""


SIDES: Final[Mapping[Act, tuple[Account, Account]]] = {
    Act.CHARGE: (Account.RECEIVABLE, Account.INCOME),
    Act.PAY: (Account.CASH, Account.RECEIVABLE),
    Act.WAIVE: (Account.WAIVED, Account.RECEIVABLE),
    Act.CANCEL: (Account.INCOME, Account.RECEIVABLE),
    Act.TRANSFER: (Account.TRANSFERRED, Account.RECEIVABLE),
    Act.REFUND: (Account.INCOME, Account.CASH),
    Act.CREDIT: (Account.INCOME, Account.TRANSFERRED),
}
"""Debit and credit."""
GIVES_BACK: Final = frozenset({Act.REFUND, Act.CREDIT})
"""These leave what is owed as it is: the fee was settled, and part of that is undone."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a booking; debits positive, credits negative."""

    account: Account
    amount: Money


def booked(act: Act, amount: Money) -> tuple[Entry, Entry]:
    """Both sides."""
    debit, credit = SIDES[act]
    return Entry(debit, amount), Entry(credit, amount * -1)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a fee stands: what of it is owed, held, collected elsewhere."""

    charged: Money
    owed: Money
    held: Money
    transferred: Money

    @property
    def refundable(self) -> Money:
        """What could be given back."""
        return self.held + self.transferred


def standing(charged: Money, balances: Mapping[str, int]) -> Standing:
    """From the balances of the fee's accounts."""

    def of(account: Account) -> Money:
        return Money(balances.get(account, 0), charged.currency)

    return Standing(charged, of(Account.RECEIVABLE), of(Account.CASH), of(Account.TRANSFERRED))


class Refusal(StrEnum):
    """Why nothing is given back."""

    MORE_THAN_REFUNDABLE = "more-than-refundable"


def refusals(act: Act, fee: Standing, amount: Money) -> list[PaymentRefusal | Refusal]:
    """Every reason against an act on a fee."""
    if act not in GIVES_BACK:
        state = FeeState.OPEN if fee.owed else FeeState.CLOSED
        return [*payment_refusals(remaining=fee.owed, state=state, amount=amount)]
    reasons: list[PaymentRefusal | Refusal] = []
    if amount.minor <= 0:
        reasons.append(PaymentRefusal.NOT_POSITIVE)
    if amount.currency != fee.charged.currency:
        reasons.append(PaymentRefusal.OTHER_CURRENCY)
    elif amount > {Act.REFUND: fee.held, Act.CREDIT: fee.transferred}[act]:
        reasons.append(Refusal.MORE_THAN_REFUNDABLE)
    return reasons


@dataclass(frozen=True, slots=True)
class Source:
    """Money that came in for a fee, net of what was given back: by which method, or to which account."""

    act: Act
    name: str
    amount: Money


def refund_parts(sources: Sequence[Source], amount: Money) -> list[Source]:
    """A refund goes back where the money came from, newest first; less than asked where there is not as much."""
    parts = []
    left = amount
    for source in sources:
        taken = min(left, source.amount)
        if taken.minor > 0:
            parts.append(Source(source.act, source.name, taken))
            left = left - taken
    return parts


def spread(amount: Money, owed: Iterable[tuple[Key, Money]]) -> list[tuple[Key, Money]]:
    """An amount over several fees in the order given; what is more than all of them is left over."""
    parts = []
    left = amount
    for name, remaining in owed:
        part = min(left, remaining)
        if part.minor > 0:
            parts.append((name, part))
            left = left - part
    return parts


_WORDS: Final = {
    Act.PAY: "paid",
    Act.WAIVE: "waived",
    Act.CANCEL: "cancelled",
    Act.TRANSFER: "transferred",
    Act.REFUND: "refunded",
    Act.CREDIT: "refunded",
}


def status_after(act: Act, *, whole: bool) -> str:
    """How a fee is being settled, apart from whether it is open (L99): `paid-partly`, `waived-fully` …"""
    return f"{_WORDS[act]}-{'fully' if whole else 'partly'}"
