"""Launches on the wire: begun by a platform, gone on there, and come back with a token."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Path, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Malformed, Reason, Unavailable, problems
from gateway.forms import HTML, read_form
from gateway.lti import visit_routes
from gateway.lti.answers import LaunchNotAccepted, language_of, refused
from gateway.lti.arriving import Initiation, arrive, begun, kept
from gateway.lti.platform_routes import lti_of
from gateway.lti.rendering import page
from gateway.lti.rules import Platform, ids_in, origin_of
from gateway.persons.circulation import Circulation
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.sessions.cookies import launch_cookie, launch_cookie_name, no_launch_cookie, sent
from gateway.signon.answers import to
from gateway.signon.asked import Asked
from gateway.signon.doors_open import TooManyBegun, count_begun
from gateway.signon.rules import DoorRefused, Why

router = new_router(tag="lti")

TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
LONGEST: Final = 4000
FRAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}\Z")
REFUSALS: Final = (Malformed, NoCampusSignIn, LaunchNotAccepted, Unavailable)


def _initiation(told: Mapping[str, str]) -> Initiation:
    """What a launch begins with; `Malformed` with everything that it lacks."""
    wanted = ("iss", "login_hint", "target_link_uri")
    reasons = [Reason("field-missing", f"{name} is missing.", name) for name in wanted if not told.get(name)]
    optional = ("client_id", "lti_message_hint", "lti_deployment_id", "lti_storage_target")
    long = [name for name in (*wanted, *optional) if len(told.get(name, "")) > LONGEST]
    reasons += [
        Reason("field-too-long", f"{name} has more than {LONGEST} characters.", name) for name in long
    ]
    if reasons:
        raise Malformed(reasons=reasons)
    keeps = told.get("lti_storage_target")
    return Initiation(
        told["iss"],
        told["login_hint"],
        told["target_link_uri"],
        told.get("client_id") or None,
        told.get("lti_message_hint"),
        told.get("lti_deployment_id"),
        keeps if keeps and FRAME.match(keeps) else None,
        told.get("window") == "1",
    )


@router.get(
    "/lti/login",
    status_code=303,
    response_class=Response,
    responses={200: HTML, **problems(*REFUSALS, TooManyBegun)},
)
async def begin_launch(request: Request, now: Now) -> Response:
    """A platform begins a launch (`iss`, `login_hint`, `target_link_uri` …): goes on to its sign-in."""
    pairs = request.query_params.multi_items()
    if len(dict(pairs)) < len(pairs) or any("\0" in told for _, told in pairs):
        raise Malformed("A parameter stands there twice, or holds NUL.")
    return await _begun(request, dict(pairs), now)


@router.post(
    "/lti/login",
    status_code=303,
    response_class=Response,
    responses={200: HTML, **problems(*REFUSALS, TooManyBegun)},
)
@streamed
async def begin_launch_by_form(request: Request, now: Now) -> Response:
    """The same, by a form."""
    return await _begun(request, await read_form(request), now)


async def _begun(request: Request, told: Mapping[str, str], now: datetime) -> Response:
    initiation = _initiation(told)
    _doc, ours = await parts_of(request).configured()
    count_begun(request, now)
    language = language_of(request)
    try:
        found = await begun(lti_of(request), initiation, ours=ours.url, now=now)
    except DoorRefused as error:
        return refused(request, error, platform=None, language=language)
    cookie = launch_cookie(found.state, found.browser)
    if initiation.lti_storage_target is None:
        return to(found.url, cookie)
    answer = page(
        "storing.html",
        language,
        frames=found.platform.origins,
        script="storing.js",
        onward=found.url,
        target=initiation.lti_storage_target,
        origin=origin_of(found.platform.authorization_url),
        key=launch_cookie_name(found.state),
        value=found.browser,
    )
    answer.headers.append("Set-Cookie", cookie)
    return answer


@router.post(
    "/lti/launch",
    status_code=200,
    response_class=Response,
    responses={200: HTML, **problems(*REFUSALS)},
)
@streamed
async def end_launch(request: Request, now: Now) -> Response:
    """Where a platform sends people with an ID token (`id_token`, `state`, or `error`): opens what was asked for."""
    fields = await read_form(request)
    state = fields.get("state", "")
    if not state or not ("id_token" in fields or "error" in fields):
        raise Malformed("A launch has a state, and an id_token or an error.")
    config, ours = await parts_of(request).configured()
    parts, language = lti_of(request), language_of(request)
    found = await kept(parts, state, now=now)
    if found is None:
        return refused(request, DoorRefused(Why.NO_REQUEST), platform=None, language=language)
    platform, asked, waits = found
    browser = sent(request.scope["headers"], launch_cookie_name(state)) or _kept_by_platform(
        request, fields, ours.url
    )
    if browser is None and waits and "id_token" in fields and not asked.secrets["window"]:
        return _otherwise(platform, asked, state, fields, language)
    circulation = Circulation(request.app.state, str(request.scope["carrel.traceparent"]))
    try:
        arrived = await arrive(
            parts,
            circulation,
            config,
            platform,
            ours=ours.url,
            state=state,
            id_token=fields.get("id_token") if "error" not in fields else None,
            browser=browser,
            now=now,
        )
    except DoorRefused as error:
        return refused(request, error, platform=platform, language=language)
    answer = await visit_routes.first_page(
        request, arrived.visit, arrived.token, language=language_of(request, arrived.locale), now=now
    )
    answer.headers.append("Set-Cookie", no_launch_cookie(state))
    return answer


def _kept_by_platform(request: Request, fields: Mapping[str, str], ours: str) -> str | None:
    """What the platform has kept for us in this browser, as our own page has asked it (`asking.js`).

    Whoever begins a launch knows what is kept for it: from another site's form it would sign a victim in as them.
    """
    told = fields.get("browser", "")
    return told if TOKEN.match(told) and request.headers.get("origin") == ours else None


def _otherwise(
    platform: Platform, asked: Asked, state: str, fields: Mapping[str, str], language: str
) -> Response:
    """For browsers that keep no cookies in a frame: what the platform has kept for us, or a window of its own."""
    asks: dict[str, Any] | None = None
    if asked.secrets["storage"] is not None and "browser" not in fields:
        asks = {
            "target": asked.secrets["storage"],
            "origin": origin_of(platform.authorization_url),
            "key": launch_cookie_name(state),
            "state": state,
            "id_token": fields["id_token"],
        }
    return page(
        "window.html",
        language,
        frames=platform.origins,
        script="asking.js" if asks else None,
        asks=asks,
        again=asked.secrets["again"],
    )


@router.get("/lti/titles/{ids}", status_code=303, response_class=Response, responses=problems(Malformed))
async def open_titles_outside(
    ids: Annotated[str, Path(max_length=2000, description="Of titles, with commas between them")],
) -> Response:
    """A link of a course, opened outside the platform: to the title in the catalogue."""
    found: tuple[UUID, ...] | None = ids_in(ids)
    if found is None:
        raise Malformed("These are no ids of titles.")
    return to(f"/titles/{found[0]}")
