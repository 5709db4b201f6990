"""The doors of signing in and out by a campus, as browsers and identity providers use them."""

import logging
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Malformed, Reason, TooLarge, Unavailable, problems
from gateway.persons.admitting import TurnedAway
from gateway.persons.circulation import Circulation
from gateway.saml import leaving, logout, pages, requests, sources, words
from gateway.saml.arriving import arrive
from gateway.saml.entity import ACS, LOGOUT, LOGOUT_POST, LOGOUT_SOAP
from gateway.saml.leaving import Told
from gateway.saml.logout import Carried
from gateway.saml.markup import from_base64
from gateway.saml.names import MFA
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn, Parts
from gateway.saml.rules import Code, MessageRefused
from gateway.saml.work import TooManySignIns
from gateway.sessions.cookies import (
    BROWSER,
    browser_cookie,
    forgery_token,
    new_token,
    no_session_cookie,
    sent,
    session_cookie,
)
from gateway.sessions.local import work_waits
from gateway.sessions.routes import present
from gateway.signon import doors_open as doors
from gateway.signon.answers import (
    FORM_LIMIT,
    HTML,
    SignInNotAccepted,
    UnknownInstitution,
    busy,
    form,
    onward,
    return_of,
    stopped,
    to,
    turned_away,
    why,
)
from gateway.signon.doors_open import Choice
from gateway.tongues import spoken_to

log = logging.getLogger(__name__)
router = new_router(tag="sign-on")

SHOWN = 50


def _not_accepted(request: Request, error: MessageRefused, what: str) -> Response:
    """A message that is not believed: the log has every reason, the person a sentence."""
    codes = error.codes or (Code.UNREADABLE,)
    log.warning(
        "a SAML message was refused",
        extra={"what": what, "codes": [str(code) for code in codes], "about": error.words},
    )
    known = all(code in words.REFUSED for code in codes)
    problem = SignInNotAccepted(
        reasons=[Reason(str(code), words.told_of(code), mend=words.AGAIN) for code in codes]
    )
    return stopped(
        request,
        problem,
        "sign-in-failed",
        [*(why(code, words.REFUSED) for code in codes), "please-again" if known else "tell-library"],
        code=", ".join(codes),
    )


@router.get(
    "/saml/login",
    status_code=303,
    response_class=Response,
    responses=problems(NoCampusSignIn, UnknownInstitution, TooManySignIns, doors.TooManyBegun),
)
async def begin_saml_sign_in(
    request: Request,
    now: Now,
    entity_id: Annotated[
        str | None, Query(alias="entityID", max_length=1024, description="The identity provider's name")
    ] = None,
    target: Annotated[str | None, Query(max_length=4000, description="Where to go afterwards")] = None,
    force: Annotated[
        bool, Query(alias="forceAuthn", description="Sign in anew, whoever is signed in there")
    ] = False,
    mfa: Annotated[
        bool, Query(description="With two factors (REFEDS MFA), as work at the library wants")
    ] = False,
) -> Response:
    """Begin to sign in: goes on to the identity provider, or to the page of choices.

    A discovery service comes back here with `entityID` (identity provider discovery protocol).
    """
    parts = parts_of(request)
    doc, ours = await parts.configured()
    where = return_of(doc, target)
    if not entity_id:
        only = await sources.shown(parts.pool, [], limit=2, now=now)
        if len(only) != 1 or any(not each.hidden for each in doc.doors):
            return to(f"/sign-in/where?{urlencode({'target': where})}")
        entity_id = only[0][0]
    doors.count_begun(request, now)
    provider = await sources.look_up(parts.pool, parts.workshop, parts.http, doc, entity_id, now=now)
    if provider is None or provider.sign_on_url is None:
        return stopped(
            request,
            UnknownInstitution(),
            "institution-unknown",
            ["no-cooperation", "choose-other"],
            code=UnknownInstitution.code,
            again="/sign-in/where",
        )
    browser = sent(request.scope["headers"], BROWSER) or new_token()
    relay, request_id = new_token(), requests.fresh_id()
    context = MFA if mfa else None
    credential = (await parts.keys(ours, now=now))[0].credential
    await requests.keep(
        parts.pool,
        request_id=request_id,
        relay=relay,
        browser=browser,
        entity_id=provider.entity_id,
        context=context,
        return_to=where,
        now=now,
    )
    sign = ours.sign_requests or provider.wants_signed_requests

    def made() -> str:
        xml = requests.authentication(ours, provider, request_id, context=context, force=force, now=now)
        key = credential if sign else None
        return requests.redirect(
            provider.sign_on_url or "", "SAMLRequest", xml, relay_state=relay, credential=key
        )

    return to(await parts.workshop.do(made), browser_cookie(browser))


