"""Somebody goes to an OpenID Connect provider and comes back with a code (Core 1.0 §3.1, RFC 7636, RFC 9207)."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import asyncpg
import httpx

from chassis.database import Connection
from gateway.oidc.providers import Providers, Published
from gateway.oidc.rules import Expected, context_of, id_token_refusals, logout_token_refusals, moment
from gateway.persons.admitting import Arrived, Vouched, admit, note
from gateway.persons.circulation import Circulation
from gateway.persons.rules import MFA, Key
from gateway.saml.requests import seen_first
from gateway.sessions import commands as sessions
from gateway.sessions.commands import Signed
from gateway.sessions.cookies import new_token
from gateway.signon import asked as requests
from gateway.signon import secrets
from gateway.signon.answers import Onward
from gateway.signon.asked import Asked
from gateway.signon.documents import SignOnDoc
from gateway.signon.doors import OidcDoc
from gateway.signon.fetching import as_object, fetched
from gateway.signon.rules import DoorRefused, Why, attributes_of, foreign_scopes
from gateway.tokens.keys import Sealer

ID_TOKENS = {"jwt"}
LOGOUT_TOKENS = {"jwt", "logout+jwt"}


@dataclass(slots=True)
class OidcParts:
    """What this door needs in one process."""

    pool: asyncpg.Pool
    sealer: Sealer
    http: httpx.AsyncClient
    providers: Providers = field(default_factory=Providers)


def callback(url: str, doc: OidcDoc) -> str:
    """Where a provider sends people back: to an address of its own, so that no other's answer is taken for it."""
    return f"{url}/oidc/callback/{doc.name}"


def name_hash(sealer: Sealer, issuer: str, subject: str) -> bytes:
    """By what a session is found when the provider signs somebody out."""
    return hmac.new(sealer.derived("oidc names"), f"{issuer}\n{subject}".encode(), hashlib.sha256).digest()


async def begun(
    parts: OidcParts,
    config: SignOnDoc,
    doc: OidcDoc,
    *,
    ours: str,
    browser: str,
    return_to: str,
    mfa: bool,
    force: bool,
    now: datetime,
) -> str:
    """The address at the provider where somebody signs in."""
    published = await parts.providers.published(parts.http, doc.issuer)
    nonce, verifier = new_token(), new_token()
    state = await requests.keep(
        parts.pool,
        parts.sealer,
        door="oidc",
        name=doc.name,
        browser=browser,
        context=MFA if mfa else None,
        return_to=return_to,
        secrets={"nonce": nonce, "verifier": verifier, "force": force},
        now=now,
    )
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": doc.client_id,
        "redirect_uri": callback(ours, doc),
        "scope": " ".join(dict.fromkeys(["openid", *doc.asks_for])),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    if force:
        query["prompt"] = "login"
    if mfa:
        query["acr_values"] = " ".join(doc.mfa_contexts)
    if mfa or force:
        query["max_age"] = str(int(config.sessions.mfa.total_seconds()))
    where = published.address("authorization_endpoint") or ""
    return f"{where}{'&' if urlsplit(where).query else '?'}{urlencode(query)}"


async def arrive(
    parts: OidcParts,
    circulation: Circulation,
    config: SignOnDoc,
    doc: OidcDoc,
    *,
    ours: str,
    answer: dict[str, str],
    browser: str | None,
    now: datetime,
) -> Arrived:
    """Judge an answer and begin a session. `DoorRefused` or `TurnedAway` when it comes to nothing."""
    asked = await requests.use(
        parts.pool,
        parts.sealer,
        door="oidc",
        name=doc.name,
        state=answer.get("state", ""),
        browser=browser,
        now=now,
    )
    try:
        vouched = await _believed(parts, config, doc, ours, answer, asked, now)
    except DoorRefused as error:
        await note(parts.pool, doc.issuer, None, "refused", tuple(error.codes), None, None, now)
        raise
    return await admit(parts.pool, circulation, config, vouched, return_to=asked.return_to, now=now)


async def _believed(
    parts: OidcParts,
    config: SignOnDoc,
    doc: OidcDoc,
    ours: str,
    answer: dict[str, str],
    asked: Asked,
    now: datetime,
) -> Vouched:
    published = await parts.providers.published(parts.http, doc.issuer)
    promised = published.metadata.get("authorization_response_iss_parameter_supported") is True
    if ("iss" in answer or promised) and answer.get("iss") != doc.issuer:
        raise DoorRefused(Why.OTHER_ISSUER)
    if "error" in answer:
        raise DoorRefused(Why.DENIED)
    if not answer.get("code"):
        raise DoorRefused(Why.UNREADABLE, about="neither code nor error")
    tokens = await _exchanged(parts, doc, published, callback(ours, doc), answer["code"], asked)
    id_token = tokens.get("id_token")
    if not isinstance(id_token, str):
        raise DoorRefused(Why.UNREADABLE, about="no ID token")
    claims = await parts.providers.claims(parts.http, doc, id_token, kinds=ID_TOKENS)
    expected = Expected(
        doc.issuer,
        doc.client_id,
        timedelta(seconds=config.clock_skew_seconds),
        asked.secrets["nonce"],
        tuple(doc.mfa_contexts) if asked.context == MFA else (),
        asked.made_at if asked.secrets["force"] else None,
    )
    if against := id_token_refusals(claims, expected, now=now):
        raise DoorRefused(*against)
    access = tokens.get("access_token")
    if isinstance(access, str):
        _check_hash(claims, id_token, access)
        claims = await _more(parts, published, access, claims)
    attributes = attributes_of(
        {
            name: value
            for name, value in claims.items()
            if name != "email" or claims.get("email_verified") is not False
        },
        doc.attributes,
    )
    if foreign_scopes(attributes, doc.scopes):
        raise DoorRefused(Why.SCOPE)
    subject, at, sid = str(claims["sub"]), moment(claims.get("auth_time")), claims.get("sid")
    signed = Signed(
        "oidc",
        doc.issuer,
        name_hash(parts.sealer, doc.issuer, subject),
        None,
        sid if isinstance(sid, str) and len(sid) <= 255 and sid.isprintable() else None,
        context_of(claims.get("acr"), doc.mfa_contexts, mfa=MFA),
        datetime.fromtimestamp(at, now.tzinfo) if at is not None else None,
    )
    return Vouched(signed, attributes, Key("oidc", f"{doc.issuer}#{subject}"))


