"""Somebody comes back from their campus: the answer is judged, and a session begins or does not."""

import hmac
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chassis.database import Connection
from chassis.ids import uuid7
from gateway.persons.circulation import Circulation
from gateway.persons.registering import registered
from gateway.persons.rules import Facts, Key, Standing, facts_of, key_of, standing
from gateway.saml import markup, requests, sources
from gateway.saml.entity import ACS
from gateway.saml.parts import Parts
from gateway.saml.providers import IdentityProvider
from gateway.saml.requests import Asked
from gateway.saml.responses import Believed, NameId, believed
from gateway.saml.rules import Code, Expected, MessageRefused
from gateway.sessions import commands as sessions
from gateway.sessions.commands import Signed
from gateway.sessions.rules import ends_at, idle_for
from gateway.signon.documents import SignOnDoc

log = logging.getLogger(__name__)


class TurnedAway(Exception):
    """Somebody whom the campus vouches for, and who may not come in all the same."""

    def __init__(self, reason: str, provider: IdentityProvider, why: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.provider = provider
        self.why = why


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody signed in."""

    token: str
    return_to: str
    standing: Standing
    reasons: tuple[str, ...]


def name_hash(parts: Parts, entity_id: str, value: str) -> bytes:
    """By what a session is found when the campus signs somebody out; nobody can go back from it to the name."""
    key = parts.sealer.derived("saml names")
    return hmac.new(key, f"{entity_id}\n{value}".encode(), sha256).digest()


async def arrive(
    parts: Parts,
    circulation: Circulation,
    *,
    response: str,
    relay: str,
    browser: str | None,
    now: datetime,
) -> Arrived:
    """Judge a response and begin a session. `MessageRefused` or `TurnedAway` when it comes to nothing."""
    doc, ours = await parts.configured()
    raw = markup.from_base64(response)
    asked = await requests.use(parts.pool, relay=relay, browser=browser, now=now)
    try:
        provider = await sources.find(parts.pool, asked.entity_id, now=now)
        if provider is None:
            raise MessageRefused(Code.UNKNOWN_ISSUER)
        expected = Expected(
            asked.id,
            ours.url + ACS,
            ours.id,
            provider.entity_id,
            frozenset(provider.scopes),
            timedelta(seconds=doc.clock_skew_seconds),
            asked.context,
        )
        keys = await parts.keys(ours, now=now)
        told = await parts.workshop.do(
            believed,
            raw,
            expected,
            provider,
            [key.credential for key in keys],
            doc.persons.attribute_names,
            now=now,
        )
        until = told.valid_until + expected.skew
        if not await requests.seen_first(
            parts.pool, entity_id=told.issuer, message_id=told.assertion_id, until=until
        ):
            raise MessageRefused(Code.REPLAYED)
    except MessageRefused as error:
        codes = tuple(error.codes)
        await note(parts.pool, asked.entity_id, None, "refused", codes, None, None, now)
        raise
    return await _admitted(parts, circulation, doc, asked, provider, told, now)


async def _admitted(
    parts: Parts,
    circulation: Circulation,
    doc: SignOnDoc,
    asked: Asked,
    provider: IdentityProvider,
    told: Believed,
    now: datetime,
) -> Arrived:
    facts = facts_of(
        told.attributes,
        identity_provider=told.issuer,
        context=told.context,
        authenticated_at=told.authenticated_at,
    )
    found = standing(
        facts, doc.persons.group_rules(), doc.persons.staff_rules(), mfa=doc.sessions.mfa, now=now
    )
    key = key_of(told.attributes, doc.persons.keys)
    if key is None or not found.admitted:
        reason = (
            "identifier-missing" if key is None else "no-rule-fits" if found.rule is None else "turned-away"
        )
        await note(parts.pool, told.issuer, None, "turned-away", (reason,), facts, found, now)
        raise TurnedAway(reason, provider, found.why)
    person_id, patron_id = await _person(parts.pool, key, told.issuer, now)
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
    async with parts.pool.acquire() as connection, connection.transaction():
        token = await _begun(connection, parts, doc, told, found, person_id, patron_id, now)
        await note(connection, told.issuer, person_id, "signed-in", reasons, facts, found, now)
    log.info(
        "somebody signed in by a campus",
        extra={"identity_provider": told.issuer, "person": str(person_id), "rule": found.rule},
    )
    return Arrived(token, asked.return_to, found, reasons)


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
    parts: Parts,
    doc: SignOnDoc,
    told: Believed,
    found: Standing,
    person_id: UUID,
    patron_id: UUID | None,
    now: datetime,
) -> str:
    await connection.execute(
        "UPDATE person SET patron_id = $2 WHERE id = $1 AND patron_id IS DISTINCT FROM $2",
        person_id,
        patron_id,
    )
    limits = doc.sessions.limits()
    ends = ends_at(limits, granted_until=told.session_until, now=now)
    if set(found.roles) - {"patron"} and told.authenticated_at is not None:
        ends = min(ends, told.authenticated_at + doc.sessions.mfa)
    return await sessions.begin(
        connection,
        person_id=person_id,
        patron_id=patron_id,
        roles=found.roles,
        libraries=found.libraries,
        signed=Signed(
            told.issuer,
            None if told.name_id is None else name_hash(parts, told.issuer, told.name_id.value),
            None if told.name_id is None else parts.sealer.seal(orjson.dumps(asdict(told.name_id))),
            told.session_index,
            told.context,
            told.authenticated_at,
        ),
        idle=idle_for(limits, found.roles),
        ends_at=ends,
        now=now,
    )


def opened_name(parts: Parts, sealed: bytes) -> NameId:
    """What the campus calls somebody, as it was told."""
    return NameId(**orjson.loads(parts.sealer.open(sealed)))


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
