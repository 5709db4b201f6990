"""Somebody leaves: from here, and their campus is told; or from their campus, and we are."""

import logging
from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.saml import logout, requests, sources
from gateway.saml.arriving import name_hash, opened_name
from gateway.saml.logout import UNKNOWN, Carried
from gateway.saml.markup import Element, written
from gateway.saml.names import POST, REDIRECT, SUCCESS, tag
from gateway.saml.names import SAMLP as PROTOCOL
from gateway.saml.parts import Parts
from gateway.saml.providers import IdentityProvider
from gateway.saml.rules import LONGEST_IN_TRANSIT, Code, MessageRefused
from gateway.saml.signatures import Credential
from gateway.sessions import commands as sessions
from gateway.sessions.commands import Session
from gateway.signon.answers import Onward

log = logging.getLogger(__name__)


async def leave(parts: Parts, session: Session, *, now: datetime) -> Onward | None:
    """How the campus of a session that has ended is told, where it can be."""
    doc = await parts.in_force.now()
    if doc.entity is None or session.entity_id is None or session.name_sealed is None:
        return None
    provider = await sources.find(parts.pool, session.entity_id, now=now)
    if provider is None or provider.logout_url is None or provider.logout_binding not in (REDIRECT, POST):
        return None
    credential = (await parts.keys(doc.entity, now=now))[0].credential
    name = opened_name(parts, session.name_sealed)

    def made() -> Onward:
        url = provider.logout_url or ""
        root = logout.request(
            doc.entity.id if doc.entity else "",
            url,
            requests.fresh_id(),
            name,
            session.session_index,
            now=now,
        )
        return _sent(url, provider.logout_binding, "SAMLRequest", root, None, credential)

    return await parts.workshop.do(made)


def _sent(
    url: str,
    binding: str | None,
    name: str,
    root: Element,
    relay_state: str | None,
    credential: Credential,
) -> Onward:
    if binding == POST:
        fields = {name: b64encode(logout.signed(root, credential)).decode()}
        return Onward(url, fields | ({"RelayState": relay_state} if relay_state else {}))
    return Onward(requests.redirect(url, name, written(root), relay_state=relay_state, credential=credential))


@dataclass(frozen=True, slots=True)
class Told:
    """What a campus said about signing out, and what it is answered."""

    ended: int | None
    """Sessions that were ended; None when it was its answer to us."""
    onward: Onward | None
    xml: bytes | None = None
    """The answer to a call."""


async def told(parts: Parts, carried: Carried, *, path: str, direct: bool, now: datetime) -> Told:
    """Judge a message about signing out and do what it says. `MessageRefused`: every session stays."""
    doc, ours = await parts.configured()
    skew = timedelta(seconds=doc.clock_skew_seconds)
    root, issuer = await parts.workshop.do(logout.issuer_of, carried)
    provider = await sources.find(parts.pool, issuer, now=now)
    if provider is None:
        raise MessageRefused(Code.UNKNOWN_ISSUER)
    await parts.workshop.do(
        logout.checked,
        root,
        carried,
        provider,
        destination=None if direct and root.get("Destination") is None else ours.url + path,
        skew=skew,
        now=now,
    )
    if root.tag == tag(PROTOCOL, "LogoutResponse"):
        return Told(None, None)
    keys = await parts.keys(ours, now=now)
    credentials = [key.credential for key in keys]
    leaving = await parts.workshop.do(logout.leaving, root, credentials, allow_cbc=provider.allow_cbc)
    until = now + LONGEST_IN_TRANSIT + 2 * skew
    async with parts.pool.acquire() as connection, connection.transaction():
        if not await requests.seen_first(connection, entity_id=issuer, message_id=leaving.id, until=until):
            raise MessageRefused(Code.REPLAYED)
        ended = await sessions.end_named(
            connection,
            entity_id=issuer,
            name_hash=name_hash(parts, issuer, leaving.name.value),
            session_indexes=leaving.session_indexes,
        )
    log.info("a campus signed somebody out", extra={"identity_provider": issuer, "sessions": ended})
    status = SUCCESS if ended else UNKNOWN
    return await parts.workshop.do(
        _answered,
        ours.id,
        provider,
        leaving.id,
        status,
        carried.relay_state,
        credentials[0],
        ended,
        direct,
        now,
    )


def _answered(
    ours: str,
    provider: IdentityProvider,
    in_response_to: str,
    status: str,
    relay_state: str | None,
    credential: Credential,
    ended: int,
    direct: bool,
    now: datetime,
) -> Told:
    url = provider.logout_response_url or provider.logout_url or ""
    root = logout.response(ours, "" if direct else url, requests.fresh_id(), in_response_to, status, now=now)
    if direct:
        return Told(ended, None, logout.enveloped(logout.signed(root, credential)))
    relay = relay_state if relay_state and len(relay_state) <= logout.LONGEST_RELAY else None
    if not url or provider.logout_binding not in (REDIRECT, POST):
        return Told(ended, None)
    return Told(ended, _sent(url, provider.logout_binding, "SAMLResponse", root, relay, credential))
