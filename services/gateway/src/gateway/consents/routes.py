"""Where browsers come to let a program act for them, and where people see and withdraw what they allowed."""

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.ids import uuid7
from chassis.json import Json
from chassis.principal import Anyone, Principal
from chassis.problems import (
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Reason,
    Unauthenticated,
    problems,
)
from gateway.authentication import Authenticator
from gateway.clients.proving import NO_STORE, OAuthRefused, asked_of, client_of
from gateway.consents import granting, pages, requests, rules
from gateway.consents.requests import NotSentBack, Wish
from gateway.forms import HTML, read_form
from gateway.sessions.commands import Session
from gateway.sessions.cookies import forgery_token
from gateway.sessions.routes import present
from gateway.tables import Client
from gateway.tokens.endpoint import REFUSALS, form
from gateway.tokens.names import issuer_of
from gateway.tongues import spoken_to

router = new_router(tag="consents")

SIGN_IN: Final = "/sign-in/local"
_CONSENTED = "SELECT scopes FROM consent WHERE person_id = $1 AND client_id = $2"
_CONSENT = """
INSERT INTO consent (id, person_id, client_id, scopes, given_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (person_id, client_id) DO UPDATE SET given_at = excluded.given_at,
    scopes = ARRAY(SELECT DISTINCT unnest(consent.scopes || excluded.scopes) ORDER BY 1)
"""


class NotAuthorized(Malformed):
    """The request to authorize names no program that is known here, or another address than it registered."""

    code, title = "authorization-refused", "The program that has sent you here is not known, or asks wrongly."


def to(url: str) -> Response:
    """Send a browser on; a form becomes a plain request."""
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(status_code=303, headers=headers)


def _not_sent_back(request: Request, error: NotSentBack) -> Response:
    if "text/html" not in request.headers.get("accept", ""):
        raise NotAuthorized(reasons=[Reason(error.code, error.words)])
    words = (f"wish-{error.code}", "nobody-told")
    return pages.said(spoken_to(request), "does-not-work", words, status=400)


async def _wish(request: Request, told: Any, now: datetime) -> Wish:
    async with request.app.state.resources.sessions() as session:
        return await requests.wish_of(session, request.app.state.resources.pool, told, now=now)


def _lasts(scopes: frozenset[str], *, in_house: bool) -> str:
    if rules.bound(scopes, in_house=in_house):
        return "lasts-session"
    return "lasts-days"


@router.get(
    "/oauth2/authorize",
    response_class=Response,
    responses={
        200: HTML,
        303: {"description": "Back to the program, or on to sign in"},
        **problems(NotAuthorized),
    },
)
async def authorize(
    request: Request,
    now: Now,
    client_id: Annotated[str | None, Query(description="The program")] = None,
    response_type: Annotated[str | None, Query(description="`code`")] = None,
    redirect_uri: Annotated[str | None, Query(description="As registered, letter by letter")] = None,
    scope: Annotated[str | None, Query(description="Left out: all that the program may ask for")] = None,
    state: Annotated[str | None, Query(description="Comes back as it is")] = None,
    code_challenge: Annotated[str | None, Query(description="RFC 7636")] = None,
    code_challenge_method: Annotated[str | None, Query(description="`S256`")] = None,
    prompt: Annotated[str | None, Query(description="`none`: ask nobody; `consent`: ask again")] = None,
    request_uri: Annotated[str | None, Query(description="Instead of the rest, from `/oauth2/par`")] = None,
) -> Response:
    """Ask whoever sits at this browser to let a program act for them; it gets a code (RFC 6749 §4.1, with PKCE)."""
    try:
        wish = await _wish(request, request.query_params.multi_items(), now)
    except NotSentBack as error:
        return _not_sent_back(request, error)
    issuer = await issuer_of(request)
    if wish.error is not None:
        return to(wish.back(issuer, error=wish.error[0], error_description=wish.error[1]))
    found = await present(request, now)
    if found is None:
        if wish.prompt == "none":
            return to(wish.back(issuer, error="login_required"))
        here = f"{request.url.path}?{request.scope['query_string'].decode('latin-1')}"
        return to(f"{SIGN_IN}?{urlencode({'target': here})}")
    token, session = found
    scopes = rules.granted(wish.scopes, session.principal.scopes)
    if not scopes:
        return to(wish.back(issuer, error="access_denied", error_description="They may do none of this."))
    if await _asks(request, wish, session, scopes):
        if wish.prompt == "none":
            return to(wish.back(issuer, error="consent_required"))
        return pages.consent(
            spoken_to(request),
            wish.client.name,
            scopes,
            action="/oauth2/authorize",
            fields={**wish.fields, "proof": forgery_token(token)},
            sent_to=wish.redirect_uri,
            lasts=_lasts(scopes, in_house=wish.client.in_house),
        )
    return await _code(request, wish, session, scopes, issuer, now)


async def _asks(request: Request, wish: Wish, session: Session, scopes: frozenset[str]) -> bool:
    """Whether somebody must be asked: not for the library's own pages, nor for what they allowed before."""
    if wish.prompt == "consent":
        return True
    if wish.client.in_house:
        return False
    pool = request.app.state.resources.pool
    allowed = await pool.fetchval(_CONSENTED, session.person_id, wish.client.id)
    return not scopes <= frozenset(allowed or ())


async def _code(
    request: Request, wish: Wish, session: Session, scopes: frozenset[str], issuer: str, now: datetime
) -> Response:
    async with request.app.state.resources.pool.acquire() as connection:
        code = await granting.issue_code(
            connection,
            client=wish.client,
            person_id=session.person_id,
            session_id=session.id,
            redirect_uri=wish.redirect_uri,
            challenge=wish.challenge,
            scopes=scopes,
            now=now,
        )
    return to(wish.back(issuer, code=code))


