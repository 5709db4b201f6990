"""May this request go on, to whom, and until when is something waited for? Decisions only: no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from ill.ageing.rules import days_after
from ill.licences.rules import Answer, way_of
from ill.partners.rules import (
    ALWAYS,
    OUTSIDE,
    Branch,
    Calendar,
    LoanPolicy,
    branch_closed,
    lends_from,
)

# --- may it go on ---


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of the patron and their other requests when a request is checked."""

    known: bool
    """Circulation has told of the patron, or the patron asked in person."""
    blocked: bool
    """A block stops borrowing or holds now."""
    open_requests: int
    """Besides this one."""
    alike: int
    """Requests of the patron for the same thing, within the window."""


def told_live(standing: Standing, told: Mapping[str, Any] | None) -> Standing:
    """With what circulation has told when it was asked, in the place of what is remembered of the patron here."""
    if not told:  # not asked, or no answer
        return standing
    return replace(standing, known=bool(told["known"]), blocked=bool(told["stops"]))


def checked(standing: Standing, *, thin: bool, max_open: int) -> str:
    """The event that the checks bring about; the gravest finding first."""
    if not standing.known or standing.blocked:
        return "patron-refused"
    if standing.open_requests >= max_open:
        return "over-limit"
    if standing.alike:
        return "seems-duplicate"
    return "citation-thin" if thin else "checks-passed"


class Refusal(StrEnum):
    """Why an action is not possible now. Codes never change."""

    STATE = "state-forbids"
    RECEIVED = "received-already"
    NOT_RECEIVED = "not-received-yet"
    RENEWAL_PENDING = "renewal-pending"
    RENEWAL_NOT_ASKED = "renewal-not-asked"
    COST = "cost-above-maximum"
    RETRY_EARLY = "retry-too-early"
    RETRY_LATE = "retry-too-late"
    COPY_NOT_LOAN = "copy-not-loan"
    LOAN_NOT_COPY = "loan-not-copy"
    DUE_PASSED = "due-date-passed"
    DUE_LATER = "recall-lengthens"
    NOTHING_OFFERED = "condition-missing"
    NOTHING_TO_SEND = "nothing-to-send"
    ROYALTY = "royalty-above-maximum"
    OTHER_ITEM = "another-item"
    SOURCE = "source-not-said"
    LICENCE_PROHIBITS = "licence-prohibits"
    LICENCE_UNCLEAR = "licence-unclear"
    VOLUME_UNKNOWN = "volume-unknown"
    VOLUME_DONE = "volume-noted-already"
    VOLUME_ABSENT = "volume-not-here"
    REASON_UNKNOWN = "reason-unknown"


