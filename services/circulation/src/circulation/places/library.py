"""What a process keeps in memory of the configuration, and how it notices that it has changed.

Each busy statement reads the one row of `reference` along with its facts; when its version is not the one
in memory, the configuration is read again and the facts are looked at once more. So no process ever
decides by rules of yesterday, and no message has to reach it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.problems import Unavailable
from circulation.appointments.rules import Plan
from circulation.calendars.rules import Calendar, always_open
from circulation.floating.rules import Floating, Place, by_place
from circulation.holds.rules import PATRON_WISH, CancellationReason
from circulation.lost.rules import LostPolicy, Resolution
from circulation.places.desk_rules import DeskRulesDoc
from circulation.places.documents import (
    BlockTemplateDoc,
    ConfigurationDoc,
    FeeTypeDoc,
    LoadProfileDoc,
    PatronGroupDoc,
    ServicePointDoc,
)
from circulation.policies.rules import HoldPolicy, RuleSet
from circulation.registration.documents import CardPinDoc, RegistrationDoc
from circulation.reshelving.rules import Reshelving, minutes_for
from circulation.targeting.rules import CopyChoice
from circulation.transfers.rules import Transfer, between


@dataclass(frozen=True, slots=True)
class Desk:
    """A service point with its calendar."""

    id: UUID
    code: str
    name: str
    library: str
    serves: frozenset[str]
    pickup: bool
    calendar: Calendar
    shelf_days: int | None = None
    owner: str = ""
    """Whose income the fees charged here are."""
    cash_drawer: bool = False
    """Whether cash is taken only into an open drawer."""
    reshelving_minutes: int = 0
    """From here back to the shelf."""
    appointments: Plan | None = None

    @classmethod
    def of(cls, point_id: UUID, doc: ServicePointDoc) -> "Desk":
        """From its document."""
        serves = frozenset(doc.serves or [doc.library])
        return cls(
            point_id,
            doc.code,
            doc.name,
            doc.library,
            serves,
            doc.pickup,
            doc.calendar.as_rule(),
            doc.shelf_days,
            doc.fee_owner or doc.library,
            doc.cash_drawer,
            doc.reshelving_minutes,
            doc.appointments.as_rule() if doc.appointments else None,
        )


@dataclass(frozen=True, slots=True)
class Library:
    """The whole configuration, of one version."""

    version: int
    currency: str
    rules: RuleSet
    desks: Mapping[UUID, Desk]
    by_code: Mapping[str, Desk]
    homes: Mapping[str, Desk]
    """The desk at which a library's items are at home: its own first, else the first that serves it."""
    groups: Mapping[str, PatronGroupDoc]
    block_templates: Mapping[str, BlockTemplateDoc] = field(default_factory=dict)
    fee_types: Mapping[str, FeeTypeDoc] = field(default_factory=dict)
    bursar_accounts: frozenset[str] = frozenset()
    lost: Mapping[str, LostPolicy] = field(default_factory=dict)
    claim_resolution: Resolution = Resolution.FOUND_BY_LIBRARY
    load_profiles: Mapping[str, LoadProfileDoc] = field(default_factory=dict)
    desk_rules: DeskRulesDoc = field(default_factory=DeskRulesDoc)
    floating: Mapping[Place, Floating] = field(default_factory=dict)
    cancellation_reasons: Mapping[str, CancellationReason] = field(default_factory=dict)
    copy_choice: CopyChoice = field(default_factory=CopyChoice)
    registration: RegistrationDoc = field(default_factory=RegistrationDoc)
    card_pin: CardPinDoc = field(default_factory=CardPinDoc)
    counts_facts: bool = False
    """Whether a check-out has to know more of what the patron has out than how many loans of each policy."""
    delivery_address_types: frozenset[str] = frozenset()
    transfers: tuple[Transfer, ...] = ()
    reshelving: tuple[Reshelving, ...] = ()
    _barred: dict[tuple[str, str, str], frozenset[str]] = field(default_factory=dict, compare=False)

    def reshelving_minutes(
        self, desk: Desk, *, library: str | None, location: str | None, material_type: str
    ) -> int:
        """How long such an item takes from a desk back to its shelf."""
        return minutes_for(
            self.reshelving,
            desk.reshelving_minutes,
            library=library,
            location=location,
            material_type=material_type,
        )

    def transfer(self, origin: str, to: Desk, *, material_type: str, loan_type: str) -> Transfer:
        """What is decided of sending such an item from a library to a desk; one that serves it is at home there."""
        destination = origin if origin in to.serves else to.library
        return between(self.transfers, origin, destination, material_type=material_type, loan_type=loan_type)

    def barred(self, origin: str, *, material_type: str, loan_type: str) -> frozenset[str]:
        """Codes of the desks that such an item of a library may not be sent to."""
        if not self.transfers:
            return frozenset()
        key = (origin, material_type, loan_type)
        found = self._barred.get(key)
        if found is None:
            found = self._barred[key] = frozenset(
                desk.code
                for desk in self.desks.values()
                if not self.transfer(origin, desk, material_type=material_type, loan_type=loan_type).allowed
            )
        return found

    def barred_from(self, desk: Desk, *, material_type: str, loan_type: str) -> frozenset[UUID]:
        """Ids of the desks that such an item, lying at one, may not be sent to."""
        barred = self.barred(desk.library, material_type=material_type, loan_type=loan_type) - {desk.code}
        return frozenset(self.by_code[code].id for code in barred)

    tells_new_items: bool = False
    """Whether a policy asks how new an item is."""
    counts_holds_by_day: bool = False
    """Whether a policy asks how many holds a patron placed today."""

    def calendar_at(self, desk_id: UUID, zone: str) -> Calendar:
        """The calendar of a service point; of one that is no more: its zone, and no closed time."""
        desk = self.desks.get(desk_id)
        return desk.calendar if desk else always_open(zone)

    def hold_policy(self, code: str) -> HoldPolicy:
        """The policy that a hold was placed under; of one that is no more: what is usual."""
        return self.rules.hold.get(code) or HoldPolicy(code, code)


