"""The page on which a platform's administrator lets the library be registered (LTI Dynamic Registration 1.0)."""

import logging
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response

from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import streamed
from chassis.problems import Invalid, Malformed, NotFound, Problem, Refused, Unavailable, problems
from gateway.forms import HTML, read_form
from gateway.lti import registering
from gateway.lti.answers import language_of, stopped
from gateway.lti.commands import PlatformKnown, TooManyPlatforms
from gateway.lti.platform_routes import lti_of
from gateway.lti.registering import Invitation, host_of
from gateway.lti.rendering import Tongue, page
from gateway.saml.operating import parts_of
from gateway.saml.parts import NoCampusSignIn
from gateway.signon.rules import DoorRefused, Why

router = new_router(tag="lti")
log = logging.getLogger(__name__)

Code = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{43}$", description="Of the address that was given out")]
LONGEST = 2000


class NotInvited(NotFound):
    """The address is good no more, or never was."""

    code, title = "not-invited", "This address is good no more, or was never given out."


class NotRegistered(Refused):
    """The platform did not take the registration."""

    code, title = "not-registered", "The platform did not take the registration, or is not the one expected."


def _frames(invited: Invitation) -> list[str]:
    """The platform's own pages may hold this one, before it is registered."""
    near = invited.host.partition(":")[0] in ("localhost", "127.0.0.1")
    return [f"{'http' if near else 'https'}://{invited.host}"]


def _stopped(
    request: Request, problem: Problem, key: str, invited: Invitation | None, language: str
) -> Response:
    say = Tongue(language)
    host = invited.host if invited is not None else ""
    return stopped(
        request,
        problem,
        say("not-registered"),
        [say(key, host=host)],
        frames=_frames(invited) if invited is not None else (),
        language=language,
        code=problem.code,
    )


@router.get(
    "/lti/register/{code}",
    response_class=Response,
    responses={200: HTML, **problems(Malformed, NoCampusSignIn, NotInvited, NotRegistered)},
)
async def show_lti_registration(
    request: Request,
    code: Code,
    now: Now,
    openid_configuration: Annotated[str, Query(max_length=LONGEST, description="The platform's document")],
    registration_token: Annotated[str, Query(max_length=LONGEST)] = "",
) -> Response:
    """What is about to be registered, and where; nothing happens yet."""
    _doc, ours = await parts_of(request).configured()
    language = language_of(request)
    invited = await registering.invitation(lti_of(request).pool, code, now=now)
    if invited is None:
        return _stopped(request, NotInvited(), "not-invited", None, language)
    if host_of(openid_configuration) != invited.host:
        return _stopped(request, NotRegistered(), "register-other-host", invited, language)
    return page(
        "register.html",
        language,
        frames=_frames(invited),
        heading=Tongue(language)("register-heading"),
        done=False,
        library=next(iter(ours.names.values())),
        host=invited.host,
        action=f"/lti/register/{code}",
        configuration=openid_configuration,
        registration_token=registration_token,
    )


@router.post(
    "/lti/register/{code}",
    response_class=Response,
    responses={
        200: HTML,
        **problems(Malformed, NoCampusSignIn, NotInvited, NotRegistered, Invalid, Unavailable),
    },
)
@streamed
async def register_at_lti_platform(request: Request, code: Code, now: Now) -> Response:
    """Register the library at the platform; the address is good no more afterwards, unless it came to nothing."""
    fields = await read_form(request)
    configuration = fields.get("openid_configuration", "")
    if not configuration or len(configuration) > LONGEST:
        raise Malformed("A registration names the platform's openid_configuration.")
    return await _registered(request, code, configuration, fields.get("registration_token") or None, now)


async def _registered(
    request: Request, code: str, configuration: str, token: str | None, now: datetime
) -> Response:
    _doc, ours = await parts_of(request).configured()
    parts, language = lti_of(request), language_of(request)
    invited = await registering.invitation(parts.pool, code, now=now)
    if invited is None:
        return _stopped(request, NotInvited(), "not-invited", None, language)
    try:
        platform = await registering.accept(
            parts.pool,
            request.app.state.resources.sessions,
            parts.guard,
            ours,
            code=code,
            configuration=configuration,
            token=token,
            now=now,
        )
    except DoorRefused as error:
        told = {"host": invited.host, "codes": [str(each) for each in error.codes], "about": error.about}
        log.warning("a platform could not be registered", extra=told)
        if Why.NO_REQUEST in error.codes:  # somebody else was faster
            return _stopped(request, NotInvited(), "not-invited", invited, language)
        other = Why.OTHER_ISSUER in error.codes
        key = "register-other-host" if other else "register-failed"
        return _stopped(request, NotRegistered(), key, invited, language)
    except PlatformKnown as error:
        return _stopped(request, error, "register-known", invited, language)
    except (Invalid, TooManyPlatforms) as error:
        return _stopped(request, error, "register-failed", invited, language)
    return page(
        "register.html",
        language,
        frames=_frames(invited),
        script="closing.js",
        heading=Tongue(language)("registered-heading"),
        done=True,
        host=invited.host,
        deployed=bool(platform.deployments),
    )