TEXTS: Final = {
    Refusal.STATE: (
        "The request is not at the point where this can be done.",
        "See which actions it allows now.",
    ),
    Refusal.RECEIVED: ("It was received already.", "Nothing is to be done."),
    Refusal.NOT_RECEIVED: ("It has not been received yet.", "Receive it first."),
    Refusal.RENEWAL_PENDING: ("The owner has not answered the last renewal yet.", "Wait for the answer."),
    Refusal.RENEWAL_NOT_ASKED: ("The partner has not asked for more time.", "Nothing is to be answered."),
    Refusal.COST: (
        "It costs more than the request may.",
        "Raise the request's max_cost, or have somebody with ill:costs agree.",
    ),
    Refusal.RETRY_EARLY: ("The supplier wants to be asked later.", "Wait until the moment that it named."),
    Refusal.RETRY_LATE: ("The supplier's offer has run out.", "Try the next supplier."),
    Refusal.COPY_NOT_LOAN: ("A copy is asked for; nothing is lent.", "Send a copy."),
    Refusal.LOAN_NOT_COPY: ("A loan is asked for.", "Ship it."),
    Refusal.DUE_PASSED: ("The due date has passed.", "Name a moment that lies ahead."),
    Refusal.DUE_LATER: ("A recall only shortens a loan.", "Name an earlier due date."),
    Refusal.NOTHING_TO_SEND: (
        "There is neither a link nor a document.",
        "Name a link, or PUT the document first.",
    ),
    Refusal.SOURCE: (
        "We have it electronically: what the copy is made from is not said.",
        "Send made_from: print, electronic-print or electronic-file.",
    ),
    Refusal.LICENCE_PROHIBITS: (
        "Our licence does not let it be sent to another library in this way.",
        "Make it from print, send it in another way, or say that we do not supply it.",
    ),
    Refusal.LICENCE_UNCLEAR: (
        "What our licence says of it is not known.",
        "Look into the licence, and send the grounds on which it goes out.",
    ),
    Refusal.ROYALTY: (
        "The royalty is more than the request may cost.",
        "Raise the request's max_cost, or have somebody with ill:costs agree.",
    ),
    Refusal.OTHER_ITEM: (
        "This is not the item that was lent for this request.",
        "See whose parcel it is: look its barcode up.",
    ),
    Refusal.VOLUME_UNKNOWN: ("The request has no such volume.", "Name volumes as the request lists them."),
    Refusal.VOLUME_DONE: ("That was noted of this volume already.", "Name those that remain."),
    Refusal.REASON_UNKNOWN: (
        "This is none of the reasons for not supplying.",
        "Name one of GET /v1/ill/unfilled-reasons, or enter it into lending.reasons.",
    ),
    Refusal.VOLUME_ABSENT: ("This volume has not come.", "Receive it first."),
    Refusal.NOTHING_OFFERED: (
        "Neither a condition nor a cost is named.",
        "Name one, or simply agree to supply.",
    ),
}
"""What is said, and what would mend it."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came with an action or a message."""

    note: str | None = None
    reason: str | None = None
    condition: str | None = None
    conditions: tuple[str, ...] = ()
    """Where there are several."""
    wants: Mapping[str, Any] = field(default_factory=dict)
    """What a retry should ask for, besides conditions, cost and times (retryInfo of 2021-2)."""
    cost: int | None = None
    """Minor units."""
    currency: str | None = None
    due_at: datetime | None = None
    item_barcode: str | None = None
    link: str | None = None
    retry_after: datetime | None = None
    retry_before: datetime | None = None
    service: str | None = None
    """What the supplier says it has done: loan or copy."""
    title_id: UUID | None = None
    compliance: str | None = None
    volumes: tuple[str, ...] = ()
    here: Mapping[str, Any] = field(default_factory=dict)
    """What the catalogue or circulation told."""
    may_exceed_cost: bool = False
    made_from: str | None = None
    """What a copy is made from: print, electronic-print (printed from the file), electronic-file."""
    grounds: str | None = None
    """Why it goes out though the licence does not say so."""
    library: str | None = None
    """A branch of ours."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a refusal depends on."""

    service: str
    received: bool = False
    renewal_pending: bool = False
    due_at: datetime | None = None
    max_cost: int | None = None
    currency: str | None = None
    offer: Mapping[str, Any] = field(default_factory=dict)
    has_document: bool = False
    item_barcode: str | None = None
    electronic: bool = False
    """We have it electronically, by a licence."""
    unfilled: frozenset[str] = frozenset()
    """The reasons for not supplying that there are."""
    licences: Mapping[str, str] = field(default_factory=dict)
    """What our licences say of each way of sending it."""
    volumes: tuple[str, ...] = ()
    """Where several are asked for …"""
    here: tuple[str, ...] = ()
    """… those that have come (borrowing) …"""
    back: tuple[str, ...] = ()
    """… and those that went back, or came back."""


def refusals(
    side: str, action: str, facts: Facts, told: Told, *, allowed: bool, now: datetime
) -> list[Refusal]:
    """Every reason why the action is not possible; `allowed`: the state's model has a move for it."""
    applies = {Refusal.STATE: not allowed}
    rule = (_BORROWING if side == "borrowing" else _LENDING).get(action)
    if rule is not None:
        applies |= rule(facts, told, now)
    return [refusal for refusal, holds in applies.items() if holds]


_Applies = dict[Refusal, bool]


def _receive(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.RECEIVED: facts.received}


def _in_hand(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.NOT_RECEIVED: not facts.received}


def _renew(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.NOT_RECEIVED: not facts.received, Refusal.RENEWAL_PENDING: facts.renewal_pending}


def exceeds(facts: Facts) -> bool:
    """Whether the offer costs more than the request may, or in another currency, which nobody can compare."""
    cost = facts.offer.get("cost")
    if not cost or facts.max_cost is None:
        return False
    return facts.offer.get("currency") != facts.currency or int(cost) > facts.max_cost


def _accept(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.COST: exceeds(facts) and not told.may_exceed_cost}


def _retry(facts: Facts, told: Told, now: datetime) -> _Applies:
    after, before = (_moment(facts.offer.get(name)) for name in ("retry_after", "retry_before"))
    return {
        Refusal.RETRY_EARLY: after is not None and now < after,
        Refusal.RETRY_LATE: before is not None and now > before,
        Refusal.COST: exceeds(facts) and not told.may_exceed_cost,
    }


def _moment(told: str | None) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _ship(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.COPY_NOT_LOAN: facts.service == "copy"} | _due(facts, told, now)


def _due(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.DUE_PASSED: told.due_at is not None and told.due_at <= now}


