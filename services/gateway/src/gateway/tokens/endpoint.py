"""The token endpoint (RFC 6749), revocation (RFC 7009) and introspection (RFC 7662)."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from fastapi import Request, Response
from pydantic import BaseModel

from chassis.application import new_router
from chassis.clock import Now
from chassis.json import Json
from chassis.principal import Principal
from chassis.problems import Unauthenticated
from gateway.authentication import Authenticator, client_principal
from gateway.clients.assertions import TYPE as ASSERTION
from gateway.clients.proving import NO_STORE, Asked, OAuthRefused, asked_of, client_of
from gateway.clients.rules import hashed
from gateway.consents import devices, exchanging, granting
from gateway.consents.granting import Grant, GrantRefused
from gateway.tables import Client
from gateway.tokens.dpop import ProofRefused
from gateway.tokens.minting import Mint
from gateway.tokens.names import DEVICE, EXCHANGE, GRANTS, issuer_of

log = logging.getLogger(__name__)

router = new_router(tag="clients")

INTROSPECT: Final = "tokens:introspect"
ACCESS: Final = "urn:ietf:params:oauth:token-type:access_token"


class TokenOut(BaseModel):
    """RFC 6749 §5.1."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the type's name
    expires_in: int
    scope: str
    refresh_token: str | None = None
    issued_token_type: str | None = None
    """Of an exchange alone (RFC 8693)."""


CREDENTIALS: Final[dict[str, Any]] = {
    "client_id": {"type": "string"},
    "client_secret": {"type": "string"},
    "client_assertion_type": {"type": "string", "enum": [ASSERTION]},
    "client_assertion": {"type": "string"},
}


def form(required: list[str], **fields: Any) -> dict[str, Any]:
    """How the document tells of a form, with the client's credentials in it."""
    told = {name: {"type": "string"} if kind is None else kind for name, kind in fields.items()}
    schema = {"type": "object", "required": required, "properties": {**told, **CREDENTIALS}}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/x-www-form-urlencoded": {"schema": schema}},
        },
        "security": [{"basic": []}, {}],
    }


REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "RFC 6749 §5.2"},
    401: {"description": "RFC 6749 §5.2: invalid_client"},
}

Granting = Callable[[Request, Asked, Client, datetime], Awaitable[TokenOut]]


@router.post(
    "/oauth2/token",
    response_model=TokenOut,
    openapi_extra=form(
        ["grant_type"],
        grant_type={"type": "string", "enum": list(GRANTS)},
        scope=None,
        code=None,
        redirect_uri=None,
        code_verifier=None,
        refresh_token=None,
        device_code=None,
        subject_token=None,
        subject_token_type=None,
    ),
    responses=REFUSALS,
)
async def token(request: Request, now: Now) -> Response:
    """A token for a client's credentials, for a code and its verifier, for a refresh token, for a device, in exchange.

    Name and secret come by HTTP Basic or in the form; better, a signed assertion. Public clients send `client_id`.
    """
    try:
        asked = await asked_of(request)
        wished = asked.wanted("grant_type")
        if wished not in GRANTED:
            raise OAuthRefused(400, "unsupported_grant_type", f"Spoken here: {', '.join(GRANTED)}.")
        client = await client_of(request, asked, now=now)
        if wished not in client.grants:
            raise OAuthRefused(400, "unauthorized_client", "The client may not get tokens in this way.")
        told = await GRANTED[wished](request, asked, client, now)
    except OAuthRefused as refused:
        return refused.response()
    except GrantRefused as refused:
        log.info("nothing was granted", extra={"client": asked.form.get("client_id"), "reason": str(refused)})
        return OAuthRefused(
            400, "invalid_grant", "What was sent is wrong, was used before, or has ended."
        ).response()
    return Json(told.model_dump(exclude_none=True), 200, NO_STORE)


async def _credentials(request: Request, asked: Asked, client: Client, now: datetime) -> TokenOut:
    scopes = asked.scopes or frozenset(client.scopes)
    if not scopes <= set(client.scopes):
        raise _too_much(scopes - set(client.scopes))
    full = client_principal(client.model_dump())
    principal = Principal("client", full.ref, scopes, None, full.libraries, full.service_point_id)
    mint: Mint = request.app.state.mint
    bound_to = await _holder(request, now)
    access, seconds = await mint.access_token(principal, now=now, client=client.id, bound_to=bound_to)
    return TokenOut(
        access_token=access,
        token_type="Bearer" if bound_to is None else "DPoP",
        expires_in=seconds,
        scope=" ".join(sorted(scopes)),
    )