class NotConfigured(Unavailable):
    """Nothing can be lent before rules, groups and service points are configured."""

    code, title = "not-configured", "The library is not configured: PUT /v1/configuration/circulation first."


def library_of(version: int, doc: ConfigurationDoc, ids: Mapping[str, UUID]) -> Library:
    """Put a configuration together."""
    desks = {
        ids[point.code]: Desk.of(ids[point.code], point) for point in doc.service_points if point.code in ids
    }
    homes: dict[str, Desk] = {}
    for desk in desks.values():
        for served in desk.serves:
            if served not in homes or (desk.library == served and homes[served].library != served):
                homes[served] = desk
    return Library(
        version,
        doc.currency,
        RuleSet(
            version,
            doc.as_rules(),
            doc.as_loan_policies(),
            {policy.code: policy.as_rule(doc.currency) for policy in doc.fine_policies},
            {policy.code: policy.as_rule() for policy in doc.hold_policies},
        ),
        desks,
        {desk.code: desk for desk in desks.values()},
        homes,
        {group.code: group for group in doc.patron_groups},
        {template.code: template for template in doc.block_templates},
        fee_types={kind.code: kind for kind in doc.fee_types},
        bursar_accounts=frozenset(account.code for account in doc.bursar_accounts),
        lost={policy.code: policy.as_rule(doc.currency) for policy in doc.lost_policies},
        claim_resolution=doc.claim_resolution,
        load_profiles={profile.code: profile for profile in doc.load_profiles},
        desk_rules=doc.desk,
        floating=by_place([floating.as_rule() for floating in doc.floating]),
        cancellation_reasons={PATRON_WISH.code: PATRON_WISH}
        | {told.code: told.as_rule() for told in doc.cancellation_reasons},
        copy_choice=doc.copy_choice.as_rule(),
        registration=doc.registration,
        card_pin=doc.card_pin,
        counts_facts=any(rule.max_loans is not None for rule in doc.rules)
        or any(group.max_loans_of for group in doc.patron_groups)
        or any(policy.ask_second_copy for policy in doc.loan_policies),
        delivery_address_types=frozenset(doc.delivery_address_types),
        transfers=tuple(line.as_rule() for line in doc.transfers),
        reshelving=tuple(line.as_rule() for line in doc.reshelving),
        tells_new_items=any(policy.new_items is not None for policy in doc.loan_policies),
        counts_holds_by_day=any(policy.max_holds_per_day is not None for policy in doc.hold_policies),
    )


_READ = """
SELECT r.version, c.document,
       (SELECT jsonb_object_agg(code, id) FROM service_point WHERE active) AS points
FROM reference r LEFT JOIN configuration_version c ON c.version = r.version
"""


async def read_library(by: Connection | asyncpg.Pool) -> Library:
    """The library as it now stands, for whoever keeps none; `NotConfigured` when there is none."""
    row = await by.fetchrow(_READ)
    if row is None or row["document"] is None:
        raise NotConfigured
    points = {code: UUID(told) for code, told in (row["points"] or {}).items()}
    return library_of(row["version"], ConfigurationDoc.model_validate(row["document"]), points)


class Shelf:
    """Keeps the library of the newest version seen."""

    def __init__(self, pool: Connection | asyncpg.Pool) -> None:
        self._pool = pool
        self._library: Library | None = None
        self._reading = asyncio.Lock()

    @property
    def newest(self) -> Library | None:
        """The library of the newest version seen, if any was."""
        return self._library

    async def library(
        self, version: int | None = None, *, by: Connection | asyncpg.Pool | None = None
    ) -> Library:
        """The library, read again unless it is of this version; `NotConfigured` when there is none.

        Whoever holds a connection reads `by` it: to wait for a second one while everybody does would end nothing.
        """
        known = self._library
        if known is not None and version in (None, known.version):
            return known
        async with self._reading:
            known = self._library
            if known is None or version != known.version:
                self._library = known = await read_library(by or self._pool)
            return known

    async def fresh(self) -> Library:
        """The library as it now stands, for whatever is not in a hurry."""
        return await self.library(await self._pool.fetchval("SELECT version FROM reference"))