def _copy(facts: Facts, told: Told, now: datetime) -> _Applies:
    nothing = told.link is None and not facts.has_document
    way = way_of(told.made_from, by_own_link=told.link is None)
    answer = Answer(facts.licences.get(way, Answer.UNKNOWN)) if way is not None else Answer.PERMITTED
    return {
        Refusal.LOAN_NOT_COPY: facts.service == "loan",
        Refusal.NOTHING_TO_SEND: nothing,
        Refusal.SOURCE: facts.electronic and told.made_from is None,
        Refusal.LICENCE_PROHIBITS: answer is Answer.PROHIBITED,
        Refusal.LICENCE_UNCLEAR: answer is Answer.UNKNOWN and told.grounds is None,
    }


def _clear(facts: Facts, told: Told, now: datetime) -> _Applies:
    asked = replace(facts, offer={"cost": told.cost, "currency": told.currency})
    return {Refusal.ROYALTY: exceeds(asked) and not told.may_exceed_cost}


def _asked(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.RENEWAL_NOT_ASKED: not facts.renewal_pending} | _due(facts, told, now)


def _recall(facts: Facts, told: Told, now: datetime) -> _Applies:
    later = told.due_at is not None and facts.due_at is not None and told.due_at > facts.due_at
    return {Refusal.DUE_LATER: later} | _due(facts, told, now)


def _condition(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.NOTHING_OFFERED: told.condition is None and told.cost is None}


def _volumes(facts: Facts, told: Told, done: Sequence[str]) -> _Applies:
    return {
        Refusal.VOLUME_UNKNOWN: not set(told.volumes) <= set(facts.volumes),
        Refusal.VOLUME_DONE: bool(set(told.volumes) & set(done)),
    }


def _receive_part(facts: Facts, told: Told, now: datetime) -> _Applies:
    return _volumes(facts, told, facts.here)


def _return_part(facts: Facts, told: Told, now: datetime) -> _Applies:
    absent = set(told.volumes) & (set(facts.volumes) - set(facts.here))
    return (
        _in_hand(facts, told, now) | _volumes(facts, told, facts.back) | {Refusal.VOLUME_ABSENT: bool(absent)}
    )


def _part_back(facts: Facts, told: Told, now: datetime) -> _Applies:
    return _volumes(facts, told, facts.back)


def split(volumes: Sequence[Mapping[str, Any]], mark: str) -> tuple[list[str], list[str]]:
    """Volumes that have the mark (`received_at`, `returned_at`), and those that lack it."""
    names: tuple[list[str], list[str]] = ([], [])
    for volume in volumes:
        names[0 if volume.get(mark) else 1].append(volume["volume"])
    return names


def parts_told(done: str, volumes: Sequence[str], missing: Sequence[str], note: str | None) -> str:
    """What the other library is told of volumes; names both kinds."""
    words = [f"{done}: {', '.join(volumes)}", f"Missing: {', '.join(missing)}" if missing else "", note or ""]
    return ". ".join(word for word in words if word)


_BORROWING: Final = {
    "receive": _receive,
    "receive-part": _receive_part,
    "ship-back-part": _return_part,
    "take-back": _in_hand,
    "ship-back": _in_hand,
    "renew": _renew,
    "accept-conditions": _accept,
    "accept-retry": _retry,
    "clear-copyright": _clear,
}


def _receive_back(facts: Facts, told: Told, now: datetime) -> _Applies:
    lent = facts.item_barcode
    return {Refusal.OTHER_ITEM: None not in (told.item_barcode, lent) and told.item_barcode != lent}


def _cannot(facts: Facts, told: Told, now: datetime) -> _Applies:
    return {Refusal.REASON_UNKNOWN: told.reason is not None and told.reason not in facts.unfilled}


_LENDING: Final = {
    "cannot-supply": _cannot,
    "receive-back-damaged": _receive_back,
    "receive-back": _receive_back,
    "receive-part-back": _part_back,
    "ship": _ship,
    "supply-copy": _copy,
    "renew": _asked,
    "decline-renewal": _asked,
    "recall": _recall,
    "supply-on-condition": _condition,
}


# --- our own items for partners ---

_UNFILLED: Final = {
    "not-held": "NotHeld",
    "title-unknown": "NotHeld",
    "none-on-shelf": "NotOnShelf",
    "not-for-loan": "NotAvailableForILL",
}
"""By what circulation says: words of the open list of reasonUnfilled (ISO 18626)."""


