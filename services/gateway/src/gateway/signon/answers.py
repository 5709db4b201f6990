"""What all doors have in common on the wire: small forms read, browsers sent on, pages that say what went wrong."""

import logging
from collections.abc import Awaitable, Container, Sequence
from dataclasses import dataclass

from fastapi import Request, Response

from chassis.problems import (
    Forbidden,
    NotFound,
    Problem,
    Reason,
    Unavailable,
)
from gateway.forms import HTML as HTML
from gateway.forms import read_form
from gateway.persons.admitting import Arrived, TurnedAway
from gateway.saml import pages, words
from gateway.saml.rules import safe_return
from gateway.sessions.cookies import session_cookie
from gateway.signon.documents import SignOnDoc
from gateway.signon.rules import DoorRefused, Why
from gateway.tongues import spoken_to

log = logging.getLogger(__name__)

FORM_LIMIT = 400 * 1024
"""Bytes of a form: a message of 256 KB whose plus signs are percent-encoded."""


REFUSED = {
    Why.NO_REQUEST: "This answer belongs to no sign-in that was begun here.",
    Why.REQUEST_USED: "This answer was used already, as happens with the browser's “back”.",
    Why.REQUEST_EXPIRED: "Signing in took longer than ten minutes.",
    Why.OTHER_BROWSER: "The sign-in was begun in another browser, or this one does not keep cookies.",
    Why.DENIED: "You were not signed in there.",
    Why.AWAY: "Your institution's sign-in does not answer just now.",
    Why.CONTEXT: "Your institution did not sign you in with two factors.",
    Why.NOT_ANEW: "Your institution did not ask you anew.",
    Why.PASSWORD: "The name or the password is wrong, or there were too many guesses just now.",
}
OTHERWISE = "Your institution's answer could not be accepted."


@dataclass(frozen=True, slots=True)
class Onward:
    """Where a browser goes on: by an address, or with a form."""

    url: str
    fields: dict[str, str] | None = None


class SignInNotAccepted(Forbidden):
    """The answer of the identity provider is not believed, or does not admit this person."""

    code, title = "sign-in-not-accepted", "The sign-in was not accepted."


class UnknownInstitution(NotFound):
    """No identity provider of this name is trusted here."""

    code, title = "institution-unknown", "The library does not work together with this institution."


async def form(request: Request) -> dict[str, str]:
    """A form's fields, each once; one of them may be a message."""
    return await read_form(request, limit=FORM_LIMIT)


def reads_html(request: Request) -> bool:
    """Whether a person looks at the answer."""
    return "text/html" in request.headers.get("accept", "")


def trace(request: Request) -> str:
    """What a request is found by in the logs."""
    return str(request.scope["carrel.traceparent"])[3:19]


def stopped(
    request: Request,
    problem: Problem,
    title: str,
    sentences: Sequence[str],
    *,
    code: str,
    again: str | None = "/saml/login",
    help_url: str | None = None,
) -> Response:
    """A page for people, `title` and `sentences` as keys of its words; the problem itself for everybody else."""
    if not reads_html(request):
        raise problem
    say = spoken_to(request)
    told = pages.stopped(
        say,
        say(title),
        list(dict.fromkeys(map(say, sentences))),
        again=again,
        help_url=help_url,
        code=code,
        trace=trace(request),
        status=problem.status,
    )
    told.headers.update(problem.headers)
    return told


def to(url: str, *cookies: str) -> Response:
    """Send a browser on; a form becomes a plain request."""
    answer = Response(
        status_code=303,
        headers={"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )
    for cookie in cookies:
        answer.headers.append("Set-Cookie", cookie)
    return answer


def return_of(doc: SignOnDoc, wished: str | None) -> str:
    """Where a browser goes afterwards: here, or to a page of ours elsewhere."""
    own = {*doc.sessions.front_ends, *([doc.entity.url] if doc.entity else [])}
    return safe_return(wished, start=doc.sessions.start, origins=frozenset(own))


def refused(
    request: Request, error: DoorRefused, *, door: str, name: str, again: str = "/sign-in/where"
) -> Response:
    """Somebody who is not believed: the log has every reason, the person a sentence."""
    log.warning(
        "a sign-in was refused",
        extra={"door": door, "at": name, "codes": [str(code) for code in error.codes], "about": error.about},
    )
    reasons = [Reason(str(code), REFUSED.get(code, OTHERWISE), mend=words.AGAIN) for code in error.codes]
    known = all(code in REFUSED for code in error.codes)
    problem: Problem = SignInNotAccepted(reasons=reasons)
    if Why.AWAY in error.codes:
        problem = Unavailable(reasons=reasons, headers={"Retry-After": "10"})
    return stopped(
        request,
        problem,
        "sign-in-failed",
        [*(why(code, REFUSED) for code in error.codes), "please-again" if known else "tell-library"],
        code=", ".join(error.codes),
        again=again,
    )


def why(code: str, known: Container[str]) -> str:
    """The key of the sentence for a reason."""
    return f"why-{code}" if code in known else "why-otherwise"


def turned_away(request: Request, error: TurnedAway) -> Response:
    """Somebody who is believed and may not come in: what is missing, and whom to ask."""
    log.info("somebody was turned away", extra={"identity_provider": error.issuer, "code": error.reason})
    what, mend = words.TURNED_AWAY[error.reason]
    return stopped(
        request,
        SignInNotAccepted(reasons=[Reason(error.reason, what, mend=mend)]),
        "not-admitted",
        (f"away-{error.reason}", f"mend-{error.reason}"),
        code=error.reason,
        again=None,
        help_url=error.help_url,
    )


def busy(request: Request, error: Unavailable) -> Response:
    """A part of the library that is needed to come in does not answer."""
    return stopped(
        request,
        error,
        "busy",
        ("part-away", "again-soon"),
        code=error.code,
    )


async def let_in(request: Request, arriving: Awaitable[Arrived], *, door: str, name: str) -> Response:
    """On to where somebody wished to go, with their session; or the page that says why not."""
    try:
        arrived = await arriving
    except DoorRefused as error:
        return refused(request, error, door=door, name=name)
    except TurnedAway as error:
        return turned_away(request, error)
    except Unavailable as error:
        return busy(request, error)
    return to(arrived.return_to, session_cookie(arrived.token))


def onward(request: Request, where: Onward | None, what: str, *cookies: str) -> Response:
    """The last page of signing out, or the way on to where somebody signs out, too; `what` is the key of a word."""
    say = spoken_to(request)
    if where is None:
        answer = pages.page(say, say("signed-out"), f"<p>{say.html('out-of-library')}</p>")
    elif where.fields is not None:
        answer = pages.posting(say, where.url, where.fields, say(what))
    else:
        return to(where.url, *cookies)
    for cookie in cookies:
        answer.headers.append("Set-Cookie", cookie)
    return answer
