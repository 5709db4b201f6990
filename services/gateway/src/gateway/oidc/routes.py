"""The doors of OpenID Connect, as browsers and providers use them."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Malformed, Reason, Unavailable, problems
from gateway.oidc.arriving import OidcParts, arrive, begun, told_to_end
from gateway.persons.circulation import Circulation
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.sessions.cookies import BROWSER, browser_cookie, new_token, sent
from gateway.signon.answers import (
    SignInNotAccepted,
    UnknownInstitution,
    form,
    let_in,
    refused,
    return_of,
    to,
)
from gateway.signon.documents import SignOnDoc
from gateway.signon.doors import OidcDoc
from gateway.signon.doors_open import TooManyBegun, count_begun
from gateway.signon.fields import NAME
from gateway.signon.rules import DoorRefused

router = new_router(tag="sign-on")

DoorName = Annotated[str, Path(pattern=NAME, description="The provider's `name` in the document")]
ANSWERED = ("state", "code", "iss", "error")
LONGEST = 4000


class LogoutRefused(Malformed):
    """A logout token that is not believed; every session stays."""

    code, title = "invalid_request", "The logout token was not accepted."


def _parts(request: Request) -> OidcParts:
    found: OidcParts = request.app.state.oidc
    return found


def _named(config: SignOnDoc, name: str) -> OidcDoc:
    found = next((each for each in config.oidc if each.name == name), None)
    if found is None:
        raise UnknownInstitution
    return found


@router.get(
    "/oidc/login",
    status_code=303,
    response_class=Response,
    responses=problems(NoCampusSignIn, UnknownInstitution, TooManyBegun, Unavailable),
)
async def begin_oidc_sign_in(
    request: Request,
    now: Now,
    provider: Annotated[str, Query(pattern=NAME, description="The provider's `name` in the document")],
    target: Annotated[str | None, Query(max_length=4000, description="Where to go afterwards")] = None,
    force: Annotated[
        bool, Query(alias="forceAuthn", description="Sign in anew, whoever is signed in there")
    ] = False,
    mfa: Annotated[bool, Query(description="With two factors, as work at the library wants")] = False,
) -> Response:
    """Begin to sign in: goes on to the OpenID Connect provider."""
    config, ours = await parts_of(request).configured()
    doc = _named(config, provider)
    count_begun(request, now)
    browser = sent(request.scope["headers"], BROWSER) or new_token()
    try:
        where = await begun(
            _parts(request),
            config,
            doc,
            ours=ours.url,
            browser=browser,
            return_to=return_of(config, target),
            mfa=mfa,
            force=force,
            now=now,
        )
    except DoorRefused as error:
        return refused(request, error, door="oidc", name=doc.name)
    return to(where, browser_cookie(browser))


@router.get(
    "/oidc/callback/{name}",
    status_code=303,
    response_class=Response,
    responses=problems(SignInNotAccepted, NoCampusSignIn, UnknownInstitution, Malformed, Unavailable),
)
async def end_oidc_sign_in(request: Request, name: DoorName, now: Now) -> Response:
    """Where a provider sends people back (`code`, `state`, `iss`, or `error`); register it there to the letter."""
    config, ours = await parts_of(request).configured()
    doc = _named(config, name)
    return await _ended(request, config, doc, ours.url, now)


async def _ended(request: Request, config: SignOnDoc, doc: OidcDoc, ours: str, now: datetime) -> Response:
    told = [(key, value) for key, value in request.query_params.multi_items() if key in ANSWERED]
    if len(dict(told)) < len(told) or any(len(value) > LONGEST for _, value in told):
        raise Malformed("A parameter stands there twice, or is longer than is taken.")
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    arriving = arrive(
        _parts(request),
        circulation,
        config,
        doc,
        ours=ours,
        answer=dict(told),
        browser=sent(request.scope["headers"], BROWSER),
        now=now,
    )
    return await let_in(request, arriving, door="oidc", name=doc.name)


@router.post(
    "/oidc/backchannel-logout/{name}",
    status_code=200,
    response_class=Response,
    responses=problems(LogoutRefused, NoCampusSignIn, UnknownInstitution),
)
@streamed
async def end_sessions_of_oidc(request: Request, name: DoorName, now: Now) -> Response:
    """A provider signs somebody out here, from server to server (OpenID Connect Back-Channel Logout 1.0)."""
    config, _ = await parts_of(request).configured()
    doc = _named(config, name)
    fields = await form(request)
    try:
        await told_to_end(_parts(request), config, doc, fields.get("logout_token", ""), now=now)
    except DoorRefused as error:
        text = "The logout token is not believed."
        raise LogoutRefused(
            reasons=[Reason(str(code), text) for code in error.codes],
            headers={"Cache-Control": "no-store"},
            error="invalid_request",
        ) from None
    return Response(status_code=200, headers={"Cache-Control": "no-store"})
