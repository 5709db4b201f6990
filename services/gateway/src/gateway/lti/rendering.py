"""Pages within a platform's frame: escaped by default, framed by that platform alone, in the reader's language."""

import base64
import functools
import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from fastapi import Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from chassis.wording import Wording
from gateway.saml.pages import STYLE

WORDING: Final = Wording("gateway.lti")


@functools.cache
def environment() -> Environment:
    """The templates, read at the first page."""
    return Environment(
        loader=PackageLoader("gateway.lti", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@functools.cache
def _source(name: str) -> str:
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), name)[0]


@functools.cache
def style() -> str:
    """The gateway's own, and what these pages have besides."""
    return STYLE + _source("style.css")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def policy(frames: Sequence[str], *, script: str | None = None, sends_to: Sequence[str] = ()) -> str:
    """What a browser may do with a page: show it within these origins, and send its forms here or there."""
    runs = f"script-src {_digest(_source(script))}; " if script else ""
    sends = " ".join(["'self'", *dict.fromkeys(sends_to)])
    framed = " ".join(frames) or "'none'"
    return (
        f"default-src 'none'; {runs}style-src {_digest(style())}; "
        f"form-action {sends}; frame-ancestors {framed}; base-uri 'none'"
    )


class Tongue:
    """A page's language: its words, and how it writes dates."""

    def __init__(self, language: str) -> None:
        self.tag = language

    def __call__(self, key: str, **values: object) -> str:
        return WORDING.word(self.tag, key, {name: str(value) for name, value in values.items()})

    def either(self, key: str, otherwise: str) -> str:
        """A word, or the data's own where there is none."""
        return WORDING.either(self.tag, key, otherwise)

    def day(self, told: str) -> str:
        """A moment of the data's, as a day in words."""
        from babel.dates import format_date  # what it knows of languages is read when the first day is told

        return format_date(datetime.fromisoformat(told), format="long", locale=self.tag)


def page(
    template: str,
    language: str,
    *,
    frames: Sequence[str],
    status: int = 200,
    script: str | None = None,
    sends_to: Sequence[str] = (),
    **told: Any,
) -> Response:
    """A page that these origins may frame; none of them: nobody may."""
    body = (
        environment()
        .get_template(template)
        .render(say=Tongue(language), style=style(), script=_source(script) if script else None, **told)
    )
    headers = {
        "Content-Security-Policy": policy(frames, script=script, sends_to=sends_to),
        "Content-Language": language,
        "Cache-Control": "no-store",
        "Referrer-Policy": "strict-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(body.encode("utf-8", "replace"), status, headers, media_type="text/html; charset=utf-8")
