"""The configuration as a document: what `carrel config export | diff | apply` reads and writes."""

from collections.abc import Mapping
from datetime import date, time, timedelta
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from circulation.calendars.rules import Calendar, Opening, Season, WhenClosed, problems_of
from circulation.fees.rules import CHARGED_BY_RULES, FinePolicy, FineUnit, Money, Reminder, Suspension
from circulation.lost.rules import Cause, Cost, LostPolicy, OverdueWhenFound, Resolution
from circulation.patrons.rules import Limits, Measure
from circulation.policies.lint import warnings
from circulation.policies.rules import (
    Criterion,
    Earliest,
    Flaw,
    HoldPolicy,
    LoanPolicy,
    Period,
    Precision,
    RenewFrom,
    Rule,
    Schedule,
    Term,
    Unit,
    flaws,
)

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Hours = list[tuple[time, time]]
Count = Annotated[int, Field(ge=0, le=1_000_000)]
MinorUnits = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


Weekly = dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], Hours]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _week(told: Weekly) -> dict[int, tuple[Opening, ...]]:
    return {_DAYS.index(day): tuple(Opening(*hours) for hours in opened) for day, opened in told.items()}


class SeasonDoc(_Strict):
    """Days, both ends among them, with weekly hours of their own."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    name: Name | None = None
    weekly: Weekly


class CalendarDoc(_Strict):
    """Opening hours in the place's own zone. Weekdays `mon` … `sun`; a missing one is closed."""

    zone: Annotated[str, StringConstraints(max_length=60)]
    weekly: Weekly
    exceptions: dict[date, Hours] = Field(default_factory=dict)
    """Hours of single dates; an empty list: closed. They go before those of seasons."""
    seasons: list[SeasonDoc] = Field(default_factory=list, max_length=200)
    """Terms and vacations, whose hours go before the usual ones; they do not overlap."""

    def as_rule(self) -> Calendar:
        """The calendar that rules ask."""
        return Calendar(
            self.zone,
            _week(self.weekly),
            {day: tuple(Opening(*hours) for hours in opened) for day, opened in self.exceptions.items()},
            tuple(Season(season.first, season.last, _week(season.weekly)) for season in self.seasons),
        )


class ServicePointDoc(_Strict):
    """A desk."""

    code: Code
    name: Name
    library: Code
    """The library it belongs to."""
    serves: list[Code] = Field(default_factory=list)
    """Libraries whose items are at home here; its own when empty."""
    pickup: bool = True
    shelf_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """How long items wait on its hold shelf; left out: as the hold policy says."""
    calendar: CalendarDoc
    cash_drawer: bool = False
    """Cash is taken and given back here only while a cash drawer is open."""
    fee_owner: Code | None = None
    """Whose income the fees charged here are; its library's where left out, so that none is ever lost."""


Action = Literal["borrow", "renew", "hold"]


class LimitsDoc(_Strict):
    """The most that is allowed before an action is blocked; what is left out has no limit."""

    items_out: Count | None = None
    balance: Count | None = None
    """Minor units of the library's currency."""
    overdue_items: Count | None = None
    overdue_recalls: Count | None = None
    recall_overdue_days: Count | None = None
    """Days begun since the due time of a recalled item."""
    lost_items: Count | None = None
    """Declared lost or aged to lost, neither found nor settled."""

    def as_rule(self) -> Limits:
        """As rules put it."""
        told = {measure: getattr(self, measure.name.lower()) for measure in Measure}
        return {measure: limit for measure, limit in told.items() if limit is not None}


class GroupLimitsDoc(_Strict):
    """Limits by action."""

    borrow: LimitsDoc | None = None
    renew: LimitsDoc | None = None
    hold: LimitsDoc | None = None


class PatronGroupDoc(_Strict):
    """Patrons with the same rights."""

    code: Code
    name: Name
    max_loans: Count | None = None
    """Short for `limits.borrow.items_out`."""
    max_owed: Count | None = None
    """Short for `limits.borrow.balance` and `limits.renew.balance`; minor units of the library's currency."""
    limits: GroupLimitsDoc = Field(default_factory=GroupLimitsDoc)


