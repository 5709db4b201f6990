"""Machines that people make for their own work: they may no more than whoever made them, now and later."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from sqlalchemy import text

from chassis import etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import ReadTx, Tx
from chassis.ids import uuid7
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from gateway.accounts.own import Mine
from gateway.authentication import Authenticator
from gateway.clients import owners
from gateway.clients.owners import REVOKED
from gateway.clients.routes import (
    ClientOut,
    ClientRevoked,
    HasKeys,
    KeysIn,
    NewClientOut,
    SecretsEnough,
    TurnIn,
    check_keys,
    network,
    told_once,
    turn,
)
from gateway.clients.rules import hashed, new_secret, own_scope_reasons, within_owner
from gateway.tables import Client

router = new_router("/v1/accounts/me/clients", tag="clients")

OWN: Final = "clients:own"
MayOwn = Annotated[Principal, Depends(may(OWN))]
EACH_PERSON: Final = 20
"""Live machines of one person: more is a service's, which an administrator makes."""
LONGEST_DAYS: Final = 365
DOOR = (Unauthenticated, Forbidden, NotFound)


class TooManyClients(Refused):
    """They have as many as one may have."""

    code, title = "too-many-clients", "You have as many keys and clients as one may have: end one first."


class OwnerUnknown(Refused):
    """What they may has changed since they signed in, or was never said by a sign-in of theirs."""

    code, title = "owner-unknown", "Sign in again: what you may is not known any more."


class OwnClientIn(BaseModel):
    """A new machine of one's own."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["oauth2", "api-key"]
    name: str = Field(min_length=1, max_length=200)
    scopes: list[str] = Field(min_length=1, max_length=100)
    days: int = Field(default=90, ge=1, le=LONGEST_DAYS)
    """How long it is good; then make another."""
    networks: list[Annotated[str, AfterValidator(network)]] | None = Field(
        default=None, min_length=1, max_length=50
    )
    """Where it may come from (`10.20.0.0/16`); left out: anywhere."""
    jwks: KeysIn | None = None
    """Its public keys, with which it signs assertions instead of being given a secret."""


class OwnClientsOut(BaseModel):
    """All of somebody's."""

    items: list[ClientOut]


_LIVE = text("""
SELECT count(*) FROM client WHERE owner_id = :me AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)
""")
_LIST = text("SELECT * FROM client WHERE owner_id = :me AND revoked_at IS NULL ORDER BY id LIMIT :limit")
_TELL = text("SELECT pg_notify(:channel, :id)")


@router.get("", response_model=OwnClientsOut, responses=problems(*DOOR))
async def list_own_clients(tx: ReadTx, _: MayOwn, me: Mine) -> OwnClientsOut:
    """Your keys and clients, the oldest first; those that were ended are left out."""
    rows = (await tx.execute(_LIST, {"me": me, "limit": 500})).mappings().all()
    return OwnClientsOut(items=[ClientOut(**row) for row in rows])


@router.post(
    "",
    status_code=201,
    response_model=NewClientOut,
    responses=problems(*DOOR, Invalid, TooManyClients, OwnerUnknown),
)
async def create_own_client(
    request: Request, tx: Tx, by: MayOwn, me: Mine, body: OwnClientIn, response: Response, now: Now
) -> NewClientOut:
    """Make a key or client for your own work. Its secret is in this answer and nowhere else.

    It may at most what you ask for here, and at any moment no more than you may then; with your account it ends. Who
    signs in by an institution signs in once in thirty days, or it rests until they do.
    """
    reasons = [
        Reason(code, words, "/scopes", None) for code, words in own_scope_reasons(by.scopes, body.scopes)
    ]
    if any(reason.code != "scope-missing" for reason in reasons):
        raise Invalid(reasons=reasons)
    if reasons:
        raise Forbidden("Nobody grants more than they have.", reasons=reasons)
    if body.jwks is not None:
        check_keys(body.kind, body.jwks, "/jwks/keys")
    await owners.lock(tx, me)
    owner = await owners.owner_of(tx, me, now=now)
    if owner is None or owner.disabled or set(within_owner(body.scopes, owner)) != set(body.scopes):
        raise OwnerUnknown
    if (await tx.execute(_LIVE, {"me": me, "now": now})).scalar_one() >= EACH_PERSON:
        raise TooManyClients(
            reasons=[Reason("too-many-clients", f"One may have {EACH_PERSON}.", limit=EACH_PERSON)]
        )
    secret = new_secret()
    client = Client(
        id=uuid7(),
        kind=body.kind,
        name=body.name,
        secret_hash=hashed(secret),
        scopes=sorted(set(body.scopes)),
        libraries=None if owner.libraries is None else sorted(owner.libraries),
        expires_at=now + timedelta(days=body.days),
        networks=body.networks,
        jwks=body.jwks.model_dump() if body.jwks else None,
        created_at=now,
        created_by=str(by.actor),
        owner_id=me,
    )
    tx.add(client)
    await tx.flush()
    etags.tag(response, client.version)
    return told_once(request, response, client, secret)


async def _mine(tx: Tx, me: UUID, client_id: UUID) -> Client:
    """One of theirs, locked; somebody else's is unknown here."""
    client: Client | None = await tx.get(Client, client_id, with_for_update=True)
    if client is None or client.owner_id != me:
        raise NotFound("You have no such client.")
    return client


@router.delete("/{client_id}", status_code=204, responses=problems(*DOOR))
async def end_own_client(request: Request, tx: Tx, _: MayOwn, me: Mine, client_id: UUID, now: Now) -> None:
    """End it: its key and the tokens that it was given open nothing any more."""
    client = await _mine(tx, me, client_id)
    client.revoked_at = client.revoked_at or now
    await tx.execute(_TELL, {"channel": REVOKED, "id": str(client_id)})
    authenticator: Authenticator = request.app.state.authenticator
    authenticator.forget(str(client_id))


@router.post(
    "/{client_id}/secrets",
    status_code=201,
    response_model=NewClientOut,
    responses=problems(*DOOR, ClientRevoked, HasKeys, SecretsEnough, Invalid),
)
async def turn_own_client_secret(
    request: Request,
    tx: Tx,
    _: MayOwn,
    me: Mine,
    client_id: UUID,
    body: TurnIn,
    response: Response,
    now: Now,
) -> Any:
    """A new secret or key, told this once; the one before it is good for the overlap."""
    client = await _mine(tx, me, client_id)
    if client.revoked_at is not None:
        raise ClientRevoked
    return await turn(request, tx, client, body, response, now)
