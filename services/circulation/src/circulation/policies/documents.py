"""Policies, and the rules that choose among them, as the configuration's document has them."""

from collections.abc import Mapping, Set
from datetime import date, timedelta
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from circulation.calendars.rules import WhenClosed
from circulation.fees.rules import FinePolicy, FineUnit, Money, Reminder, Suspension
from circulation.lost.rules import Cause, Cost, DepositThen, LostPolicy, OverdueWhenFound
from circulation.places.entries import Code, Count, MinorUnits, Name, Strict
from circulation.policies.rules import (
    Automatic,
    Criterion,
    Earliest,
    Flaw,
    HoldPolicy,
    LoanPolicy,
    NewItems,
    Period,
    Precision,
    RenewFrom,
    Rule,
    Schedule,
    Term,
    Unit,
    WhenOverdue,
)
from circulation.rentals.rules import Per, Rental


class PeriodDoc(Strict):
    """A length of time."""

    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Unit

    def as_rule(self) -> Period:
        """As rules put it."""
        return Period(self.amount, self.unit)


class TermDoc(Strict):
    """What goes out from one day to another, both among them, is due at the end of a third."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    due: date


class ScheduleDoc(Strict):
    """Fixed due dates: terms that do not overlap. Nothing is lent by it on a day that no term holds."""

    code: Code
    name: Name
    terms: list[TermDoc] = Field(min_length=1, max_length=200)

    def as_rule(self) -> Schedule:
        """As rules put it."""
        return Schedule(self.code, tuple(Term(term.first, term.last, term.due) for term in self.terms))


class EarliestDoc(Strict):
    """How many days before the due time a loan may be renewed: from midnight on, or to the minute."""

    days_before: Annotated[int, Field(ge=0, le=3650)]
    precision: Precision = Precision.DATE

    def as_rule(self) -> Earliest:
        """As rules put it."""
        return Earliest(self.days_before, self.precision)


class NewItemsDoc(Strict):
    """For so many days after an item came it is lent and requested only where its library's items are at home."""

    days: Annotated[int, Field(ge=1, le=3650)]

    def as_rule(self) -> NewItems:
        """As rules put it."""
        return NewItems(self.days)


class RentalDoc(Strict):
    """What lending costs; in minor units of the library's currency."""

    amount: Annotated[int, Field(ge=1, le=10_000_000)]
    per: Per = Per.LOAN
    count_closed: bool = True
    """Whether closed hours, or closed days, are charged."""
    on_renewal: bool = True
    """Whether the time that a renewal adds is charged, too (fixed: once more)."""

    def as_rule(self) -> Rental:
        """As rules put it."""
        return Rental(self.amount, self.per, self.count_closed, self.on_renewal)


class AutomaticRenewalDoc(Strict):
    """Loans are renewed before they are due, without being asked for, unless the patron wants none of it."""

    days_before: Annotated[int, Field(ge=0, le=365)] = 0
    precision: Precision = Precision.DATE
    latest: PeriodDoc | None = None
    """From the loan on; on the day on which it ends it is too late."""
    latest_on: date | None = None
    """A day on which it is too late; the earlier of both counts."""
    max_owed: MinorUnits | None = None
    """Who owes more renews by hand."""

    def as_rule(self) -> Automatic:
        """As rules put it."""
        latest = self.latest.as_rule() if self.latest else None
        return Automatic(Earliest(self.days_before, self.precision), latest, self.latest_on, self.max_owed)


class LoanPolicyDoc(Strict):
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
    max_unseen: Count | None = None
    """How often in a row it may be renewed without anybody having seen the item."""
    renew_if_copies_suffice: bool = False
    """Holds stop no renewal while copies on the shelf can fill them all."""
    when_overdue: WhenOverdue = WhenOverdue.ALLOW
    """Whether what is overdue may be renewed, or (`block-all`) anything while something is overdue."""
    ask_second_copy: bool = False
    """The desk is asked before a patron gets a second copy of what they have."""
    new_items: NewItemsDoc | None = None
    rental: RentalDoc | None = None
    deposit: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    """Charged with the loan, given back with the item; minor units of the library's currency."""
    automatic_renewal: AutomaticRenewalDoc | None = None
    in_library: bool = False
    """For use in the library: the desk may keep it between two uses, on the same loan."""
    desk_shelf: PeriodDoc | None = None
    """How long the desk keeps it between two uses; until it is due where left out."""

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
            max_unseen=self.max_unseen,
            renew_if_copies_suffice=self.renew_if_copies_suffice,
            when_overdue=self.when_overdue,
            ask_second_copy=self.ask_second_copy,
            new_items=self.new_items.as_rule() if self.new_items else None,
            rental=self.rental.as_rule() if self.rental else None,
            deposit=self.deposit,
            automatic=self.automatic_renewal.as_rule() if self.automatic_renewal else None,
            in_library=self.in_library,
            desk_shelf=self.desk_shelf.as_rule() if self.desk_shelf else None,
        )


class SuspensionDoc(Strict):
    """Days without loans, renewals and holds, for each so many units overdue beyond the grace."""

    days: Annotated[int, Field(ge=1, le=366)]
    per_units: Annotated[int, Field(ge=1, le=10_000)] = 1
    max_days: Annotated[int, Field(ge=1, le=3660)] | None = None
    skip_closed: bool = True
    cumulative: bool = False

    def as_rule(self) -> Suspension:
        """As rules put it."""
        return Suspension(self.days, self.per_units, self.max_days, self.skip_closed, self.cumulative)


