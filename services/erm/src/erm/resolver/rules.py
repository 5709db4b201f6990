"""Which ways lead to what is asked for on a day, and why do the others not? Decisions only: no clock, no database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from erm.agreements.rules import Standing
from erm.coverage.rules import ALWAYS, Asked, Span, Statement, Verdict, best, in_force
from erm.platforms.access import Method, Way, way_in
from erm.platforms.rules import is_address, link

FREE: Final = "F"
FULL: Final = frozenset({"fulltext", "selected articles"})
"""Depths at which there is something to read."""


class Refusal(StrEnum):
    """Why a way leads nowhere, besides what an agreement says (`Standing`). Codes never change."""

    NOT_LICENSED = "not-licensed"
    NOT_CONFIRMED = "right-not-confirmed"
    ACCESS_NOT_BEGUN = "access-not-begun"
    ACCESS_ENDED = "access-ended"
    BEFORE_COVERAGE = "before-coverage"
    AFTER_COVERAGE = "after-coverage"
    IN_A_GAP = "in-a-gap"
    EMBARGOED = "embargoed"
    NO_FULL_TEXT = "no-full-text"
    NO_LINK = "no-link"
    SAME_LINK = "same-link"


TEXTS: Final[Mapping[str, str]] = {
    Refusal.NOT_LICENSED: "The library has not licensed it there.",
    Refusal.NOT_CONFIRMED: "That it stays the library's is not confirmed.",
    Refusal.ACCESS_NOT_BEGUN: "It is not there yet.",
    Refusal.ACCESS_ENDED: "It is not there any more.",
    Refusal.BEFORE_COVERAGE: "What is there begins later.",
    Refusal.AFTER_COVERAGE: "What is there ends earlier.",
    Refusal.IN_A_GAP: "It lies in a gap of what is there.",
    Refusal.EMBARGOED: "The publisher holds it back there for now.",
    Refusal.NO_FULL_TEXT: "Only abstracts are there.",
    Refusal.NO_LINK: "No link can be made to it.",
    Refusal.SAME_LINK: "It is the same as one above.",
    Standing.NOT_ACTIVE: "The agreement for it is not in force.",
    Standing.BEFORE_PERIOD: "The agreement for it has not begun.",
    Standing.AFTER_PERIOD: "The agreement for it has ended.",
    Standing.BETWEEN_PERIODS: "The agreement for it is between two periods.",
    Standing.LINE_NOT_BEGUN: "Its part of the agreement has not begun.",
    Standing.LINE_ENDED: "Its part of the agreement has ended.",
    Standing.SUPPRESSED: "The library does not offer it there.",
}
_OF_COVERAGE: Final = {
    Verdict.BEFORE_COVERAGE: Refusal.BEFORE_COVERAGE,
    Verdict.AFTER_COVERAGE: Refusal.AFTER_COVERAGE,
    Verdict.IN_A_GAP: Refusal.IN_A_GAP,
    Verdict.EMBARGOED: Refusal.EMBARGOED,
}


@dataclass(frozen=True, slots=True)
class Right:
    """A line of an agreement that says something of a title as it stands today, or what stays of a former one."""

    line_id: UUID | None
    agreement_id: UUID | None
    agreement: str | None
    against: tuple[Standing | Refusal, ...] = ()
    """Why it lets nothing be used today; none: it does."""
    coverage: tuple[Statement, ...] = ()
    """Our own."""
    licence_id: UUID | None = None
    licence: str | None = None
    terms: tuple[Mapping[str, Any], ...] = ()
    """What the licence says, on which days."""
    perpetual_id: UUID | None = None
    """The right to what was published while it was subscribed to, whatever became of the agreement."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A title on a platform, in a package or by itself."""

    title_id: UUID
    title: str
    kind: str
    platform_id: UUID
    platform: str
    templates: tuple[str, ...] = ("{url}",)
    proxied: bool = False
    proxy_prefix: str | None = None
    access: tuple[Way, ...] = ()
    """Ways of access, in order of preference."""
    simultaneous_users: int | None = None
    item_id: UUID | None = None
    package_id: UUID | None = None
    package: str | None = None
    url: str | None = None
    title_key: str | None = None
    listed: Span = ALWAYS
    statements: tuple[Statement, ...] = ()
    rights: tuple[Right, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for, as far as it decides."""

    asked: Asked
    whole: bool
    """A whole journal or book: whatever is there of it is wanted."""
    facts: Mapping[str, str | None]
    """What links are made of."""


@dataclass(frozen=True, slots=True)
class Target:
    """A way to it."""

    candidate: Candidate
    right: Right | None
    """By which it may be used; none: it is free for everybody."""
    url: str
    certain: bool
    """False: the citation tells too little to know whether it is covered."""
    statements: tuple[Statement, ...]
    """What is covered there, ours before the knowledge base's."""
    method: Method | None = None
    """How readers get in; None: nobody has told, or it is free."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A way that leads nowhere, and every reason."""

    candidate: Candidate
    reasons: tuple[str, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Ways:
    """All of them, each kind in its order."""

    targets: tuple[Target, ...]
    refused: tuple[Refused, ...]


def judge(
    candidates: Sequence[Candidate],
    wanted: Wanted,
    *,
    today: date,
    free_first: bool = False,
    proxy_prefix: str | None = None,
) -> Ways:
    """Sure ways before unsure ones, then licensed before free (or the other way round), then by name.

    What is subscribed to stands before what stays of a subscription: it is the same, and more.
    """
    targets: list[Target] = []
    refused: list[Refused] = []
    for candidate in candidates:
        found = _one(candidate, wanted, today=today, proxy_prefix=proxy_prefix)
        (targets if isinstance(found, Target) else refused).append(found)  # type: ignore[arg-type]
    targets.sort(
        key=lambda one: (
            not one.certain,
            (one.right is None) is not free_first,
            one.right is not None and one.right.perpetual_id is not None,
            *_name(one.candidate),
        )
    )
    refused.sort(key=lambda one: _name(one.candidate))
    kept: dict[str, Target] = {}
    for target in targets:
        if target.url in kept:
            refused.append(Refused(target.candidate, (Refusal.SAME_LINK,), target.statements))
        else:
            kept[target.url] = target
    return Ways(tuple(kept.values()), tuple(refused))


def _name(candidate: Candidate) -> tuple[str, str, str]:
    return candidate.platform.casefold(), (candidate.package or "").casefold(), str(candidate.item_id)


def _one(candidate: Candidate, wanted: Wanted, *, today: date, proxy_prefix: str | None) -> Target | Refused:
    """The best way through one candidate: by a right that covers it, else free; or every reason against it."""
    readable = tuple(each for each in candidate.statements if each.depth.casefold() in FULL)
    against = _access(candidate.listed, today)
    coverage: dict[tuple[Statement, ...], Verdict] = {}

    def covered(statements: tuple[Statement, ...]) -> Verdict:
        if statements not in coverage:
            coverage[statements] = _covers(candidate, statements, wanted, today=today)
        return coverage[statements]

    usable = [right for right in candidate.rights if not right.against]
    ways: list[tuple[Right | None, tuple[Statement, ...]]] = [
        (right, tuple(in_force(right.coverage, readable)))
        for right in usable
        if right.coverage or readable or not candidate.statements
    ]
    free = tuple(each for each in readable if each.access_type == FREE)
    ways += [(None, free)] if free else []
    open_ways = [(right, said, covered(said)) for right, said in ways]
    good = [way for way in open_ways if way[2] in (Verdict.COVERED, Verdict.PERHAPS)]
    if good and not against:
        right, said, verdict = min(good, key=lambda way: (way[2] is Verdict.PERHAPS, way[0] is None))
        found = _way_in(candidate, wanted.facts, free=right is None, proxy_prefix=proxy_prefix)
        if found is not None:
            certain = wanted.whole or verdict is Verdict.COVERED
            return Target(candidate, right, found[0], certain, said, found[1])
        against.append(Refusal.NO_LINK)
    if not usable and not free:
        against += _unlicensed(candidate.rights)
    if candidate.statements and not readable:
        against.append(Refusal.NO_FULL_TEXT)
    elif not good:
        said = ways[0][1] if ways else readable
        verdict = covered(said)
        against += [_OF_COVERAGE[verdict]] if verdict in _OF_COVERAGE else []
    shown = ways[0][1] if ways else readable or candidate.statements
    return Refused(candidate, tuple(dict.fromkeys(str(reason) for reason in against)), shown)


def _access(listed: Span, today: date) -> list[str]:
    found: list[str] = []
    if listed.first is not None and today < listed.first:
        found.append(Refusal.ACCESS_NOT_BEGUN)
    if listed.last is not None and today > listed.last:
        found.append(Refusal.ACCESS_ENDED)
    return found


def _unlicensed(rights: Sequence[Right]) -> list[str]:
    """What stands against each right; where there is none, just that."""
    return [str(reason) for right in rights for reason in right.against] or [Refusal.NOT_LICENSED]


def _covers(
    candidate: Candidate, statements: tuple[Statement, ...], wanted: Wanted, *, today: date
) -> Verdict:
    """A book is there or not; what a title bought by itself covers nobody has told, so that it may be there."""
    if candidate.kind == "monograph":
        return best(statements, Asked(None, None), today=today) if statements else Verdict.COVERED
    if not statements:
        return Verdict.PERHAPS
    return best(statements, wanted.asked, today=today)


def _way_in(
    candidate: Candidate, facts: Mapping[str, str | None], *, free: bool, proxy_prefix: str | None
) -> tuple[str, Method | None] | None:
    told = {**facts, "url": candidate.url, "title_id": candidate.title_key}
    url = link(candidate.templates, told)
    if url is None or not is_address(url):
        return None
    if free:
        return url, None
    prefix = candidate.proxy_prefix or proxy_prefix
    found = way_in(url, candidate.access, proxied=candidate.proxied, prefix=prefix)
    return found if is_address(found[0]) else None


def terms_on(right: Right, today: date) -> list[Mapping[str, Any]]:
    """What the licence of a right says today (its days are texts, as they are kept)."""
    day = today.isoformat()
    return [term for term in right.terms if (term["starts_on"] or day) <= day <= (term["ends_on"] or day)]
