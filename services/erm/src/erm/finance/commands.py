"""Every change of a budget's sums: judged as a whole, written as a whole, each with the transaction that tells it."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal, demand
from chassis.problems import Invalid, Reason, Refused
from erm.configuration.queries import in_force
from erm.finance import queries
from erm.finance.queries import Bearer, Held, Locked
from erm.finance.rules import (
    DERIVED,
    POWERS,
    SUMS,
    Act,
    Encumbered,
    Obstacle,
    Totals,
    Wish,
    obstacles,
    overridden,
    within,
)
from erm.money.rules import written
from erm.rows import insert_many
from erm.units.rules import UNLIMITED, Standing
from erm.units.rules import Act as Deed
from erm.wire import Override


class MoneyRefused(Refused):
    """The budgets do not let it happen; nothing was booked."""

    code, title = "money-refused", "The budgets do not let this happen."


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction to be written."""

    act: Act
    budget_id: UUID
    change: Totals
    counterpart_id: UUID | None = None
    encumbrance_id: UUID | None = None
    order_line_id: UUID | None = None
    invoice_id: UUID | None = None
    invoice_line_id: UUID | None = None
    expense_class_id: UUID | None = None
    pointer: str | None = None


@dataclass
class Books:
    """The budgets that a command works with, under their locks, until its transaction ends."""

    connection: Connection
    actor: str
    now: datetime
    note: str | None = None
    allowed: frozenset[str] = frozenset()
    """Limits that are set aside."""
    standing: Standing = UNLIMITED
    """Which records whoever books may see and change."""
    budgets: dict[UUID, Locked] = field(default_factory=dict)
    _today: date | None = None

    async def today(self) -> date:
        """The library's date."""
        if self._today is None:
            self._today = (await in_force(self.connection)).today(self.now)
        return self._today

    async def open(self, ids: Collection[UUID]) -> None:
        """Lock all budgets that are needed, at once and in order."""
        self.budgets = await queries.lock_budgets(self.connection, ids)

    async def judge(self, entries: Sequence[Entry]) -> list[Reason]:
        """Every reason against these entries together, budget by budget."""
        known = await queries.classes(
            self.connection, {each.expense_class_id for each in entries if each.expense_class_id}
        )
        today = await self.today()
        reasons = []
        by_budget: defaultdict[UUID, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_budget[entry.budget_id].append(entry)
        for budget_id, batch in by_budget.items():
            budget = self.budgets[budget_id]
            change = sum((each.change for each in batch), Totals())
            told = [known[each.expense_class_id] for each in batch if each.expense_class_id in known]
            wish = Wish(
                batch[0].act,
                change,
                frozenset(code for code, _ in told),
                frozenset(code for code, active in told if not active),
                today,
            )
            found = overridden(obstacles(budget.facts, wish), self.allowed)
            if found and not self.standing.lets(Deed.READ, budget.units):
                text = "A budget that bears it does not let this happen."
                mend = "Ask somebody who may see all of its funds."
                reasons.append(Reason("budget-out-of-sight", text, batch[0].pointer, mend))
                continue
            reasons += [obstacle_reason(each, budget, change, batch[0].pointer) for each in found]
        return reasons

    async def write(self, entries: Sequence[Entry]) -> None:
        """Book them, and bring the sums along. Whoever calls has judged them."""
        batch_id = uuid7()
        rows = []
        changes: defaultdict[UUID, Totals] = defaultdict(Totals)
        for position, entry in enumerate(entries):
            changes[entry.budget_id] += entry.change
            rows.append(
                {
                    "id": uuid7(),
                    "batch_id": batch_id,
                    "position": position,
                    "budget_id": entry.budget_id,
                    "act": entry.act.value,
                    **{name: getattr(entry.change, name) for name in SUMS},
                    "counterpart_id": entry.counterpart_id,
                    "encumbrance_id": entry.encumbrance_id,
                    "order_line_id": entry.order_line_id,
                    "invoice_id": entry.invoice_id,
                    "invoice_line_id": entry.invoice_line_id,
                    "expense_class_id": entry.expense_class_id,
                    "note": self.note,
                    "at": self.now,
                    "actor": self.actor,
                }
            )
        await insert_many(self.connection, "budget_transaction", rows)
        told = list(changes.items())
        await self.connection.execute(
            _BRING_ALONG,
            [budget_id for budget_id, _ in told],
            *([getattr(c, n) for _, c in told] for n in SUMS),
        )

    async def keep(self, held: Sequence[tuple[Held, Encumbered, UUID | None]]) -> None:
        """Write encumbrances as they now are, and which invoice has released them."""
        await self.connection.executemany(
            _KEEP,
            [
                (
                    before.id,
                    after.initial,
                    after.awaiting,
                    after.expended,
                    after.credited,
                    after.amount,
                    "active" if after.active else "released",
                    released_by,
                )
                for before, after, released_by in held
            ],
        )


_BRING_ALONG = """
UPDATE budget b SET version = b.version + 1, allocated = b.allocated + t.allocated,
    transferred = b.transferred + t.transferred, encumbered = b.encumbered + t.encumbered,
    awaiting = b.awaiting + t.awaiting, expended = b.expended + t.expended, credited = b.credited + t.credited
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[])
    AS t (id, allocated, transferred, encumbered, awaiting, expended, credited)
WHERE b.id = t.id
"""
_KEEP = """
UPDATE encumbrance SET initial = $2, awaiting = $3, expended = $4, credited = $5, amount = $6, state = $7,
    released_by = $8 WHERE id = $1
"""
_TEXTS = {
    Obstacle.STATE: ("The budget {fund} {year} is {state}.", "Use an active budget."),
    Obstacle.CLOSED: (
        "The fiscal year {year} is closed.",
        "Book it in an open year, or have the year reopened.",
    ),
    Obstacle.NOT_OPEN: ("The fiscal year {year} has not been opened.", "Open it first."),
    Obstacle.PAST_ORDERS: (
        "The fiscal year {year} takes orders until {orders_until}.",
        "Name the next year in fiscal_year_id, or give it more order_grace_days.",
    ),
    Obstacle.PAST_INVOICES: (
        "The fiscal year {year} takes invoices until {invoices_until}.",
        "Name the next year in fiscal_year_id, or give it more invoice_grace_days.",
    ),
    Obstacle.ROLLED_OVER: (
        "The ledger of {fund} has gone over into its next year: nothing more is set aside in {year}.",
        "Name the next year in fiscal_year_id.",
    ),
    Obstacle.FUND: ("The fund {fund} is not in use any more.", "Choose another fund."),
    Obstacle.CLASS: (
        "The budget {fund} {year} does not take this expense class.",
        "Choose one that it takes.",
    ),
    Obstacle.CLASS_INACTIVE: ("The expense class is not in use any more.", "Choose another one."),
    Obstacle.FUNDING: ("The budget {fund} {year} has less than that.", "Move less."),
    Obstacle.ENCUMBRANCE_LIMIT: (
        "The budget {fund} {year} may set aside {limit} {currency}, and would have {value}.",
        "Give it money, choose another fund, or override `encumbrance-limit` (scope overrides:encumbrances).",
    ),
    Obstacle.EXPENDITURE_LIMIT: (
        "The budget {fund} {year} may spend {limit} {currency}, and would have {value}.",
        "Give it money, choose another fund, or override `expenditure-limit` (scope overrides:expenditures).",
    ),
}


def obstacle_reason(obstacle: Obstacle, budget: Locked, change: Totals, pointer: str | None) -> Reason:
    """An obstacle in words."""
    after, facts = budget.facts.totals + change, budget.facts
    value: int | None = None
    limit: int | None = None
    if obstacle in POWERS:
        by_encumbrance = obstacle is Obstacle.ENCUMBRANCE_LIMIT
        percent = facts.encumbrance_percent if by_encumbrance else facts.expenditure_percent
        assert percent is not None
        assert not within(after.unavailable if by_encumbrance else after.spent, after.funding, percent)
        value = after.unavailable if by_encumbrance else after.spent
        limit = int(after.funding * percent // 100)
    text, mend = _TEXTS[obstacle]
    words = text.format(
        fund=budget.fund_code,
        year=budget.year_code,
        state=facts.state,
        currency=budget.currency,
        value=None if value is None else written(value, budget.currency),
        limit=None if limit is None else written(limit, budget.currency),
        orders_until=facts.orders_until,
        invoices_until=facts.invoices_until,
    )
    return Reason(obstacle.value, words, pointer, mend, value, limit)


def allowed_by(asker: Principal, override: Override | None) -> frozenset[str]:
    """The limits that somebody sets aside; one they may not refuses the whole."""
    if override is None:
        return frozenset()
    powers = {obstacle.value: scope for obstacle, scope in POWERS.items()}
    unknown = [limit for limit in override.limits if limit not in powers]
    if unknown:
        raise Invalid(
            reasons=[
                Reason(
                    "limit-unknown",
                    f"There is no limit {each[:60]}.",
                    "/override/limits",
                    " or ".join(powers),
                )
                for each in unknown
            ]
        )
    for limit in override.limits:
        demand(asker, powers[limit])
    return frozenset(override.limits)


async def budgets_for(
    connection: Connection,
    shares: Sequence[tuple[Bearer, str]],
    *,
    fiscal_year_id: UUID | None,
    now: datetime,
    standing: Standing,
) -> tuple[dict[Bearer, UUID], str | None, list[Reason]]:
    """Each fund's budget in the year that is meant, the one currency they share, and every reason why not.

    `shares` are the funds, with their own years, and where in the input they were named. A fund that somebody may not
    see is unknown to them.
    """
    today = (await in_force(connection)).today(now)
    found = await queries.budgets_of(
        connection, {bearer for bearer, _ in shares}, fiscal_year_id=fiscal_year_id, today=today
    )
    found = {bearer: each for bearer, each in found.items() if standing.lets(Deed.READ, each.units)}
    reasons: list[Reason] = []
    for bearer, pointer in shares:
        fund = bearer[0]
        if bearer not in found:
            reasons.append(
                Reason("fund-unknown", f"There is no fund {fund}.", pointer, "Name one that there is.")
            )
        elif found[bearer].budget_id is None:
            text = f"The fund {found[bearer].code} has no budget in the year that is meant."
            reasons.append(Reason("budget-missing", text, pointer, "Make one, or name a fiscal_year_id."))
    currencies = sorted({each.currency for each in found.values()})
    if len(currencies) > 1:
        text = f"These funds are kept in {', '.join(currencies)}."
        reasons.append(Reason("funds-of-several-currencies", text, mend="Use funds of one currency."))
    budgets = {bearer: each.budget_id for bearer, each in found.items() if each.budget_id is not None}
    return budgets, currencies[0] if len(currencies) == 1 else None, reasons


def sums_out(row: Any, currency: str) -> dict[str, str]:
    """A budget's sums and what follows from them, as they are told."""
    totals = Totals(*(row[name] for name in SUMS))
    return {name: written(getattr(totals, name), currency) for name in (*SUMS, *DERIVED)}
