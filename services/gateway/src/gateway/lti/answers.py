"""What launches and visits have in common on the wire: the language, who frames a page, and why something failed."""

import logging
from collections.abc import Sequence
from datetime import datetime

from fastapi import Request, Response

from chassis.problems import Forbidden, Problem, Reason, Unavailable
from chassis.wording import LANGUAGES, language_wanted
from gateway.lti.platform_routes import lti_of
from gateway.lti.queries import Visit, visit
from gateway.lti.rendering import WORDING, Tongue, page
from gateway.lti.rules import Platform
from gateway.signon.answers import reads_html, trace
from gateway.signon.rules import DoorRefused, Why

log = logging.getLogger(__name__)


class LaunchNotAccepted(Forbidden):
    """What the platform says is not believed."""

    code, title = "launch-not-accepted", "The launch was not accepted."


class VisitOver(Problem):
    """A page of a visit that has ended, or of none."""

    status, code, title = 410, "visit-over", "This visit is over: open the library from the course again."


def language_of(request: Request, told: str | None = None) -> str:
    """The page's language: as the platform or the page before says, else as the browser likes."""
    primary = (told or "").replace("_", "-").lower().partition("-")[0]
    return language_wanted(primary if primary in LANGUAGES else None, request.headers.get("accept-language"))


def stopped(
    request: Request,
    problem: Problem,
    heading: str,
    sentences: Sequence[str],
    *,
    frames: Sequence[str] = (),
    language: str,
    code: str | None = None,
) -> Response:
    """A page that says why; the problem itself for whoever reads no pages."""
    if not reads_html(request):
        raise problem
    told = page(
        "message.html",
        language,
        frames=frames,
        status=problem.status,
        heading=heading,
        sentences=sentences,
        code=code,
        trace=trace(request),
    )
    told.headers.update(problem.headers)
    return told


def refused(request: Request, error: DoorRefused, *, platform: Platform | None, language: str) -> Response:
    """A launch that is not believed: the log has every reason, the person a sentence."""
    log.warning(
        "a launch was refused",
        extra={
            "platform": platform.issuer if platform is not None else None,
            "codes": [str(code) for code in error.codes],
            "about": error.about,
        },
    )
    say = Tongue(language)
    words = WORDING.by_language[language]
    sentences = list(dict.fromkeys(words.get(f"why-{code}", words["why-otherwise"]) for code in error.codes))
    known = all(f"why-{code}" in words for code in error.codes)
    english = WORDING.by_language["en"]
    reasons = [
        Reason(str(code), english.get(f"why-{code}", english["why-otherwise"]), mend=english["again"])
        for code in error.codes
    ]
    problem: Problem = LaunchNotAccepted(reasons=reasons)
    if Why.AWAY in error.codes:
        problem = Unavailable(reasons=reasons, headers={"Retry-After": "10"})
    return stopped(
        request,
        problem,
        say("not-opened"),
        [*sentences, say("again" if known else "tell-library")],
        frames=platform.origins if platform is not None else (),
        language=language,
        code=", ".join(error.codes),
    )


async def visiting(request: Request, token: str, *, now: datetime) -> Visit | None:
    """The visit of a page, over or under way."""
    parts = lti_of(request)
    return await visit(parts.pool, parts.sealer, token, now=now) if token else None


def over(request: Request, found: Visit | None, *, language: str) -> Response:
    """The page of a visit that has ended."""
    say = Tongue(language)
    frames = found.platform.origins if found is not None else ()
    return stopped(request, VisitOver(), say("over"), [say("again")], frames=frames, language=language)


def busy(request: Request, error: Unavailable, found: Visit, *, language: str) -> Response:
    """A part of the library that a page is made of does not answer."""
    say = Tongue(language)
    return stopped(
        request,
        error,
        say("busy"),
        [say("busy-again")],
        frames=found.platform.origins,
        language=language,
        code=error.code,
    )