class BlockTemplateDoc(_Strict):
    """A block as it is often needed: what it stops, what staff read, what the patron reads, how long it lasts."""

    code: Code
    name: Name
    actions: list[Action] = Field(min_length=1, max_length=3)
    note: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    """For staff."""
    message: Annotated[str, StringConstraints(min_length=1, max_length=1000)] | None = None
    """For the patron."""
    days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """From the day it is set; until it is lifted where left out."""


class LoadProfileDoc(_Strict):
    """How a campus file of patrons is taken up."""

    code: Code
    name: Name
    groups: dict[str, Code] = Field(default_factory=dict, max_length=500)
    """The campus's words for patron groups, and what they are here."""
    library_wins: list[
        Literal[
            "barcode",
            "group",
            "family_name",
            "given_name",
            "email",
            "language",
            "library",
            "expires_at",
            "active",
        ]
    ] = Field(default_factory=list)
    """Fields that a file fills when a patron is new, and never changes afterwards."""
    deactivate_missing: bool = False
    """Patrons whom this profile brought, and who are not in a file, are no longer active."""
    safety_percent: Annotated[int, Field(ge=1, le=100)] = 5
    """When more are missing than this, nobody is deactivated: the file is more likely to be wrong."""


class PeriodDoc(_Strict):
    """A length of time."""

    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Unit

    def as_rule(self) -> Period:
        """As rules put it."""
        return Period(self.amount, self.unit)


class TermDoc(_Strict):
    """What goes out from one day to another, both among them, is due at the end of a third."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    due: date


class ScheduleDoc(_Strict):
    """Fixed due dates: terms that do not overlap. Nothing is lent by it on a day that no term holds."""

    code: Code
    name: Name
    terms: list[TermDoc] = Field(min_length=1, max_length=200)

    def as_rule(self) -> Schedule:
        """As rules put it."""
        return Schedule(self.code, tuple(Term(term.first, term.last, term.due) for term in self.terms))


class EarliestDoc(_Strict):
    """How many days before the due time a loan may be renewed: from midnight on, or to the minute."""

    days_before: Annotated[int, Field(ge=0, le=3650)]
    precision: Precision = Precision.DATE

    def as_rule(self) -> Earliest:
        """As rules put it."""
        return Earliest(self.days_before, self.precision)


class LoanPolicyDoc(_Strict):
    """How long, how often, how many."""

    code: Code
    name: Name
    loanable: bool = True
    period: PeriodDoc = PeriodDoc(amount=28, unit=Unit.DAY)
    when_closed: WhenClosed = WhenClosed.NEXT_OPEN_DAY
    opening_offset_minutes: Annotated[int, Field(ge=0, le=1440)] = 0
    renewable: bool = True
    max_renewals: Count | None = None
    renew_from: RenewFrom = RenewFrom.NOW
    renewal_period: PeriodDoc | None = None
    renew_with_holds: bool = False
    max_loans: Count | None = None
    profile: Literal["rolling", "fixed"] = "rolling"
    """Due after the period, or on the schedule's date."""
    schedule: Code | None = None
    """The due dates of a fixed policy; the latest ones of a rolling policy."""
    renewal_schedule: Code | None = None
    """Of renewals, by the day of the renewal; the same where left out."""
    holds_period: PeriodDoc | None = None
    """The period of loans while `holds_from` others or more wait."""
    holds_from: Annotated[int, Field(ge=1, le=10_000)] = 1
    holds_renewal_period: PeriodDoc | None = None
    """The period of renewals while others wait (`renew_with_holds`)."""
    earliest_renewal: EarliestDoc | None = None
    max_total: PeriodDoc | None = None
    """From the loan to the last due time that renewals may reach, besides their number."""

    def as_rule(self, schedules: Mapping[str, Schedule] = MappingProxyType({})) -> LoanPolicy:
        """As rules put it."""
        return LoanPolicy(
            code=self.code,
            name=self.name,
            loanable=self.loanable,
            period=self.period.as_rule(),
            when_closed=self.when_closed,
            opening_offset=timedelta(minutes=self.opening_offset_minutes),
            renewable=self.renewable,
            max_renewals=self.max_renewals,
            renew_from=self.renew_from,
            renewal_period=self.renewal_period.as_rule() if self.renewal_period else None,
            renew_with_holds=self.renew_with_holds,
            max_loans=self.max_loans,
            fixed=self.profile == "fixed",
            schedule=schedules.get(self.schedule or ""),
            renewal_schedule=schedules.get(self.renewal_schedule or ""),
            holds_period=self.holds_period.as_rule() if self.holds_period else None,
            holds_from=self.holds_from,
            holds_renewal_period=self.holds_renewal_period.as_rule() if self.holds_renewal_period else None,
            earliest=self.earliest_renewal.as_rule() if self.earliest_renewal else None,
            max_total=self.max_total.as_rule() if self.max_total else None,
        )


