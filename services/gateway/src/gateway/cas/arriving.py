"""Somebody goes to a CAS server and comes back with a ticket; we ask the server whose it is."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import asyncpg
import httpx

from gateway.cas.rules import Told, refusals, ticket_refusals
from gateway.persons.admitting import Arrived, Vouched, admit, note
from gateway.persons.circulation import Circulation
from gateway.persons.rules import MFA, Key
from gateway.saml import markup
from gateway.saml.markup import Element, text
from gateway.saml.names import SAMLP
from gateway.saml.rules import MessageRefused
from gateway.sessions import commands as sessions
from gateway.sessions.commands import Signed
from gateway.signon import asked as requests
from gateway.signon.answers import Onward
from gateway.signon.asked import Asked
from gateway.signon.documents import SignOnDoc
from gateway.signon.doors import CasDoc
from gateway.signon.fetching import fetched
from gateway.signon.rules import DoorRefused, Why, attributes_of, foreign_scopes
from gateway.tokens.keys import Sealer

CAS = "{http://www.yale.edu/tp/cas}"


@dataclass(frozen=True, slots=True)
class CasParts:
    """What this door needs in one process."""

    pool: asyncpg.Pool
    sealer: Sealer
    http: httpx.AsyncClient


def service(url: str, doc: CasDoc, state: str) -> str:
    """The address that a ticket is for: of one server, and of one request."""
    return f"{url}/cas/callback/{doc.name}/{state}"


async def begun(
    parts: CasParts,
    doc: CasDoc,
    *,
    ours: str,
    browser: str,
    return_to: str,
    mfa: bool,
    force: bool,
    now: datetime,
) -> str:
    """The address at the server where somebody signs in."""
    state = await requests.keep(
        parts.pool,
        parts.sealer,
        door="cas",
        name=doc.name,
        browser=browser,
        context=MFA if mfa else None,
        return_to=return_to,
        secrets={"force": force},
        now=now,
    )
    query = {"service": service(ours, doc, state)} | ({"renew": "true"} if force or mfa else {})
    return f"{doc.url}/login?{urlencode(query)}"


async def arrive(
    parts: CasParts,
    circulation: Circulation,
    config: SignOnDoc,
    doc: CasDoc,
    *,
    ours: str,
    state: str,
    ticket: str,
    browser: str | None,
    now: datetime,
) -> Arrived:
    """Have a ticket judged and begin a session. `DoorRefused` or `TurnedAway` when it comes to nothing."""
    asked = await requests.use(
        parts.pool, parts.sealer, door="cas", name=doc.name, state=state, browser=browser, now=now
    )
    try:
        vouched = await _believed(parts, doc, service(ours, doc, state), ticket, asked, now)
    except DoorRefused as error:
        await note(parts.pool, doc.url, None, "refused", tuple(error.codes), None, None, now)
        raise
    return await admit(parts.pool, circulation, config, vouched, return_to=asked.return_to, now=now)


async def _believed(
    parts: CasParts, doc: CasDoc, service_url: str, ticket: str, asked: Asked, now: datetime
) -> Vouched:
    if against := ticket_refusals(ticket, doc.proxies):
        raise DoorRefused(*against)
    where = f"{doc.url}/p3/{'proxyValidate' if doc.proxies else 'serviceValidate'}"
    query = {"service": service_url, "ticket": ticket}
    if asked.secrets["force"] or asked.context is not None:
        query["renew"] = "true"
    status, body = await fetched(parts.http, "GET", where, params=query)
    if status != 200:
        raise DoorRefused(Why.AWAY, about=f"it answered {status}")
    told = _read(body)
    if against := refusals(told, doc.proxies):
        raise DoorRefused(*against, about=told.failure or "")
    attributes = attributes_of(dict(told.attributes), doc.attributes)
    if foreign_scopes(attributes, doc.scopes):
        raise DoorRefused(Why.SCOPE)
    contexts = told.attributes.get("authnContextClass", [])
    proved = any(each in doc.mfa_contexts for each in contexts)
    if asked.context is not None and not proved:
        raise DoorRefused(Why.CONTEXT)
    signed = Signed(
        "cas",
        doc.url,
        None,
        None,
        ticket_name(ticket),
        MFA if proved else (contexts[0][:500] if contexts else None),
        _moment(told.attributes.get("authenticationDate", [])),
    )
    return Vouched(signed, attributes, Key("cas", f"{doc.url}#{told.user}"))


def ticket_name(ticket: str) -> str:
    """What is kept of a ticket: whoever knows it may end the session, so it is kept as a hash."""
    return hashlib.sha256(ticket.encode()).hexdigest()


def _read(body: bytes) -> Told:
    """An answer of the server (CAS protocol appendix A)."""
    try:
        root = markup.message(body.strip())
    except MessageRefused as error:
        raise DoorRefused(Why.UNREADABLE, about=str(error)) from None
    good, bad = root.find(f"{CAS}authenticationSuccess"), root.find(f"{CAS}authenticationFailure")
    if root.tag != f"{CAS}serviceResponse" or (good is None) == (bad is None):
        raise DoorRefused(Why.UNREADABLE, about="no answer of CAS")
    if good is None:
        return Told(None, failure=bad.get("code", "unknown")[:60] if bad is not None else "unknown")
    users = good.findall(f"{CAS}user")
    if len(users) != 1:
        raise DoorRefused(Why.UNREADABLE, about="not one user")
    chain = tuple(text(each) for each in good.iterfind(f"{CAS}proxies/{CAS}proxy"))
    return Told(text(users[0]), proxies=chain, attributes=_attributes(good))


def _attributes(good: Element) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in good.iterfind(f"{CAS}attributes/*"):
        name = str(each.tag).removeprefix(CAS)
        found.setdefault(name, []).append(text(each))
    return found


def _moment(told: list[str]) -> datetime | None:
    """`2015-11-12T09:30:10Z`, as xsd:dateTime; some servers add the zone's name in brackets."""
    try:
        found = datetime.fromisoformat(told[0].partition("[")[0]) if len(told) == 1 else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


async def told_to_end(parts: CasParts, doc: CasDoc, message: str) -> int:
    """End the session of a ticket, as the server asks (CAS protocol §2.3.3, single logout); how many there were.

    The message is not signed: what proves it is the ticket, which only the server, the browser and we have known.
    """
    try:
        root = markup.message(message.strip().encode("utf-8", "surrogatepass"))
    except MessageRefused:
        return 0
    index = root.find(f"{{{SAMLP}}}SessionIndex")
    if root.tag != f"{{{SAMLP}}}LogoutRequest" or index is None or not text(index):
        return 0
    return await sessions.end_indexed(parts.pool, entity_id=doc.url, session_index=ticket_name(text(index)))


def goodbye(doc: SignOnDoc, url: str | None) -> Onward | None:
    """Where somebody signs out there, too."""
    if doc.entity is None or not any(each.url == url for each in doc.cas):
        return None
    return Onward(f"{url}/logout?{urlencode({'service': f'{doc.entity.url}/sign-in'})}")
