"""Requests to authorize: read, judged, and answered by sending the browser back (RFC 6749 §4.1, RFC 7636, RFC 9126)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.clients.proving import ended, oauth_client
from gateway.clients.rules import hashed, new_secret
from gateway.consents import rules
from gateway.tables import Client

PUSHED: Final = "urn:ietf:params:oauth:request_uri:"
PUSHED_LIVES: Final = timedelta(minutes=10)
"""Long enough to sign in on the way."""
FIELDS: Final = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "response_mode",
)
LONGEST: Final = 1000


class NotSentBack(Exception):
    """A request whose sender is not known for sure: the browser stays here (RFC 6749 §4.1.2.1)."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


@dataclass(frozen=True, slots=True)
class Wish:
    """A request whose program and address are known."""

    client: Client
    redirect_uri: str
    state: str | None
    scopes: frozenset[str]
    challenge: str
    prompt: str
    fields: Mapping[str, str]
    """As it came, for the form that answers it."""
    error: tuple[str, str] | None = None
    """What is wrong with the rest of it, as code and words."""

    def back(self, issuer: str, **told: str) -> str:
        """Where the browser is sent back to, with the state and who we are (RFC 9207)."""
        parts = {**told, **({"state": self.state} if self.state is not None else {}), "iss": issuer}
        joined = "&" if urlsplit(self.redirect_uri).query else "?"
        return f"{self.redirect_uri}{joined}{urlencode(parts)}"


async def wish_of(
    session: AsyncSession,
    pool: asyncpg.Pool,
    told: Iterable[tuple[str, str]],
    *,
    now: datetime,
) -> Wish:
    """Read a request, pushed or not; `NotSentBack` when there is nobody to send an error to."""
    pairs = list(told)
    fields = {name: value for name, value in pairs if name in (*FIELDS, "request_uri")}
    twice = {name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1}
    client = await oauth_client(session, fields.get("client_id", ""))
    if "client_id" in twice or client is None or ended(client, now=now):
        raise NotSentBack("client-unknown", "The program that has sent you here is not known to the library.")
    if "request_uri" in fields:
        fields = await _pushed(pool, client, fields["request_uri"], now)
    redirect_uri = fields.get("redirect_uri", "")
    if "redirect_uri" in twice or not rules.registered(redirect_uri, client.redirect_uris):
        raise NotSentBack(
            "redirect-unknown", "The program wants you to be sent to an address that it has not registered."
        )
    return _judged(client, redirect_uri, fields, twice)


def _judged(client: Client, redirect_uri: str, fields: dict[str, str], twice: set[str]) -> Wish:
    scopes = frozenset(fields.get("scope", "").split())
    state = fields.get("state")
    wrong = {
        "invalid_request": [
            *(f"{name} is sent twice." for name in sorted(twice)),
            *(f"{name} is too long." for name in FIELDS if len(fields.get(name, "")) > LONGEST),
            *(
                f"{name} holds control characters."
                for name in FIELDS
                if not fields.get(name, "").isprintable()
            ),
            *_pkce(fields),
        ],
        "unsupported_response_type": []
        if fields.get("response_type") == "code"
        else ["response_type is `code`."],
        "unauthorized_client": []
        if "authorization_code" in client.grants
        else ["The client gets tokens in another way."],
        "invalid_scope": sorted(f"{scope} is not the client's." for scope in scopes - set(client.scopes)),
    }
    error = next(((code, " ".join(words)) for code, words in wrong.items() if words), None)
    return Wish(
        client,
        redirect_uri,
        None if state is None or len(state) > LONGEST or not state.isprintable() else state,
        scopes or frozenset(client.scopes),
        fields.get("code_challenge", ""),
        fields.get("prompt", ""),
        {name: value for name, value in fields.items() if name in FIELDS},
        error,
    )


def _pkce(fields: Mapping[str, str]) -> list[str]:
    told = []
    if fields.get("code_challenge_method") != "S256":
        told.append("code_challenge_method is `S256` (RFC 7636); `plain` is not taken.")
    if not rules.CHALLENGE.match(fields.get("code_challenge", "")):
        told.append("code_challenge is the verifier's SHA-256 in base64url.")
    if fields.get("prompt", "") not in ("", "none", "consent"):
        told.append("prompt is `none` or `consent`.")
    if fields.get("response_mode", "query") != "query":
        told.append("response_mode is `query`.")
    return told


async def push(pool: asyncpg.Pool, client: Client, fields: Mapping[str, str], *, now: datetime) -> str:
    """Keep a request that its program has sent itself; the name to send the browser with."""
    name = new_secret()
    asked = {field: told for field, told in fields.items() if field in FIELDS}
    await pool.execute(
        "INSERT INTO pushed_request (uri_hash, client_id, asked, expires_at) VALUES ($1, $2, $3, $4)",
        hashed(name),
        client.id,
        asked,
        now + PUSHED_LIVES,
    )
    return PUSHED + name


async def _pushed(pool: asyncpg.Pool, client: Client, uri: str, now: datetime) -> dict[str, str]:
    """What was pushed; it stays good while somebody signs in, so it is not spent by being read."""
    row = await pool.fetchrow(
        "SELECT asked FROM pushed_request WHERE uri_hash = $1 AND client_id = $2 AND expires_at > $3",
        hashed(uri.removeprefix(PUSHED)),
        client.id,
        now,
    )
    if row is None:
        raise NotSentBack(
            "request-expired", "It has taken too long, or the address is not complete: begin again."
        )
    return {**row["asked"], "client_id": str(client.id)}
