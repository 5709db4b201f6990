"""OAuth2 clients and API keys, and the token endpoint (RFC 6749 §4.4)."""

import base64
import binascii
import ipaddress
import logging
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, unquote_plus
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Edge, ReadTx, Tx, UnkeyedTx
from chassis.ids import uuid7
from chassis.json import Json
from chassis.principal import Anyone, Principal, demand, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    Reason,
    Refused,
    TooLarge,
    Unauthenticated,
    problems,
)
from gateway.accounts.commands import check_libraries
from gateway.authentication import REVOKED, TURNED, Authenticator, client_principal
from gateway.clients.assertions import KEYS_AT_MOST, AssertionRefused, claimed_client, key_reasons, proven
from gateway.clients.assertions import TYPE as ASSERTION
from gateway.clients.rules import NO_SECRET, as_key, comes_from, hashed, live_secret, new_secret
from gateway.roles.rules import beyond, unknown_scopes
from gateway.tables import Client
from gateway.tokens.minting import Mint

log = logging.getLogger(__name__)

router = new_router(tag="clients")

MayWrite = Annotated[Principal, Depends(may("clients:write"))]
MayRead = Annotated[Principal, Depends(may("clients:read"))]

FORM_LIMIT = 16 * 1024


def _network(told: str) -> str:
    return str(ipaddress.ip_network(told, strict=False))


class KeysIn(BaseModel):
    """Public keys (RFC 7517)."""

    model_config = ConfigDict(extra="forbid")

    keys: list[dict[str, Any]] = Field(min_length=1, max_length=KEYS_AT_MOST)


class ClientIn(BaseModel):
    """A new machine."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["oauth2", "api-key"]
    name: str = Field(min_length=1, max_length=200)
    scopes: list[str] = Field(min_length=1, max_length=100)
    libraries: list[str] | None = Field(default=None, max_length=200)
    service_point_id: UUID | None = None
    """The desk this machine stands at, where a request names none."""
    expires_at: datetime | None = None
    networks: list[Annotated[str, AfterValidator(_network)]] | None = Field(
        default=None, min_length=1, max_length=50
    )
    """Where it may come from (`10.20.0.0/16`); left out: anywhere."""
    jwks: KeysIn | None = None
    """Its public keys, with which it signs assertions (`private_key_jwt`) instead of being given a secret."""


class TurnIn(BaseModel):
    """How long the secret before it is good."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: int = Field(default=24, ge=0, le=168)


class ClientOut(BaseModel):
    """A machine; its secret is told once, when it is made."""

    id: UUID
    kind: str
    name: str
    scopes: list[str]
    libraries: list[str] | None
    service_point_id: UUID | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    networks: list[str] | None
    jwks: dict[str, Any] | None
    """The public keys that it proves itself with, where it has no secret."""
    last_used_on: date | None
    leaked_at: datetime | None
    """When its key first stood in an address, where logs keep it: turn the secret."""
    previous_expires_at: datetime | None
    """Until when the secret before this one is good."""


class NewClientOut(ClientOut):
    """With the secret, this once."""

    client_secret: str | None = None
    api_key: str | None = None


