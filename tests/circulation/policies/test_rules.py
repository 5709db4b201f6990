"""Which rule applies, why, and which sets of rules are not taken at all."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circulation.calendars.rules import Calendar, Opening, WhenClosed
from circulation.fees.rules import FinePolicy, Money
from circulation.policies.rules import (
    CRITERIA,
    WEIGHTS,
    Criterion,
    HoldPolicy,
    LoanPolicy,
    Period,
    Rule,
    RuleSet,
    Unit,
    flaws,
)

LOAN = LoanPolicy("month", "A month")
FINE = FinePolicy("daily", "Twenty cents a day", Money(20, "EUR"))
HOLD = HoldPolicy("usual", "Usual")
BOOK = {
    "patron_group": "student",
    "location": "stacks",
    "library": "MAIN",
    "campus": "north",
    "institution": "BU",
    "material_type": "book",
    "loan_type": "normal",
}


def line(number: int, **criteria: str) -> Rule:
    """A rule; `a|b` matches either, `!a` everything else."""
    told = {
        name: Criterion(frozenset(words.removeprefix("!").split("|")), negated=words.startswith("!"))
        for name, words in criteria.items()
    }
    return Rule(number, told, "month", "daily", "usual")


def rule_set(*rules: Rule) -> RuleSet:
    return RuleSet(1, rules, {"month": LOAN}, {"daily": FINE}, {"usual": HOLD})


@pytest.mark.parametrize(
    ("rules", "wins"),
    [
        # Nothing else matches: the fallback.
        ([line(1), line(2, material_type="map")], 1),
        # A rule goes before the fallback, wherever it stands.
        ([line(1, material_type="book"), line(2)], 1),
        # One heavy criterion weighs more than all lighter ones together.
        (
            [
                line(1),
                line(2, patron_group="student"),
                line(3, location="stacks", library="MAIN", campus="north"),
            ],
            2,
        ),
        ([line(1), line(2, loan_type="normal", material_type="book"), line(3, institution="BU")], 3),
        # More of them weigh more.
        ([line(1), line(2, patron_group="student", loan_type="normal"), line(3, patron_group="student")], 2),
        # Equal ones: the later line.
        ([line(1), line(2, material_type="book"), line(3, material_type="book|map")], 3),
        # Everything but.
        ([line(1), line(2, patron_group="!visitor")], 2),
        ([line(1), line(2, patron_group="!student|staff")], 1),
        # One criterion that does not hold, and the rule is out.
        ([line(1), line(2, patron_group="student", material_type="map")], 1),
    ],
)
def test_the_most_specific_rule_wins(rules: list[Rule], wins: int) -> None:
    assert rule_set(*rules).winning(BOOK).line == wins


def test_an_item_of_which_nothing_is_known_falls_to_the_fallback() -> None:
    rules = rule_set(line(1), line(2, location="stacks"))

    assert rules.winning({"patron_group": "student"}).line == 1
    assert rules.winning(BOOK | {"location": None}).line == 1


def test_each_criterion_weighs_more_than_all_that_follow() -> None:
    weights = [WEIGHTS[name] for name in CRITERIA]

    assert all(weight > sum(weights[place + 1 :]) for place, weight in enumerate(weights))


def test_a_decision_explains_itself() -> None:
    rules = rule_set(
        line(1),
        line(2, material_type="book"),
        line(3, material_type="map", library="LAW"),
        line(4, material_type="book|score"),
    )

    told = rules.explain(BOOK)

    assert [(each.rule.line, each.won, each.matched) for each in told] == [
        (4, True, True),
        (3, False, False),
        (2, False, True),
        (1, False, True),
    ]
    assert told[0].why == "it is the most specific that matches"
    assert "material_type is 'book', wanted map" in told[1].why
    assert "library is 'MAIN', wanted LAW" in told[1].why
    assert told[2].why == "as specific as line 4, which comes later"
    assert told[3].why == "less specific than line 4"


values = st.sampled_from(["a", "b", "c"])
criteria = st.builds(Criterion, st.frozensets(values, min_size=1, max_size=2), negated=st.booleans())
generated = st.lists(st.dictionaries(st.sampled_from(CRITERIA), criteria, max_size=4), max_size=8)


@settings(max_examples=150, deadline=None)
@given(generated, st.fixed_dictionaries(dict.fromkeys(CRITERIA, st.none() | values)))
def test_the_winner_matches_and_no_match_is_more_specific(
    told: list[Mapping[str, Criterion]], facts: dict[str, str | None]
) -> None:
    lines = [Rule(number, when, "month", "daily", "usual") for number, when in enumerate([{}, *told], 1)]
    rules = rule_set(*lines)

    winner, again = rules.winning(facts), rules.winning(facts)

    assert again is winner
    assert not winner.misses(facts)
    for rule in lines:
        assert rule.misses(facts) or (rule.weight, rule.line) <= (winner.weight, winner.line)
    explained = rules.explain(facts)
    assert explained[0].rule is winner
    assert [each.won for each in explained] == [True] + [False] * (len(lines) - 1)


BERLIN = Calendar("Europe/Berlin", dict.fromkeys(range(7), (Opening(time(9), time(18)),)))


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period(28, Unit.DAY), "2027-03-01T10:00:00", "2027-03-29T23:59:59"),
        (Period(4, Unit.WEEK), "2027-03-01T10:00:00", "2027-03-29T23:59:59"),
        (Period(1, Unit.MONTH), "2027-01-31T10:00:00", "2027-02-28T23:59:59"),
        (Period(1, Unit.MONTH), "2028-01-31T10:00:00", "2028-02-29T23:59:59"),
        (Period(13, Unit.MONTH), "2027-11-15T10:00:00", "2028-12-15T23:59:59"),
        (Period(1, Unit.MONTH), "2027-11-30T10:00:00", "2027-12-30T23:59:59"),
        (Period(2, Unit.MONTH), "2027-11-30T10:00:00", "2028-01-30T23:59:59"),
        (Period(0, Unit.DAY), "2027-03-01T10:00:00", "2027-03-01T23:59:59"),
        (Period(90, Unit.MINUTE), "2027-03-01T23:00:00", "2027-03-02T00:30:00"),
        # Three hours are three hours, though the clocks go from two to three meanwhile.
        (Period(3, Unit.HOUR), "2027-03-28T01:30:00", "2027-03-28T05:30:00"),
        (Period(1, Unit.DAY), "2027-03-27T10:00:00", "2027-03-28T23:59:59"),
    ],
)
def test_a_period_ends_with_the_day_or_to_the_minute(period: Period, start: str, end: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    begins, ends = (datetime.fromisoformat(words).replace(tzinfo=zone) for words in (start, end))

    assert period.after(begins.astimezone(UTC), BERLIN) == ends.astimezone(UTC)


def flawed(**change: object) -> list[tuple[str, str]]:
    told: dict[str, object] = {
        "rules": [line(1)],
        "loan": {"month": LOAN},
        "fine": {"daily": FINE},
        "hold": {"usual": HOLD},
    } | change
    return [(flaw.pointer, flaw.code) for flaw in flaws(**told)]  # type: ignore[arg-type]


def test_a_sound_set_of_rules_has_no_flaws() -> None:
    assert flawed() == []


@pytest.mark.parametrize(
    ("policy", "flaw"),
    [
        (replace(LOAN, period=Period(0, Unit.DAY)), ("/loan_policies/0/period", "period-not-positive")),
        (
            replace(LOAN, renewable=False, renewal_period=Period(7, Unit.DAY)),
            ("/loan_policies/0/renewal_period", "policy-contradicts-itself"),
        ),
        (
            replace(LOAN, when_closed=WhenClosed.NEXT_HOURS),
            ("/loan_policies/0/when_closed", "policy-contradicts-itself"),
        ),
        (
            replace(
                LOAN,
                period=Period(3, Unit.HOUR),
                renewal_period=Period(1, Unit.DAY),
                when_closed=WhenClosed.CURRENT_HOURS,
            ),
            ("/loan_policies/0/when_closed", "policy-contradicts-itself"),
        ),
    ],
)
def test_a_policy_that_contradicts_itself_is_told(policy: LoanPolicy, flaw: tuple[str, str]) -> None:
    assert flawed(loan={"month": policy}) == [flaw]


def test_zero_renews_to_zero_and_is_no_flaw() -> None:
    assert flawed(loan={"month": replace(LOAN, renewal_period=Period(0, Unit.DAY))}) == []


def test_everything_that_is_wrong_is_told_at_once() -> None:
    found = flawed(
        rules=[
            Rule(1, {"colour": Criterion(frozenset({"red"}))}, "month", "daily", "usual"),
            Rule(2, {"library": Criterion(frozenset())}, "year", "hourly", "unusual"),
        ],
        fine={"daily": replace(FINE, per_unit=Money(-1, "EUR"), cap=Money(5, "USD"))},
    )

    assert found == [
        ("/rules/0/when/colour", "criterion-unknown"),
        ("/rules/1/loan", "policy-unknown"),
        ("/rules/1/fine", "policy-unknown"),
        ("/rules/1/hold", "policy-unknown"),
        ("/rules/1/when/library", "criterion-empty"),
        ("/rules", "fallback-missing"),
        ("/fine_policies/0", "amount-negative"),
        ("/fine_policies/0/cap", "currency-mixed"),
    ]
