"""Whoever is vouched for comes in, by whatever door: the rules judge, a patron is found or made, a session begins."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from gateway.clients.owners import look_again
from gateway.persons.circulation import Circulation
from gateway.persons.registering import registered
from gateway.persons.rules import Facts, Held, Key, Standing, facts_of, held_after, key_of, standing
from gateway.sessions import commands as sessions
from gateway.sessions.commands import Signed
from gateway.sessions.rules import ends_at, idle_for
from gateway.signon.documents import SignOnDoc

log = logging.getLogger(__name__)


class TurnedAway(Exception):
    """Somebody who is vouched for, and who may not come in all the same."""

    def __init__(
        self, reason: str, issuer: str, *, help_url: str | None = None, why: tuple[str, ...] = ()
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.issuer = issuer
        self.help_url = help_url
        self.why = why


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody signed in."""

    token: str
    return_to: str
    standing: Standing
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a door believes of somebody."""

    signed: Signed
    """By whom, and how they are signed out again."""
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By our own names (`gateway.saml.names.KNOWN`)."""
    key: Key | None = None
    """What they are known by where no key of the document comes: the door's own name for them."""
    until: datetime | None = None
    """When the session ends at the latest, if their side says so."""
    help_url: str | None = None

    @property
    def issuer(self) -> str:
        """Who says so, as rules name it."""
        return self.signed.entity_id or ""


@dataclass(frozen=True, slots=True)
class Recognised:
    """Whom a door vouches for, as the library knows them."""

    person_id: UUID
    patron_id: UUID | None
    standing: Standing
    facts: Facts
    reasons: tuple[str, ...]
    """Why there is no patron, or why theirs was not brought up to date."""


async def recognise(
    pool: asyncpg.Pool, circulation: Circulation, doc: SignOnDoc, told: Vouched, *, now: datetime
) -> Recognised:
    """Who somebody is here; `TurnedAway` when no rule lets them in or nothing says who they are."""
    issuer = told.issuer
    facts = facts_of(
        told.attributes,
        identity_provider=issuer,
        context=told.signed.context,
        authenticated_at=told.signed.authenticated_at,
    )
    found = standing(
        facts, doc.persons.group_rules(), doc.persons.staff_rules(), mfa=doc.sessions.mfa, now=now
    )
    key = key_of(told.attributes, doc.persons.keys) or told.key
    if key is None or not found.admitted:
        reason = (
            "identifier-missing" if key is None else "no-rule-fits" if found.rule is None else "turned-away"
        )
        await note(pool, issuer, None, "turned-away", (reason,), facts, found, now)
        raise TurnedAway(reason, issuer, help_url=told.help_url, why=found.why)
    person_id, patron_id = await _person(pool, key, issuer, now)
    reasons: tuple[str, ...] = ()
    if found.group is not None:
        registration = await registered(
            circulation,
            person_id=person_id,
            patron_id=patron_id,
            key=key,
            attributes=told.attributes,
            group=found.group,
            doc=doc.persons,
            now=now,
        )
        reasons, patron_id = registration.reasons, registration.patron_id
    return Recognised(person_id, patron_id, found, facts, reasons)


async def admit(
    pool: asyncpg.Pool,
    circulation: Circulation,
    doc: SignOnDoc,
    told: Vouched,
    *,
    return_to: str,
    now: datetime,
) -> Arrived:
    """Begin a session for somebody; `TurnedAway` when no rule lets them in or nothing says who they are."""
    try:
        known = await recognise(pool, circulation, doc, told, now=now)
    except TurnedAway:
        await _nothing_held(pool, doc, told)
        raise
    async with pool.acquire() as connection, connection.transaction():
        await note_arrival(connection, told, known, now)
        await _hold(connection, told, known, now)
        token = await _begun(connection, doc, told, known, now)
    return Arrived(token, return_to, known.standing, known.reasons)


async def note_arrival(connection: Connection, told: Vouched, known: Recognised, now: datetime) -> None:
    """Write down that somebody came in, and which patron they are."""
    await connection.execute(
        "UPDATE person SET patron_id = $2 WHERE id = $1 AND patron_id IS DISTINCT FROM $2",
        known.person_id,
        known.patron_id,
    )
    await note(
        connection,
        told.issuer,
        known.person_id,
        "signed-in",
        known.reasons,
        known.facts,
        known.standing,
        now,
    )
    log.info(
        "somebody signed in",
        extra={
            "door": told.signed.door,
            "identity_provider": told.issuer,
            "person": str(known.person_id),
            "rule": known.standing.rule,
        },
    )


