"""A rollover as it goes through budgets and orders: what is booked, what became of each, and every reason why not."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from chassis.problems import Reason
from erm.finance.commands import Entry, obstacle_reason
from erm.finance.queries import Held, Locked
from erm.finance.rules import POWERS, Act, Totals, Wish, obstacles
from erm.orders.encumbering import Kept, Place, Planned, begun, moved
from erm.orders.queries import Order
from erm.rollovers.queries import Part
from erm.rollovers.rules import (
    BudgetRule,
    OrderRule,
    RolloverOutcome,
    allocated,
    becomes,
    carried,
    comes_along,
    takes_part,
    worth,
)

Classes = Mapping[UUID, tuple[str, bool]]
"""Code and whether it is in use, of each expense class."""


@dataclass
class Account:
    """A budget as the rollover goes through it."""

    locked: Locked
    now: Totals

    @classmethod
    def of(cls, locked: Locked) -> "Account":
        """As it stands under its lock."""
        return cls(locked, locked.facts.totals)

    def refusals(self, wish: Wish, pointer: str | None, *, limits: bool) -> list[Reason]:
        """Every reason against it as the budget now stands; its limits only where they count."""
        stands = replace(self.locked, facts=replace(self.locked.facts, totals=self.now))
        return [
            obstacle_reason(each, stands, wish.change, pointer)
            for each in obstacles(stands.facts, wish)
            if limits or each not in POWERS
        ]


@dataclass
class Fund:
    """What a fund's next year got."""

    fund_id: UUID
    code: str
    allocated: int = 0
    carried: int = 0
    released: int = 0
    encumbered: int = 0
    reasons: list[Reason] = field(default_factory=list)


@dataclass
class Told:
    """What became of an order."""

    order_id: UUID
    outcome: RolloverOutcome
    lines: list[dict[str, Any]] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    released: int = 0
    encumbered: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """One place of an order line goes over."""

    part: Part
    target: UUID
    amount: int
    released: int

    @property
    def place(self) -> Place:
        """Where it is set aside from now on."""
        return self.part.held.order_line_id, self.target, self.part.held.expense_class_id


