"""From what a campus says to a group and to roles. Decisions only; every one of them can be explained.

Group rules are ordered, the first that fits wins. Staff roles come from entitlements alone, never from an
affiliation, and count only for somebody who proved it with two factors (REFEDS MFA) not long ago.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

MFA: Final = "https://refeds.org/profile/mfa"
KEYS: Final = ("pairwise-id", "subject-id", "persistent-id", "eppn")
"""Attributes that can say who somebody is, the one that tells least first."""


@dataclass(frozen=True, slots=True)
class GroupRule:
    """Whoever fits belongs to a patron group, or is turned away (no group)."""

    name: str
    group: str | None
    affiliation: str | None = None
    """`student`, or with its scope: `student@example.edu`."""
    entitlement: str | None = None
    identity_provider: str | None = None
    assurance: str | None = None
    """A value of eduPersonAssurance that must be there, such as REFEDS' IAP/medium."""
    starts_on: date | None = None
    ends_on: date | None = None
    """The last day on which the rule holds."""


@dataclass(frozen=True, slots=True)
class StaffRule:
    """Whoever has the entitlement works here."""

    name: str
    entitlement: str
    roles: tuple[str, ...]
    libraries: tuple[str, ...] | None = None
    identity_provider: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a campus said at one sign-in, as far as rules look at it."""

    identity_provider: str
    affiliations: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()
    assurance: tuple[str, ...] = ()
    context: str | None = None
    authenticated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What comes of it."""

    group: str | None
    roles: tuple[str, ...]
    libraries: tuple[str, ...] | None
    rule: str | None
    """The group rule that won."""
    staff_rules: tuple[str, ...] = ()
    why: tuple[str, ...] = field(default=())
    """In sentences, for whoever asks."""
    wants_mfa: bool = False
    """Staff roles would follow from a sign-in with two factors."""
    entitled: tuple[str, ...] = ()
    """The roles that the rules give, whether or not two factors were proved at this sign-in."""
    entitled_libraries: tuple[str, ...] | None = None

    @property
    def admitted(self) -> bool:
        """Whether they may come in at all."""
        return self.group is not None or bool(self.roles)


def standing(
    facts: Facts, groups: Sequence[GroupRule], staff: Sequence[StaffRule], *, mfa: timedelta, now: datetime
) -> Standing:
    """The group and the roles that follow, with reasons."""
    today = now.date()
    why: list[str] = []
    won = next((rule for rule in groups if _group_fits(rule, facts, today)), None)
    if won is None:
        why.append("No rule fits what the identity provider said.")
    elif won.group is None:
        why.append(f"The rule “{won.name}” turns them away.")
    else:
        why.append(f"The rule “{won.name}” puts them into the group {won.group}.")
    roles: set[str] = {"patron"} if won is not None and won.group is not None else set()
    entitled = set(roles)
    fitting = [rule for rule in staff if _staff_fits(rule, facts, today)]
    proved = (
        facts.context == MFA and facts.authenticated_at is not None and now - facts.authenticated_at <= mfa
    )
    wants = bool(fitting) and not proved
    entitled |= {role for rule in fitting for role in rule.roles}
    libraries: tuple[str, ...] | None = None
    if fitting and all(rule.libraries is not None for rule in fitting):
        libraries = tuple(sorted({code for rule in fitting for code in rule.libraries or ()}))
    if fitting and proved:
        roles = entitled
        why += [f"The rule “{rule.name}” gives {', '.join(rule.roles)}." for rule in fitting]
    elif fitting:
        why += [
            f"The rule “{rule.name}” would give {', '.join(rule.roles)} after a sign-in with two factors."
            for rule in fitting
        ]
    return Standing(
        group=won.group if won else None,
        roles=tuple(sorted(roles)),
        libraries=libraries if proved else None,
        rule=won.name if won else None,
        staff_rules=tuple(rule.name for rule in fitting) if proved else (),
        why=tuple(why),
        wants_mfa=wants,
        entitled=tuple(sorted(entitled)),
        entitled_libraries=libraries,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """What somebody's own keys and webhooks are measured by."""

    roles: tuple[str, ...] = ()
    libraries: tuple[str, ...] | None = None


def held_after(before: Held, found: Standing) -> Held:
    """What that is after a sign-in: what it proved, or, with one factor alone, what of the last proof the rules still
    give."""
    if not found.wants_mfa:
        return Held(tuple(role for role in found.roles if role != "patron"), found.entitled_libraries)
    kept = tuple(sorted(set(before.roles).intersection(found.entitled) - {"patron"}))
    if before.libraries is None or found.entitled_libraries is None:
        return Held(kept, before.libraries if found.entitled_libraries is None else found.entitled_libraries)
    return Held(kept, tuple(sorted(set(before.libraries).intersection(found.entitled_libraries))))


def _group_fits(rule: GroupRule, facts: Facts, today: date) -> bool:
    return (
        _in_time(rule.starts_on, rule.ends_on, today)
        and rule.identity_provider in (None, facts.identity_provider)
        and (rule.affiliation is None or _affiliated(rule.affiliation, facts.affiliations))
        and (rule.entitlement is None or rule.entitlement in facts.entitlements)
        and (rule.assurance is None or rule.assurance in facts.assurance)
    )


def _staff_fits(rule: StaffRule, facts: Facts, today: date) -> bool:
    return (
        _in_time(rule.starts_on, rule.ends_on, today)
        and rule.identity_provider in (None, facts.identity_provider)
        and rule.entitlement in facts.entitlements
    )


def _in_time(starts: date | None, ends: date | None, today: date) -> bool:
    return (starts is None or starts <= today) and (ends is None or today <= ends)


def _affiliated(wanted: str, told: Sequence[str]) -> bool:
    """Compared without case (eduPerson); without a scope in the rule, whatever the scope is."""
    folded = wanted.lower()
    if "@" in folded:
        return any(value.lower() == folded for value in told)
    return any(value.lower().partition("@")[0] == folded for value in told)


@dataclass(frozen=True, slots=True)
class Key:
    """What somebody is known by, from one sign-in to the next."""

    kind: str
    value: str


def key_of(attributes: Mapping[str, Sequence[str]], wished: Sequence[str]) -> Key | None:
    """The first of the wished keys that is there with exactly one value; None when there is none.

    subject-id and pairwise-id compare without case (SAML subject-id attributes 1.0 §3.1).
    """
    for kind in wished:
        values = set(attributes.get(kind, ()))
        if len(values) == 1:
            value = values.pop()
            return Key(kind, value.lower() if kind in ("pairwise-id", "subject-id", "eppn") else value)
    return None


def facts_of(
    attributes: Mapping[str, Sequence[str]],
    *,
    identity_provider: str,
    context: str | None,
    authenticated_at: datetime | None,
) -> Facts:
    """The part of the attributes that rules look at."""
    return Facts(
        identity_provider,
        tuple(sorted(attributes.get("affiliation", ()))),
        tuple(sorted(attributes.get("entitlement", ()))),
        tuple(sorted(attributes.get("assurance", ()))),
        context,
        authenticated_at,
    )