_HELD = "SELECT roles, libraries FROM person WHERE id = $1 FOR UPDATE"
_HOLD = "UPDATE person SET door = $2, roles = $3, libraries = $4, judged_at = $5 WHERE id = $1"
_NOTHING = """
UPDATE person SET roles = '{}' WHERE key_kind = $1 AND key_value = $2 AND roles <> '{}' RETURNING id
"""


async def _hold(connection: Connection, told: Vouched, known: Recognised, now: datetime) -> None:
    """What their own keys are measured by from now on."""
    row = await connection.fetchrow(_HELD, known.person_id)
    if row is None:
        return  # forgotten meanwhile
    libraries = row["libraries"]
    before = Held(tuple(row["roles"]), None if libraries is None else tuple(libraries))
    held = held_after(before, known.standing)
    await connection.execute(
        _HOLD,
        known.person_id,
        told.signed.door,
        list(held.roles),
        None if held.libraries is None else list(held.libraries),
        now,
    )
    await look_again(connection, [known.person_id])


async def _nothing_held(pool: asyncpg.Pool, doc: SignOnDoc, told: Vouched) -> None:
    """Somebody whom we know is let in no more: neither are their keys."""
    key = key_of(told.attributes, doc.persons.keys) or told.key
    if key is None:
        return
    async with pool.acquire() as connection, connection.transaction():
        if person_id := await connection.fetchval(_NOTHING, key.kind, key.value):
            await look_again(connection, [person_id])


_PERSON = """
INSERT INTO person (id, key_kind, key_value, entity_id, registered_at, signed_in_at) VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (key_kind, key_value) DO UPDATE SET signed_in_at = $5, entity_id = $4 RETURNING id, patron_id
"""


async def _person(pool: asyncpg.Pool, key: Key, entity_id: str, now: datetime) -> tuple[UUID, UUID | None]:
    row = await pool.fetchrow(_PERSON, uuid7(), key.kind, key.value, entity_id, now)
    assert row is not None
    return row["id"], row["patron_id"]


async def _begun(
    connection: Connection,
    doc: SignOnDoc,
    told: Vouched,
    known: Recognised,
    now: datetime,
) -> str:
    limits, found = doc.sessions.limits(), known.standing
    ends = ends_at(limits, granted_until=told.until, now=now)
    if set(found.roles) - {"patron"} and told.signed.authenticated_at is not None:
        ends = min(ends, told.signed.authenticated_at + doc.sessions.mfa)
    return await sessions.begin(
        connection,
        person_id=known.person_id,
        patron_id=known.patron_id,
        roles=found.roles,
        libraries=found.libraries,
        signed=told.signed,
        idle=idle_for(limits, found.roles),
        ends_at=ends,
        now=now,
    )


def _written(facts: Facts | None) -> Mapping[str, Any]:
    if facts is None:
        return {}
    at = facts.authenticated_at
    return {
        "affiliations": facts.affiliations,
        "entitlements": facts.entitlements,
        "assurance": facts.assurance,
        "context": facts.context,
        "authenticated_at": at.isoformat() if at else None,
    }


async def note(
    connection: Connection | asyncpg.Pool,
    entity_id: str,
    person_id: UUID | None,
    outcome: str,
    reasons: tuple[str, ...],
    facts: Facts | None,
    found: Standing | None,
    now: datetime,
) -> None:
    """Write a sign-in down: no name, no address, no identifier."""
    what = (
        {}
        if found is None
        else {
            "group": found.group,
            "roles": found.roles,
            "rule": found.rule,
            "staff_rules": found.staff_rules,
            "why": found.why,
            "wants_mfa": found.wants_mfa,
        }
    )
    await connection.execute(
        "INSERT INTO sign_in (id, at, entity_id, person_id, outcome, reasons, facts, standing) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        uuid7(),
        now,
        entity_id,
        person_id,
        outcome,
        list(reasons),
        _written(facts),
        what,
    )
