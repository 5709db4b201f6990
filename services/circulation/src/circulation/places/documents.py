"""The configuration as a document: what `carrel config export | diff | apply` reads and writes."""

from datetime import date, time, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from circulation.calendars.rules import Calendar, Opening, WhenClosed, problems_of
from circulation.fees.rules import FinePolicy, FineUnit, Money
from circulation.policies.rules import (
    Criterion,
    Flaw,
    HoldPolicy,
    LoanPolicy,
    Period,
    RenewFrom,
    Rule,
    Unit,
    flaws,
)

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Hours = list[tuple[time, time]]
Count = Annotated[int, Field(ge=0, le=1_000_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CalendarDoc(_Strict):
    """Opening hours in the place's own zone. Weekdays `mon` … `sun`; a missing one is closed."""

    zone: Annotated[str, StringConstraints(max_length=60)]
    weekly: dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], Hours]
    exceptions: dict[date, Hours] = Field(default_factory=dict)
    """Hours of single dates; an empty list: closed."""

    def as_rule(self) -> Calendar:
        """The calendar that rules ask."""
        days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
        return Calendar(
            self.zone,
            {
                days.index(day): tuple(Opening(*hours) for hours in opened)
                for day, opened in self.weekly.items()
            },
            {day: tuple(Opening(*hours) for hours in opened) for day, opened in self.exceptions.items()},
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
    calendar: CalendarDoc


class PatronGroupDoc(_Strict):
    """Patrons with the same rights."""

    code: Code
    name: Name
    max_loans: Count | None = None
    max_owed: Count | None = None
    """Minor units of the library's currency."""


class PeriodDoc(_Strict):
    """A length of time."""

    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Unit

    def as_rule(self) -> Period:
        """As rules put it."""
        return Period(self.amount, self.unit)


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

    def as_rule(self) -> LoanPolicy:
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
        )


class FinePolicyDoc(_Strict):
    """How an overdue item is fined; amounts in minor units of the library's currency."""

    code: Code
    name: Name
    amount: Annotated[int, Field(ge=0, le=10_000_000)]
    unit: FineUnit = FineUnit.DAY
    cap: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    grace_units: Count = 0
    count_closed: bool = True
    forgive_on_renewal: bool = False

    def as_rule(self, currency: str) -> FinePolicy:
        """As rules put it."""
        return FinePolicy(
            code=self.code,
            name=self.name,
            per_unit=Money(self.amount, currency),
            unit=self.unit,
            cap=Money(self.cap, currency) if self.cap is not None else None,
            grace_units=self.grace_units,
            count_closed=self.count_closed,
            forgive_on_renewal=self.forgive_on_renewal,
        )


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
    note: str | None = Field(default=None, max_length=500)

    def as_rule(self, line: int) -> Rule:
        """As rules put it."""
        criteria = {
            name: Criterion(frozenset(told.none_of), negated=True)
            if isinstance(told, NotDoc)
            else Criterion(frozenset(told))
            for name, told in self.when.items()
        }
        return Rule(line, criteria, self.loan, self.fine, self.hold)


class ConfigurationDoc(_Strict):
    """Everything about lending that a library decides."""

    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "EUR"
    service_points: list[ServicePointDoc] = Field(default_factory=list, max_length=2000)
    patron_groups: list[PatronGroupDoc] = Field(default_factory=list, max_length=500)
    loan_policies: list[LoanPolicyDoc] = Field(default_factory=list, max_length=1000)
    fine_policies: list[FinePolicyDoc] = Field(default_factory=list, max_length=1000)
    hold_policies: list[HoldPolicyDoc] = Field(default_factory=list, max_length=1000)
    rules: list[RuleDoc] = Field(default_factory=list, max_length=5000)

    def as_rules(self) -> list[Rule]:
        """The rules in order, lines counted from 1."""
        return [rule.as_rule(line) for line, rule in enumerate(self.rules, 1)]

    def flaws(self) -> list[Flaw]:
        """Everything wrong with it as a whole."""
        found = flaws(
            self.as_rules(),
            {policy.code: policy.as_rule() for policy in self.loan_policies},
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
        for section in ("service_points", "patron_groups", "loan_policies", "fine_policies", "hold_policies"):
            codes = [each.code for each in getattr(self, section)]
            found += [
                Flaw(f"/{section}", "code-repeated", f"{code!r} is there more than once.")
                for code in sorted({code for code in codes if codes.count(code) > 1})
            ]
        return found
