"""OAuth2 clients and API keys."""

import ipaddress
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import Edge, ReadTx, Tx
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.principal import Anyone, Principal, demand, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from gateway.accounts.commands import check_libraries
from gateway.authentication import Authenticator
from gateway.clients.assertions import KEYS_AT_MOST, key_reasons
from gateway.clients.owners import REVOKED, TURNED
from gateway.clients.rules import as_key, hashed, new_secret, program_reasons
from gateway.roles.rules import beyond, unknown_scopes
from gateway.tables import Client
from gateway.tokens.names import GRANTS

router = new_router(tag="clients")

MayWrite = Annotated[Principal, Depends(may("clients:write"))]
MayRead = Annotated[Principal, Depends(may("clients:read"))]

Grant = Literal[
    "client_credentials",
    "authorization_code",
    "refresh_token",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
]
assert set(GRANTS) == set(Grant.__args__)  # type: ignore[attr-defined]  # typing's own form of it
PerMinute = Annotated[int, Field(ge=1, le=10_000_000)]
Addresses = Annotated[list[Annotated[str, Field(min_length=1, max_length=1000)]], Field(max_length=50)]


def network(told: str) -> str:
    """A network as it is kept; a ValueError for what is none."""
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
    networks: list[Annotated[str, AfterValidator(network)]] | None = Field(
        default=None, min_length=1, max_length=50
    )
    """Where it may come from (`10.20.0.0/16`); left out: anywhere."""
    jwks: KeysIn | None = None
    """Its public keys, with which it signs assertions (`private_key_jwt`) instead of being given a secret."""
    grants: list[Grant] | None = Field(default=None, max_length=5)
    """How it gets tokens; left out: for its own credentials, or, where it has `redirect_uris`, by code and refresh."""
    redirect_uris: Addresses = Field(default_factory=list)
    """Where browsers are sent back to: https, `http://127.0.0.1/…`, or an app's own scheme; letter by letter."""
    origins: Addresses = Field(default_factory=list)
    """Where its pages are whose scripts ask us with a token (`https://search.example.edu`)."""
    public: bool = False
    """It runs in a browser or on a telephone, where no secret can be kept."""
    in_house: bool = False
    """It is the library's own: nobody is asked whether it may act for them."""
    per_minute: PerMinute | None = None
    """Requests a minute, where it is to have another budget than its like."""

    def how(self) -> list[str]:
        """The ways in which it gets tokens."""
        if self.grants is not None:
            return sorted(set(self.grants))
        return ["authorization_code", "refresh_token"] if self.redirect_uris else ["client_credentials"]


class ClientChange(BaseModel):
    """What is to change of a machine."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200)
    redirect_uris: Addresses | None = None
    origins: Addresses | None = None
    per_minute: PerMinute | None = None


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
    grants: list[str]
    redirect_uris: list[str]
    origins: list[str]
    public: bool
    in_house: bool
    per_minute: int | None
    owner_id: UUID | None
    """Whose account made it for their own work (`/v1/accounts/me/clients`); None: an administrator's."""
    version: int


class NewClientOut(ClientOut):
    """With the secret, this once."""

    client_secret: str | None = None
    api_key: str | None = None


class ClientRevoked(Refused):
    """A revoked machine stays revoked."""

    code, title = "client-revoked", "The client has been revoked: make a new one."


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
        check_keys(body.kind, body.jwks, "/jwks/keys")
    _check_program(body, body.how(), body.redirect_uris, body.origins)
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
        grants=body.how(),
        redirect_uris=body.redirect_uris,
        origins=body.origins,
        public=body.public,
        in_house=body.in_house,
        per_minute=body.per_minute,
        created_at=now,
        created_by=str(by.actor),
    )
    tx.add(client)
    await tx.flush()
    response.headers["Location"] = f"/v1/clients/{client.id}"
    etags.tag(response, client.version)
    return told_once(request, response, client, secret)