class SuspensionDoc(_Strict):
    """Days without loans, renewals and holds, for each so many units overdue beyond the grace."""

    days: Annotated[int, Field(ge=1, le=366)]
    per_units: Annotated[int, Field(ge=1, le=10_000)] = 1
    max_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    skip_closed: bool = True
    cumulative: bool = False

    def as_rule(self) -> Suspension:
        """As rules put it."""
        return Suspension(self.days, self.per_units, self.max_days, self.skip_closed, self.cumulative)


class ReminderDoc(_Strict):
    """A reminder that costs something, so many days past due; on an open day."""

    after_days: Annotated[int, Field(ge=1, le=3650)]
    amount: Annotated[int, Field(ge=1, le=10_000_000)]


class FinePolicyDoc(_Strict):
    """How an overdue item is fined; amounts in minor units of the library's currency."""

    code: Code
    name: Name
    amount: Annotated[int, Field(ge=0, le=10_000_000)]
    unit: FineUnit = FineUnit.DAY
    cap: MinorUnits | None = None
    grace_units: Count = 0
    count_closed: bool = True
    forgive_on_renewal: bool = False
    grace_deducted: bool = False
    """Beyond the grace the fine counts from its end, not from the due time."""
    minimum: MinorUnits | None = None
    """Whatever is fined at all costs at least this."""
    recall_amount: Annotated[int, Field(ge=0, le=10_000_000)] | None = None
    """A unit's fine once the loan was recalled."""
    recall_cap: MinorUnits | None = None
    replacement_cost: MinorUnits | None = None
    """What a new copy costs; with `cap_at_cost` no fine is higher."""
    cap_at_cost: bool = False
    suspension: SuspensionDoc | None = None
    reminders: list[ReminderDoc] = Field(default_factory=list, max_length=20)
    """In order of their days; each is charged once for a due date, and one that was missed costs nothing."""

    def as_rule(self, currency: str) -> FinePolicy:
        """As rules put it."""

        def money(minor: int | None) -> Money | None:
            return None if minor is None else Money(minor, currency)

        return FinePolicy(
            code=self.code,
            name=self.name,
            per_unit=Money(self.amount, currency),
            unit=self.unit,
            cap=money(self.cap),
            grace_units=self.grace_units,
            count_closed=self.count_closed,
            forgive_on_renewal=self.forgive_on_renewal,
            grace_deducted=self.grace_deducted,
            minimum=money(self.minimum),
            recall_per_unit=money(self.recall_amount),
            recall_cap=money(self.recall_cap),
            replacement_cost=money(self.replacement_cost),
            cap_at_cost=self.cap_at_cost,
            suspension=self.suspension.as_rule() if self.suspension else None,
            reminders=tuple(
                Reminder(told.after_days, Money(told.amount, currency)) for told in self.reminders
            ),
        )


