"""Pages that people see while they sign in: plain HTML without scripts, readable for everybody (WCAG 2.2 AA)."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from fastapi import Response

from gateway.tongues import Tongue

STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; font: 100%/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; }
main { max-width: 40rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
a { color: #0b4f9e; text-underline-offset: .15em; }
ul { list-style: none; padding: 0; }
li a, button { display: block; width: 100%; box-sizing: border-box; min-height: 2.75rem; padding: .6rem .9rem;
  margin: .4rem 0; font: inherit; text-align: left; border: 1px solid #5a5a5a; border-radius: .4rem; }
button { background: #0b4f9e; color: #fff; text-align: center; cursor: pointer; }
input { display: block; width: 100%; box-sizing: border-box; min-height: 2.75rem; padding: .5rem .7rem; font: inherit;
  color: inherit; background: transparent; border: 1px solid #5a5a5a; border-radius: .4rem; }
:focus-visible { outline: 3px solid #0b4f9e; outline-offset: 2px; }
.may { list-style: disc; padding-left: 1.4rem; }
.quiet { background: transparent; color: inherit; }
[role=alert] { border-left: .3rem solid #a4262c; padding: .4rem .8rem; }
.small { font-size: .9rem; color: #4a4a4a; }
.tongues ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0 0 .6rem; }
.tongues a, .tongues span { display: inline-block; width: auto; min-height: 0; margin: 0; padding: .3rem 0; border: 0; }
.tongues [aria-current] { font-weight: 600; }
.qr { display: block; width: 16rem; max-width: 100%; background: #fff; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #161616; } a { color: #9cc7ff; } .small { color: #c4c4c4; }
  li a, input { border-color: #a0a0a0; } button { background: #9cc7ff; color: #111; }
  .quiet { background: transparent; color: #eee; } [role=alert] { border-color: #ff9a9a; }
  :focus-visible { outline-color: #9cc7ff; }
}
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    # A form's redirect counts as its action, and where a campus answers is known only by then.
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self' https: "
    "http://localhost:* http://127.0.0.1:*; "
    "frame-ancestors 'none'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page(say: Tongue, title: str, body: str, *, status: int = 200) -> Response:
    """One page; `body` is HTML, whose values were escaped by whoever wrote it."""
    told = (
        f'<!DOCTYPE html>\n<html lang="{say.tag}" dir="ltr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main>{tongues(say)}<h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )
    return Response(told, status, {**HEADERS, **spoken(say)}, media_type="text/html")


def spoken(say: Tongue) -> dict[str, str]:
    """What the headers tell of a page's language."""
    return {"Content-Language": say.tag, "Vary": "Accept-Language"}


def tongues(say: Tongue) -> str:
    """The page in each language, where it can be asked for again."""
    listed = "".join(
        f'<li><span aria-current="true" lang="{tag}">{escape(name)}</span></li>'
        if where is None
        else f'<li><a href="{escape(where)}" hreflang="{tag}" lang="{tag}">{escape(name)}</a></li>'
        for tag, name, where in say.others()
    )
    return (
        f'<nav class="tongues" aria-label="{say.html("language")}"><ul>{listed}</ul></nav>' if listed else ""
    )


def with_script(answer: Response) -> Response:
    """The same page, which may run scripts of ours and have them ask us; still none that stand in it."""
    policy = answer.headers["Content-Security-Policy"]
    answer.headers["Content-Security-Policy"] = f"{policy}; script-src 'self'; connect-src 'self'"
    return answer


def stopped(
    say: Tongue,
    title: str,
    sentences: Sequence[str],
    *,
    again: str | None,
    help_url: str | None,
    code: str,
    trace: str,
    status: int,
) -> Response:
    """Why it did not work, what would mend it, and what to tell whoever is asked for help."""
    body = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    if again is not None:
        body += f'<ul><li><a href="{escape(say.to(again))}">{say.html("sign-in-again")}</a></li></ul>'
    if help_url is not None:
        body += f'<p><a href="{escape(help_url)}" rel="noreferrer">{say.html("institution-help")}</a></p>'
    body += f'<p class="small">{say.html("if-help", code=escape(code), trace=escape(trace))}</p>'
    return page(say, title, body, status=status)


def choices(
    say: Tongue,
    name: str,
    found: Sequence[tuple[str, str]],
    *,
    sought: str,
    target: str,
    more: bool,
    elsewhere: str | None,
) -> Response:
    """Where somebody is at home: a list (label, address) to choose from, and a field to search it by."""
    listed = "".join(
        f'<li><a href="{escape(say.to(where))}">{escape(label)}</a></li>' for label, where in found
    )
    told = f"<ul>{listed}</ul>" if found else f"<p>{say.html('none-found')}</p>"
    if more:
        told += f"<p>{say.html('more-found')}</p>"
    aside = f'<p><a href="{escape(elsewhere)}">{say.html("choose-elsewhere")}</a></p>' if elsewhere else ""
    kept = f'<input type="hidden" name="lang" value="{say.tag}">' if say.chosen else ""
    body = (
        '<form method="get" action="/sign-in/where" role="search">'
        f'<input type="hidden" name="target" value="{escape(target)}">{kept}'
        f'<label for="q">{say.html("search-institution")}</label>'
        f'<input id="q" name="q" type="search" autocomplete="organization" value="{escape(sought)}">'
        f"<button>{say.html('search')}</button></form>{told}{aside}"
    )
    return page(say, say("where-at-home", name=name), body)


def welcome(
    say: Tongue,
    name: str,
    *,
    lines: Sequence[str],
    proof: str | None,
    step_up: str | None = None,
    campus: bool = True,
    own_account: bool = False,
) -> Response:
    """Who is signed in, and the way out; or the ways in. `own_account`: they look after their second factor here."""
    body = "".join(f"<p>{escape(line)}</p>" for line in lines)
    if step_up is not None:
        body += _way(say, step_up, "step-up")
    if proof is None:
        ways = [*([("/saml/login", "by-institution")] if campus else []), ("/sign-in/local", "by-account")]
        listed = "".join(
            f'<li><a href="{escape(say.to(where))}">{say.html(key)}</a></li>' for where, key in ways
        )
        return page(say, name, f"{body}<ul>{listed}</ul>")
    if own_account:
        body += _way(say, "/sign-in/security", "your-second-factor")
    body += (
        f'<form method="post" action="{escape(say.to("/sign-out"))}">'
        f'<input type="hidden" name="proof" value="{escape(proof)}"><button>{say.html("sign-out")}</button></form>'
    )
    return page(say, name, body)


def _way(say: Tongue, where: str, key: str) -> str:
    return f'<ul><li><a href="{escape(say.to(where))}">{say.html(key)}</a></li></ul>'


def posting(say: Tongue, url: str, fields: dict[str, str], what: str) -> Response:
    """A form that goes to the identity provider; a button sends it, since no script may."""
    inside = "".join(
        f'<input type="hidden" name="{escape(n)}" value="{escape(v)}">' for n, v in fields.items()
    )
    body = f'<form method="post" action="{escape(url)}">{inside}<button>{escape(what)}</button></form>'
    return page(say, say("one-more-step"), f"<p>{say.html('told-too')}</p>{body}")
