"""Requests are placed, acted upon, and hear of messages and timers: always through a move of the model."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused
from contracts.ill import RequestPlaced
from ill.ageing.rules import SPANS
from ill.citations.rules import likeness
from ill.configuration.queries import in_force
from ill.iso18626.rules import PARTNER_EVENTS, SUPPLIER_EVENTS
from ill.licences import queries as licences
from ill.lookups import commands as _lookups  # noqa: F401 - effects register themselves
from ill.patrons import queries as patrons
from ill.requests import access as _access  # noqa: F401 - effects register themselves
from ill.requests import amendments as _amendments  # noqa: F401 - effects register themselves
from ill.requests import corrections as _corrections  # noqa: F401 - effects register themselves
from ill.requests import holdings as _holdings  # noqa: F401 - effects register themselves
from ill.requests import losses as _losses  # noqa: F401 - effects register themselves
from ill.requests import model, queries
from ill.requests import patron_checks as _patron_checks  # noqa: F401 - effects register themselves
from ill.requests import supplying as _supplying  # noqa: F401 - effects register themselves
from ill.requests import volumes as _volumes  # noqa: F401 - effects register themselves
from ill.requests.case import Case, facts_of, too_old_at
from ill.requests.effects import EFFECTS
from ill.requests.rules import TEXTS, Told, refusals

CHECKS: Final = frozenset(
    {
        "ask-for-patron",
        "patron-looked-at",
        "checks-passed",
        "patron-refused",
        "over-limit",
        "seems-duplicate",
        "citation-thin",
        "copyright-limit",
        "look-online",
        "online-here",
        "not-online",
        "access-found",
        "look-here",
        "held-here",
        "not-held-here",
        "supplier-found",
        "none-left",
    }
)
BORROWING_TIMERS: Final = frozenset(
    {
        "catalogue-silent",
        "supplier-silent",
        "condition-unanswered",
        "retry-unanswered",
        "still-waiting",
        "return-unconfirmed",
        "copy-kept",
        "need-passed",
        "circulation-silent",
        "sources-silent",
        "access-silent",
        "read-online",
        "index-silent",
        "supplier-catalogue-silent",
    }
)
SOURCES: Final = frozenset(
    {
        "look-up",
        "source-answered",
        "looked-up",
        "open-access-found",
        "look-in-index",
        "index-answered",
        "look-at-supplier",
        "supplier-looked-at",
        "supplier-has-it",
        "supplier-has-not",
    }
)
"""What sources on the net bring about."""
LENDING_TIMERS: Final = frozenset(
    {"condition-unanswered", "gone-stale", "past-due", "still-waiting", "circulation-silent"}
)
DOCUMENTS: Final = frozenset({"document-kept"})
STAFF: Final = frozenset({"amended"})
"""What a change of the request's description brings about."""
CIRCULATION: Final = frozenset(
    {
        "hold-not-placed",
        "renewed-here",
        "date-not-moved",
        "titles-found",
        "hold-placed-here",
        "hold-refused-here",
        "not-charged",
        "claimed-here",
        "claim-resolved-here",
        "lost-here",
    }
)
OUR_ITEMS: Final = frozenset(
    {
        "access-found",
        "titles-found",
        "item-kept",
        "item-not-kept",
        "reservation-lost",
        "checked-out",
        "check-out-refused",
        "lent-here",
        "came-back",
        "recalled-here",
        "date-not-moved",
        "not-taken-back",
    }
)
DELIVERY: Final = frozenset({"request-refused", "out-of-reach"})

EVENTS: Final = {
    "borrowing": CHECKS
    | SOURCES
    | BORROWING_TIMERS
    | CIRCULATION
    | DOCUMENTS
    | DELIVERY
    | STAFF
    | SUPPLIER_EVENTS,
    "lending": LENDING_TIMERS | OUR_ITEMS | DOCUMENTS | PARTNER_EVENTS,
}
"""What the code brings about, besides the actions that people take."""


class WrongModel(Exception):
    """The state model contradicts the code; the message names every flaw."""


def check_models() -> None:
    """Hold every version of both models against the code. Called at start, before anybody relies on them."""
    for side in EVENTS:
        for version in model.versions(side):
            found = model.flaws(
                model.model_of(side, version),
                events=EVENTS[side],
                effects=frozenset(EFFECTS[side]),
                spans=SPANS,
                newest=version == model.newest(side),
            )
            if found:
                raise WrongModel(f"The state model {side}-{version}.toml is wrong: {'; '.join(found)}.")


class ActionRefused(Refused):
    """The request does not allow this now; every reason is given."""

    code, title = "action-refused", "This cannot be done with the request now."


