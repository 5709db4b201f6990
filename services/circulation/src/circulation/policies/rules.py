"""Policies and the rules that choose among them.

Of the rules that match, the one with the heaviest criteria wins: each criterion has a weight that is larger
than all lighter ones together (patron group first, then location, library, campus, institution, material
type, loan type), so that the order of weights is the order of precedence. Equal ones: the later line wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from circulation.calendars.rules import Calendar, WhenClosed
from circulation.fees.rules import FinePolicy


class Unit(StrEnum):
    """Units of a loan's period."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def short(self) -> bool:
        """Counted to the minute; longer ones end with the day."""
        return self in (Unit.MINUTE, Unit.HOUR)


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time, as policies put it."""

    amount: int
    unit: Unit

    def after(self, start: datetime, calendar: Calendar) -> datetime:
        """The moment this long after another: to the minute for short units, else at the day's end there."""
        if self.unit is Unit.MINUTE:
            return start + timedelta(minutes=self.amount)
        if self.unit is Unit.HOUR:
            return start + timedelta(hours=self.amount)
        day = calendar.day_of(start)
        if self.unit is Unit.MONTH:
            month = day.year * 12 + day.month - 1 + self.amount
            year, month = divmod(month, 12)
            last = (
                day.replace(year=year + (month == 11), month=(month + 1) % 12 + 1, day=1) - timedelta(days=1)
            ).day
            return calendar.end_of_day(day.replace(year=year, month=month + 1, day=min(day.day, last)))
        days = self.amount * (7 if self.unit is Unit.WEEK else 1)
        return calendar.end_of_day(day + timedelta(days=days))


class RenewFrom(StrEnum):
    """What a renewal counts from."""

    NOW = "now"
    DUE_DATE = "due-date"


@dataclass(frozen=True, slots=True)
class LoanPolicy:
    """How long, how often, how many."""

    code: str
    name: str
    loanable: bool = True
    period: Period = Period(28, Unit.DAY)
    when_closed: WhenClosed = WhenClosed.NEXT_OPEN_DAY
    opening_offset: timedelta = timedelta(0)
    renewable: bool = True
    max_renewals: int | None = None
    renew_from: RenewFrom = RenewFrom.NOW
    renewal_period: Period | None = None
    renew_with_holds: bool = False
    max_loans: int | None = None
    """Open loans of one patron under this policy."""


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """What may be placed, and how long it waits."""

    code: str
    name: str
    kinds: frozenset[str] = frozenset({"hold", "page", "recall"})
    levels: frozenset[str] = frozenset({"title", "item"})
    pickup_points: frozenset[str] | None = None
    """Codes of service points; None: every one that is a pickup point."""
    expires_after_days: int | None = 365
    shelf_days: int = 7
    max_holds: int | None = None
    recall_minimum_days: int = 14
    recall_return_days: int = 7


CRITERIA: Final = (
    "patron_group",
    "location",
    "library",
    "campus",
    "institution",
    "material_type",
    "loan_type",
)
"""Heaviest first."""
WEIGHTS: Final = {name: 1 << (len(CRITERIA) - 1 - place) for place, name in enumerate(CRITERIA)}


