"""Requests to sign in: written, sent by redirect, and answered once by the browser that they were given to."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

import asyncpg
from lxml import etree

from chassis.database import Connection
from gateway.saml.entity import ACS, moment
from gateway.saml.markup import Element, deflated, written
from gateway.saml.names import POST, RSA_SHA256, SAML, SAMLP, tag
from gateway.saml.providers import IdentityProvider
from gateway.saml.rules import LONGEST_REQUEST, Code, MessageRefused
from gateway.saml.signatures import Credential, sign_detached
from gateway.sessions.cookies import digest, new_token
from gateway.signon.documents import EntityDoc

FORGOTTEN_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of ours that was answered."""

    id: str
    entity_id: str
    context: str | None
    return_to: str


def fresh_id() -> str:
    """An ID for a message: 256 random bits, and a letter before them (xs:ID)."""
    return f"_{new_token()}"


def authentication(
    ours: EntityDoc,
    provider: IdentityProvider,
    request_id: str,
    *,
    context: str | None,
    force: bool,
    now: datetime,
) -> bytes:
    """An AuthnRequest (SAML core §3.4): by redirect to them, by form back to us."""
    root = _message("AuthnRequest", request_id, ours.id, now)
    root.set("Destination", provider.sign_on_url or "")
    root.set("ProtocolBinding", POST)
    root.set("AssertionConsumerServiceURL", ours.url + ACS)
    if force:
        root.set("ForceAuthn", "true")
    etree.SubElement(root, tag(SAMLP, "NameIDPolicy"), AllowCreate="true")
    if context is not None:
        wanted = etree.SubElement(root, tag(SAMLP, "RequestedAuthnContext"), Comparison="exact")
        etree.SubElement(wanted, tag(SAML, "AuthnContextClassRef")).text = context
    return written(root)


def _message(name: str, message_id: str, issuer: str, now: datetime) -> Element:
    root = etree.Element(tag(SAMLP, name), nsmap={"samlp": SAMLP, "saml": SAML})
    root.set("ID", message_id)
    root.set("Version", "2.0")
    root.set("IssueInstant", moment(now))
    etree.SubElement(root, tag(SAML, "Issuer")).text = issuer
    return root


def redirect(
    url: str, name: str, xml: bytes, *, relay_state: str | None, credential: Credential | None
) -> str:
    """The address that carries a message (SAML bindings §3.4): signed over exactly what stands in it."""
    told = f"{name}={quote(deflated(xml), safe='')}"
    if relay_state:
        told += f"&RelayState={quote(relay_state, safe='')}"
    if credential is not None:
        told += f"&SigAlg={quote(RSA_SHA256, safe='')}"
        signature = base64.b64encode(sign_detached(told.encode(), credential)).decode()
        told += f"&Signature={quote(signature, safe='')}"
    bare, _, _fragment = url.partition("#")
    return f"{bare}{'&' if urlsplit(bare).query else '?'}{told}"


async def keep(
    connection: Connection | asyncpg.Pool,
    *,
    request_id: str,
    relay: str,
    browser: str,
    entity_id: str,
    context: str | None,
    return_to: str,
    now: datetime,
) -> None:
    """Remember what was asked, of whom, by which browser."""
    await connection.execute(
        "INSERT INTO saml_request (id, relay_hash, browser_hash, entity_id, context, return_to, made_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        request_id,
        digest(relay),
        digest(browser),
        entity_id,
        context,
        return_to,
        now,
    )


_USE = """
UPDATE saml_request SET used_at = $3 WHERE relay_hash = $1 AND browser_hash = $2 AND used_at IS NULL AND made_at > $4
RETURNING id, entity_id, context, return_to
"""


async def use(pool: asyncpg.Pool, *, relay: str, browser: str | None, now: datetime) -> Asked:
    """Take the request that is answered, once and for all; whatever comes of the answer, it is used up."""
    row = None
    if browser is not None:
        oldest = now - LONGEST_REQUEST
        row = await pool.fetchrow(_USE, digest(relay), digest(browser), now, oldest)
    if row is not None:
        return Asked(**dict(row))
    kept = await pool.fetchrow(
        "SELECT browser_hash, used_at FROM saml_request WHERE relay_hash = $1", digest(relay)
    )
    if kept is None:
        raise MessageRefused(Code.NO_REQUEST)
    if browser is None or bytes(kept["browser_hash"]) != digest(browser):
        raise MessageRefused(Code.OTHER_BROWSER)
    raise MessageRefused(Code.REQUEST_EXPIRED if kept["used_at"] is None else Code.REQUEST_USED)


async def seen_first(
    connection: Connection | asyncpg.Pool, *, entity_id: str, message_id: str, until: datetime
) -> bool:
    """Note a message of an identity provider; whether it had not been taken before, by any process."""
    return bool(
        await connection.fetchval(
            "INSERT INTO saml_message_seen (digest, until) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true",
            digest(f"{entity_id}\n{message_id}"),
            until,
        )
    )


async def forget(pool: asyncpg.Pool, *, sign_ins_kept: timedelta, now: datetime) -> None:
    """Drop what can no longer be used: requests, messages noted, sessions that have ended, old sign-ins."""
    await pool.execute("DELETE FROM saml_request WHERE made_at < $1", now - FORGOTTEN_AFTER)
    await pool.execute("DELETE FROM door_request WHERE made_at < $1", now - FORGOTTEN_AFTER)
    await pool.execute("DELETE FROM saml_message_seen WHERE until < $1", now)
    await pool.execute("DELETE FROM browser_session WHERE ends_at <= $1", now)
    await pool.execute("DELETE FROM patron_token WHERE ends_at <= $1", now)
    await pool.execute("DELETE FROM sign_in WHERE at < $1", now - sign_ins_kept)