@dataclass
class Plan:
    """Everything that is to be booked, judged as it is gathered."""

    ledger_id: UUID
    from_year: UUID
    last_day: date
    """Of the year that ends."""
    today: date
    accounts: Mapping[UUID, Account]
    targets: Mapping[UUID, UUID]
    """The next year's budget, by the budget of this year, of the ledger that goes over."""
    orders: Mapping[str, OrderRule]
    budgets: Mapping[UUID, BudgetRule]
    """By fund."""
    classes: Classes
    standing: dict[Place, Held] = field(default_factory=dict)
    """What the next year has set aside already (a prepayment), by place; active."""
    funds: dict[UUID, Fund] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    """What has gone over."""
    begun: list[dict[str, Any]] = field(default_factory=list)
    grown: list[Kept] = field(default_factory=list)

    def fund(self, budget_id: UUID) -> Fund:
        """What is told of a budget's fund."""
        locked = self.accounts[budget_id].locked
        return self.funds.setdefault(locked.fund_id, Fund(locked.fund_id, locked.fund_code))

    def move_money(self) -> None:
        """Budgets first, so that orders find their money."""
        for before, after in self.targets.items():
            source, target, fund = self.accounts[before], self.accounts[after], self.fund(before)
            if source.now.awaiting:
                text = (
                    f"Approved invoices are to be paid from {fund.code}; what they do not need stays there."
                )
                fund.reasons.append(Reason("payments-awaited", text, mend="Pay or cancel them."))
            rule = self.budgets.get(fund.fund_id)
            if rule is None:
                continue
            new, along = allocated(source.now, rule), carried(source.now, rule)
            out = Wish(Act.ALLOCATE, Totals(allocated=-along))
            reasons = source.refusals(out, None, limits=False) if along else []
            reasons += target.refusals(Wish(Act.ALLOCATE, Totals(allocated=new + along)), None, limits=False)
            if reasons:
                fund.reasons += reasons
                continue
            if new:
                self._book(Entry(Act.ALLOCATE, after, Totals(allocated=new)))
            self._carry(before, after, along)
            fund.allocated = new

    def _book(self, entry: Entry) -> None:
        self.accounts[entry.budget_id].now += entry.change
        self.entries.append(entry)

    def _carry(self, before: UUID, after: UUID, amount: int) -> None:
        if amount:
            self._book(Entry(Act.ALLOCATE, before, Totals(allocated=-amount), after))
            self._book(Entry(Act.ALLOCATE, after, Totals(allocated=amount), before))
            self.fund(before).carried += amount

    def order(self, order: Order, parts: Sequence[Part]) -> None:
        """Carry an order over as a whole, or tell why not."""
        told = Told(order.id, RolloverOutcome.ROLLED)
        ongoing = order.row["order_type"] != "one-time"
        going = [
            part
            for part in parts
            if takes_part(
                part.held.sums,
                gone_over=part.held.rollover_id is not None,
                by_invoice=part.held.released_by is not None,
                ongoing=ongoing,
            )
        ]
        if not any(self._is_ours(part) for part in going):
            return
        self.told.append(told)
        rule = self.orders.get(order.row["order_type"])
        if rule is None:
            told.outcome = RolloverOutcome.LEFT
            text = f"No rule is for {order.row['order_type']} orders."
            told.reasons.append(
                Reason("no-rule", text, mend="Close it, or approve it anew in the next year.")
            )
            return
        if waits := sorted({part.ledger_code for part in going if self._waits(part)}):
            told.outcome = RolloverOutcome.WAITING
            text = f"{', '.join(waits)} bears some of it, and has not gone over yet."
            told.reasons.append(
                Reason("waits-for-ledger", text, mend=f"Roll over {' and '.join(waits)}, too.")
            )
            return
        moves, told.reasons = self._moves(order, going, rule)
        told.reasons = told.reasons or self._refusals(moves)
        if told.reasons:
            told.outcome = RolloverOutcome.FAILED
            return
        places: defaultdict[Place, int] = defaultdict(int)
        for each in moves:
            self._roll(each, told)
            places[each.place] += each.amount
        for place, amount in places.items():
            if amount:
                self._set_aside(place, amount)

    def _is_ours(self, part: Part) -> bool:
        return part.ledger_id == self.ledger_id and part.year["fiscal_year_id"] == self.from_year

    def _waits(self, part: Part) -> bool:
        """Whether another ledger has to go over first: one whose year has begun before ours ends."""
        if part.ledger_id == self.ledger_id or part.to_year_id is not None:
            return False
        begun: bool = part.year["starts_on"] <= self.last_day
        return begun

    def _moves(self, order: Order, going: Iterable[Part], rule: OrderRule) -> tuple[list[Move], list[Reason]]:
        """What each place of each line is to be next year."""
        by_line: defaultdict[UUID, list[Part]] = defaultdict(list)
        reasons = []
        for part in going:
            if self._is_ours(part) or part.to_year_id is not None:
                by_line[part.held.order_line_id].append(part)
        moves = []
        for line_id, parts in by_line.items():
            pointer = f"/lines/{order.line(line_id).row['position']}"
            amounts = becomes([worth(part.held.sums, rule.based_on) for part in parts], rule)
            for part, amount in zip(parts, amounts, strict=True):
                target = self.targets.get(part.held.budget_id) if self._is_ours(part) else part.to_budget_id
                if target is None or target not in self.accounts:
                    code = self.accounts[part.held.budget_id].locked.fund_code
                    text = f"The fund {code} has no budget in the next year."
                    reasons.append(Reason("budget-missing", text, pointer, "Make one, then try again."))
                    continue
                moves.append(Move(part, target, amount, part.held.sums.amount))
        return moves, reasons

    def _along(self, move: Move, before: Totals) -> int:
        fund_id = self.accounts[move.part.held.budget_id].locked.fund_id
        rule = self.budgets.get(fund_id)
        return comes_along(before, move.released) if rule is not None and rule.carry_encumbered else 0

    def _refusals(self, moves: Sequence[Move]) -> list[Reason]:
        """Every reason of every budget, with all that the order would do to it."""
        source: defaultdict[UUID, Totals] = defaultdict(Totals)
        target: defaultdict[UUID, Totals] = defaultdict(Totals)
        named: defaultdict[UUID, set[UUID]] = defaultdict(set)
        for each in moves:
            before = each.part.held.budget_id
            along = self._along(each, self.accounts[before].now + source[before])
            source[before] += Totals(encumbered=-each.released, allocated=-along)
            target[each.target] += Totals(encumbered=each.amount, allocated=along)
            if each.part.held.expense_class_id is not None:
                named[each.target].add(each.part.held.expense_class_id)
        reasons = []
        for budget_id, change in source.items():
            wish = Wish(Act.RELEASE, change)
            reasons += self.accounts[budget_id].refusals(wish, None, limits=False)
        for budget_id, change in target.items():
            known = [self.classes[each] for each in named[budget_id]]
            wish = Wish(
                Act.ENCUMBER,
                change,
                frozenset(code for code, _ in known),
                frozenset(code for code, active in known if not active),
                self.today,
            )
            if change.encumbered:
                reasons += self.accounts[budget_id].refusals(wish, None, limits=True)
        return reasons

    def _roll(self, move: Move, told: Told) -> None:
        held = move.part.held
        self._carry(held.budget_id, move.target, self._along(move, self.accounts[held.budget_id].now))
        self.moved.append(move)
        if move.released:
            self._book(moved(held, held.sums.released(), Act.RELEASE))
        fund = self.fund(held.budget_id)
        fund.released += move.released
        fund.encumbered += move.amount
        told.released += move.released
        told.encumbered += move.amount
        told.lines.append(
            {
                "order_line_id": str(held.order_line_id),
                "fund_id": str(fund.fund_id),
                "fund": fund.code,
                "released": move.released,
                "encumbered": move.amount,
            }
        )

    def _set_aside(self, place: Place, amount: int) -> None:
        """A new encumbrance, or more of one that the next year has for the same place."""
        stands = self.standing.get(place)
        if stands is not None:
            after = replace(stands.sums, initial=stands.sums.initial + amount)
            self._book(moved(stands, after, Act.CHANGE))
            self.grown.append((stands, after, stands.released_by))
            return
        rows, entries = begun([Planned(place, amount, "")])
        self.begun += rows
        self._book(replace(entries[0], pointer=None))
