"""The doors of CAS, as browsers and servers use them."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Malformed, Unavailable, problems
from gateway.cas.arriving import CasParts, arrive, begun, told_to_end
from gateway.persons.circulation import Circulation
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.sessions.cookies import BROWSER, browser_cookie, new_token, sent
from gateway.signon.answers import (
    SignInNotAccepted,
    UnknownInstitution,
    form,
    let_in,
    return_of,
    to,
)
from gateway.signon.documents import SignOnDoc
from gateway.signon.doors import CasDoc
from gateway.signon.doors_open import TooManyBegun, count_begun
from gateway.signon.fields import NAME

router = new_router(tag="sign-on")

DoorName = Annotated[str, Path(pattern=NAME, description="The server's `name` in the document")]
State = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$")]


def _parts(request: Request) -> CasParts:
    found: CasParts = request.app.state.cas
    return found


def _named(config: SignOnDoc, name: str) -> CasDoc:
    found = next((each for each in config.cas if each.name == name), None)
    if found is None:
        raise UnknownInstitution
    return found


@router.get(
    "/cas/login",
    status_code=303,
    response_class=Response,
    responses=problems(NoCampusSignIn, UnknownInstitution, TooManyBegun),
)
async def begin_cas_sign_in(
    request: Request,
    now: Now,
    provider: Annotated[str, Query(pattern=NAME, description="The server's `name` in the document")],
    target: Annotated[str | None, Query(max_length=4000, description="Where to go afterwards")] = None,
    force: Annotated[
        bool, Query(alias="forceAuthn", description="Sign in anew, whoever is signed in there")
    ] = False,
    mfa: Annotated[bool, Query(description="With two factors, as work at the library wants")] = False,
) -> Response:
    """Begin to sign in: goes on to the CAS server."""
    config, ours = await parts_of(request).configured()
    doc = _named(config, provider)
    count_begun(request, now)
    browser = sent(request.scope["headers"], BROWSER) or new_token()
    where = await begun(
        _parts(request),
        doc,
        ours=ours.url,
        browser=browser,
        return_to=return_of(config, target),
        mfa=mfa,
        force=force,
        now=now,
    )
    return to(where, browser_cookie(browser))


@router.get(
    "/cas/callback/{name}/{state}",
    status_code=303,
    response_class=Response,
    responses=problems(SignInNotAccepted, NoCampusSignIn, UnknownInstitution, Malformed, Unavailable),
)
async def end_cas_sign_in(
    request: Request,
    name: DoorName,
    state: State,
    now: Now,
    ticket: Annotated[str, Query(max_length=4000)] = "",
) -> Response:
    """Where a CAS server sends people back with a ticket."""
    config, ours = await parts_of(request).configured()
    doc = _named(config, name)
    if len(request.query_params.getlist("ticket")) > 1:
        raise Malformed("The ticket stands there twice.")
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    arriving = arrive(
        _parts(request),
        circulation,
        config,
        doc,
        ours=ours.url,
        state=state,
        ticket=ticket,
        browser=sent(request.scope["headers"], BROWSER),
        now=now,
    )
    return await let_in(request, arriving, door="cas", name=doc.name)


@router.post(
    "/cas/callback/{name}/{state}",
    status_code=200,
    response_class=Response,
    responses=problems(NoCampusSignIn, UnknownInstitution, Malformed),
)
@streamed
async def end_session_of_cas(request: Request, name: DoorName, state: State) -> Response:
    """A CAS server signs somebody out here, from server to server; what names no session ends none."""
    config, _ = await parts_of(request).configured()
    doc = _named(config, name)
    fields = await form(request)
    await told_to_end(_parts(request), doc, fields.get("logoutRequest", ""))
    return Response(status_code=200, headers={"Cache-Control": "no-store"})