class ReminderDoc(Strict):
    """A reminder that costs something, blocks the borrower, or both, so many days past due; on an open day."""

    after_days: Annotated[int, Field(ge=1, le=3650)]
    amount: Annotated[int, Field(ge=0, le=10_000_000)]
    block: Code | None = None
    """One of the `block_templates`: the borrower is blocked by it until the item comes back or is due anew."""


class FinePolicyDoc(Strict):
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
    recall_grace_units: Count | None = None
    """Units past due that cost nothing once the loan was recalled; left out: `grace_units`."""
    replacement_cost: MinorUnits | None = None
    """What a new copy costs, for items of which the catalogue knows no price."""
    cap_at_cost: bool = False
    """No fine is higher than the item's price."""
    suspension: SuspensionDoc | None = None
    reminders: list[ReminderDoc] = Field(default_factory=list, max_length=20)
    """In order of their days; each is charged once for a due date, and one that was missed costs nothing."""

    def flaws(self, pointer: str, block_templates: Set[str]) -> list[Flaw]:
        """What is wrong with its reminders."""
        days = [told.after_days for told in self.reminders]
        found = []
        if days != sorted(set(days)):
            found.append(
                Flaw(f"{pointer}/reminders", "policy-contradicts-itself", "A later one comes first.")
            )
        for place, told in enumerate(self.reminders):
            at = f"{pointer}/reminders/{place}"
            if not told.amount and told.block is None:
                text = "It neither costs anything nor blocks anybody."
                found.append(Flaw(f"{at}/amount", "policy-contradicts-itself", text))
            if told.block is not None and told.block not in block_templates:
                text = f"There is no block template {told.block!r}."
                found.append(Flaw(f"{at}/block", "block-template-unknown", text))
        return found

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
            recall_grace_units=self.recall_grace_units,
            replacement_cost=money(self.replacement_cost),
            cap_at_cost=self.cap_at_cost,
            suspension=self.suspension.as_rule() if self.suspension else None,
            reminders=tuple(
                Reminder(told.after_days, Money(told.amount, currency), told.block) for told in self.reminders
            ),
        )


AMOUNTS: Final = {
    Cost.NONE: {False},
    Cost.SET: {True},
    Cost.PRICE: {True, False},
    Cost.ACTUAL: {False},
}
"""Whether an amount stands beside the cost."""


class LostPolicyDoc(Strict):
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
    """With the cost `set`; with `price`, for items of which the catalogue knows no price."""
    processing_fee: dict[Cause, MinorUnits] = Field(default_factory=dict)
    close_when_settled: bool = True
    close_after: PeriodDoc | None = None
    refund: bool = True
    refund_within: PeriodDoc | None = None
    keep_processing_fee: bool = False
    overdue_when_found: OverdueWhenFound = OverdueWhenFound.TO_RETURN
    deposit_when_paid: DepositThen = DepositThen.KEEP
    """What becomes of a loan's deposit once the lost item is paid for; should it turn up, `refund` counts for it."""
    deposit_when_missing: DepositThen = DepositThen.KEEP
    """The same of what the patron said to have brought back and nobody finds."""

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
            deposit_when_paid=self.deposit_when_paid,
            deposit_when_missing=self.deposit_when_missing,
        )

    def flaws(self, pointer: str) -> list[Flaw]:
        """What contradicts itself."""
        found = []
        if (self.amount is not None) not in AMOUNTS[self.cost]:
            text = "An amount belongs to the cost `set`, may stand with `price`, and with no other."
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


class HoldPolicyDoc(Strict):
    """What may be placed, and how long it waits."""

    code: Code
    name: Name
    kinds: list[Literal["hold", "page", "recall"]] = Field(default=["hold", "page", "recall"])
    levels: list[Literal["title", "volume", "item"]] = Field(default=["title", "volume", "item"])
    """What a hold may be about; a single one is thereby forced."""
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
    volume_required: bool = False
    """Whether a hold on a title whose copies are of several volumes names the volume, or the item."""
    max_holds_per_title: Annotated[int, Field(ge=1, le=100)] = 1
    """Open holds of one patron on one title."""
    volumes_apart: bool = False
    """Whether holds on different volumes of a title count apart, as for a serial's issues."""
    fulfilments: list[Literal["hold-shelf", "delivery"]] = Field(default=["hold-shelf"], min_length=1)
    """Whether the patron comes for it, or it is sent to an address of theirs."""

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
            volume_required=self.volume_required,
            max_holds_per_title=self.max_holds_per_title,
            volumes_apart=self.volumes_apart,
            fulfilments=frozenset(self.fulfilments),
        )


class NotDoc(Strict):
    """Everything but these values."""

    none_of: list[str] = Field(min_length=1, max_length=500)


class RuleDoc(Strict):
    """When these criteria hold, these policies apply. Without criteria it is the fallback."""

    when: dict[str, list[str] | NotDoc] = Field(default_factory=dict)
    loan: Code
    fine: Code
    hold: Code
    lost: Code | None = None
    """Left out: nothing ages to lost, and nothing lost is charged."""
    max_loans: Count | None = None
    """The most open loans of one patron that the criteria of the item take: a material type or loan type among them."""
    note: str | None = Field(default=None, max_length=500)

    def as_rule(self, line: int) -> Rule:
        """As rules put it."""
        criteria = {
            name: Criterion(frozenset(told.none_of), negated=True)
            if isinstance(told, NotDoc)
            else Criterion(frozenset(told))
            for name, told in self.when.items()
        }
        return Rule(line, criteria, self.loan, self.fine, self.hold, self.lost, self.max_loans)
