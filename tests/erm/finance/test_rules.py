"""What a budget holds and what it lets happen, by example."""

from dataclasses import replace
from decimal import Decimal

import pytest

from erm.finance.rules import (
    Act,
    Encumbered,
    Facts,
    Obstacle,
    Totals,
    Wish,
    may_move,
    obstacles,
    overridden,
    together,
)

FULL = Totals(allocated=900, transferred=100, encumbered=300, awaiting=200, expended=250, credited=50)
BUDGET = Facts(Totals(allocated=1000), "active", "open", fund_active=True, encumbrance_percent=Decimal(100),
               expenditure_percent=Decimal(100))  # fmt: skip


@pytest.mark.parametrize(
    ("totals", "told"),
    [
        (FULL, {"funding": 1000, "unavailable": 700, "available": 300, "cash_balance": 800}),
        (FULL, {"over_expended": 0, "over_encumbered": 0, "spent": 400}),
        (Totals(allocated=100, credited=150), {"unavailable": 0, "available": 250, "spent": 0}),
        (Totals(allocated=100, expended=130), {"available": -30, "over_expended": 30, "over_encumbered": 0}),
        (Totals(allocated=100, encumbered=60, expended=90), {"over_expended": 0, "over_encumbered": 50}),
        (Totals(allocated=100, encumbered=60, expended=130), {"over_expended": 30, "over_encumbered": 60}),
    ],
    ids=["sums", "within", "more credit than spending", "overspent", "overencumbered", "both"],
)
def test_what_follows_from_the_sums(totals: Totals, told: dict[str, int]) -> None:
    assert {name: getattr(totals, name) for name in told} == told


@pytest.mark.parametrize(
    ("budget", "wish", "found"),
    [
        (BUDGET, Wish(Act.ENCUMBER, Totals(encumbered=1000)), []),
        (BUDGET, Wish(Act.ENCUMBER, Totals(encumbered=1001)), [Obstacle.ENCUMBRANCE_LIMIT]),
        (BUDGET, Wish(Act.APPROVE, Totals(awaiting=1001)), [Obstacle.EXPENDITURE_LIMIT]),
        (replace(BUDGET, totals=Totals(1000, encumbered=1000)), Wish(Act.APPROVE, Totals(awaiting=500)), []),
        (replace(BUDGET, encumbrance_percent=None), Wish(Act.ENCUMBER, Totals(encumbered=9999)), []),
        (replace(BUDGET, encumbrance_percent=Decimal("110.5")), Wish(Act.ENCUMBER, Totals(encumbered=1105)), []),
        (replace(BUDGET, totals=Totals(1000, encumbered=1200)), Wish(Act.RELEASE, Totals(encumbered=-10)), []),
        (replace(BUDGET, totals=Totals(1000, expended=800)), Wish(Act.ALLOCATE, Totals(-300)),
         [Obstacle.ENCUMBRANCE_LIMIT, Obstacle.EXPENDITURE_LIMIT]),
        (BUDGET, Wish(Act.ALLOCATE, Totals(-1001)),
         [Obstacle.FUNDING, Obstacle.ENCUMBRANCE_LIMIT, Obstacle.EXPENDITURE_LIMIT]),
        (replace(BUDGET, state="planned"), Wish(Act.ALLOCATE, Totals(10)), []),
        (replace(BUDGET, state="planned"), Wish(Act.ENCUMBER, Totals(encumbered=1)), [Obstacle.STATE]),
        (replace(BUDGET, state="frozen"), Wish(Act.RELEASE, Totals(encumbered=-1)), [Obstacle.STATE]),
        (replace(BUDGET, state="closed", year_state="closed", fund_active=False),
         Wish(Act.APPROVE, Totals(awaiting=2000)),
         [Obstacle.CLOSED, Obstacle.STATE, Obstacle.FUND, Obstacle.EXPENDITURE_LIMIT]),
        (replace(BUDGET, fund_active=False), Wish(Act.PAY, Totals(awaiting=-5, expended=5)), []),
        (replace(BUDGET, expense_classes=frozenset({"books"})),
         Wish(Act.ENCUMBER, Totals(encumbered=1), frozenset({"binding"}), frozenset({"binding"})),
         [Obstacle.CLASS, Obstacle.CLASS_INACTIVE]),
        (replace(BUDGET, year_state="planned"), Wish(Act.ENCUMBER, Totals(encumbered=1)), [Obstacle.NOT_OPEN]),
    ],
    ids=[
        "to the last unit", "one too many", "spending", "spending beside what is set aside", "no limit",
        "a limit above all", "letting go of too much", "money that is used is taken away", "more than there is",
        "planned takes money", "planned is not used", "frozen", "every reason at once", "what is under way ends",
        "classes", "a year to come",
    ],
)  # fmt: skip
def test_every_reason_is_told(budget: Facts, wish: Wish, found: list[Obstacle]) -> None:
    assert obstacles(budget, wish) == found


def test_only_limits_are_set_aside() -> None:
    found = [Obstacle.STATE, Obstacle.ENCUMBRANCE_LIMIT, Obstacle.EXPENDITURE_LIMIT]

    assert overridden(found, {"encumbrance-limit", "budget-not-active"}) == [
        Obstacle.STATE,
        Obstacle.EXPENDITURE_LIMIT,
    ]


@pytest.mark.parametrize(
    ("sums", "amount"),
    [
        (Encumbered(100), 100),
        (Encumbered(100, awaiting=30), 70),
        (Encumbered(100, expended=130), 0),
        (Encumbered(100, awaiting=30, expended=20, credited=10), 60),
        (Encumbered(100, awaiting=-30), 100),
        (Encumbered(100, credited=50), 100),
        (Encumbered(100, expended=30).released(), 0),
        (Encumbered(100, expended=30).released().restored(), 70),
    ],
)
def test_an_encumbrance_stays_between_nothing_and_what_it_began_with(sums: Encumbered, amount: int) -> None:
    assert sums.amount == amount


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [("planned", "active", True), ("active", "planned", False), ("frozen", "frozen", True), ("active", "closed", False),
     ("closed", "active", False), ("closed", "closed", True)],
)  # fmt: skip
def test_a_budget_is_closed_with_its_year_alone(before: str, after: str, may: bool) -> None:
    assert may_move(before, after) is may


@pytest.mark.parametrize(
    ("budgets", "told"),
    [
        ([], (0, 0, 0, 0, 0)),
        ([Totals(allocated=100, encumbered=30)], (100, 30, 70, 0, 0)),
        ([Totals(allocated=100, encumbered=130), Totals(allocated=1000)], (1100, 130, 970, 0, 30)),
        ([Totals(allocated=100, expended=150), Totals(allocated=1000)], (1100, 150, 950, 50, 0)),
        ([Totals(allocated=100, credited=40), Totals(allocated=100, expended=40)], (200, 40, 200, 0, 0)),
        ([Totals(transferred=-5, allocated=5), Totals(transferred=5)], (5, 0, 5, 0, 0)),
    ],
    ids=["none", "one", "over-encumbered", "over-expended", "credits", "transfers"],
)
def test_budgets_together_sum_and_hide_nobodys_overspending(
    budgets: list[Totals], told: tuple[int, ...]
) -> None:
    found = together(budgets)

    assert (
        found.funding,
        found.unavailable,
        found.available,
        found.over_expended,
        found.over_encumbered,
    ) == told
    assert found.cash_balance == sum(each.cash_balance for each in budgets)