async def _exchanged(
    parts: OidcParts, doc: OidcDoc, published: Published, redirect_uri: str, code: str, asked: Asked
) -> dict[str, Any]:
    """The tokens that a code is good for (RFC 6749 §4.1.3), with the verifier that only we know (RFC 7636)."""
    told = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": asked.secrets["verifier"],
    }
    secret = await secrets.read(parts.pool, parts.sealer, doc.name)
    how = "none" if secret is None else doc.client_authentication
    auth = None
    if how == "basic" and secret is not None:
        # RFC 6749 §2.3.1: name and secret are encoded like a form before they are joined
        auth = urlencode({"": doc.client_id})[1:], urlencode({"": secret})[1:]
    else:
        told["client_id"] = doc.client_id
    if how == "post" and secret is not None:
        told["client_secret"] = secret
    where = published.address("token_endpoint") or ""
    status, body = await fetched(
        parts.http, "POST", where, data=told, auth=auth, headers={"Accept": "application/json"}
    )
    if status != 200:
        raise DoorRefused(Why.CODE if status < 500 else Why.AWAY, about=f"it answered {status}")
    return as_object(body)


def _check_hash(claims: dict[str, Any], id_token: str, access_token: str) -> None:
    """Whether the access token came with this ID token (Core §3.1.3.8); a provider need not say."""
    told = claims.get("at_hash")
    if told is None:
        return
    header = base64.urlsafe_b64decode(id_token.partition(".")[0] + "===")
    digest = hashlib.sha384 if b'"ES384"' in header else hashlib.sha512 if b"Ed" in header else hashlib.sha256
    made = digest(access_token.encode("utf-8", "surrogatepass")).digest()
    half = base64.urlsafe_b64encode(made[: len(made) // 2]).rstrip(b"=").decode()
    if not isinstance(told, str) or not hmac.compare_digest(
        told.encode("utf-8", "surrogatepass"), half.encode()
    ):
        raise DoorRefused(Why.CODE_HASH)


async def _more(
    parts: OidcParts, published: Published, access_token: str, claims: dict[str, Any]
) -> dict[str, Any]:
    """With what the UserInfo end point says besides, when it speaks of the same person (Core §5.3.2).

    What the signed token says goes before it; a provider that does not answer there leaves it at that.
    """
    where = published.address("userinfo_endpoint")
    if where is None or not access_token.isascii() or not access_token.isprintable():
        return claims
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
    status, body = await fetched(parts.http, "GET", where, headers=headers)
    if status != 200:
        return claims
    told = as_object(body)
    if told.get("sub") != claims["sub"]:
        raise DoorRefused(Why.OTHER_SUBJECT)
    return {**told, **claims}


async def told_to_end(parts: OidcParts, config: SignOnDoc, doc: OidcDoc, token: str, *, now: datetime) -> int:
    """End the sessions that a logout token names (Back-Channel Logout 1.0); `DoorRefused`: every session stays."""
    claims = await parts.providers.claims(parts.http, doc, token, kinds=LOGOUT_TOKENS)
    skew = timedelta(seconds=config.clock_skew_seconds)
    if against := logout_token_refusals(claims, Expected(doc.issuer, doc.client_id, skew), now=now):
        raise DoorRefused(*against)
    until = datetime.fromtimestamp(min(claims["exp"], now.timestamp() + 86400), now.tzinfo) + 2 * skew
    subject, sid = claims.get("sub"), claims.get("sid")
    async with parts.pool.acquire() as connection, connection.transaction():
        if not await seen_first(
            connection, entity_id=doc.issuer, message_id=f"logout {claims['jti']}", until=until
        ):
            raise DoorRefused(Why.REPLAYED)
        return await _ended(connection, parts.sealer, doc.issuer, subject, sid)


async def _ended(
    connection: Connection, sealer: Sealer, issuer: str, subject: str | None, sid: str | None
) -> int:
    if subject is None:
        return await sessions.end_indexed(connection, entity_id=issuer, session_index=sid or "")
    return await sessions.end_named(
        connection,
        entity_id=issuer,
        name_hash=name_hash(sealer, issuer, subject),
        session_indexes=[sid] if sid is not None else [],
    )


async def goodbye(parts: OidcParts, doc: OidcDoc, *, ours: str) -> Onward | None:
    """Where somebody signs out there, too (RP-Initiated Logout 1.0); None where the provider has no such place.

    By an address, since a form from here would reach the provider without its cookies (SameSite). The ID token, which
    says who somebody is, is no part of an address: the provider asks them instead.
    """
    published = await parts.providers.published(parts.http, doc.issuer)
    where = published.address("end_session_endpoint")
    if where is None:
        return None
    query = urlencode({"client_id": doc.client_id, "post_logout_redirect_uri": f"{ours}/sign-in"})
    return Onward(f"{where}{'&' if urlsplit(where).query else '?'}{query}")
