"""The frame of the integrators' pages: plain HTML without scripts, from here alone (WCAG 2.2 AA)."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape

from fastapi import Response

from gateway.saml import pages
from gateway.tongues import Tongue

STYLE = (
    pages.STYLE
    + """
main { max-width: 60rem; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0 0 1.5rem; }
nav li a, ol li a { display: inline; border: 0; padding: 0; min-height: 0; margin: 0; width: auto; }
nav li a { display: inline-block; padding: .2rem 0; }
nav [aria-current] { font-weight: 600; text-decoration: none; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0 1.6rem; }
caption, th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; }
caption { font-weight: 600; }
tr { border-bottom: 1px solid #b5b5b5; }
code, pre { font-family: ui-monospace, monospace; font-size: .95em; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; padding: .8rem; border: 1px solid #5a5a5a; border-radius: .4rem; }
td button { min-height: 2.2rem; padding: .2rem .7rem; width: auto; margin: 0 0 .3rem; }
fieldset { border: 1px solid #5a5a5a; border-radius: .4rem; margin: .8rem 0; }
.scopes { columns: 18rem; list-style: none; }
.scopes input { display: inline; width: auto; min-height: 0; }
.wide { overflow-x: auto; }
label { display: block; margin-top: .7rem; }
select { display: block; width: 100%; min-height: 2.75rem; font: inherit; color: inherit; background: transparent; }
"""
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
PLACES = (
    ("/developers", "start"),
    ("/docs", "api"),
    ("/developers/events", "events"),
    ("/developers/changes", "endings"),
    ("/developers/keys", "keys"),
    ("/developers/webhooks", "webhooks"),
    ("/developers/requests", "requests"),
)
"""Where each page is, and the key of its name."""


def page(say: Tongue, title: str, body: str, *, here: str, status: int = 200, kept: bool = False) -> Response:
    """One page of them; `body` is HTML whose values are escaped. `kept`: the same for everybody, for a while."""
    listed = "".join(
        f'<li><a href="{escape(say.to(where))}"{_current(where, here)}>{say.html("place-" + name)}</a></li>'
        for where, name in PLACES
    )
    told = (
        f'<!DOCTYPE html>\n<html lang="{say.tag}" dir="ltr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} – Carrel</title><style>{STYLE}</style></head>"
        f'<body><main>{pages.tongues(say)}<nav aria-label="{say.html("for-developers")}"><ul>{listed}</ul></nav>'
        f"<h1>{escape(title)}</h1>\n{body}\n</main></body></html>\n"
    )
    headers = {
        "Content-Security-Policy": POLICY,
        "Cache-Control": "public, max-age=300" if kept else "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        **pages.spoken(say),
    }
    return Response(told, status, headers, media_type="text/html")


def in_english(say: Tongue, told: str) -> str:
    """What the API itself says, as HTML: it speaks English alone."""
    return escape(told) if say.tag == "en" or not told else f'<span lang="en">{escape(told)}</span>'


def _current(where: str, here: str) -> str:
    return ' aria-current="page"' if where == here else ""


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, none: str) -> str:
    """A table whose cells are HTML; a sentence where it has no rows."""
    if not rows:
        return f"<p>{escape(none)}</p>"
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def form(action: str, proof: str, inside: str) -> str:
    """A form of ours that proves to be the session's own."""
    return (
        f'<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="proof" value="{escape(proof)}">{inside}</form>'
    )


def hidden(name: str, value: str) -> str:
    """A field that nobody sees."""
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def code(told: object) -> str:
    """Something to be copied as it stands."""
    return f"<code>{escape(str(told))}</code>"
