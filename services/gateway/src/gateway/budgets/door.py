"""What happens to a request before anybody works on it: counted, told what is left, and given a place."""

from datetime import datetime
from typing import Any, Final

from starlette.types import Scope

from chassis.principal import SCOPE_KEY, Principal
from chassis.problems import Problem, Reason
from gateway.budgets.counting import Budgets
from gateway.budgets.places import Places
from gateway.budgets.rules import Asker, Kind, Left, asker_of
from gateway.budgets.work import BITS, Work
from gateway.routing.bodies import declares_body

PASS: Final = b"guard-pass"
PASSES: Final = "/v1/guard-passes"
HEALTH: Final = "/health/"
"""Whoever watches over us asks this often."""
MEND: Final = "Ask less often, or say who you are: programs and people have budgets of their own."


class BudgetSpent(Problem):
    """Whoever asks has asked more than there is for them in a minute."""

    status, code, title = 429, "budget-spent", "You have asked more than your share; wait a little."


class Entrance:
    """Budgets and places of one process."""

    def __init__(self, budgets: Budgets, places: Places, work: Work) -> None:
        self.budgets, self.places, self.work = budgets, places, work

    def count(self, scope: Scope, now: datetime) -> tuple[Kind, Left | None]:
        """Count a request to whoever asks; what is left to them, None where nothing is counted."""
        if scope["path"].startswith(HEALTH):
            return Kind.DESK, None
        who: Principal = scope[SCOPE_KEY]
        address = _address(scope)
        asker = asker_of(who.kind, who.ref, who.scopes, who.on_behalf_of, address)
        if asker.kind is Kind.STRANGER:
            asker = self._with_pass(scope, asker, address, now)
        return asker.kind, self.budgets.take(asker, address, now)

    def _with_pass(self, scope: Scope, asker: Asker, address: str | None, now: datetime) -> Asker:
        shown = next((value for name, value in scope["headers"] if name == PASS), None)
        if shown is None or not self.budgets.document.proof_of_work:
            return asker
        holder = self.work.holder(shown.decode("latin-1"), address, now=now)
        return asker if holder is None else Asker(Kind.STRANGER, f"pass {holder}")

    def check(self, left: Left, scope: Scope, now: datetime) -> None:
        """Raise `BudgetSpent` when the request was one too many; strangers are told how to get another budget."""
        if not left.spent:
            return
        more: dict[str, Any] = {}
        if left.name == Kind.STRANGER and left.limit and self.budgets.document.proof_of_work:
            if scope["path"] == PASSES:
                return
            challenge = self.work.challenge(_address(scope), now=now)
            more["work"] = {"challenge": challenge, "zero_bits": BITS, "answer_to": PASSES}
        raise BudgetSpent(
            reasons=[
                Reason("budget-spent", "So many requests a minute are yours.", mend=MEND, limit=left.limit)
            ],
            headers={"Retry-After": str(left.seconds)},
            **more,
        )

    async def place(self, kind: Kind, scope: Scope) -> bool:
        """A place to be worked on, for what comes without a body: whoever sends one slowly must not hold one."""
        return not declares_body(scope) and await self.places.take(kind)


def _address(scope: Scope) -> str | None:
    client: tuple[str, int] | None = scope.get("client")
    return client[0] if client else None
