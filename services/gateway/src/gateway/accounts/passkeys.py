"""Passkeys (WebAuthn): a key pair in somebody's device, which proves two factors at once and tells no password.

A challenge is not kept: it travels sealed in a ticket, is good for five minutes, and is noted once it is used.
"""

import base64
import binascii
import logging
import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg
import orjson
from asyncpg.exceptions import UniqueViolationError
from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis.application import new_router
from chassis.clock import Now
from chassis.ids import uuid7
from chassis.problems import NotFound, Reason, Refused, problems
from gateway.accounts.commands import SignInRefused, principal_of
from gateway.accounts.own import WRONG, Mine, ProofIn, proven
from gateway.accounts.routes import SessionOut, given_token
from gateway.saml.requests import seen_first
from gateway.sessions import local
from gateway.sessions.cookies import session_cookie
from gateway.settings import Settings
from gateway.tables import Account
from gateway.tokens.keys import Sealer, WrongSealingKey

log = logging.getLogger(__name__)
router = new_router(tag="accounts")

GOOD_FOR = timedelta(minutes=5)
MOST = 20
LONGEST_ID = 1023
"""Bytes of a credential's id (WebAuthn §5.8.3)."""


class NoPasskeys(NotFound):
    """The gateway does not know at which address people see it, and passkeys belong to one."""

    code, title = "no-passkeys", "Passkeys are not set up here: the library's own address is not known."


class PasskeyRefused(Refused):
    """The device's answer proves nothing here."""

    code, title = "passkey-refused", "The passkey was not accepted."


class TooManyPasskeys(Refused):
    """More than anybody has devices."""

    code, title = "too-many-passkeys", "This account has as many passkeys as it may have."


class BegunOut(BaseModel):
    """What the browser's `navigator.credentials` is told, and a ticket to send back with its answer."""

    options: dict[str, Any] = Field(
        description="For `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`"
    )
    ticket: str


class NewPasskeyIn(BaseModel):
    """The device's answer, as `toJSON()` gives it."""

    model_config = ConfigDict(extra="forbid")

    ticket: str = Field(max_length=2000)
    credential: dict[str, Any]
    name: str = Field(default="Passkey", min_length=1, max_length=100)


class PasskeySessionIn(BaseModel):
    """The device's answer, as `toJSON()` gives it."""

    model_config = ConfigDict(extra="forbid")

    ticket: str = Field(max_length=2000)
    credential: dict[str, Any]
    browser: bool = False
    """Sign the browser in, too (the cookie of a session)."""


class PasskeyOut(BaseModel):
    """One of them."""

    id: UUID
    name: str
    made_at: datetime
    used_at: datetime | None


class PasskeysOut(BaseModel):
    """All of an account's."""

    items: list[PasskeyOut]


def _pool(request: Request) -> asyncpg.Pool:
    found: asyncpg.Pool = request.app.state.resources.pool
    return found


async def _place(request: Request) -> tuple[str, str]:
    """The host and the origin that passkeys belong to."""
    settings: Settings = request.app.state.resources.settings
    doc = await request.app.state.saml.in_force.now()
    url = doc.entity.url if doc.entity else settings.public_url
    if url is None:
        raise NoPasskeys
    parts = urlsplit(url)
    return parts.hostname or "", f"{parts.scheme}://{parts.netloc}"


def _ticket(request: Request, purpose: str, challenge: bytes, now: datetime) -> str:
    sealer: Sealer = request.app.state.sealer
    told = [purpose, base64.b64encode(challenge).decode(), (now + GOOD_FOR).timestamp()]
    return base64.urlsafe_b64encode(sealer.seal(orjson.dumps(told))).decode()


async def _challenge(request: Request, purpose: str, ticket: str, now: datetime) -> bytes:
    """The challenge of a ticket, once; `PasskeyRefused` for any other."""
    sealer: Sealer = request.app.state.sealer
    try:
        for_what, challenge, until = orjson.loads(sealer.open(base64.urlsafe_b64decode(ticket)))
    except (WrongSealingKey, binascii.Error, ValueError, TypeError):
        raise PasskeyRefused(
            reasons=[Reason("ticket-unknown", "The ticket was not given out here.")]
        ) from None
    if for_what != purpose or until <= now.timestamp():
        raise PasskeyRefused(reasons=[Reason("ticket-over", "The ticket is over.", mend="Begin again.")])
    noted_until = now + 2 * GOOD_FOR
    if not await seen_first(_pool(request), entity_id="passkey", message_id=challenge, until=noted_until):
        raise PasskeyRefused(reasons=[Reason("ticket-used", "The ticket was used.", mend="Begin again.")])
    return base64.b64decode(challenge)


@router.post(
    "/v1/accounts/me/passkeys:begin",
    response_model=BegunOut,
    responses={**WRONG, **problems(NoPasskeys, TooManyPasskeys)},
)
async def begin_passkey(request: Request, me: Mine, body: ProofIn, now: Now) -> BegunOut:
    """Begin to make a passkey; the password (and a code, where there is one) once more."""
    from gateway.accounts import ceremonies  # with it fifty modules, read when the first passkey comes

    host, _ = await _place(request)
    username = await proven(request, me, body, now)
    there = await _pool(request).fetch("SELECT credential_id FROM passkey WHERE account_id = $1", me)
    if len(there) >= MOST:
        raise TooManyPasskeys
    challenge = secrets.token_bytes(32)
    known = [bytes(row["credential_id"]) for row in there]
    options = ceremonies.making(host, me, username, challenge, known)
    ticket = _ticket(request, f"make {me}", challenge, now)
    return BegunOut(options=options, ticket=ticket)


