"""A machine says who it is: by HTTP Basic or in the form, by a signed assertion, or, where it can keep no secret, by
its name alone."""

import base64
import binascii
import logging
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qs, unquote_plus
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.json import Json
from chassis.problems import TooLarge
from gateway.clients.assertions import TYPE, AssertionRefused, claimed_client, proven
from gateway.clients.owners import owner_of
from gateway.clients.rules import NO_SECRET, comes_from, live_secret, within_owner
from gateway.tables import Client

log = logging.getLogger(__name__)

FORM_LIMIT = 16 * 1024
FIELDS = 30
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_STRANGER = (NO_SECRET, None, None)


class OAuthRefused(Exception):
    """An answer in the words of RFC 6749 §5.2."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words

    def response(self) -> Response:
        """As it is sent."""
        headers = dict(NO_STORE)
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="carrel"'
        return Json({"error": self.code, "error_description": self.words}, self.status, headers)


@dataclass(frozen=True, slots=True)
class Asked:
    """A form, and the credentials of HTTP Basic beside it."""

    form: dict[str, str]
    basic: tuple[str, str] | None

    def wanted(self, name: str) -> str:
        """A field that must be there."""
        if not (told := self.form.get(name)):
            raise OAuthRefused(400, "invalid_request", f"{name} is missing.")
        return told

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes asked for; none: whatever there is."""
        return frozenset(self.form.get("scope", "").split())


async def asked_of(request: Request) -> Asked:
    """Read a request: a small form, each field once."""
    body = await request.body()
    if len(body) > FORM_LIMIT:
        raise TooLarge
    try:
        form = {name: told for name, (told,) in parse_qs(body.decode(), max_num_fields=FIELDS).items()}
        basic = _basic(request.headers.get("authorization"))
    except ValueError:
        raise OAuthRefused(400, "invalid_request", "The form cannot be read.") from None
    if any("\0" in told or not told.isprintable() for told in form.values()):
        raise OAuthRefused(400, "invalid_request", "A field holds characters that it cannot have.")
    return Asked(form, basic)


def _basic(header: str | None) -> tuple[str, str] | None:
    """Name and secret of RFC 6749 §2.3.1; None without the header."""
    if header is None or not header.lower().startswith("basic "):
        return None
    try:
        name, colon, secret = base64.b64decode(header[6:], validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("no Basic credentials") from error
    if not colon:
        raise ValueError("no Basic credentials")
    return unquote_plus(name), unquote_plus(secret)


async def client_of(request: Request, asked: Asked, *, now: datetime) -> Client:
    """The machine that asks; `invalid_client` when it is none, or has ended. What it showed is spent from here on.

    Of somebody's own machine it says what they may at the moment.
    """
    form, who = asked.form, asked.basic
    signed = "client_assertion" in form or "client_assertion_type" in form
    if (who and ("client_secret" in form or signed)) or (signed and "client_secret" in form):
        raise OAuthRefused(400, "invalid_request", "Send the credentials once: by HTTP Basic or in the form.")
    async with request.app.state.resources.sessions.begin() as session:
        if signed:
            client = await _by_assertion(request, session, form, now)
        elif who or "client_secret" in form:
            client = await _by_secret(
                session, *(who or (form.get("client_id", ""), form.get("client_secret", ""))), now
            )
        else:
            client = await _by_name(session, form.get("client_id", ""))
        own = client is not None and client.owner_id is not None
        owner = await owner_of(session, client.owner_id, now=now) if client and client.owner_id else None
        orphaned = own and (owner is None or owner.disabled)
        if client is None or ended(client, now=now) or orphaned:
            raise OAuthRefused(
                401,
                "invalid_client",
                "The client is unknown, or what it proves itself with is wrong or has ended.",
            )
        if not comes_from(request.client.host if request.client else None, client.networks):
            raise OAuthRefused(401, "invalid_client", "The client is not taken from where you are.")
        if client.last_used_on != now.date():
            client.last_used_on = now.date()
    if owner is not None:  # the session is over: nothing of this is written
        client.scopes = within_owner(client.scopes, owner)
        client.libraries = None if owner.libraries is None else list(owner.libraries)
    return client


def ended(client: Client, *, now: datetime) -> bool:
    """Whether it was revoked or has expired."""
    return client.revoked_at is not None or (client.expires_at is not None and client.expires_at <= now)


async def _by_name(session: AsyncSession, client_id: str) -> Client | None:
    client = await oauth_client(session, client_id)
    return client if client is not None and client.public else None


async def _by_secret(session: AsyncSession, client_id: str, secret: str, now: datetime) -> Client | None:
    client = await oauth_client(session, client_id)
    kept = (client.secret_hash, client.previous_hash, client.previous_expires_at) if client else _STRANGER
    right, _ = live_secret(secret, *kept, now=now)
    return client if right and client is not None and client.jwks is None and not client.public else None


async def _by_assertion(
    request: Request, session: AsyncSession, form: dict[str, str], now: datetime
) -> Client | None:
    assertion = form.get("client_assertion", "")
    claimed = claimed_client(assertion)
    client = await oauth_client(session, claimed)
    if form.get("client_assertion_type") != TYPE or form.get("client_id", claimed) != claimed:
        return None
    if client is None or client.jwks is None:
        return None
    public: str | None = request.app.state.public_url
    base = public.rstrip("/") if public else None
    audiences = [base, base + "/oauth2/token", f"{base}{request.url.path}"] if base else []
    try:
        await proven(session, assertion, client_id=client.id, jwks=client.jwks, audiences=audiences, now=now)
    except AssertionRefused as refused:
        log.info("an assertion was refused", extra={"client": claimed, "reason": str(refused)})
        return None
    return client


async def oauth_client(session: AsyncSession, client_id: str) -> Client | None:
    """An OAuth2 client by its id, ended ones included; None for no such."""
    try:
        found = await session.get(Client, UUID(client_id))
    except ValueError:
        return None
    return found if found is not None and found.kind == "oauth2" else None
