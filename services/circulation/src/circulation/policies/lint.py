"""What is sound, yet probably not meant: told as warnings, never refused."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from circulation.policies.rules import Criterion, Flaw, LoanPolicy, Period, Rule, Unit

_NUMBERS: Final = {
    "a": 1,
    "an": 1,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "ten": 10,
    "twelve": 12,
    "fourteen": 14,
}
_LENGTH: Final = re.compile(
    r"\b(\d{1,4}|" + "|".join(_NUMBERS) + r")[\s-]*(minute|hour|day|week|month|year)s?\b",
    re.IGNORECASE,
)
_DAYS: Final = {Unit.DAY: 1, Unit.WEEK: 7}


def warnings(
    rules: Sequence[Rule],
    loan: Mapping[str, LoanPolicy],
    chosen: Mapping[str, Collection[str]],
    groups: Collection[str],
) -> list[Flaw]:
    """Everything of a rule set that gives pause; `chosen` has the codes of each section of policies."""
    return [
        *_misnamed(loan.values()),
        *_never_winning(rules),
        *_of_no_group(rules, groups),
        *_unused(rules, chosen),
    ]


def lengths_in(name: str) -> list[Period]:
    """The lengths of time that a name speaks of (in English words or digits)."""
    found = []
    for amount, unit in _LENGTH.findall(name):
        number = int(amount) if amount.isdigit() else _NUMBERS[amount.lower()]
        year = unit.lower() == "year"
        found.append(Period(number * 12, Unit.MONTH) if year else Period(number, Unit(unit.lower())))
    return found


def _same_length(one: Period, other: Period) -> bool:
    if one.unit in _DAYS and other.unit in _DAYS:
        return one.amount * _DAYS[one.unit] == other.amount * _DAYS[other.unit]
    minutes = {Unit.MINUTE: 1, Unit.HOUR: 60}
    if one.unit in minutes and other.unit in minutes:
        return one.amount * minutes[one.unit] == other.amount * minutes[other.unit]
    return one == other


def _misnamed(policies: Iterable[LoanPolicy]) -> list[Flaw]:
    """A name that speaks of another length of time than the policy lends for (W32)."""
    return [
        Flaw(
            f"/loan_policies/{place}/name",
            "name-tells-another-period",
            f"{policy.code!r} is called {policy.name!r}, yet lends for "
            f"{policy.period.amount} {policy.period.unit}{'' if policy.period.amount == 1 else 's'}.",
        )
        for place, policy in enumerate(policies)
        if policy.loanable
        and not policy.fixed
        and (told := lengths_in(policy.name))
        and not any(_same_length(length, policy.period) for length in told)
    ]


def implies(narrow: Criterion, wide: Criterion) -> bool:
    """Whether every value that the one takes is taken by the other."""
    if narrow.negated:
        return wide.negated and wide.values <= narrow.values
    return not narrow.values & wide.values if wide.negated else narrow.values <= wide.values


def _never_winning(rules: Sequence[Rule]) -> list[Flaw]:
    """A rule behind which an equally specific one takes everything that it takes."""
    found = []
    for place, rule in enumerate(rules):
        for other in rules[place + 1 :]:
            if rule.criteria.keys() == other.criteria.keys() and all(
                implies(criterion, other.criteria[name]) for name, criterion in rule.criteria.items()
            ):
                text = f"Line {rule.line} never applies: line {other.line}, as specific and later, takes all of it."
                found.append(Flaw(f"/rules/{place}", "rule-never-wins", text))
                break
    return found


def _of_no_group(rules: Sequence[Rule], groups: Collection[str]) -> list[Flaw]:
    return [
        Flaw(
            f"/rules/{place}/when/patron_group",
            "patron-group-unknown",
            f"Line {rule.line} speaks of {code!r}, which is no patron group.",
        )
        for place, rule in enumerate(rules)
        if "patron_group" in rule.criteria
        for code in sorted(rule.criteria["patron_group"].values - set(groups))
    ]


def _unused(rules: Sequence[Rule], chosen: Mapping[str, Collection[str]]) -> list[Flaw]:
    """A policy that no rule names."""
    return [
        Flaw(f"/{kind}_policies/{place}", "policy-unused", f"No rule names the {kind} policy {code!r}.")
        for kind, codes in chosen.items()
        for place, code in enumerate(codes)
        if code not in {getattr(rule, kind, None) for rule in rules}
    ]
