"""What a look brought, in the rules' own types."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from circulation.items.rules import Copy, State, state_of
from circulation.limits.rules import Out, reached
from circulation.loans.rules import Borrower, OpenLoan, Piece
from circulation.patrons.standing import in_the_way, standing
from circulation.places.library import Desk, Library
from circulation.policies.rules import LoanPolicy, Rule
from contracts.circulation import ItemAvailability

NOBODY = UUID(int=0)


@dataclass(slots=True)
class Seen:
    """One look at the desk: the row, and the library it is to be decided by."""

    row: asyncpg.Record
    library: Library
    _rule: Rule | None = None

    def __getitem__(self, name: str) -> Any:
        return self.row[name]

    @property
    def facts(self) -> dict[str, str | None]:
        """What circulation rules match on."""
        row = self.row
        return {
            "patron_group": row["group_code"],
            "location": row["location"],
            "library": row["library"],
            "campus": row["campus"],
            "institution": row["institution"],
            "material_type": row["material_type"],
            "loan_type": row["loan_type"],
        }

    @property
    def rule(self) -> Rule:
        """The rule that applies."""
        if self._rule is None:
            self._rule = self.library.rules.winning(self.facts)
        return self._rule

    def borrower(self, policy: LoanPolicy, action: str) -> Borrower:
        """The patron, who wants to `borrow` or to `renew`."""
        row = self.row
        group = self.library.groups.get(row["group_code"])
        lending = action == "borrow"
        out = row["out_now"]
        stands = standing(row)
        return Borrower(
            active=row["active"],
            expires_at=row["expires_at"],
            blocked=row["blocked"],
            owed=row["owed"],
            open_loans=stands.items_out,
            open_loans_under_policy=(out["policies"] or []).count(policy.code) if lending and out else 0,
            max_owed=group.max_owed if group else None,
            max_loans=group.max_loans if group else None,
            beyond=in_the_way(stands, group, action),
            reached=reached(self.rule, group.max_loans_of if group else {}, row["library"], self.out)
            if lending and not policy.in_library
            else (),
            overdue_items=stands.overdue_items,
        )

    @property
    def out(self) -> list[Out]:
        """What the patron has out, by the facts of the items; where the configuration asks for it."""
        return [Out(told["facts"], told["loans"]) for told in self.row["out_by_facts"] or ()]

    @property
    def piece(self) -> Piece:
        """The item, for a check-out."""
        row = self.row
        return Piece(
            base=row["base"],
            on_loan=row["loan_id"] is not None,
            withdrawing=row["withdrawal_id"] is not None,
            kept_for=row["kept_for"],
            lost=row["loss"] is not None,
            second_copy=bool(row["second_copy"]),
        )

    @property
    def open_loan(self) -> OpenLoan:
        """The loan, for a renewal."""
        row = self.row
        return OpenLoan(
            row["due_at"],
            row["renewals"],
            row["recalled_at"] is not None,
            row["waiting_for_it"],
            row["lent_at"],
            row["claimed_at"] is not None,
            row["lost_cause"],
            row["unseen"],
        )

    @property
    def others_waiting(self) -> int:
        """How many besides the borrower wait for the title."""
        return int(self.row["queue_length"]) - (self.row["own_hold"] is not None)

    def availability(
        self,
        *,
        state: State,
        lendable: bool,
        due_at: datetime | None,
        now: datetime,
        queue_length: int | None = None,
        reshelving_until: datetime | None = None,
    ) -> ItemAvailability:
        """What the item's availability becomes by the act that follows this look."""
        row = self.row
        return ItemAvailability(
            item_id=row["item_id"],
            version=row["item_guard"] + 1,
            title_ids=tuple(row["title_ids"]),
            library=row["library"] or "",
            location=row["location"] or "",
            state=state,
            lendable=lendable,
            due_at=due_at,
            queue_length=row["queue_length"] if queue_length is None else queue_length,
            reshelving_until=reshelving_until,
            as_of=now,
        )


def resting_state(row: Any, *, hold_shelf: bool = False, transit: bool = False) -> State:
    """The state of an item that is not on loan."""
    return state_of(
        Copy(
            base=row["base"],
            awaited_on_shelf=hold_shelf,
            in_transit=transit,
            withdrawing=row["withdrawal_id"] is not None,
        )
    )


def home_of(library: Library, item_library: str | None) -> Desk | None:
    """The desk where an item is at home."""
    return library.homes.get(item_library or "")