class LostPolicyDoc(_Strict):
    """What happens to items that do not come back; amounts in minor units of the library's currency."""

    code: Code
    name: Name
    age_after: PeriodDoc | None = None
    """Past due; left out: an item is lost only when somebody says so."""
    age_recalled_after: PeriodDoc | None = None
    bill_after: PeriodDoc | None = None
    """Between ageing to lost and the bill; what is declared lost is billed at once."""
    bill_recalled_after: PeriodDoc | None = None
    cost: Cost = Cost.NONE
    amount: MinorUnits | None = None
    """With the cost `set`."""
    processing_fee: dict[Cause, MinorUnits] = Field(default_factory=dict)
    close_when_settled: bool = True
    close_after: PeriodDoc | None = None
    refund: bool = True
    refund_within: PeriodDoc | None = None
    keep_processing_fee: bool = False
    overdue_when_found: OverdueWhenFound = OverdueWhenFound.TO_RETURN

    def as_rule(self, currency: str) -> LostPolicy:
        """As rules put it."""

        def period(told: PeriodDoc | None) -> Period | None:
            return told.as_rule() if told else None

        return LostPolicy(
            code=self.code,
            name=self.name,
            age_after=period(self.age_after),
            age_recalled_after=period(self.age_recalled_after),
            bill_after=period(self.bill_after),
            bill_recalled_after=period(self.bill_recalled_after),
            cost=self.cost,
            amount=None if self.amount is None else Money(self.amount, currency),
            processing={cause: Money(minor, currency) for cause, minor in self.processing_fee.items()},
            close_when_settled=self.close_when_settled,
            close_after=period(self.close_after),
            refund=self.refund,
            refund_within=period(self.refund_within),
            keep_processing_fee=self.keep_processing_fee,
            overdue_when_found=self.overdue_when_found,
        )

    def flaws(self, pointer: str) -> list[Flaw]:
        """What contradicts itself."""
        found = []
        if (self.cost is Cost.SET) != (self.amount is not None):
            text = "An amount belongs to the cost `set`, and to no other."
            found.append(Flaw(f"{pointer}/amount", "policy-contradicts-itself", text))
        if self.age_after is None and (
            self.age_recalled_after or self.bill_after or self.bill_recalled_after
        ):
            text = "Nothing ages to lost without age_after."
            found.append(Flaw(f"{pointer}/age_after", "policy-contradicts-itself", text))
        if not self.refund and self.refund_within is not None:
            text = "Nothing is given back, yet there is a time for it."
            found.append(Flaw(f"{pointer}/refund_within", "policy-contradicts-itself", text))
        found += [
            Flaw(f"{pointer}/{name}/amount", "period-not-positive", "It lasts at least one unit.")
            for name in ("age_after", "age_recalled_after")
            if (told := getattr(self, name)) is not None and told.amount < 1
        ]
        return found


class FeeTypeDoc(_Strict):
    """Something that staff charge by hand."""

    code: Code
    name: Name
    amount: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """What it usually costs, in minor units; the desk may name another amount."""


class BursarAccountDoc(_Strict):
    """An account to which fees are transferred, to be collected there."""

    code: Code
    name: Name


