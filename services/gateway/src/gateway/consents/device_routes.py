"""Devices without keyboard: codes for them, and the page on which somebody lets one in (RFC 8628)."""

import time
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.json import Json
from chassis.problems import Malformed, Problem, problems
from gateway.clients.proving import NO_STORE, OAuthRefused, asked_of, client_of, ended, oauth_client
from gateway.consents import devices, pages, rules
from gateway.consents.routes import SIGN_IN, proves, remember, to
from gateway.forms import HTML, read_form
from gateway.sessions.cookies import forgery_token
from gateway.sessions.routes import present
from gateway.tables import Client
from gateway.tokens.endpoint import REFUSALS, form
from gateway.tokens.names import DEVICE, issuer_of
from gateway.tongues import spoken_to

router = new_router(tag="consents")

PAGE: Final = "/oauth2/device"
GUESSES: Final = 10
GUESS_SECONDS: Final = 600.0


class TooManyGuesses(Problem):
    """Somebody tries codes."""

    status, code, title = 429, "too-many-guesses", "Too many codes were wrong; try again in ten minutes."


class Guesses:
    """Wrong codes by person: 34 random bits and ten minutes are hard to guess, and this makes them harder."""

    def __init__(self) -> None:
        self._wrong: dict[UUID, list[float]] = {}

    def check(self, person: UUID) -> None:
        """Raise when they have been wrong too often lately."""
        now = time.monotonic()
        lately = [at for at in self._wrong.get(person, ()) if at > now - GUESS_SECONDS]
        if len(lately) >= GUESSES:
            raise TooManyGuesses(headers={"Retry-After": str(int(GUESS_SECONDS))})
        if lately:
            self._wrong[person] = lately
        else:
            self._wrong.pop(person, None)

    def wrong(self, person: UUID) -> None:
        """Count one."""
        self._wrong.setdefault(person, []).append(time.monotonic())


@router.post(
    "/oauth2/device_authorization",
    openapi_extra=form([], scope=None),
    responses=REFUSALS,
)
async def authorize_device(request: Request, now: Now) -> Response:
    """A code to show on a device, and one to ask with at the token endpoint."""
    try:
        asked = await asked_of(request)
        client = await client_of(request, asked, now=now)
        if DEVICE not in client.grants:
            raise OAuthRefused(400, "unauthorized_client", "The client may not get tokens in this way.")
        scopes = asked.scopes or frozenset(client.scopes)
        if not scopes <= set(client.scopes):
            raise OAuthRefused(400, "invalid_scope", "The client may not ask for all of this.")
    except OAuthRefused as refused:
        return refused.response()
    begun = await devices.begin(request.app.state.resources.pool, client=client, scopes=scopes, now=now)
    page = f"{await issuer_of(request)}{PAGE}"
    told = {
        "device_code": begun.device_code,
        "user_code": begun.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?{urlencode({'user_code': begun.user_code})}",
        "expires_in": int(devices.LIVES.total_seconds()),
        "interval": devices.PAUSE,
    }
    return Json(told, 200, NO_STORE)


@router.get(PAGE, response_class=Response, responses={200: HTML, 303: {"description": "On to sign in"}})
async def show_device(
    request: Request, now: Now, user_code: Annotated[str, Query(max_length=20)] = ""
) -> Response:
    """Where somebody types the code that their device shows."""
    found = await present(request, now)
    if found is None:
        here = f"{PAGE}?{urlencode({'user_code': user_code})}" if user_code else PAGE
        return to(f"{SIGN_IN}?{urlencode({'target': here})}")
    return pages.device_code(spoken_to(request), proof=forgery_token(found[0]), wrong=False, typed=user_code)


@router.post(PAGE, response_class=Response, responses={200: HTML, **problems(Malformed, TooManyGuesses)})
@streamed
async def let_device_in(request: Request, now: Now) -> Response:
    """The code, and then the answer: two forms of one page."""
    fields = await read_form(request)
    found = await present(request, now)
    if found is None:
        return to(f"{SIGN_IN}?{urlencode({'target': PAGE})}")
    token, session = found
    proof = forgery_token(token)
    if not proves(fields, token):
        return pages.device_code(spoken_to(request), proof=proof, wrong=False)
    guesses: Guesses = request.app.state.guesses
    guesses.check(session.person_id)
    typed = fields.get("user_code", "")[:20]
    async with request.app.state.resources.pool.acquire() as connection:
        row = await devices.waiting(connection, typed, now=now)
        client = await _client(request, row["client_id"]) if row else None
        scopes = rules.granted(row["scopes"], session.principal.scopes) if row else frozenset()
        if row is None or client is None or ended(client, now=now):
            guesses.wrong(session.person_id)
            return pages.device_code(spoken_to(request), proof=proof, wrong=True, typed=typed)
        if "decision" not in fields:
            code = row["user_code"]
            return pages.consent(
                spoken_to(request),
                client.name,
                scopes,
                action=PAGE,
                fields={"proof": proof, "user_code": code},
                sent_to=None,
                lasts="lasts-session" if rules.bound(scopes, in_house=client.in_house) else "lasts-days",
                shown_code=f"{code[:4]}-{code[4:]}",
            )
        allowed = scopes if fields["decision"] == "allow" else frozenset()
        done = await devices.decide(
            connection,
            row["user_code"],
            allowed=allowed,
            person_id=session.person_id,
            session_id=session.id,
            now=now,
        )
    if not done:
        return pages.device_code(spoken_to(request), proof=proof, wrong=True, typed=typed)
    if not allowed:
        return pages.said(spoken_to(request), "device-out", ["device-not-let-in"])
    await remember(request, client, session, scopes, now)
    return pages.said(spoken_to(request), "device-in", ["device-let-in"])


async def _client(request: Request, client_id: UUID) -> Client | None:
    async with request.app.state.resources.sessions() as session:
        return await oauth_client(session, str(client_id))
