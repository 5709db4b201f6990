"""Policies and the rules that choose among them.

Of the rules that match, the one with the heaviest criteria wins: each criterion has a weight that is larger
than all lighter ones together (patron group first, then location, library, campus, institution, material
type, loan type), so that the order of weights is the order of precedence. Equal ones: the later line wins.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from circulation.calendars.rules import Calendar, WhenClosed
from circulation.fees.rules import FinePolicy
from circulation.rentals.rules import Rental


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


class OutsideSchedule(Exception):
    """No term of the policy's schedule holds the day: there is no due date for it (L08)."""


@dataclass(frozen=True, slots=True)
class Term:
    """What goes out from one day to another, both among them, is due at the end of a third."""

    first: date
    last: date
    due: date


@dataclass(frozen=True, slots=True)
class Schedule:
    """Fixed due dates: terms that do not overlap."""

    code: str
    terms: tuple[Term, ...]

    def due_on(self, day: date) -> date:
        """The due date for a day; `OutsideSchedule` when no term holds it."""
        for term in self.terms:
            if term.first <= day <= term.last:
                return term.due
        raise OutsideSchedule

    def problems(self) -> list[str]:
        """What is wrong with it as written."""
        found = [
            f"the term from {term.first} to {term.last}, due on {term.due}, runs backwards"
            for term in self.terms
            if not term.first <= term.last <= term.due
        ]
        ordered = sorted(self.terms, key=lambda term: term.first)
        return found + [
            f"the terms from {before.first} and from {after.first} overlap"
            for before, after in pairwise(ordered)
            if after.first <= before.last
        ]


class Precision(StrEnum):
    """How a moment so many days before the due time is meant."""

    DATE = "date"
    """From the beginning of that day."""
    EXACT = "exact"
    """At the due time's own hour and minute."""


@dataclass(frozen=True, slots=True)
class Earliest:
    """How long before the due time a loan may be renewed (L29)."""

    days_before: int
    precision: Precision = Precision.DATE

    def moment(self, due_at: datetime, calendar: Calendar) -> datetime:
        """From when on, on the clocks of the place."""
        local = due_at.astimezone(calendar.tz)
        day = local.date() - timedelta(days=self.days_before)
        at = local.time() if self.precision is Precision.EXACT else time(0)
        return calendar.moment(day, at)


class RenewFrom(StrEnum):
    """What a renewal counts from."""

    NOW = "now"
    DUE_DATE = "due-date"


class WhenOverdue(StrEnum):
    """What becomes of renewals once something is overdue (L34)."""

    ALLOW = "allow"
    BLOCK_ITEM = "block-item"
    """What is overdue itself is not renewed."""
    BLOCK_ALL = "block-all"
    """Nor is anything else while the patron has an overdue item."""


@dataclass(frozen=True, slots=True)
class NewItems:
    """How many days the items of a library are lent and requested only at home, once they are new (L20)."""

    days: int


@dataclass(frozen=True, slots=True)
class Automatic:
    """When loans are renewed without being asked for (L30)."""

    before: Earliest = Earliest(0)
    """How long before the due time."""
    latest: Period | None = None
    """From the loan on; on the day on which it ends it is too late."""
    latest_on: date | None = None
    """A day on which it is too late, for all."""
    max_owed: int | None = None
    """Who owes more, in minor units, renews by hand."""


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
    fixed: bool = False
    """Due on the schedule's date, whatever the period; else the schedule only limits what the period gives."""
    schedule: Schedule | None = None
    renewal_schedule: Schedule | None = None
    """Of renewals, looked up by the day of the renewal; None: the same as of loans."""
    holds_period: Period | None = None
    """Of loans while as many others wait as `holds_from` says (L19)."""
    holds_from: int = 1
    holds_renewal_period: Period | None = None
    """Of renewals while anybody waits, where these are allowed at all."""
    earliest: Earliest | None = None
    max_total: Period | None = None
    """From the loan to the last due time that renewals may reach, besides their number (W31)."""
    max_unseen: int | None = None
    """Renewals in a row without anybody having seen the item (L31)."""
    renew_if_copies_suffice: bool = False
    """Whether holds stop no renewal while copies on the shelf can fill them all (L32)."""
    when_overdue: WhenOverdue = WhenOverdue.ALLOW
    ask_second_copy: bool = False
    """Whether the desk is asked before a patron gets a second copy of what they have."""
    new_items: NewItems | None = None
    rental: Rental | None = None
    deposit: int | None = None
    """Charged with the loan, given back with the item; minor units."""
    automatic: Automatic | None = None
    in_library: bool = False
    """For use in the library (L21)."""
    desk_shelf: Period | None = None
    """How long the desk keeps an item between two uses; None: until it is due."""

    def lending_period(self, holds_waiting: int) -> Period:
        """The period of a loan that so many others wait for."""
        short = self.holds_period if holds_waiting >= self.holds_from else None
        return short or self.period

    def renewing_period(self, holds_waiting: int) -> Period:
        """The period of a renewal; none of its own: that of a loan. Nothing is a period, too."""
        short = self.holds_renewal_period if holds_waiting else None
        return short or self.renewal_period or self.period


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """What may be placed, and how long it waits."""

    code: str
    name: str
    kinds: frozenset[str] = frozenset({"hold", "page", "recall"})
    levels: frozenset[str] = frozenset({"title", "volume", "item"})
    pickup_points: frozenset[str] | None = None
    """Codes of service points; None: every one that is a pickup point."""
    expires_after_days: int | None = 365
    shelf_days: int = 7
    max_holds: int | None = None
    recall_minimum_days: int = 14
    recall_return_days: int = 7
    count_suspended: bool = True
    """Whether a suspended hold counts towards `max_holds`."""
    max_holds_per_day: int | None = None
    refuse_on_shelf_at_pickup: bool = False
    """Whether a patron is sent to the shelf when a copy stands where it would be picked up."""
    shelf_counts_closed: bool = False
    """Whether `shelf_days` count days on which the place does not open; it never ends on one."""
    unclaimed_fee: int = 0
    """For an item that nobody fetched from the hold shelf, in minor units."""
    recall_overdue_days: int | None = None
    """Days to return an overdue loan that is recalled; None: as others. Needs `recall_may_extend`."""
    recall_may_extend: bool = False
    """Whether a recall may give an overdue loan a later due time; no other is ever lengthened."""
    volume_required: bool = False
    """Whether a hold on a title whose copies are of several volumes names the volume, or the item."""
    max_holds_per_title: int = 1
    """Open holds of one patron on one title."""
    volumes_apart: bool = False
    """Whether holds on different volumes of a title count apart, as for a serial's issues."""
    fulfilments: frozenset[str] = frozenset({"hold-shelf"})
    """Whether the patron comes for it (`hold-shelf`), it is sent (`delivery`), or as they wish."""


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
    lost: str | None = None
    """None: nothing ages to lost, nothing lost is charged."""
    max_loans: int | None = None
    """Open loans of one patron that the rule's criteria of the item take (L18)."""

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


