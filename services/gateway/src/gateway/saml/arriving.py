"""Somebody comes back from their campus: the answer is judged, and a session begins or does not."""

import hmac
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256

import orjson

from gateway.persons.admitting import Arrived, Vouched, admit, note
from gateway.persons.circulation import Circulation
from gateway.saml import markup, requests, sources
from gateway.saml.entity import ACS
from gateway.saml.parts import Parts
from gateway.saml.responses import Believed, NameId, believed
from gateway.saml.rules import Code, Expected, MessageRefused
from gateway.sessions.commands import Signed


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
    vouched = Vouched(
        _signed(parts, told),
        told.attributes,
        until=told.session_until,
        help_url=provider.help_url,
    )
    return await admit(parts.pool, circulation, doc, vouched, return_to=asked.return_to, now=now)


def _signed(parts: Parts, told: Believed) -> Signed:
    return Signed(
        "saml",
        told.issuer,
        None if told.name_id is None else name_hash(parts, told.issuer, told.name_id.value),
        None if told.name_id is None else parts.sealer.seal(orjson.dumps(asdict(told.name_id))),
        told.session_index,
        told.context,
        told.authenticated_at,
    )


def opened_name(parts: Parts, sealed: bytes) -> NameId:
    """What the campus calls somebody, as it was told."""
    return NameId(**orjson.loads(parts.sealer.open(sealed)))
