"""The configuration as a document: what `carrel config export | diff | apply` reads and writes."""

from datetime import date, time
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from circulation.appointments.documents import AppointmentsDoc
from circulation.calendars.rules import Calendar, Opening, Season, problems_of
from circulation.fees.rules import CHARGED_BY_RULES
from circulation.floating.documents import FloatingDoc
from circulation.floating.rules import overlaps
from circulation.holds.documents import CancellationReasonDoc
from circulation.loading.rules import Field as LoadField
from circulation.lost.rules import Resolution
from circulation.patrons.rules import Limits, Measure
from circulation.places.desk_rules import DeskRulesDoc
from circulation.places.entries import Code, Count, Name, Strict
from circulation.policies.documents import (
    FinePolicyDoc,
    HoldPolicyDoc,
    LoanPolicyDoc,
    LostPolicyDoc,
    RuleDoc,
    ScheduleDoc,
)
from circulation.policies.lint import warnings
from circulation.policies.rules import (
    Flaw,
    LoanPolicy,
    Rule,
    flaws,
)
from circulation.registration.documents import CardPinDoc, RegistrationDoc
from circulation.reshelving.documents import ReshelvingDoc
from circulation.targeting.documents import CopyChoiceDoc
from circulation.transfers.documents import TransferDoc

Hours = list[tuple[time, time]]


Weekly = dict[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], Hours]
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _week(told: Weekly) -> dict[int, tuple[Opening, ...]]:
    return {_DAYS.index(day): tuple(Opening(*hours) for hours in opened) for day, opened in told.items()}


class SeasonDoc(Strict):
    """Days, both ends among them, with weekly hours of their own."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, serialize_by_alias=True)

    first: Annotated[date, Field(alias="from")]
    last: Annotated[date, Field(alias="to")]
    name: Name | None = None
    weekly: Weekly


class CalendarDoc(Strict):
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


class ServicePointDoc(Strict):
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
    reshelving_minutes: Annotated[int, Field(ge=0, le=43_200)] = 0
    """How long what comes in here takes to be back on its shelf; availability tells so meanwhile."""
    appointments: AppointmentsDoc | None = None
    """Slots in which patrons come for what is ready; left out: they come while it is open."""


Action = Literal["borrow", "renew", "hold"]


class LimitsDoc(Strict):
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
    wards_balance: Count | None = None
    """What those owe together for whom the patron answers; minor units of the library's currency."""

    def as_rule(self) -> Limits:
        """As rules put it."""
        told = {measure: getattr(self, measure.name.lower()) for measure in Measure}
        return {measure: limit for measure, limit in told.items() if limit is not None}


class GroupLimitsDoc(Strict):
    """Limits by action."""

    borrow: LimitsDoc | None = None
    renew: LimitsDoc | None = None
    hold: LimitsDoc | None = None


class PatronGroupDoc(Strict):
    """Patrons with the same rights."""

    code: Code
    name: Name
    max_loans: Count | None = None
    """Short for `limits.borrow.items_out`."""
    max_owed: Count | None = None
    """Short for `limits.borrow.balance` and `limits.renew.balance`; minor units of the library's currency."""
    max_loans_of: dict[Code, Count] = Field(default_factory=dict, max_length=500)
    """The most items of these libraries, by their codes."""
    statistical: bool = False
    """Nobody's card: what is checked out to it is counted as used in the house, and not lent."""
    limits: GroupLimitsDoc = Field(default_factory=GroupLimitsDoc)


class BlockTemplateDoc(Strict):
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


class LoadProfileDoc(Strict):
    """How a campus file of patrons is taken up."""

    code: Code
    name: Name
    groups: dict[str, Code] = Field(default_factory=dict, max_length=500)
    """The campus's words for patron groups, and what they are here."""
    library_wins: list[LoadField] = Field(default_factory=list)
    """Fields that a file fills when a patron is new, and never changes afterwards."""
    deactivate_missing: bool = False
    """Patrons whom this profile brought, and who are not in a file, are no longer active."""
    safety_percent: Annotated[int, Field(ge=1, le=100)] = 5
    """When more are missing than this, nobody is deactivated: the file is more likely to be wrong."""


