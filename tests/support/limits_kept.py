"""No limit is passed unless somebody said so: what was told is played through, patron by patron, against the limits.

Whatever counts for a patron is told while that patron's row is held, so what is told of one patron stands in the order
in which it happened. What was taken over from another system passed no desk of ours, and no limit either. Limits change
while desks work: an act is held against the most generous of those that were in force since the last look.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.circulation import (
    HoldCancelled,
    HoldExpired,
    HoldFilled,
    HoldPlaced,
    ItemClaimedReturned,
    ItemClaimResolved,
    ItemLostAndPaid,
    LoanCreated,
    LoanReturned,
    PatronMerged,
)
from contracts.events import Envelope

_OUT_NO_MORE = {kind.type for kind in (LoanReturned, ItemClaimedReturned, ItemClaimResolved, ItemLostAndPaid)}
_WAITS_NO_MORE = {kind.type for kind in (HoldCancelled, HoldExpired, HoldFilled)}
NOT_COUNTED = "here-only"
"""The policy of what is used in the library alone."""


def most(limits: Iterable[int | None]) -> float:
    """The most generous of them; none is no limit."""
    return max(float("inf") if limit is None else limit for limit in limits)


@dataclass
class Limits:
    """What each patron has, as it has been told."""

    out: dict[str, dict[str, str]] = field(default_factory=dict)
    """Loans that count, with their policies."""
    waiting: dict[str, set[str]] = field(default_factory=dict)
    owed: dict[str, int] = field(default_factory=dict)
    """When it was looked last."""
    money: set[str] = field(default_factory=set)
    """Whose fees have changed since."""
    late: dict[str, list[str]] = field(default_factory=dict)
    """Who was lent something since, with what was set aside."""

    def hear(self, envelope: Envelope, in_force: list[dict[str, Any]], policies: Mapping[str, str]) -> None:
        """Raise if an act has passed a limit; `policies`: of holds."""
        data = envelope.data
        if envelope.type == LoanCreated.type:
            self._lent(LoanCreated.model_validate(data), in_force)
        elif envelope.type in _OUT_NO_MORE:
            self.out.get(str(data["loan"]["patron_ref"]), {}).pop(data["loan_id"], None)
        elif envelope.type == HoldPlaced.type:
            self._placed(HoldPlaced.model_validate(data), in_force, policies)
        elif envelope.type in _WAITS_NO_MORE:
            self.waiting.get(str(data["hold"]["patron_ref"]), set()).discard(data["hold_id"])
        elif envelope.type == PatronMerged.type:
            told = PatronMerged.model_validate(data)
            for merged in map(str, told.merged_refs):
                self.out.setdefault(str(told.patron_ref), {}).update(self.out.pop(merged, {}))
                self.waiting.setdefault(str(told.patron_ref), set()).update(self.waiting.pop(merged, set()))
            self.money.add(str(told.patron_ref))
        elif envelope.type.startswith("circulation.fee-"):
            self.money.add(str(data["fee"]["patron_ref"]))

    def _lent(self, told: LoanCreated, in_force: list[dict[str, Any]]) -> None:
        loan, out = told.loan, self.out.setdefault(str(told.loan.patron_ref), {})
        if loan.policy == NOT_COUNTED:
            return
        self.late.setdefault(str(loan.patron_ref), []).append(
            "fees-owed" if "fees-owed" in told.overridden else loan.patron_group
        )
        of_policy = sum(policy == loan.policy for policy in out.values())
        for block, value, allowed in (
            (
                "group-loan-limit",
                len(out),
                most(_of_group(each, loan.patron_group)["max_loans"] for each in in_force),
            ),
            (
                "loan-limit",
                of_policy,
                most(_policy(each, "loan", loan.policy).get("max_loans") for each in in_force),
            ),
        ):
            within = value < allowed or block in told.overridden or told.migrated_from is not None
            assert within, f"{block}: {value} of {allowed}: {told}"
        out[str(told.loan_id)] = loan.policy

    def _placed(self, told: HoldPlaced, in_force: list[dict[str, Any]], policies: Mapping[str, str]) -> None:
        waiting = self.waiting.setdefault(str(told.hold.patron_ref), set())
        code = policies[str(told.hold_id)]
        allowed = most(_policy(each, "hold", code).get("max_holds") for each in in_force)
        within = len(waiting) < allowed or "hold-limit" in told.overridden or told.migrated_from is not None
        assert within, f"hold-limit: {len(waiting)} of {allowed}: {told}"
        waiting.add(str(told.hold_id))

    def look(self, owed: dict[str, int], in_force: list[dict[str, Any]]) -> None:
        """Raise if somebody was lent to who owed too much all the while."""
        for patron, lent in self.late.items():
            before = self.owed.get(patron)
            if patron in self.money or before is None:
                continue
            for group in lent:
                if group != "fees-owed":
                    allowed = most(_of_group(each, group)["max_owed"] for each in in_force)
                    assert before <= allowed, f"fees-owed: {before} of {allowed} by {patron}"
        self.owed = owed
        self.money.clear()
        self.late.clear()


def _of_group(document: dict[str, Any], code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["patron_groups"] if each["code"] == code)
    return found


def _policy(document: dict[str, Any], kind: str, code: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document[f"{kind}_policies"] if each["code"] == code)
    return found
