"""Pages on which people let a program act for them, or not: plain HTML without scripts (WCAG 2.2 AA)."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import urlsplit

from fastapi import Response

from gateway.saml import pages
from gateway.tongues import Tongue


def _hidden(fields: Mapping[str, str]) -> str:
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(told)}">' for name, told in fields.items()
    )


def _may(say: Tongue, scopes: Iterable[str]) -> str:
    listed = "".join(
        f"<li>{escape(say.either('may-' + scope, say('may-work', scope=scope)))}</li>"
        for scope in sorted(scopes)
    )
    return f'<ul class="may">{listed}</ul>'


def consent(
    say: Tongue,
    name: str,
    scopes: Iterable[str],
    *,
    action: str,
    fields: Mapping[str, str],
    sent_to: str | None,
    lasts: str,
    shown_code: str | None = None,
) -> Response:
    """Shall this program act for them? `lasts`: how long, by its key; `sent_to`: where they are sent back to."""
    where = f"<p>{say.html('sent-on', place=_strong(_place(say, sent_to)))}</p>" if sent_to else ""
    code = f"<p>{say.html('must-show', code=_strong(shown_code))}</p>" if shown_code else ""
    asks = say.html("asks-to-act", name=_strong(name))
    body = (
        f"<p>{asks}</p>{_may(say, scopes)}{code}<p>{say.html(lasts)}</p>{where}"
        f'<form method="post" action="{escape(say.to(action))}">{_hidden(fields)}'
        f'<button name="decision" value="allow">{say.html("allow")}</button>'
        f'<button name="decision" value="deny" class="quiet">{say.html("do-not-allow")}</button></form>'
        f'<p class="small">{say.html("never-password")}</p>'
        f'<form method="post" action="{escape(say.to("/sign-out"))}">{_hidden({"proof": fields["proof"]})}'
        f'<button class="quiet">{say.html("sign-out")}</button></form>'
    )
    return _sending(pages.page(say, say("allow-title", name=name), body), sent_to)


def _strong(told: str) -> str:
    return f"<strong>{escape(told)}</strong>"


def _place(say: Tongue, redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return parts.netloc or say("the-app", scheme=parts.scheme)


def _sending(answer: Response, redirect_uri: str | None) -> Response:
    """A form's redirect counts as its action; an app's own scheme is none of those that are always allowed."""
    scheme = urlsplit(redirect_uri).scheme if redirect_uri else ""
    if scheme not in ("", "http", "https"):
        policy = answer.headers["Content-Security-Policy"]
        answer.headers["Content-Security-Policy"] = policy.replace(
            "form-action 'self'", f"form-action 'self' {scheme}:"
        )
    return answer


def device_code(say: Tongue, *, proof: str, wrong: bool, typed: str = "") -> Response:
    """Where somebody types the code that their device shows."""
    told = f'<p id="wrong" role="alert">{say.html("no-device")}</p>' if wrong else ""
    described = ' aria-describedby="wrong" aria-invalid="true"' if wrong else ""
    body = (
        f'{told}<form method="post" action="{escape(say.to("/oauth2/device"))}">{_hidden({"proof": proof})}'
        f'<label for="user_code">{say.html("device-code")}</label>'
        f'<input id="user_code" name="user_code" value="{escape(typed)}" maxlength="20" autocomplete="off" '
        f'autocapitalize="characters" spellcheck="false" required{described}>'
        f"<button>{say.html('go-on')}</button></form>"
    )
    return pages.page(say, say("let-device-in"), body, status=422 if wrong else 200)


def said(say: Tongue, title: str, sentences: Sequence[str], *, status: int = 200) -> Response:
    """A page with nothing to do on it; title and sentences by their keys."""
    return pages.page(
        say, say(title), "".join(f"<p>{say.html(each)}</p>" for each in sentences), status=status
    )


def sign_in(
    say: Tongue,
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
    wrong = "wrong-password" if refused else "wants-code" if wants_code else None
    told = f'<p id="wrong" role="alert">{say.html(wrong)}</p>' if wrong else ""
    described = ' aria-describedby="wrong"' if wrong else ""
    by_campus = (
        f'<ul><li><a href="{escape(say.to(campus))}">{say.html("by-institution")}</a></li></ul>'
        f"<h2>{say.html('or-here')}</h2>"
        if campus
        else ""
    )
    body = (
        f'{by_campus}{told}<form method="post" action="{escape(say.to("/sign-in/local"))}">'
        f"{_hidden({'target': target, 'proof': proof})}"
        f'<label for="username">{say.html("name")}</label><input id="username" name="username" type="text" '
        f'value="{escape(username)}" autocomplete="username" '
        f'autocapitalize="none" spellcheck="false" maxlength="200" required{described}>'
        f'<label for="password">{say.html("password")}</label><input id="password" name="password" type="password" '
        f'autocomplete="current-password" maxlength="1000" required{described}>'
        f'<label for="code">{say.html("code-if-any")}</label>'
        f'<input id="code" name="code" autocomplete="one-time-code" spellcheck="false" maxlength="60"'
        f"{' required' if wants_code else ''}>"
        f"<button>{say.html('sign-in')}</button></form>"
    )
    if passkeys is not None:
        body += (
            '<p id="said" role="status"></p><form id="by-passkey" hidden>'
            f"{_hidden({'target': target, 'proof': passkeys})}"
            f'<button class="quiet">{say.html("by-passkey")}</button></form>'
            '<script src="/sign-in/passkey.js" defer></script>'
        )
    answer = pages.page(say, say("sign-in-to", name=name), body, status=401 if wrong else 200)
    return pages.with_script(answer) if passkeys is not None else answer
