"""Pages on which people let a program act for them, or not: plain HTML without scripts (WCAG 2.2 AA)."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from fastapi import Response

from gateway.consents.rules import TOLD
from gateway.saml import pages


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(told)}">' for name, told in fields.items()
    )


def _may(scopes: Iterable[str]) -> str:
    listed = "".join(
        f"<li>{escape(TOLD.get(scope) or f'act in the library’s work: {scope}')}</li>"
        for scope in sorted(scopes)
    )
    return f'<ul class="may">{listed}</ul>'


def consent(
    name: str,
    scopes: Iterable[str],
    *,
    action: str,
    fields: Mapping[str, str],
    sent_to: str | None,
    lasts: str,
    shown_code: str | None = None,
) -> Response:
    """Shall this program act for them? `sent_to`: the address that they are sent back to afterwards."""
    where = (
        f"<p>Afterwards you are sent on to <strong>{escape(_place(sent_to))}</strong>.</p>" if sent_to else ""
    )
    code = (
        f"<p>Your device must show the code <strong>{escape(shown_code)}</strong>. If it shows another, say no: "
        "somebody else may have sent you here.</p>"
        if shown_code
        else ""
    )
    body = (
        f"<p><strong>{escape(name)}</strong> asks to act for you at the library. It wants to:</p>{_may(scopes)}{code}"
        f"<p>{escape(lasts)}</p>{where}"
        f'<form method="post" action="{escape(action)}">{_hidden(fields)}'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="deny" class="quiet">Do not allow</button></form>'
        '<p class="small">The program never learns your password. If it is not you who is signed in here:</p>'
        f'<form method="post" action="/sign-out">{_hidden({"proof": fields["proof"]})}'
        '<button class="quiet">Sign out</button></form>'
    )
    return _sending(pages.page(f"Allow {name} to act for you?", body), sent_to)


def _place(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return parts.netloc or f"the app {parts.scheme}"


def _sending(answer: Response, redirect_uri: str | None) -> Response:
    """A form's redirect counts as its action; an app's own scheme is none of those that are always allowed."""
    scheme = urlsplit(redirect_uri).scheme if redirect_uri else ""
    if scheme not in ("", "http", "https"):
        policy = answer.headers["Content-Security-Policy"]
        answer.headers["Content-Security-Policy"] = policy.replace(
            "form-action 'self'", f"form-action 'self' {scheme}:"
        )
    return answer


def device_code(*, proof: str, wrong: bool, typed: str = "") -> Response:
    """Where somebody types the code that their device shows."""
    told = (
        '<p id="wrong" role="alert">No device waits with this code. It may have run out: begin again there.</p>'
        if wrong
        else ""
    )
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    body = (
        f'{told}<form method="post" action="/oauth2/device">{_hidden({"proof": proof})}'
        '<label for="user_code">The code that your device shows</label>'
        f'<input id="user_code" name="user_code" value="{escape(typed)}" maxlength="20" autocomplete="off" '
        f'autocapitalize="characters" spellcheck="false" required{described}>'
        "<button>Go on</button></form>"
    )
    return pages.page("Let a device in", body, status=422 if wrong else 200)


def said(title: str, sentences: Sequence[str], *, status: int = 200) -> Response:
    """A page with nothing to do on it."""
    return pages.page(title, "".join(f"<p>{escape(each)}</p>" for each in sentences), status=status)


def sign_in(
    name: str,
    *,
    target: str,
    proof: str,
    campus: str | None,
    refused: bool,
    username: str = "",
    wants_code: bool = False,
    passkeys: str | None = None,
) -> Response:
    """Sign in with an account of the library's own, by a passkey, or by a campus.

    `passkeys`: the token of the session that the browser has already, blank without one; None: no passkeys here.
    """
    told = (
        '<p id="wrong" role="alert">The name or the password is wrong, or there were too many guesses just now.</p>'
        if refused
        else '<p id="wrong" role="alert">This account has a second factor: type the password again, and the code.</p>'
        if wants_code
        else ""
    )
    described = ' aria-describedby="wrong"' if refused or wants_code else ""
    by_campus = (
        f'<ul><li><a href="{escape(campus)}">Sign in by your institution</a></li></ul><h2>Or here</h2>'
        if campus
        else ""
    )
    body = (
        f'{by_campus}{told}<form method="post" action="/sign-in/local">'
        f"{_hidden({'target': target, 'proof': proof})}"
        '<label for="username">Name</label><input id="username" name="username" type="text" '
        f'value="{escape(username)}" autocomplete="username" '
        f'autocapitalize="none" spellcheck="false" maxlength="200" required{described}>'
        '<label for="password">Password</label><input id="password" name="password" type="password" '
        f'autocomplete="current-password" maxlength="1000" required{described}>'
        '<label for="code">Code of your app, or a recovery code, if your account has a second factor</label>'
        f'<input id="code" name="code" autocomplete="one-time-code" spellcheck="false" maxlength="60"'
        f"{' required' if wants_code else ''}>"
        "<button>Sign in</button></form>"
    )
    if passkeys is not None:
        body += (
            '<p id="said" role="status"></p><form id="by-passkey" hidden>'
            f"{_hidden({'target': target, 'proof': passkeys})}"
            '<button class="quiet">Sign in with a passkey</button></form>'
            '<script src="/sign-in/passkey.js" defer></script>'
        )
    answer = pages.page(f"Sign in to {name}", body, status=401 if refused or wants_code else 200)
    return pages.with_script(answer) if passkeys is not None else answer