class NoSuchRequest(NotFound):
    """There is no such request, or it is not yours to see."""

    title = "There is no such request."


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for, by whom."""

    service: str
    citation: Mapping[str, Any]
    patron_ref: UUID | None = None
    pickup: str | None = None
    partner_id: UUID | None = None
    partners_request_id: str | None = None
    fingerprint: bytes | None = None
    service_level: str | None = None
    need_before: datetime | None = None
    max_cost: int | None = None
    currency: str | None = None
    any_edition: bool = True
    preferred_edition: str | None = None
    named: str | None = None
    """The library behind a transparent broker."""
    note: str | None = None
    declared: str | None = None
    openurl: str | None = None


_PLACE = """
INSERT INTO request (id, number, side, state, service, citation, likeness, patron_ref, pickup, partner_id,
    partners_request_id, fingerprint, service_level, need_before, max_cost, currency, any_edition, note, offer,
    created_at, created_by, changed_at, look_at, declared, preferred_edition, named, volumes, openurl, model,
    expires_at)
VALUES ($1, $2 || lpad(nextval('request_number')::text, 6, '0'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
    $15, $16, $17, $18, '{}', $19, $20, $19, $21, $22, $23, $24, $25, $26, $27, $28)
RETURNING *
"""


async def place(
    connection: Connection, wish: Wish, *, actor: str, now: datetime, in_person: bool = False
) -> dict[str, Any]:
    """A new request. One of ours is checked and, if nothing stands against it, on its way before this returns."""
    doc = await in_force(connection)
    if (patron := wish.patron_ref) is not None:
        await patrons.lock(connection, patron)
        patron = await patrons.of_now(connection, patron)
    side = "borrowing" if wish.partner_id is None else "lending"
    version = model.newest(side)
    start = model.model_of(side, version).start
    row = await connection.fetchrow(
        _PLACE,
        uuid7(),
        doc.number_prefix,
        side,
        start,
        wish.service,
        dict(wish.citation),
        likeness(wish.service, wish.citation),
        patron,
        wish.pickup,
        wish.partner_id,
        wish.partners_request_id,
        wish.fingerprint,
        wish.service_level,
        wish.need_before,
        wish.max_cost,
        wish.currency,
        wish.any_edition,
        wish.note,
        now,
        actor,
        None,
        wish.declared,
        wish.preferred_edition,
        wish.named,
        [{"volume": volume} for volume in wish.citation.get("volumes", ())],
        wish.openurl,
        version,
        too_old_at(doc, created_at=now, need_before=wish.need_before, level=wish.service_level)
        if side == "borrowing"
        else None,
    )
    assert row is not None
    case = Case(connection, dict(row), doc, actor, now, in_person=in_person, entered=True)
    event = RequestPlaced(version=1, occurred_at=now, request_id=case.id, request=facts_of(case.row, None))
    await outbox.record(connection, [event])
    case.steps.append(("placed", start, start))
    first = ("check",) if side == "borrowing" else ("look-for-it", "ask-licences")
    await _follow(case, [await EFFECTS[side][effect](case) for effect in first])
    await case.write()
    return case.row


async def _follow(case: Case, pending: list[str | None]) -> None:
    """Let events happen, and what follows from them, until nothing does."""
    while pending:
        on = pending.pop(0)
        move = case.model.move(case.row["state"], on) if on is not None else None
        if on is None or move is None:
            continue
        case.steps.append((on, *case.enter(move.to, keep=move.keep)))
        pending += [await EFFECTS[case.row["side"]][effect](case) for effect in move.do]


async def happen(case: Case, event: str) -> bool:
    """Let something happen to a request; False when the state that it is in does not heed it."""
    if case.model.move(case.row["state"], event) is None:
        return False
    await _follow(case, [event])
    await case.write()
    return True


async def take_up(
    connection: Connection, request_id: UUID, *, actor: str, now: datetime, told: Told | None = None
) -> Case:
    """Lock a request and take it in hand; `NoSuchRequest` when there is none."""
    row = await queries.locked(connection, request_id)
    if row is None:
        raise NoSuchRequest
    return Case(connection, row, await in_force(connection), actor, now, told or Told())


async def act(case: Case, action: str) -> None:
    """What a person does; refused with every reason at once."""
    allowed = case.model.move(case.row["state"], action) is not None
    facts = queries.facts(case.row)
    if action == "supply-copy":
        said = await licences.answers(case.connection, case.row["access"], case.now.date())
        facts = replace(facts, licences={way: str(judged.answer) for way, judged in said.items()})
    if action == "cannot-supply":
        facts = replace(facts, unfilled=frozenset(case.doc.lending.unfilled))
    found = refusals(case.row["side"], action, facts, case.told, allowed=allowed, now=case.now)
    if found:
        raise ActionRefused(
            f"The request is {case.row['state']}.",
            reasons=[Reason(refusal, TEXTS[refusal][0], "/action", TEXTS[refusal][1]) for refusal in found],
        )
    await happen(case, action)