@router.post(
    ACS,
    status_code=303,
    response_class=Response,
    responses=problems(SignInNotAccepted, Malformed, NoCampusSignIn, TooLarge, TooManySignIns),
)
@streamed
async def end_saml_sign_in(request: Request, now: Now) -> Response:
    """Where identity providers send people back with a signed response (HTTP-POST binding)."""
    parts = parts_of(request)
    fields = await form(request)
    if "SAMLResponse" not in fields:
        raise Malformed("SAMLResponse is missing.")
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    try:
        if not 0 < len(relay := fields.get("RelayState", "")) <= 80:
            raise MessageRefused(Code.NO_REQUEST)
        arrived = await arrive(
            parts,
            circulation,
            response=fields["SAMLResponse"],
            relay=relay,
            browser=sent(request.scope["headers"], BROWSER),
            now=now,
        )
    except MessageRefused as error:
        return _not_accepted(request, error, "response")
    except TurnedAway as error:
        return turned_away(request, error)
    except Unavailable as error:
        return busy(request, error)
    return to(arrived.return_to, session_cookie(arrived.token))


@router.get(
    "/sign-in/where",
    response_class=Response,
    responses={200: HTML, **problems(NoCampusSignIn)},
)
async def choose_institution(
    request: Request,
    now: Now,
    q: Annotated[str, Query(max_length=200, description="Beginnings of words of its name")] = "",
    target: Annotated[str | None, Query(max_length=4000)] = None,
) -> Response:
    """The page of choices: where somebody is at home."""
    parts = parts_of(request)
    doc, ours = await parts.configured()
    where = return_of(doc, target)
    found = await sources.shown(parts.pool, sources.words_in(q)[:8], limit=SHOWN + 1, now=now)
    shown = found[:SHOWN]
    back = f"{ours.url}/saml/login?{urlencode({'target': where})}"
    elsewhere = None
    if doc.discovery is not None:
        joined = "&" if urlsplit(doc.discovery).query else "?"
        elsewhere = f"{doc.discovery}{joined}{urlencode({'entityID': ours.id, 'return': back})}"
    listed = [
        Choice(label, f"/saml/login?{urlencode({'entityID': name, 'target': where})}")
        for name, label in shown
    ]
    say = spoken_to(request).at(target=where)
    return pages.choices(
        say,
        next(iter(ours.names.values()), say("the-library")),
        [(each.label, each.href) for each in [*doors.choices(doc, q, target=where), *listed]],
        sought=q,
        target=where,
        more=len(found) > SHOWN,
        elsewhere=elsewhere,
    )


@router.get("/sign-in", response_class=Response, responses={200: HTML})
async def show_sign_in(request: Request, now: Now) -> Response:
    """Who is signed in in this browser, and the way in or out."""
    doc = await parts_of(request).in_force.now()
    say = spoken_to(request)
    name = next(iter(doc.entity.names.values()), None) if doc.entity else None
    name = name or say("library")
    found = await present(request, now)
    if found is None:
        return pages.welcome(
            say, name, lines=[say("not-signed-in")], proof=None, campus=doc.entity is not None
        )
    token, session = found
    lines = [say("signed-in")]
    if session.patron_id is None and "patron" in session.roles:
        lines.append(say("not-registered"))
    if staff := sorted(set(session.roles) - {"patron"}):
        lines.append(say("work-as", roles=", ".join(staff)))
    own_account = session.door == "account"
    if own_account and await work_waits(parts_of(request).pool, doc, session):
        lines.append(say("work-wants-factor"))
    step_up = None
    if session.context != MFA and await _could_be_staff(request, session.person_id):
        step_up = doors.step_up(doc, session)
    return pages.welcome(
        say, name, lines=lines, proof=forgery_token(token), step_up=step_up, own_account=own_account
    )