async def _holder(request: Request, now: datetime) -> str | None:
    """The key that a machine wishes its token bound to (RFC 9449 §5); None where it wishes none."""
    told = request.headers.getlist("dpop")
    if not told:
        return None
    authenticator: Authenticator = request.app.state.authenticator
    try:
        if len(told) > 1:
            raise ProofRefused("The header DPoP is sent once.")
        path = request.url.path
        return await authenticator.proofs.holder(told[0], method="POST", path=path, token=None, now=now)
    except ProofRefused as refused:
        raise OAuthRefused(400, "invalid_dpop_proof", str(refused)) from None


def _too_much(scopes: frozenset[str]) -> OAuthRefused:
    return OAuthRefused(400, "invalid_scope", f"Not granted: {' '.join(sorted(scopes))}.")


async def _told(request: Request, client: Client, grant: Grant, now: datetime) -> TokenOut:
    mint: Mint = request.app.state.mint
    access, seconds = await mint.access_token(
        grant.principal, now=now, client=client.id, families=(grant.family_id,)
    )
    return TokenOut(
        access_token=access,
        expires_in=seconds,
        scope=" ".join(sorted(grant.principal.scopes)),
        refresh_token=grant.refresh_token,
    )


async def _code(request: Request, asked: Asked, client: Client, now: datetime) -> TokenOut:
    grant = await granting.by_code(
        request.app.state.resources.pool,
        client=client,
        code=asked.wanted("code"),
        redirect_uri=asked.wanted("redirect_uri"),
        verifier=asked.wanted("code_verifier"),
        now=now,
    )
    return await _told(request, client, grant, now)


async def _refresh(request: Request, asked: Asked, client: Client, now: datetime) -> TokenOut:
    pool = request.app.state.resources.pool
    shown = asked.wanted("refresh_token")
    had = await granting.scopes_of_refresh(pool, shown)
    if had is not None and not asked.scopes <= had:
        raise _too_much(asked.scopes - had)
    grant = await granting.by_refresh(pool, client=client, token=shown, asked=asked.scopes, now=now)
    return await _told(request, client, grant, now)


async def _device(request: Request, asked: Asked, client: Client, now: datetime) -> TokenOut:
    pool = request.app.state.resources.pool
    grant = await devices.by_device(pool, client=client, code=asked.wanted("device_code"), now=now)
    return await _told(request, client, grant, now)


async def _exchange(request: Request, asked: Asked, client: Client, now: datetime) -> TokenOut:
    if (
        asked.wanted("subject_token_type") != ACCESS
        or asked.form.get("requested_token_type", ACCESS) != ACCESS
    ):
        raise OAuthRefused(400, "invalid_request", f"Only {ACCESS} is exchanged here, for another.")
    if {"actor_token", "resource", "audience"} & asked.form.keys():
        raise OAuthRefused(
            400, "invalid_target", "The token is for Carrel, and the actor is the client that asks."
        )
    mint: Mint = request.app.state.mint
    try:
        subject = await mint.verified(asked.wanted("subject_token"))
    except Unauthenticated:
        raise OAuthRefused(400, "invalid_grant", "The subject_token is expired or revoked.") from None
    pool = request.app.state.resources.pool
    found = await exchanging.exchanged(pool, client=client, subject=subject, asked=asked.scopes, now=now)
    access, seconds = await mint.access_token(
        found.principal, now=now, client=client.id, families=found.families, until=found.until
    )
    return TokenOut(
        access_token=access,
        expires_in=seconds,
        scope=" ".join(sorted(found.principal.scopes)),
        issued_token_type=ACCESS,
    )


GRANTED: Final[dict[str, Granting]] = {
    "client_credentials": _credentials,
    "authorization_code": _code,
    "refresh_token": _refresh,
    DEVICE: _device,
    EXCHANGE: _exchange,
}
assert set(GRANTED) == set(GRANTS)