@router.post(
    "/v1/clients",
    status_code=201,
    response_model=NewClientOut,
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def create_client(
    request: Request, tx: Tx, by: MayWrite, body: ClientIn, response: Response, now: Now
) -> NewClientOut:
    """Register a machine. Its secret or key is in this answer and nowhere else.

    A repetition with the same Idempotency-Key names the client again, without the secret.
    """
    if unknown := unknown_scopes(body.scopes):
        raise Invalid(
            reasons=[Reason("scope-unknown", f"There is no scope {name}.", "/scopes") for name in unknown]
        )
    if body.expires_at is not None and (body.expires_at.tzinfo is None or body.expires_at <= now):
        raise Invalid(reasons=[Reason("expiry-past", "The expiry is past, or names no zone.", "/expires_at")])
    if lacking := beyond(by.scopes, body.scopes):
        raise Forbidden(
            "Nobody grants more than they have.",
            reasons=[
                Reason("scope-missing", f"You do not have {name} yourself.", "/scopes") for name in lacking
            ],
        )
    check_libraries(by, body.libraries)
    if body.jwks is not None:
        _check_keys(body.kind, body.jwks, "/jwks/keys")
    secret = new_secret()
    client = Client(
        id=uuid7(),
        kind=body.kind,
        name=body.name,
        secret_hash=hashed(secret),
        scopes=sorted(set(body.scopes)),
        libraries=body.libraries,
        service_point_id=body.service_point_id,
        expires_at=body.expires_at,
        networks=body.networks,
        jwks=body.jwks.model_dump() if body.jwks else None,
        created_at=now,
        created_by=str(by.actor),
    )
    tx.add(client)
    await tx.flush()
    response.headers["Location"] = f"/v1/clients/{client.id}"
    return _once(request, response, client, secret)


def _check_keys(kind: str, told: KeysIn, pointer: str) -> None:
    reasons = [Reason(code, words, pointer) for code, words in key_reasons(told.model_dump())]
    if kind != "oauth2":
        reasons.append(Reason("keys-for-oauth2", "An API key needs no keys: choose oauth2.", "/kind"))
    if reasons:
        raise Invalid(reasons=reasons)


def _once(request: Request, response: Response, client: Client, secret: str) -> NewClientOut:
    """The answer with the secret; what is kept for a repetition is without it."""
    response.headers["Cache-Control"] = "no-store"
    told = NewClientOut.model_validate(client, from_attributes=True)
    edge: Edge = request.state.edge
    edge.kept_body = told.model_dump_json().encode()
    if client.jwks is not None:
        return told  # nobody is told what is kept for a secret
    if client.kind == "oauth2":
        return told.model_copy(update={"client_secret": secret})
    return told.model_copy(update={"api_key": as_key(client.id, secret)})


_LIST = text("""
SELECT * FROM client WHERE CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid) ORDER BY id LIMIT :limit
""")


@router.get(
    "/v1/clients",
    response_model=cursors.Page[ClientOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_clients(
    tx: ReadTx,
    _: MayRead,
    request: Request,
    response: Response,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[ClientOut]:
    """Machines, oldest first, revoked ones included."""
    after = cursors.uuid_in(cursor) if cursor else None
    rows = (await tx.execute(_LIST, {"after": after, "limit": limit + 1})).mappings().all()
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[ClientOut(**row) for row in rows[:limit]], next_cursor=more)


@router.delete(
    "/v1/clients/{client_id}", status_code=204, responses=problems(Unauthenticated, Forbidden, NotFound)
)
async def revoke_client(request: Request, tx: Tx, _: MayWrite, client_id: UUID, now: Now) -> None:
    """Revoke it: its key and the tokens that it was given open nothing any more."""
    client = await tx.get(Client, client_id, with_for_update=True)
    if client is None:
        raise NotFound("There is no such client.")
    client.revoked_at = client.revoked_at or now
    await tx.execute(_TELL, {"channel": REVOKED, "id": str(client_id)})
    authenticator: Authenticator = request.app.state.authenticator
    authenticator.forget(str(client_id))


_TELL = text("SELECT pg_notify(:channel, :id)")


async def _may_turn(by: Anyone, client_id: UUID) -> Principal:
    """Whoever writes clients, and the machine itself."""
    if (by.kind, by.ref) != ("client", str(client_id)):
        demand(by, "clients:write")
    return by


MayTurn = Annotated[Principal, Depends(_may_turn)]


class ClientRevoked(Refused):
    """A revoked machine stays revoked."""

    code, title = "client-revoked", "The client has been revoked: make a new one."


class SecretsEnough(Refused):
    """Two secrets are good at present."""

    code, title = "two-secrets-live", "Two secrets are good: end the older one first, or let it expire."


class HasKeys(Refused):
    """A machine with keys of its own has no secret."""

    code, title = "client-has-keys", "The client proves itself with keys of its own: replace those."


async def _turned(tx: Tx, by: Principal, client_id: UUID) -> Client:
    """The machine whose secrets the asker may change: their own, or one that may no more than they may."""
    client = await tx.get(Client, client_id, with_for_update=True)
    if client is None:
        raise NotFound("There is no such client.")
    if lacking := beyond(by.scopes, client.scopes):
        raise Forbidden(
            "Nobody grants more than they have.",
            reasons=[Reason("scope-missing", f"You do not have {name} yourself.") for name in lacking],
        )
    check_libraries(by, client.libraries)
    if client.revoked_at is not None:
        raise ClientRevoked
    return client


@router.post(
    "/v1/clients/{client_id}/secrets",
    status_code=201,
    response_model=NewClientOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, ClientRevoked, HasKeys, SecretsEnough, Invalid),
)
async def turn_client_secret(
    request: Request, tx: Tx, by: MayTurn, client_id: UUID, body: TurnIn, response: Response, now: Now
) -> NewClientOut:
    """A new secret or key, told this once; the one before it is good for the overlap. A machine may turn its own."""
    client = await _turned(tx, by, client_id)
    if client.jwks is not None:
        raise HasKeys
    if client.previous_expires_at is not None and client.previous_expires_at > now:
        raise SecretsEnough
    secret = new_secret()
    client.previous_hash, client.previous_expires_at = (
        client.secret_hash,
        now + timedelta(hours=body.overlap_hours),
    )
    client.secret_hash, client.leaked_at = hashed(secret), None
    await tx.flush()
    await _tell_turned(request, tx, client_id)
    return _once(request, response, client, secret)


@router.delete(
    "/v1/clients/{client_id}/previous-secret",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound, ClientRevoked),
)
async def end_previous_secret(request: Request, tx: Tx, by: MayTurn, client_id: UUID) -> None:
    """End the secret before the newest at once, in every process."""
    client = await _turned(tx, by, client_id)
    client.previous_hash = client.previous_expires_at = None
    await tx.flush()
    await _tell_turned(request, tx, client_id)


@router.put(
    "/v1/clients/{client_id}/jwks",
    response_model=ClientOut,
    responses=problems(Unauthenticated, Forbidden, NotFound, ClientRevoked, Invalid),
)
async def put_client_keys(request: Request, tx: Tx, by: MayTurn, client_id: UUID, body: KeysIn) -> Client:
    """Replace the keys that it proves itself with; a secret that it had opens nothing from then on."""
    client = await _turned(tx, by, client_id)
    _check_keys(client.kind, body, "/keys")
    client.jwks = body.model_dump()
    client.secret_hash, client.previous_hash, client.previous_expires_at = hashed(new_secret()), None, None
    await tx.flush()
    await _tell_turned(request, tx, client_id)
    return client


async def _tell_turned(request: Request, tx: Tx, client_id: UUID) -> None:
    await tx.execute(_TELL, {"channel": REVOKED, "id": f"{TURNED}{client_id}"})
    authenticator: Authenticator = request.app.state.authenticator
    authenticator.forget_keys(str(client_id))


class TokenOut(BaseModel):
    """RFC 6749 §5.1."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: int
    scope: str


_STRANGER = (NO_SECRET, None, None)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def _error(status: int, code: str, text_: str) -> Response:
    headers = {**_NO_STORE, "WWW-Authenticate": 'Basic realm="carrel"'} if status == 401 else _NO_STORE
    return Json({"error": code, "error_description": text_}, status, headers)


@router.post(
    "/oauth2/token",
    response_model=TokenOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/x-www-form-urlencoded": {
                    "schema": {
                        "type": "object",
                        "required": ["grant_type"],
                        "properties": {
                            "grant_type": {"type": "string", "enum": ["client_credentials"]},
                            "client_id": {"type": "string"},
                            "client_secret": {"type": "string"},
                            "client_assertion_type": {"type": "string", "enum": [ASSERTION]},
                            "client_assertion": {"type": "string"},
                            "scope": {"type": "string"},
                        },
                    }
                }
            },
        },
        "security": [{"basic": []}, {}],
    },
    responses={400: {"description": "RFC 6749 §5.2"}, 401: {"description": "RFC 6749 §5.2: invalid_client"}},
)
async def token(request: Request, tx: UnkeyedTx, now: Now) -> Response:
    """Client credentials for an access token: name and secret by HTTP Basic or in the form, or a signed assertion."""
    body = await request.body()
    if len(body) > FORM_LIMIT:
        raise TooLarge
    try:
        form = {name: told for name, (told,) in parse_qs(body.decode(), max_num_fields=20).items()}
        who = _basic(request.headers.get("authorization"))
    except ValueError:
        return _error(400, "invalid_request", "The form cannot be read.")
    if form.get("grant_type") != "client_credentials":
        return _error(400, "unsupported_grant_type", "Only client_credentials is spoken here.")
    signed = "client_assertion" in form or "client_assertion_type" in form
    if (who and ("client_secret" in form or signed)) or (signed and "client_secret" in form):
        return _error(400, "invalid_request", "Send the credentials once: by HTTP Basic or in the form.")
    if signed:
        client = await _proven(request, tx, form, now)
    else:
        client = await _with_secret(
            tx, *(who or (form.get("client_id", ""), form.get("client_secret", ""))), now
        )
    if (
        client is None
        or client.revoked_at is not None
        or (client.expires_at is not None and client.expires_at <= now)
    ):
        return _error(
            401,
            "invalid_client",
            "The client is unknown, or what it proves itself with is wrong or has ended.",
        )
    if not comes_from(request.client.host if request.client else None, client.networks):
        return _error(401, "invalid_client", "The client is not taken from where you are.")
    if client.last_used_on != now.date():
        client.last_used_on = now.date()
    asked = frozenset(form.get("scope", "").split()) or frozenset(client.scopes)
    if not asked <= set(client.scopes):
        return _error(400, "invalid_scope", f"Not granted: {' '.join(sorted(asked - set(client.scopes)))}.")
    full = client_principal(client.model_dump())
    principal = Principal("client", full.ref, asked, None, full.libraries, full.service_point_id)
    mint: Mint = request.app.state.mint
    access, seconds = await mint.access_token(principal, now=now)
    told = TokenOut(access_token=access, expires_in=seconds, scope=" ".join(sorted(asked)))
    return Json(told.model_dump(), 200, _NO_STORE)


async def _with_secret(tx: Tx, client_id: str, secret: str, now: datetime) -> Client | None:
    client = await _client(tx, client_id)
    kept = (client.secret_hash, client.previous_hash, client.previous_expires_at) if client else _STRANGER
    right, _ = live_secret(secret, *kept, now=now)
    return client if right and client is not None and client.jwks is None else None


async def _proven(request: Request, tx: Tx, form: dict[str, str], now: datetime) -> Client | None:
    assertion = form.get("client_assertion", "")
    claimed = claimed_client(assertion)
    client = await _client(tx, claimed)
    if form.get("client_assertion_type") != ASSERTION or form.get("client_id", claimed) != claimed:
        return None
    if client is None or client.jwks is None:
        return None
    public: str | None = request.app.state.public_url
    audiences = [public.rstrip("/") + "/oauth2/token"] if public else []
    try:
        await proven(tx, assertion, client_id=client.id, jwks=client.jwks, audiences=audiences, now=now)
    except AssertionRefused as refused:
        log.info("an assertion was refused", extra={"client": claimed, "reason": str(refused)})
        return None
    return client


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


async def _client(tx: Tx, client_id: str) -> Client | None:
    try:
        found = await tx.get(Client, UUID(client_id))
    except ValueError:
        return None
    return found if found is not None and found.kind == "oauth2" else None