async def _could_be_staff(request: Request, person_id: object) -> bool:
    """Whether the last sign-in would have given staff roles with two factors."""
    told = await parts_of(request).pool.fetchval(
        "SELECT (standing->>'wants_mfa')::boolean FROM sign_in WHERE person_id = $1 ORDER BY id DESC LIMIT 1",
        person_id,
    )
    return bool(told)


@router.post(
    "/sign-out", response_class=Response, responses={200: HTML, **problems(SignInNotAccepted, Malformed)}
)
@streamed
async def sign_out(request: Request, now: Now) -> Response:
    """Sign out here, then at the identity provider."""
    fields = await form(request)
    found = await present(request, now)
    if found is None:
        say = spoken_to(request)
        return pages.page(say, say("signed-out"), f"<p>{say.html('nobody-signed-in')}</p>")
    token, session = found
    if fields.get("proof") != forgery_token(token):
        return stopped(
            request,
            SignInNotAccepted("The form is not one of this session's."),
            "sign-out-failed",
            ["form-old", "sign-out-anew"],
            code="proof-wrong",
            again="/sign-in",
        )
    where = await doors.leave(request, session, now=now)
    return onward(request, where, "sign-out-there", no_session_cookie())


async def _told(request: Request, parts: Parts, carried: Carried, path: str, now: Now) -> Response:
    told: Told = await leaving.told(parts, carried, path=path, direct=False, now=now)
    if told.ended is None:
        say = spoken_to(request)
        return pages.page(say, say("signed-out"), f"<p>{say.html('out-of-both')}</p>")
    return onward(request, told.onward, "go-on", no_session_cookie())


@router.get(
    LOGOUT,
    response_class=Response,
    responses={200: HTML, **problems(SignInNotAccepted, NoCampusSignIn, Malformed)},
)
async def saml_logout_by_redirect(request: Request, now: Now) -> Response:
    """Identity providers sign somebody out here, or answer that they have (HTTP-Redirect binding)."""
    if not {"SAMLRequest", "SAMLResponse"} & set(request.query_params):
        raise Malformed("Either SAMLRequest or SAMLResponse is wanted.")
    try:
        carried = logout.from_query(request.scope["query_string"])
        return await _told(request, parts_of(request), carried, LOGOUT, now)
    except MessageRefused as error:
        return _not_accepted(request, error, "logout")


@router.post(
    LOGOUT_POST,
    response_class=Response,
    responses={200: HTML, **problems(SignInNotAccepted, NoCampusSignIn, Malformed)},
)
@streamed
async def saml_logout_by_form(request: Request, now: Now) -> Response:
    """The same by a form (HTTP-POST binding)."""
    fields = await form(request)
    if ("SAMLRequest" in fields) == ("SAMLResponse" in fields):
        raise Malformed("Either SAMLRequest or SAMLResponse is wanted.")
    try:
        told = fields.get("SAMLRequest") or fields["SAMLResponse"]
        carried = Carried(from_base64(told), fields.get("RelayState"), None)
        return await _told(request, parts_of(request), carried, LOGOUT_POST, now)
    except MessageRefused as error:
        return _not_accepted(request, error, "logout")


@router.post(
    LOGOUT_SOAP,
    response_class=Response,
    responses={
        200: {"content": {"text/xml": {"schema": {"type": "string"}}}},
        **problems(SignInNotAccepted, NoCampusSignIn, Malformed, TooLarge),
    },
)
@streamed
async def saml_logout_by_call(request: Request, now: Now) -> Response:
    """The same from server to server, while the browser knows nothing of it (SOAP binding)."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_LIMIT:
            raise TooLarge(f"A message may have {FORM_LIMIT} bytes here.")
    if not body:
        raise Malformed("A SOAP envelope is wanted.")
    try:
        carried = Carried(logout.unwrapped(bytes(body)), None, None)
        told = await leaving.told(parts_of(request), carried, path=LOGOUT_SOAP, direct=True, now=now)
    except MessageRefused as error:
        return _not_accepted(request, error, "logout")
    if told.xml is None:
        raise Malformed("A LogoutRequest is wanted.")
    return Response(told.xml, media_type="text/xml")
