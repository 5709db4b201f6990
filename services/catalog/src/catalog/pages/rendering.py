"""Pages from templates: escaped by default, without scripts, and nothing from elsewhere."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from catalog.pages.words import LANGUAGES, WORDING
from catalog.titles.media import held

HTML: Final = "text/html; charset=utf-8"
FRESH_SECONDS: Final = 30
"""How long a page may be shown again without asking: what is lent changes."""


@functools.cache
def environment() -> Environment:
    """The templates, read at the first page."""
    return Environment(
        loader=PackageLoader("catalog.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@functools.cache
def style() -> str:
    """The style sheet that every page holds, so that a page is one answer."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), "style.css")[0]


@functools.cache
def policy(pictures: str | None = None) -> str:
    """What a browser may do with a page: show it, and send its form here; `pictures` is another house that a picture
    comes from, where the library has named one."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    shown = f"'self' {pictures}" if pictures else "'self'"
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src {shown}; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


class Tongue:
    """A page's language: its words, and how it writes numbers, dates and the names of languages."""

    def __init__(self, language: str, zone: str) -> None:
        from babel import Locale  # what it knows of languages is read when the first page is made

        self.tag = language
        self._locale = Locale(language)
        self._zone = ZoneInfo(zone)

    def __call__(self, key: str, **values: Any) -> str:
        return WORDING.word(self.tag, key, {name: self._said(value) for name, value in values.items()})

    def _said(self, value: Any) -> str:
        return self.number(value) if isinstance(value, int) else str(value)

    def either(self, key: str, otherwise: str) -> str:
        """A word, or the data's own where there is none."""
        return WORDING.either(self.tag, key, otherwise)

    def number(self, value: int) -> str:
        """With separators."""
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self._locale)

    def day(self, moment: datetime) -> str:
        """The day that it is at the library, in words."""
        from babel.dates import format_date

        return format_date(moment.astimezone(self._zone), format="long", locale=self._locale)

    def moment(self, moment: datetime) -> str:
        """A date and time at the library, with its zone: a page cannot know the reader's."""
        from babel.dates import format_datetime

        return format_datetime(moment, format="long", tzinfo=self._zone, locale=self._locale)

    def language(self, tag: str) -> str:
        """The name of a language by its tag, or the tag."""
        found: str = self._locale.languages.get(tag, tag)
        return found[:1].upper() + found[1:]


@functools.cache
def _tongue(language: str, zone: str) -> Tongue:
    return Tongue(language, zone)


def tongue(request: Request, language: str) -> Tongue:
    """The language, as it is spoken where the library is."""
    return _tongue(language, request.app.state.resources.settings.time_zone)


def page(
    request: Request,
    template: str,
    language: str,
    *,
    chosen_language: str | None,
    address: str,
    translations: Mapping[str, str],
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    query_shown: str = "",
    pictures: str | None = None,
    **told: Any,
) -> Response:
    """A page; 304 where the browser has it already.

    `chosen_language` is the language where somebody chose it, kept from page to page; `address`
    is where it stands for good, `translations` where it stands in each language.
    """
    body = (
        environment()
        .get_template(template)
        .render(
            say=tongue(request, language),
            chosen_language=chosen_language,
            languages=LANGUAGES,
            style=style(),
            query_shown=query_shown,
            address=address,
            translations=translations,
            **told,
        )
    )
    raw = body.encode("utf-8", "replace")
    etag = f'W/"{hashlib.blake2b(raw, digest_size=12).hexdigest()}"'
    sent = {
        "Content-Security-Policy": policy(pictures),
        "Content-Language": language,
        "Cache-Control": f"public, max-age={FRESH_SECONDS}" if status == 200 else "no-store",
        "Referrer-Policy": "strict-origin-when-cross-origin",
        "X-Content-Type-Options": "nosniff",
        "Vary": "Accept-Language",
        "ETag": etag,
        **(headers or {}),
    }
    if status == 200 and held(request.headers.get("if-none-match"), etag.removeprefix("W/")):
        return Response(status_code=304, headers=sent)
    return Response(raw, status, sent, media_type=HTML)