class HoldPolicyDoc(_Strict):
    """What may be placed, and how long it waits."""

    code: Code
    name: Name
    kinds: list[Literal["hold", "page", "recall"]] = ["hold", "page", "recall"]
    levels: list[Literal["title", "item"]] = ["title", "item"]
    pickup_points: list[Code] | None = None
    expires_after_days: Annotated[int, Field(ge=1, le=3650)] | None = 365
    shelf_days: Annotated[int, Field(ge=1, le=365)] = 7
    max_holds: Count | None = None
    recall_minimum_days: Count = 14
    recall_return_days: Count = 7
    count_suspended: bool = True
    """Whether suspended holds count towards `max_holds`."""
    max_holds_per_day: Count | None = None
    """How many a patron may place on one day, as the pickup point's calendar has it."""
    refuse_on_shelf_at_pickup: bool = False
    """Whether a patron is sent to the shelf when a copy stands where it would be picked up."""
    shelf_counts_closed: bool = False
    """Whether `shelf_days` count closed days too; what ends on a closed day ends with the next open one."""
    unclaimed_fee: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """For an item that nobody fetched from the hold shelf; minor units of the library's currency."""
    recall_overdue_days: Count | None = None
    """Days to return an overdue loan that is recalled; left out: `recall_return_days`."""
    recall_may_extend: bool = False
    """Whether a recall may give an overdue loan a later due time; no other loan is ever lengthened."""

    def as_rule(self) -> HoldPolicy:
        """As rules put it."""
        return HoldPolicy(
            code=self.code,
            name=self.name,
            kinds=frozenset(self.kinds),
            levels=frozenset(self.levels),
            pickup_points=frozenset(self.pickup_points) if self.pickup_points is not None else None,
            expires_after_days=self.expires_after_days,
            shelf_days=self.shelf_days,
            max_holds=self.max_holds,
            recall_minimum_days=self.recall_minimum_days,
            recall_return_days=self.recall_return_days,
            count_suspended=self.count_suspended,
            max_holds_per_day=self.max_holds_per_day,
            refuse_on_shelf_at_pickup=self.refuse_on_shelf_at_pickup,
            shelf_counts_closed=self.shelf_counts_closed,
            unclaimed_fee=self.unclaimed_fee,
            recall_overdue_days=self.recall_overdue_days,
            recall_may_extend=self.recall_may_extend,
        )


class NotDoc(_Strict):
    """Everything but these values."""

    none_of: list[str] = Field(min_length=1, max_length=500)


class RuleDoc(_Strict):
    """When these criteria hold, these policies apply. Without criteria it is the fallback."""

    when: dict[str, list[str] | NotDoc] = Field(default_factory=dict)
    loan: Code
    fine: Code
    hold: Code
    lost: Code | None = None
    """Left out: nothing ages to lost, and nothing lost is charged."""
    note: str | None = Field(default=None, max_length=500)

    def as_rule(self, line: int) -> Rule:
        """As rules put it."""
        criteria = {
            name: Criterion(frozenset(told.none_of), negated=True)
            if isinstance(told, NotDoc)
            else Criterion(frozenset(told))
            for name, told in self.when.items()
        }
        return Rule(line, criteria, self.loan, self.fine, self.hold, self.lost)


CODED = (
    "service_points",
    "patron_groups",
    "schedules",
    "loan_policies",
    "fine_policies",
    "hold_policies",
    "block_templates",
    "fee_types",
    "bursar_accounts",
    "lost_policies",
    "load_profiles",
)
"""Sections whose entries have codes."""