class FeeTypeDoc(Strict):
    """Something that staff charge by hand."""

    code: Code
    name: Name
    amount: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """What it usually costs, in minor units; the desk may name another amount."""


class BursarAccountDoc(Strict):
    """An account to which fees are transferred, to be collected there."""

    code: Code
    name: Name


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
    "cancellation_reasons",
    "floating",
)
"""Sections whose entries have codes."""


class ConfigurationDoc(Strict):
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
    cancellation_reasons: list[CancellationReasonDoc] = Field(default_factory=list, max_length=200)
    """Beside `patron-wish`, which is always there and may be listed to be worded otherwise."""
    delivery_address_types: list[Code] = Field(default_factory=list, max_length=50)
    """Kinds of addresses to which items are delivered where a hold policy allows it."""
    copy_choice: CopyChoiceDoc = Field(default_factory=CopyChoiceDoc)
    desk: DeskRulesDoc = Field(default_factory=DeskRulesDoc)
    floating: list[FloatingDoc] = Field(default_factory=list, max_length=200)
    transfers: list[TransferDoc] = Field(default_factory=list, max_length=5000)
    """What may be sent between libraries, and what it costs; the first line that fits counts."""
    reshelving: list[ReshelvingDoc] = Field(default_factory=list, max_length=5000)
    """How long items take from the desk to their shelves; the first line that fits counts."""
    registration: RegistrationDoc = Field(default_factory=RegistrationDoc)
    card_pin: CardPinDoc = Field(default_factory=CardPinDoc)

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
        return (
            warnings(self.as_rules(), self.as_loan_policies(), chosen, groups)
            + [
                Flaw(f"/service_points/{place}/calendar", "never-open", f"{point.code!r} never opens.")
                for place, point in enumerate(self.service_points)
                if point.calendar.as_rule().never_opens
            ]
            + self._floating_nowhere()
        )

    def _floating_nowhere(self) -> list[Flaw]:
        served = {library for point in self.service_points for library in point.serves or [point.library]}
        return [
            Flaw(
                f"/floating/{number}/places/{place}",
                "floats-nowhere",
                f"No service point serves the library {told.library!r}: nothing ever stays there.",
            )
            for number, floating in enumerate(self.floating)
            for place, told in enumerate(floating.places)
            if told.library not in served
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

    def _floating_flaws(self) -> list[Flaw]:
        collections = [floating.as_rule() for floating in self.floating]
        return [
            Flaw(f"/floating/{number}/places", "floating-wrong", text)
            for number, collection in enumerate(collections)
            for text in collection.problems()
        ] + [
            Flaw(
                f"/floating/{number}/places",
                "floats-twice",
                f"{place.location!r} of {place.library!r} floats with another collection already.",
            )
            for number, place in overlaps(collections)
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
        found += [
            Flaw(
                f"/hold_policies/{place}/volume_required",
                "policy-contradicts-itself",
                "A volume has to be named, yet holds on volumes and on items are not among its levels.",
            )
            for place, holding in enumerate(self.hold_policies)
            if holding.volume_required and set(holding.levels) <= {"title"}
        ]
        found += [
            Flaw(
                f"/hold_policies/{place}/fulfilments",
                "policy-contradicts-itself",
                "Items are delivered, yet there are no delivery_address_types to deliver them to.",
            )
            for place, holding in enumerate(self.hold_policies)
            if "delivery" in holding.fulfilments and not self.delivery_address_types
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
        templates = {template.code for template in self.block_templates}
        for place, fined in enumerate(self.fine_policies):
            found += fined.flaws(f"/fine_policies/{place}", templates)
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
        found += self._floating_flaws()
        found += self.registration.flaws() + self.card_pin.flaws()
        for section in CODED:
            codes = [each.code for each in getattr(self, section)]
            found += [
                Flaw(f"/{section}", "code-repeated", f"{code!r} is there more than once.")
                for code in sorted({code for code in codes if codes.count(code) > 1})
            ]
        return found