def _check_program(
    told: ClientIn | Client, grants: Sequence[str], redirect_uris: Sequence[str], origins: Sequence[str]
) -> None:
    """Raise with every reason against the way in which a program acts for people."""
    reasons = program_reasons(
        kind=told.kind,
        scopes=told.scopes,
        grants=grants,
        redirect_uris=redirect_uris,
        origins=origins,
        public=told.public,
        in_house=told.in_house,
        has_keys=told.jwks is not None,
    )
    if reasons:
        raise Invalid(reasons=[Reason(code, words, pointer) for code, words, pointer in reasons])


def check_keys(kind: str, told: KeysIn, pointer: str) -> None:
    """Raise with every reason against a machine's public keys."""
    reasons = [Reason(code, words, pointer) for code, words in key_reasons(told.model_dump())]
    if kind != "oauth2":
        reasons.append(Reason("keys-for-oauth2", "An API key needs no keys: choose oauth2.", "/kind"))
    if reasons:
        raise Invalid(reasons=reasons)


def told_once(request: Request, response: Response, client: Client, secret: str) -> NewClientOut:
    """The answer with the secret; what is kept for a repetition is without it."""
    response.headers["Cache-Control"] = "no-store"
    told = NewClientOut.model_validate(client, from_attributes=True)
    edge: Edge = request.state.edge
    edge.kept_body = told.model_dump_json().encode()
    if client.jwks is not None or client.public:
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


@router.get(
    "/v1/clients/{client_id}",
    response_model=ClientOut,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def get_client(tx: ReadTx, _: MayRead, client_id: UUID, response: Response) -> Client:
    """One machine."""
    client = await tx.get(Client, client_id)
    if client is None:
        raise NotFound("There is no such client.")
    etags.tag(response, client.version)
    return client


@router.patch(
    "/v1/clients/{client_id}",
    response_model=ClientOut,
    responses=problems(
        Unauthenticated, Forbidden, NotFound, ClientRevoked, Stale, PreconditionRequired, Invalid
    ),
)
async def change_client(
    tx: Tx, by: MayWrite, client_id: UUID, body: ClientChange, expected: IfMatch, response: Response
) -> Client:
    """Change its name, its budget, and where browsers and scripts come from and go to."""
    client = await _turned(tx, by, client_id)
    etags.guard(expected=expected, found=client.version)
    client.name = body.name if body.name is not None else client.name
    client.redirect_uris = body.redirect_uris if body.redirect_uris is not None else client.redirect_uris
    client.origins = body.origins if body.origins is not None else client.origins
    if "per_minute" in body.model_fields_set:
        client.per_minute = body.per_minute
    _check_program(client, client.grants, client.redirect_uris, client.origins)
    client.version += 1
    await tx.flush()
    etags.tag(response, client.version)
    return client


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


class SecretsEnough(Refused):
    """Two secrets are good at present."""

    code, title = "two-secrets-live", "Two secrets are good: end the older one first, or let it expire."


class HasKeys(Refused):
    """A machine with keys of its own has no secret; nor has a public one."""

    code, title = "client-has-keys", "The client has no secret: it has keys of its own, or is public."


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
    return await turn(request, tx, await _turned(tx, by, client_id), body, response, now)


async def turn(
    request: Request, tx: Tx, client: Client, body: TurnIn, response: Response, now: datetime
) -> NewClientOut:
    """Give a machine a new secret; the one before it is good for the overlap."""
    if client.jwks is not None or client.public:
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
    await _tell_turned(request, tx, client.id)
    return told_once(request, response, client, secret)


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
    check_keys(client.kind, body, "/keys")
    client.jwks = body.model_dump()
    client.secret_hash, client.previous_hash, client.previous_expires_at = hashed(new_secret()), None, None
    await tx.flush()
    await _tell_turned(request, tx, client_id)
    return client


async def _tell_turned(request: Request, tx: Tx, client_id: UUID) -> None:
    await tx.execute(_TELL, {"channel": REVOKED, "id": f"{TURNED}{client_id}"})
    authenticator: Authenticator = request.app.state.authenticator
    authenticator.forget_keys(str(client_id))
