"""What differs between what is kept and what it counts up to. Decisions only: no clock, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from circulation.items.rules import Copy, Loss, state_of


class Walk(StrEnum):
    """What is gone through, one after the other."""

    PATRONS = "patrons"
    ITEMS = "items"
    FEES = "fees"


class Kind(StrEnum):
    """What can differ. Codes never change."""

    LOANS_MISCOUNTED = "loans-miscounted"
    DEBT_MISCOUNTED = "debt-miscounted"
    ITEM_UNLIKE_LOAN = "item-unlike-loan"
    ITEM_STATE = "item-state"
    FEE_UNLIKE_LEDGER = "fee-unlike-ledger"


REPAIRED: Final = frozenset(
    {Kind.LOANS_MISCOUNTED, Kind.DEBT_MISCOUNTED, Kind.ITEM_UNLIKE_LOAN, Kind.ITEM_STATE}
)
"""Counts and copies that follow from what they count. A fee and its ledger are both evidence: a person decides."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference."""

    kind: Kind
    subject_id: UUID
    kept: dict[str, Any]
    counted: dict[str, Any]


def patron_findings(row: Mapping[str, Any]) -> list[Finding]:
    """A patron's counters against the open loans and fees: `open_loans`, `claims_open`, `owed` as kept."""
    found = []
    loans = {"open_loans": row["open_loans"], "claims_open": row["claims_open"]}
    counted = {"open_loans": row["loans"], "claims_open": row["claims"]}
    if loans != counted:
        found.append(Finding(Kind.LOANS_MISCOUNTED, row["id"], loans, counted))
    if row["owed"] != row["owing"]:
        found.append(Finding(Kind.DEBT_MISCOUNTED, row["id"], {"owed": row["owed"]}, {"owed": row["owing"]}))
    return found


def item_findings(row: Mapping[str, Any]) -> list[Finding]:
    """An item against its open loan, and the state that follows from both (W7)."""
    lent = row["lent_id"] is not None
    kept = {"loan_id": row["loan_id"], "due_at": row["due_at"], "loss": row["loss"]}
    counted = {
        "loan_id": row["lent_id"],
        "due_at": row["lent_until"],
        "loss": _loss(row) if lent else row["loss"],
    }
    found = []
    if kept != counted:
        found.append(Finding(Kind.ITEM_UNLIKE_LOAN, row["id"], _told(kept), _told(counted)))
    copy = Copy(
        row["base"],
        on_loan=lent,
        awaited_on_shelf=row["hold_shelf"],
        in_transit=row["transit_to"] is not None,
        paged=row["hold_id"] is not None,
        withdrawing=row["withdrawal_id"] is not None,
        loss=counted["loss"],
    )
    state = state_of(copy)
    if state != row["state"]:
        found.append(Finding(Kind.ITEM_STATE, row["id"], {"state": row["state"]}, {"state": state.value}))
    return found


def _loss(row: Mapping[str, Any]) -> str | None:
    if row["claimed_at"] is not None:
        return Loss.CLAIMED_RETURNED.value
    return Loss.LOST.value if row["lost_at"] is not None else None


def _told(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: None if fact is None else str(fact) for name, fact in facts.items()}


def fee_findings(row: Mapping[str, Any]) -> list[Finding]:
    """What a fee leaves to pay, against its balance in the ledger; both in minor units."""
    if row["remaining"] == row["balance"]:
        return []
    kept, counted = {"remaining": row["remaining"]}, {"remaining": row["balance"]}
    return [Finding(Kind.FEE_UNLIKE_LEDGER, row["id"], kept, counted)]