class ConfigurationDoc(_Strict):
    """Everything about lending that a library decides."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    service_points: list[ServicePointDoc] = Field(default_factory=list, max_length=2000)
    patron_groups: list[PatronGroupDoc] = Field(default_factory=list, max_length=500)
    schedules: list[ScheduleDoc] = Field(default_factory=list, max_length=500)
    loan_policies: list[LoanPolicyDoc] = Field(default_factory=list, max_length=1000)
    fine_policies: list[FinePolicyDoc] = Field(default_factory=list, max_length=1000)
    hold_policies: list[HoldPolicyDoc] = Field(default_factory=list, max_length=1000)
    rules: list[RuleDoc] = Field(default_factory=list, max_length=5000)
    block_templates: list[BlockTemplateDoc] = Field(default_factory=list, max_length=200)
    fee_types: list[FeeTypeDoc] = Field(default_factory=list, max_length=200)
    bursar_accounts: list[BursarAccountDoc] = Field(default_factory=list, max_length=200)
    lost_policies: list[LostPolicyDoc] = Field(default_factory=list, max_length=1000)
    claim_resolution: Literal[Resolution.FOUND_BY_LIBRARY, Resolution.RETURNED_BY_PATRON] = (
        Resolution.FOUND_BY_LIBRARY
    )
    """How a claim ends when the item is checked in and the desk says nothing else (Koha: AutoClaimReturnStatus)."""
    load_profiles: list[LoadProfileDoc] = Field(default_factory=list, max_length=50)

    def as_rules(self) -> list[Rule]:
        """The rules in order, lines counted from 1."""
        return [rule.as_rule(line) for line, rule in enumerate(self.rules, 1)]

    def as_loan_policies(self) -> dict[str, LoanPolicy]:
        """The loan policies, with their schedules."""
        schedules = {schedule.code: schedule.as_rule() for schedule in self.schedules}
        return {policy.code: policy.as_rule(schedules) for policy in self.loan_policies}

    def warnings(self) -> list[Flaw]:
        """What is sound, yet probably not meant."""
        chosen = {
            kind: [policy.code for policy in getattr(self, f"{kind}_policies")]
            for kind in ("loan", "fine", "hold", "lost")
        }
        groups = {group.code for group in self.patron_groups}
        return warnings(self.as_rules(), self.as_loan_policies(), chosen, groups) + [
            Flaw(f"/service_points/{place}/calendar", "never-open", f"{point.code!r} never opens.")
            for place, point in enumerate(self.service_points)
            if point.calendar.as_rule().never_opens
        ]

    def _schedule_flaws(self) -> list[Flaw]:
        known = {schedule.code for schedule in self.schedules}
        return [
            Flaw(f"/schedules/{place}/terms", "schedule-wrong", text)
            for place, schedule in enumerate(self.schedules)
            for text in schedule.as_rule().problems()
        ] + [
            Flaw(f"/loan_policies/{place}/{name}", "schedule-unknown", f"There is no schedule {code!r}.")
            for place, policy in enumerate(self.loan_policies)
            for name in ("schedule", "renewal_schedule")
            if (code := getattr(policy, name)) is not None and code not in known
        ]

    def flaws(self) -> list[Flaw]:
        """Everything wrong with it as a whole."""
        found = self._schedule_flaws() + flaws(
            self.as_rules(),
            self.as_loan_policies(),
            {policy.code: policy.as_rule(self.currency) for policy in self.fine_policies},
            {policy.code: policy.as_rule() for policy in self.hold_policies},
        )
        for place, point in enumerate(self.service_points):
            calendar = point.calendar.as_rule()
            found += [
                Flaw(f"/service_points/{place}/calendar", "calendar-wrong", text)
                for text in problems_of(calendar)
            ]
        points = {point.code for point in self.service_points}
        for place, policy in enumerate(self.hold_policies):
            found += [
                Flaw(
                    f"/hold_policies/{place}/pickup_points",
                    "service-point-unknown",
                    f"There is no service point {code!r}.",
                )
                for code in policy.pickup_points or ()
                if code not in points
            ]
        found += [
            Flaw(f"/fee_types/{place}/code", "code-reserved", f"{kind.code!r} is charged by the rules alone.")
            for place, kind in enumerate(self.fee_types)
            if kind.code in CHARGED_BY_RULES
        ]
        found += [
            Flaw(f"/fine_policies/{place}/reminders", "policy-contradicts-itself", "A later one comes first.")
            for place, fined in enumerate(self.fine_policies)
            if [told.after_days for told in fined.reminders]
            != sorted({told.after_days for told in fined.reminders})
        ]
        for place, losing in enumerate(self.lost_policies):
            found += losing.flaws(f"/lost_policies/{place}")
        lost = {losing.code for losing in self.lost_policies}
        found += [
            Flaw(f"/rules/{place}/lost", "policy-unknown", f"There is no lost policy {rule.lost!r}.")
            for place, rule in enumerate(self.rules)
            if rule.lost is not None and rule.lost not in lost
        ]
        groups = {group.code for group in self.patron_groups}
        found += [
            Flaw(
                f"/load_profiles/{place}/groups/{word.replace('~', '~0').replace('/', '~1')}",
                "group-unknown",
                f"There is no patron group {code!r}.",
            )
            for place, profile in enumerate(self.load_profiles)
            for word, code in profile.groups.items()
            if code not in groups
        ]
        for section in CODED:
            codes = [each.code for each in getattr(self, section)]
            found += [
                Flaw(f"/{section}", "code-repeated", f"{code!r} is there more than once.")
                for code in sorted({code for code in codes if codes.count(code) > 1})
            ]
        return found