_KEEP = """
INSERT INTO passkey (credential_id, id, account_id, name, public_key, sign_count, made_at)
SELECT $1, $2, $3, $4, $5, $6, $7 WHERE (SELECT count(*) FROM passkey WHERE account_id = $3) < $8
RETURNING id, name, made_at, used_at
"""


@router.post(
    "/v1/accounts/me/passkeys",
    status_code=201,
    response_model=PasskeyOut,
    responses={**WRONG, **problems(NoPasskeys, PasskeyRefused, TooManyPasskeys)},
)
async def keep_passkey(request: Request, me: Mine, body: NewPasskeyIn, now: Now) -> PasskeyOut:
    """Keep the passkey that a device has made: it signs in by itself from now on."""
    from gateway.accounts import ceremonies

    host, origin = await _place(request)
    challenge = await _challenge(request, f"make {me}", body.ticket, now)
    try:
        made = ceremonies.made(body.credential, challenge, host, origin)
    except ceremonies.ProvesNothing as error:
        log.warning("a passkey was not kept", extra={"account": str(me), "error": str(error)})
        raise PasskeyRefused from None
    if len(made.credential_id) > LONGEST_ID:
        raise PasskeyRefused
    try:
        row = await _pool(request).fetchrow(
            _KEEP,
            made.credential_id,
            uuid7(),
            me,
            body.name,
            made.public_key,
            made.sign_count,
            now,
            MOST,
        )
    except UniqueViolationError:
        raise PasskeyRefused(reasons=[Reason("passkey-there", "This passkey is known already.")]) from None
    if row is None:
        raise TooManyPasskeys
    return PasskeyOut(**dict(row))


@router.get("/v1/accounts/me/passkeys", response_model=PasskeysOut, responses=WRONG)
async def list_passkeys(request: Request, me: Mine) -> PasskeysOut:
    """Your passkeys, the oldest first."""
    rows = await _pool(request).fetch(
        "SELECT id, name, made_at, used_at FROM passkey WHERE account_id = $1 ORDER BY id", me
    )
    return PasskeysOut(items=[PasskeyOut(**dict(row)) for row in rows])


@router.delete("/v1/accounts/me/passkeys/{passkey_id}", status_code=204, responses=WRONG)
async def drop_passkey(request: Request, me: Mine, passkey_id: Annotated[UUID, Path()]) -> None:
    """Do without it: it signs nobody in any more."""
    told = "DELETE FROM passkey WHERE id = $1 AND account_id = $2 RETURNING true"
    if await _pool(request).fetchval(told, passkey_id, me) is None:
        raise NotFound("You have no such passkey.")


@router.post("/v1/passkeys:begin", response_model=BegunOut, responses=problems(NoPasskeys))
async def begin_passkey_sign_in(request: Request, now: Now) -> BegunOut:
    """Begin to sign in with a passkey: whose it is the device says, so nobody is asked for a name."""
    from gateway.accounts import ceremonies

    host, _ = await _place(request)
    challenge = secrets.token_bytes(32)
    options = ceremonies.showing(host, challenge)
    ticket = _ticket(request, "sign in", challenge, now)
    return BegunOut(options=options, ticket=ticket)


_FIND = """
SELECT passkey.credential_id, passkey.public_key, passkey.sign_count, account.* FROM passkey
JOIN account ON account.id = passkey.account_id WHERE credential_id = $1 AND NOT disabled
"""
_USED = """
UPDATE passkey SET sign_count = $3, used_at = $4 WHERE credential_id = $1 AND sign_count = $2 RETURNING true
"""
"""Nothing where it was used at the same moment: one of the two is a copy, or the same answer twice."""


@router.post(
    "/v1/sessions:by-passkey",
    status_code=201,
    response_model=SessionOut,
    responses=problems(SignInRefused, PasskeyRefused, NoPasskeys),
)
async def sign_in_by_passkey(
    request: Request, body: PasskeySessionIn, response: Response, now: Now
) -> SessionOut:
    """Sign in with a passkey; an unknown one, a wrong one and one of a closed account are refused alike."""
    from gateway.accounts import ceremonies

    host, origin = await _place(request)
    challenge = await _challenge(request, "sign in", body.ticket, now)
    row = await _pool(request).fetchrow(_FIND, _credential_id(body.credential))
    if row is None:
        raise SignInRefused
    try:
        public_key, count = bytes(row["public_key"]), row["sign_count"]
        new_count = ceremonies.shown(body.credential, challenge, host, origin, public_key, count)
    except ceremonies.ProvesNothing as error:
        told = {"account": str(row["id"]), "error": str(error)}
        log.warning("a passkey was refused", extra=told)
        raise SignInRefused from None
    used = row["credential_id"], row["sign_count"], new_count, now
    if await _pool(request).fetchval(_USED, *used) is None:
        raise SignInRefused
    account = Account(**{name: row[name] for name in Account.model_fields})
    if body.browser:
        doc = await request.app.state.saml.in_force.now()
        token = await local.begin(_pool(request), doc, account.id, two_factors=True, now=now)
        response.headers.append("Set-Cookie", session_cookie(token))
    return await given_token(request, principal_of(account), response, now)


def _credential_id(credential: dict[str, Any]) -> bytes:
    told = credential.get("rawId")
    try:
        return base64.urlsafe_b64decode(f"{told}===") if isinstance(told, str) and len(told) < 2000 else b""
    except (binascii.Error, ValueError):
        return b""