def contradictions(policy: LoanPolicy) -> list[tuple[str, str]]:
    """What of a loan policy goes against the rest of it: which field, and why."""
    applies = {
        ("schedule", "Fixed due dates need a schedule."): policy.fixed and policy.schedule is None,
        ("holds_period", "A fixed due date has no other period when somebody waits."): policy.fixed
        and policy.holds_period is not None,
        ("holds_renewal_period", "A fixed due date has no other period when somebody waits."): policy.fixed
        and policy.holds_renewal_period is not None,
        (
            "holds_renewal_period",
            "Nothing is renewed while somebody waits, yet there is a period for it.",
        ): not (policy.renew_with_holds or policy.renew_if_copies_suffice)
        and policy.holds_renewal_period is not None
        and not policy.fixed,
        (
            "renew_if_copies_suffice",
            "Holds stop no renewal at all, so nothing needs to suffice.",
        ): policy.renew_with_holds and policy.renew_if_copies_suffice,
        ("max_unseen", "Not renewable, yet with a limit of renewals."): not policy.renewable
        and policy.max_unseen is not None,
        ("automatic_renewal", "Not renewable, yet renewed automatically."): not policy.renewable
        and policy.automatic is not None,
        ("automatic_renewal", "What costs something is renewed only when somebody asks."): policy.automatic
        is not None
        and policy.rental is not None
        and policy.rental.on_renewal,
        ("automatic_renewal/latest", "It lasts at least one unit."): policy.automatic is not None
        and policy.automatic.latest is not None
        and policy.automatic.latest.amount <= 0,
        (
            "desk_shelf",
            "Only what is used in the library is kept at the desk between two uses.",
        ): policy.desk_shelf is not None and not policy.in_library,
        ("desk_shelf", "It lasts at least one unit."): policy.desk_shelf is not None
        and policy.desk_shelf.amount <= 0,
        ("renewal_schedule", "Not renewable, yet with a schedule for it."): not policy.renewable
        and policy.renewal_schedule is not None,
        ("earliest_renewal", "Not renewable, yet with an earliest moment for it."): not policy.renewable
        and policy.earliest is not None,
        ("max_total", "Not renewable, yet with a longest time in all."): not policy.renewable
        and policy.max_total is not None,
        ("holds_period", "A loan lasts at least one unit."): policy.holds_period is not None
        and policy.holds_period.amount <= 0,
        ("max_total", "All in all, a loan lasts at least one unit."): policy.max_total is not None
        and policy.max_total.amount <= 0,
    }
    return [told for told, holds in applies.items() if holds]


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
        if rule.max_loans is not None and not rule.criteria.keys() & {"material_type", "loan_type"}:
            text = (
                "A rule's limit counts a material type or a loan type: name one, or limit the group instead."
            )
            found.append(Flaw(f"/rules/{place}/max_loans", "limit-counts-nothing", text))
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
        found += [
            Flaw(f"/loan_policies/{place}/{part}", "policy-contradicts-itself", text)
            for part, text in contradictions(policy)
        ]
        hourly = policy.when_closed in (WhenClosed.CURRENT_HOURS, WhenClosed.NEXT_HOURS)
        periods = (
            policy.period,
            policy.renewal_period or policy.period,
            policy.holds_period or policy.period,
            policy.holds_renewal_period or policy.period,
        )
        if hourly and not (all(period.unit.short for period in periods) and not policy.fixed):
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
        elif charged.minimum is not None and charged.cap is not None and charged.cap < charged.minimum:
            text = "The least fine is more than the cap."
            found.append(Flaw(f"/fine_policies/{place}/minimum", "policy-contradicts-itself", text))
    return found
