"""The rules of a rollover as they are told on the wire, and kept as they were told."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from erm.finance.budgets import LimitPercent
from erm.rollovers.rules import Basis, BudgetRule, OrderRule
from erm.wire import Strict

Increase = Annotated[Decimal, Field(ge=-100, le=1000, max_digits=10, decimal_places=6)]
Allocate = Annotated[Decimal, Field(ge=0, le=1000, max_digits=10, decimal_places=6)]
Carry = Annotated[Decimal, Field(ge=0, le=100, max_digits=9, decimal_places=6)]


class OrderRuleIn(Strict):
    """What the next year sets aside for orders of one kind. Orders of a kind that has no rule stay where they are."""

    order_type: Literal["one-time", "ongoing", "subscription"]
    based_on: Basis
    increase_percent: Increase = Decimal(0)
    """Dearer by so much; cheaper where negative."""


class BudgetRuleIn(Strict):
    """What the next year's budgets of some funds get; one that is not there is made."""

    fund_ids: Annotated[list[UUID], Field(min_length=1, max_length=500)] | None = None
    """None: all funds of the ledger that no other rule names."""
    allocate_percent: Allocate | None = None
    """Of what this year's budget was allocated; none: nothing anew."""
    carry_available_percent: Carry = Decimal(0)
    """How much of what is available goes along."""
    carry_encumbered: bool = False
    """Money that was set aside for an order goes along with it."""
    encumbrance_percent: LimitPercent | None = None
    """The next year's limit; left out: as this year's. `null`: no limit."""
    expenditure_percent: LimitPercent | None = None


class RulesIn(Strict):
    """How orders and budgets go over."""

    orders: list[OrderRuleIn] = Field(default_factory=list, max_length=3)
    budgets: list[BudgetRuleIn] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _each_once(self) -> "RulesIn":
        kinds = [rule.order_type for rule in self.orders]
        if len(set(kinds)) < len(kinds):
            raise ValueError("orders of a kind have one rule")
        named = [fund for rule in self.budgets for fund in rule.fund_ids or []]
        if len(set(named)) < len(named):
            raise ValueError("a fund has one rule")
        if sum(rule.fund_ids is None for rule in self.budgets) > 1:
            raise ValueError("one rule at most is for all funds that are not named")
        return self

    @property
    def by_type(self) -> Mapping[str, OrderRule]:
        """The rule of each kind of order."""
        return {rule.order_type: OrderRule(rule.based_on, rule.increase_percent) for rule in self.orders}

    def of_fund(self, fund_id: UUID) -> BudgetRuleIn | None:
        """The rule of a fund: one that names it before the one for all."""
        for rule in self.budgets:
            if rule.fund_ids is not None and fund_id in rule.fund_ids:
                return rule
        return next((rule for rule in self.budgets if rule.fund_ids is None), None)

    def by_fund(self, fund_ids: Collection[UUID]) -> dict[UUID, BudgetRule]:
        """The rule of each of these funds that has one."""
        told = {fund_id: self.of_fund(fund_id) for fund_id in fund_ids}
        return {
            fund_id: BudgetRule(rule.allocate_percent, rule.carry_available_percent, rule.carry_encumbered)
            for fund_id, rule in told.items()
            if rule is not None
        }


class RolloverIn(RulesIn):
    """A ledger is to go over from one year into another."""

    ledger_id: UUID
    from_year_id: UUID
    to_year_id: UUID