def renewed_until(
    due_at: datetime | None, *, days: int | None, most: int, so_far: int, recalled: bool, now: datetime
) -> datetime | bool | None:
    """Until when a partner's loan is renewed by itself; False: not at all; None: staff decide."""
    if days is None or due_at is None:
        return None
    if recalled or so_far >= most:
        return False
    return days_after(max(due_at, now), days)


def unfilled_reason(reasons: Sequence[str]) -> str:
    """What a partner is told; whatever lies with them or with our rules is policy."""
    return next((_UNFILLED[reason] for reason in reasons if reason in _UNFILLED), "PolicyProblem")


def answers_itself(
    *, responder: str, service: str, certain: bool, found: int, linked: bool, copies: str = "off"
) -> str | None:
    """What the responder does with what was found: `keep` a copy, `cannot-supply`, or None, which leaves it to staff.

    What was found by its words alone may be another book. A copy of an article is made by people; that its journal is
    not here at all can be said without them (`copies`).
    """
    if service == "copy":
        return "cannot-supply" if copies != "off" and certain and not found else None
    if responder == "off" or not certain:
        return None
    if found:
        return "keep" if linked else None
    return "cannot-supply" if responder == "will-or-cannot" else None


def held_here(*, service: str, certain: bool, by: Sequence[str]) -> bool:
    """Whether what was found of a patron's wish is worth a look: by a number, or for an article, its journal."""
    return bool(by) and (certain or (service != "loan" and "issn" in by))


def looked_for_here(service: str, citation: Mapping[str, Any]) -> bool:
    """Whether enough is known to be found without a look at each hit."""
    names = (
        ("isbn", "oclc", "record_id") if service == "loan" else ("isbn", "oclc", "record_id", "issn", "eissn")
    )
    return any(citation.get(name) for name in names)


def patrons_due(owners: datetime, *, back: timedelta, now: datetime) -> datetime:
    """When a patron's loan is due so that it is back with its owner in time; a patron always has a day to bring it."""
    return max(owners - back, now + timedelta(days=1))


# --- to whom ---


@dataclass(frozen=True, slots=True)
class Candidate:
    """A partner, as the rota sees it."""

    partner_id: UUID
    name: str
    active: bool = True
    lends_books: bool = True
    lends_copies: bool = True
    rank: int = 100
    network_rank: int = OUTSIDE
    """Of the network on whose terms it is asked."""
    last_resort: bool = False
    policies: tuple[LoanPolicy, ...] = ()
    """What it lends from where."""
    branches: tuple[Branch, ...] = ()
    calendar: Calendar = ALWAYS
    charges: int | None = None
    """What it takes for the service that is wanted, in minor units of `currency`; None: not known."""
    currency: str | None = None
    max_open: int | None = None
    open_now: int = 0
    """Requests of ours that it is at."""
    lent: int = 0
    """Requests it has filled for us …"""
    borrowed: int = 0
    """… and we for it."""


def ranked(candidates: Sequence[Candidate], *, currency: str | None = None) -> list[Candidate]:
    """In the order in which they are asked: last resorts last, by network, by rank, then by what they take (in this
    currency; others cannot be compared), then whoever has lent less than they took.
    """
    return sorted(
        candidates,
        key=lambda one: (
            one.last_resort,
            one.network_rank,
            one.rank,
            (one.charges or 0) if one.currency == currency else 0,
            one.lent - one.borrowed,
            one.name,
            str(one.partner_id),
        ),
    )


def skip_reason(
    candidate: Candidate,
    service: str,
    *,
    now: datetime,
    max_cost: int | None = None,
    currency: str | None = None,
    places: Sequence[Sequence[str | None]] = (),
) -> str | None:
    """Why a partner is not asked now; None when it is. Costs in another currency are not compared.

    `places` are those of its, location and shelving location, at which an index has it; none: nobody knows.
    """
    lends = {"loan": candidate.lends_books, "copy": candidate.lends_copies}.get(
        service, candidate.lends_books or candidate.lends_copies
    )
    dear = max_cost is not None and candidate.currency == currency and (candidate.charges or 0) > max_cost
    if not candidate.active:
        return "inactive"
    if not lends:
        return "does-not-lend-this"
    lent = [where for where, shelf in places if lends_from(candidate.policies, where, shelf, service)]
    if places and not lent:
        return "not-lent-from-there"
    if candidate.calendar.closing(now):
        why = candidate.calendar.closed_for(now)
        return f"closed: {why}" if why else "closed"
    day = candidate.calendar.day(now)
    if lent and all(branch_closed(candidate.branches, where, day) for where in lent):
        return "branch-closed"
    if dear:
        return "costs-too-much"
    if candidate.max_open is not None and candidate.open_now >= candidate.max_open:
        return "has-enough-of-ours"
    return None
