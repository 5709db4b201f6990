"""What is sound, yet probably not meant."""

from dataclasses import replace

import pytest

from circulation.policies.lint import implies, lengths_in, warnings
from circulation.policies.rules import Criterion, LoanPolicy, Period, Rule, Schedule, Unit

MONTH = LoanPolicy("month", "Four weeks", period=Period(28, Unit.DAY))


def line(number: int, **criteria: str) -> Rule:
    """A rule; `a|b` matches either, `!a` everything else."""
    told = {
        name: Criterion(frozenset(words.removeprefix("!").split("|")), negated=words.startswith("!"))
        for name, words in criteria.items()
    }
    return Rule(number, told, "month", "daily", "usual")


def told(
    rules: list[Rule], policy: LoanPolicy = MONTH, *, fines: tuple[str, ...] = ("daily",)
) -> list[tuple[str, str]]:
    chosen = {"loan": [policy.code], "fine": fines, "hold": ["usual"]}
    found = warnings(rules, {policy.code: policy}, chosen, ["student", "staff"])
    return [(flaw.code, flaw.pointer) for flaw in found]


@pytest.mark.parametrize(
    ("name", "lengths"),
    [
        ("3 month loan", [Period(3, Unit.MONTH)]),
        ("14-day loan, then 2 weeks", [Period(14, Unit.DAY), Period(2, Unit.WEEK)]),
        ("A year", [Period(12, Unit.MONTH)]),
        ("Twelve Hours", [Period(12, Unit.HOUR)]),
        ("Use in the library", []),
        ("Day loans", []),
    ],
)
def test_a_name_speaks_of_lengths_of_time(name: str, lengths: list[Period]) -> None:
    assert lengths_in(name) == lengths


@pytest.mark.parametrize(
    ("policy", "warned"),
    [
        (MONTH, False),
        (replace(MONTH, name="28 days"), False),
        (replace(MONTH, name="3 month loan", period=Period(2, Unit.WEEK)), True),
        (replace(MONTH, name="One day, renewed for four weeks"), False),
        (replace(MONTH, name="90 minutes", period=Period(2, Unit.HOUR)), True),
        (replace(MONTH, name="120 minutes", period=Period(2, Unit.HOUR)), False),
        (replace(MONTH, name="One year", period=Period(12, Unit.MONTH)), False),
        # What is not lent, or until a fixed date, lends for no period.
        (replace(MONTH, name="3 months", loanable=False), False),
        (replace(MONTH, name="3 months", fixed=True, schedule=Schedule("s", ())), False),
    ],
)
def test_a_name_that_tells_another_period_is_warned_of(policy: LoanPolicy, warned: bool) -> None:
    expected = [("name-tells-another-period", "/loan_policies/0/name")] if warned else []

    assert told([line(1)], policy) == expected


@pytest.mark.parametrize(
    ("narrow", "wide", "follows"),
    [
        ("a", "a|b", True),
        ("a|b", "a", False),
        ("a", "!b", True),
        ("a|b", "!b", False),
        ("!a|b", "!a", True),
        ("!a", "!a|b", False),
        # All but one is never within a list.
        ("!a", "b|c", False),
    ],
)
def test_one_criterion_within_another(narrow: str, wide: str, follows: bool) -> None:
    one, other = (line(1, campus=words).criteria["campus"] for words in (narrow, wide))

    assert implies(one, other) is follows


@pytest.mark.parametrize(
    ("rules", "never"),
    [
        ([line(1), line(2, campus="a"), line(3, campus="a|b")], ["/rules/1"]),
        ([line(1), line(2)], ["/rules/0"]),
        # Earlier, wider; less specific, later; another criterion.
        ([line(1), line(2, campus="a|b"), line(3, campus="a")], []),
        ([line(1), line(2, campus="a", library="x"), line(3, campus="a")], []),
        ([line(1), line(2, campus="a"), line(3, library="a")], []),
        ([line(1), line(2, campus="a", library="x"), line(3, campus="!c", library="x|y")], ["/rules/1"]),
    ],
)
def test_a_rule_that_can_never_win_is_warned_of(rules: list[Rule], never: list[str]) -> None:
    assert [pointer for code, pointer in told(rules) if code == "rule-never-wins"] == never


def test_a_group_that_is_none_and_a_policy_that_nobody_uses_are_warned_of() -> None:
    found = told([line(1), line(2, patron_group="student|visitor")], fines=("daily", "weekly"))

    assert found == [
        ("patron-group-unknown", "/rules/1/when/patron_group"),
        ("policy-unused", "/fine_policies/1"),
    ]