@router.post(
    "/oauth2/revoke",
    status_code=200,
    response_class=Response,
    openapi_extra=form(["token"], token=None, token_type_hint=None),
    responses=REFUSALS,
)
async def revoke_token(request: Request, now: Now) -> Response:
    """End a token, and with it everything that came of the same sign-in to this client (RFC 7009).

    A token that a machine got for its own credentials ends by itself within ten minutes, or with the client.
    """
    try:
        asked = await asked_of(request)
        shown = asked.wanted("token")
        client = await client_of(request, asked, now=now)
    except OAuthRefused as refused:
        return refused.response()
    family = await _family(request, shown, client)
    if family is not None:
        pool = request.app.state.resources.pool
        async with pool.acquire() as connection, connection.transaction():
            await granting.end_family(connection, family, why="given-back", now=now)
        authenticator: Authenticator = request.app.state.authenticator
        authenticator.forget(str(family))
    return Response(status_code=200, headers=NO_STORE)


async def _family(request: Request, shown: str, client: Client) -> Any:
    """The family of a token, where it is this client's."""
    pool = request.app.state.resources.pool
    found = await pool.fetchval(
        "SELECT family.id FROM refresh_token AS token JOIN token_family AS family ON family.id = token.family_id "
        "WHERE token.token_hash = $1 AND family.client_id = $2",
        hashed(shown),
        client.id,
    )
    if found is not None or "." not in shown:
        return found
    mint: Mint = request.app.state.mint
    try:
        families = (await mint.verified(shown)).families
    except Unauthenticated:
        return None
    return await pool.fetchval(
        "SELECT id FROM token_family WHERE id = $1 AND client_id = $2",
        UUID(families[0]) if families else None,
        client.id,
    )


@router.post(
    "/oauth2/introspect",
    openapi_extra=form(["token"], token=None, token_type_hint=None),
    responses={**REFUSALS, 403: {"description": "RFC 6749 §5.2: unauthorized_client"}},
)
async def introspect_token(request: Request, now: Now) -> Response:
    """Whether a token is good, and for what (RFC 7662): a client's own; others' with the scope `tokens:introspect`."""
    try:
        asked = await asked_of(request)
        shown = asked.wanted("token")
        client = await client_of(request, asked, now=now)
        if client.public:
            raise OAuthRefused(403, "unauthorized_client", "Whoever asks here proves who they are.")
    except OAuthRefused as refused:
        return refused.response()
    told = await _said_of(request, shown, now)
    mine = told.get("client_id") == str(client.id) or INTROSPECT in client.scopes
    return Json(told if mine else {"active": False}, 200, NO_STORE)


_REFRESH = """
SELECT family.client_id, family.scopes, family.person_id, family.ends_at, token.made_at
FROM refresh_token AS token JOIN token_family AS family ON family.id = token.family_id
LEFT JOIN browser_session AS session ON session.id = family.session_id
WHERE token.token_hash = $1 AND token.used_at IS NULL AND family.revoked_at IS NULL AND family.ends_at > $2
    AND (family.session_id IS NULL OR (session.ends_at > $2
         AND session.seen_at + make_interval(secs => session.idle_seconds) > $2))
"""


async def _said_of(request: Request, shown: str, now: datetime) -> dict[str, Any]:
    row = await request.app.state.resources.pool.fetchrow(_REFRESH, hashed(shown), now)
    if row is not None:
        ends = min(row["ends_at"], row["made_at"] + granting.UNUSED_LIVES)
        return {
            "active": ends > now,
            "client_id": str(row["client_id"]),
            "scope": " ".join(row["scopes"]),
            "exp": int(ends.timestamp()),
            "token_type": "refresh_token",
        }
    if "." not in shown:
        return {"active": False}
    mint: Mint = request.app.state.mint
    try:
        known = await mint.verified(shown)
    except Unauthenticated:
        return {"active": False}
    who = known.principal
    told = {
        "active": True,
        "client_id": known.client,
        "scope": " ".join(sorted(who.scopes)),
        "sub": f"{who.kind}:{who.ref}",
        "exp": int(known.expires),
        "iat": int(known.issued),
        "iss": await issuer_of(request),
        "token_type": "Bearer" if known.bound_to is None else "DPoP",
        "cnf": {"jkt": known.bound_to} if known.bound_to is not None else None,
        "act": {"sub": who.on_behalf_of} if who.on_behalf_of else None,
    }
    return {name: value for name, value in told.items() if value is not None}
