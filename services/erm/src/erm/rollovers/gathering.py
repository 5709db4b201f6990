"""What a rollover goes through: the next year's budgets, the orders under their locks, and the plan of it all."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from chassis.database import Connection
from chassis.ids import uuid7
from erm.finance import queries as finance
from erm.finance.commands import Books
from erm.finance.queries import Locked
from erm.finance.rules import Facts, Totals, until
from erm.orders import queries as orders
from erm.rollovers import queries
from erm.rollovers.entering import BudgetRuleIn, RulesIn
from erm.rollovers.planning import Account, Plan
from erm.rollovers.queries import Part
from erm.rollovers.rules import BudgetRule


class Moved(Exception):
    """An order was approved between looking for orders and locking budgets."""


_MAKE_BUDGET = """
INSERT INTO budget (id, fund_id, fiscal_year_id, state, encumbrance_percent, expenditure_percent, expense_classes,
    created_at)
VALUES ($1, $2, $3, 'active', $4, $5, $6, $7)
ON CONFLICT (fund_id, fiscal_year_id) DO UPDATE SET version = budget.version + 1,
    state = CASE budget.state WHEN 'planned' THEN 'active' ELSE budget.state END,
    encumbrance_percent = CASE WHEN $8 THEN excluded.encumbrance_percent ELSE budget.encumbrance_percent END,
    expenditure_percent = CASE WHEN $9 THEN excluded.expenditure_percent ELSE budget.expenditure_percent END
"""


def _limits(fund: Any, rule: BudgetRuleIn) -> dict[str, Any]:
    """The next year's limits: as they are told, else as this year's."""
    names = ("encumbrance_percent", "expenditure_percent")
    return {name: getattr(rule, name) if name in rule.model_fields_set else fund[name] for name in names}


async def make_budgets(connection: Connection, row: Any, rules: RulesIn, now: datetime) -> None:
    """Budgets of the next year for all funds that a rule is for; one that is planned becomes active."""
    for fund in await queries.funds(connection, row["ledger_id"], row["from_year_id"], row["to_year_id"]):
        rule = rules.of_fund(fund["fund_id"])
        if rule is None or not fund["active"]:
            continue
        limits = _limits(fund, rule)
        await connection.execute(
            _MAKE_BUDGET,
            uuid7(),
            fund["fund_id"],
            row["to_year_id"],
            *limits.values(),
            fund["expense_classes"],
            now,
            *(name in rule.model_fields_set for name in limits),
        )


async def planned(
    connection: Connection, row: Mapping[str, Any], rules: RulesIn, books: Books, *, lock: bool, first: bool
) -> Plan:
    """What a rollover does to everything as it now stands."""
    ids = await queries.candidates(connection, row["ledger_id"], row["from_year_id"])
    found = await orders.orders(connection, ids, lock=lock)
    parts = await queries.parts(connection, found)
    funds = await queries.funds(connection, row["ledger_id"], row["from_year_id"], row["to_year_id"])
    wanted = {fund[name] for fund in funds for name in ("before_id", "after_id")}
    for part in parts:
        wanted |= {part.held.budget_id, part.to_budget_id}
    locked = await finance.lock_budgets(connection, wanted - {None}, lock=lock)
    if lock:
        if await queries.candidates(connection, row["ledger_id"], row["from_year_id"]) - found.keys():
            raise Moved
        parts = await queries.parts(connection, found)
        books.budgets = locked
    years = await queries.years(connection, [row["from_year_id"], row["to_year_id"]], lock=False)
    targets = {fund["before_id"]: fund["after_id"] for fund in funds if fund["after_id"] is not None}
    for fund in funds:
        rule = rules.of_fund(fund["fund_id"])
        if lock or rule is None or not fund["active"]:
            continue
        new = _to_be(locked[fund["before_id"]], years[row["to_year_id"]], _limits(fund, rule))
        if fund["after_id"] is not None:
            new = _as_changed(locked[fund["after_id"]], rule)
        locked[new.id] = new
        targets[fund["before_id"]] = new.id
    plan = Plan(
        ledger_id=row["ledger_id"],
        from_year=row["from_year_id"],
        last_day=years[row["from_year_id"]]["ends_on"],
        today=await books.today(),
        accounts={budget_id: Account.of(each) for budget_id, each in locked.items()},
        targets=targets,
        orders=rules.by_type,
        budgets=rules.by_fund([fund["fund_id"] for fund in funds]) | _of_others(parts, row["ledger_id"]),
        classes=await finance.classes(
            connection,
            {part.held.expense_class_id for part in parts if part.held.expense_class_id is not None},
        ),
        standing={part.held.place: part.held for part in parts if part.held.sums.active},
    )
    for fund in funds:
        plan.fund(fund["before_id"])
    if first:
        plan.move_money()
    by_order: dict[UUID, list[Part]] = {}
    for part in parts:
        by_order.setdefault(part.order_id, []).append(part)
    for order_id in sorted(by_order):
        if found[order_id].row["state"] == "open":
            plan.order(found[order_id], by_order[order_id])
    return plan


def _of_others(parts: Sequence[Part], ledger_id: UUID) -> dict[UUID, BudgetRule]:
    """For funds of ledgers that have gone before: the rule by which they went."""
    told: dict[UUID, BudgetRule] = {}
    for part in parts:
        if part.ledger_id != ledger_id and part.rules is not None and part.held.fund_id is not None:
            told |= RulesIn.model_validate(part.rules).by_fund([part.held.fund_id])
    return told


def _as_changed(after: Locked, rule: BudgetRuleIn) -> Locked:
    """A budget that the next year has already, as it is to be when the ledger goes over."""
    limits = rule.model_dump(include={"encumbrance_percent", "expenditure_percent"}, exclude_unset=True)
    state = "active" if after.facts.state == "planned" else after.facts.state
    return replace(after, facts=replace(after.facts, state=state, **limits))


def _to_be(before: Locked, year: Any, limits: Mapping[str, Any]) -> Locked:
    """A budget that is made when the ledger goes over."""
    facts_to_be = Facts(
        totals=Totals(),
        state="active",
        year_state=year["state"],
        fund_active=before.facts.fund_active,
        encumbrance_percent=limits["encumbrance_percent"],
        expenditure_percent=limits["expenditure_percent"],
        expense_classes=before.facts.expense_classes,
        orders_until=until(year["ends_on"], year["order_grace_days"]),
    )
    return Locked(uuid7(), before.fund_id, before.fund_code, year["code"], before.currency, facts_to_be)