@router.post(
    "/oauth2/authorize",
    status_code=303,
    response_class=Response,
    responses={200: HTML, **problems(NotAuthorized, Malformed)},
)
@streamed
async def decide_authorization(request: Request, now: Now) -> Response:
    """The answer on the page of consent; the form proves that it is this session's."""
    fields = await read_form(request)
    try:
        wish = await _wish(request, fields.items(), now)
    except NotSentBack as error:
        return _not_sent_back(request, error)
    issuer = await issuer_of(request)
    if wish.error is not None:
        return to(wish.back(issuer, error=wish.error[0], error_description=wish.error[1]))
    found = await present(request, now)
    if found is None or not proves(fields, found[0]):
        return _stale(request)
    session = found[1]
    if fields.get("decision") != "allow":
        return to(wish.back(issuer, error="access_denied", error_description="They have said no."))
    scopes = rules.granted(wish.scopes, session.principal.scopes)
    if not scopes:
        return to(wish.back(issuer, error="access_denied", error_description="They may do none of this."))
    await remember(request, wish.client, session, scopes, now)
    return await _code(request, wish, session, scopes, issuer, now)


def proves(fields: Mapping[str, str], token: str) -> bool:
    """Whether a form was given out to this session (no other site can read it)."""
    return hmac.compare_digest(fields.get("proof", "").encode(), forgery_token(token).encode())


def _stale(request: Request) -> Response:
    error = NotSentBack("proof-wrong", "This page is out of date. Go back to the program and begin again.")
    return _not_sent_back(request, error)


async def remember(
    request: Request, client: Client, session: Session, scopes: frozenset[str], now: datetime
) -> None:
    """Write down what somebody allowed; it is added to what they allowed before."""
    await request.app.state.resources.pool.execute(
        _CONSENT, uuid7(), session.person_id, client.id, sorted(scopes), now
    )


@router.post(
    "/oauth2/par",
    status_code=201,
    openapi_extra=form(["response_type", "redirect_uri"], **dict.fromkeys(requests.FIELDS[:-2])),
    responses=REFUSALS,
)
async def push_authorization_request(request: Request, now: Now) -> Response:
    """Send a request to authorize straight to us, so that no browser can change it on its way (RFC 9126)."""
    try:
        asked = await asked_of(request)
        client = await client_of(request, asked, now=now)
        wish = await _wish(request, {**asked.form, "client_id": str(client.id)}.items(), now)
        if "request_uri" in asked.form:
            raise OAuthRefused(400, "invalid_request", "A pushed request holds no request_uri.")
        if wish.error is not None:
            raise OAuthRefused(400, *wish.error)
    except NotSentBack as error:
        return OAuthRefused(400, "invalid_request", error.words).response()
    except OAuthRefused as refused:
        return refused.response()
    uri = await requests.push(request.app.state.resources.pool, client, asked.form, now=now)
    lives = int(requests.PUSHED_LIVES.total_seconds())
    return Json({"request_uri": uri, "expires_in": lives}, 201, NO_STORE)


class ConsentOut(BaseModel):
    """What somebody lets a program do."""

    id: UUID
    client_id: UUID
    client_name: str
    scopes: list[str]
    given_at: datetime
    signed_in: int
    """How many sign-ins to it are alive."""


_LIST = """
SELECT consent.id, consent.client_id, client.name AS client_name, consent.scopes, consent.given_at,
    (SELECT count(*) FROM token_family AS family WHERE family.person_id = consent.person_id
        AND family.client_id = consent.client_id AND family.revoked_at IS NULL AND family.ends_at > $3) AS signed_in
FROM consent JOIN client ON client.id = consent.client_id
WHERE consent.person_id = $1 AND ($2::uuid IS NULL OR consent.id > $2) ORDER BY consent.id LIMIT $4
"""


def _person(asker: Principal) -> UUID:
    """Whoever asks, in person: no program sees or changes what was allowed to programs."""
    if asker.kind == "anonymous":
        raise Unauthenticated
    in_person = asker.kind in ("patron", "staff") and asker.on_behalf_of is None
    try:
        person = UUID(asker.ref) if in_person and not rules.narrow(asker.scopes) else None
    except ValueError:
        person = None
    if person is None:
        raise Forbidden("People look after their consents themselves.")
    return person


@router.get(
    "/v1/consents",
    response_model=cursors.Page[ConsentOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_consents(
    request: Request,
    asker: Anyone,
    response: Response,
    now: Now,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> cursors.Page[ConsentOut]:
    """Which programs may act for you, and how far."""
    after = cursors.uuid_in(cursor) if cursor else None
    rows = await request.app.state.resources.pool.fetch(_LIST, _person(asker), after, now, limit + 1)
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[ConsentOut(**dict(row)) for row in rows[:limit]], next_cursor=more)


@router.delete(
    "/v1/consents/{consent_id}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NotFound),
)
async def withdraw_consent(request: Request, asker: Anyone, consent_id: UUID, now: Now) -> None:
    """Withdraw a consent: whatever the program holds for you opens nothing from now on."""
    person = _person(asker)
    async with request.app.state.resources.pool.acquire() as connection, connection.transaction():
        client = await connection.fetchval(
            "DELETE FROM consent WHERE id = $1 AND person_id = $2 RETURNING client_id", consent_id, person
        )
        if client is None:
            raise NotFound("There is no such consent.")
        ended = await granting.end_all(
            connection, client_id=client, person_id=person, why="consent-withdrawn", now=now
        )
    authenticator: Authenticator = request.app.state.authenticator
    for family in ended:
        authenticator.forget(str(family))