@dataclass(frozen=True, slots=True)
class Criterion:
    """A set of values that match, or (negated) that do not."""

    values: frozenset[str]
    negated: bool = False

    def holds(self, value: str | None) -> bool:
        """Whether a value matches."""
        return (value in self.values) != self.negated

    def __str__(self) -> str:
        return ("not " if self.negated else "") + " | ".join(sorted(self.values))


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: when these criteria hold, these policies apply. Without criteria it is the fallback."""

    line: int
    criteria: Mapping[str, Criterion]
    loan: str
    fine: str
    hold: str

    @property
    def weight(self) -> int:
        return sum(WEIGHTS[name] for name in self.criteria)

    def misses(self, facts: Mapping[str, str | None]) -> list[str]:
        """The criteria that do not hold."""
        return [name for name, criterion in self.criteria.items() if not criterion.holds(facts.get(name))]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All rules and policies of the library, of one version."""

    version: int
    rules: Sequence[Rule]
    loan: Mapping[str, LoanPolicy]
    fine: Mapping[str, FinePolicy]
    hold: Mapping[str, HoldPolicy]
    _memo: dict[tuple[str | None, ...], Rule] = field(default_factory=dict, compare=False, repr=False)

    def winning(self, facts: Mapping[str, str | None]) -> Rule:
        """The rule that applies; there is always one, since a fallback is mandatory."""
        key = tuple(facts.get(name) for name in CRITERIA)
        found = self._memo.get(key)
        if found is None:
            matching = [rule for rule in self.rules if not rule.misses(facts)]
            found = max(matching, key=lambda rule: (rule.weight, rule.line))
            if len(self._memo) < 50_000:
                self._memo[key] = found
        return found

    def explain(self, facts: Mapping[str, str | None]) -> list["Considered"]:
        """Every rule, the winner first, and what became of it."""
        winner = self.winning(facts)
        told = []
        for rule in sorted(self.rules, key=lambda rule: (rule is not winner, -rule.weight, -rule.line)):
            misses = rule.misses(facts)
            if rule is winner:
                why = (
                    "it is the most specific that matches"
                    if rule.criteria
                    else "no other matches: the fallback"
                )
            elif misses:
                why = "does not match: " + ", ".join(
                    f"{name} is {facts.get(name)!r}, wanted {rule.criteria[name]}" for name in misses
                )
            elif rule.weight == winner.weight:
                why = f"as specific as line {winner.line}, which comes later"
            else:
                why = f"less specific than line {winner.line}"
            told.append(Considered(rule, rule is winner, not misses, why))
        return told


@dataclass(frozen=True, slots=True)
class Considered:
    """A rule, and why it won or lost."""

    rule: Rule
    won: bool
    matched: bool
    why: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a rule set: where (a pointer into the document), which code, which words."""

    pointer: str
    code: str
    text: str


def flaws(
    rules: Sequence[Rule],
    loan: Mapping[str, LoanPolicy],
    fine: Mapping[str, FinePolicy],
    hold: Mapping[str, HoldPolicy],
) -> list[Flaw]:
    """Everything wrong with a rule set; a rule set with a flaw is not saved at all."""
    found = []
    for place, rule in enumerate(rules):
        for section, code, known in (
            ("loan", rule.loan, loan),
            ("fine", rule.fine, fine),
            ("hold", rule.hold, hold),
        ):
            if code not in known:
                found.append(
                    Flaw(
                        f"/rules/{place}/{section}",
                        "policy-unknown",
                        f"There is no {section} policy {code!r}.",
                    )
                )
        found += [
            Flaw(
                f"/rules/{place}/when/{name}",
                "criterion-unknown",
                f"{name!r} is no criterion: {', '.join(CRITERIA)}.",
            )
            for name in rule.criteria
            if name not in WEIGHTS
        ]
        found += [
            Flaw(f"/rules/{place}/when/{name}", "criterion-empty", f"{name} names no value.")
            for name, criterion in rule.criteria.items()
            if not criterion.values
        ]
    if not any(not rule.criteria for rule in rules):
        found.append(Flaw("/rules", "fallback-missing", "There is no rule without criteria: add a fallback."))
    for place, policy in enumerate(loan.values()):
        if policy.loanable and policy.period.amount <= 0:
            found.append(
                Flaw(
                    f"/loan_policies/{place}/period", "period-not-positive", "A loan lasts at least one unit."
                )
            )
        if not policy.renewable and policy.renewal_period is not None:
            found.append(
                Flaw(
                    f"/loan_policies/{place}/renewal_period",
                    "policy-contradicts-itself",
                    "Not renewable, yet with a period.",
                )
            )
        hourly = policy.when_closed in (WhenClosed.CURRENT_HOURS, WhenClosed.NEXT_HOURS)
        periods = (policy.period, policy.renewal_period or policy.period)
        if hourly and not all(period.unit.short for period in periods):
            found.append(
                Flaw(
                    f"/loan_policies/{place}/when_closed",
                    "policy-contradicts-itself",
                    "Hour strategies are for loans of minutes or hours.",
                )
            )
    for place, charged in enumerate(fine.values()):
        if charged.per_unit.minor < 0 or (charged.cap is not None and charged.cap.minor < 0):
            found.append(Flaw(f"/fine_policies/{place}", "amount-negative", "A fine is not negative."))
        if charged.cap is not None and charged.cap.currency != charged.per_unit.currency:
            found.append(
                Flaw(f"/fine_policies/{place}/cap", "currency-mixed", "Fine and cap are of two currencies.")
            )
    return found
