"""The language that the gateway's own pages speak to somebody, and what they say in it (`words.tsv`).

It goes as the catalogue's pages do: by `lang=`, where somebody chose it, else as the browser likes best.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit

from fastapi import Request

from chassis.wording import LANGUAGES, Wording, language_wanted

WORDING: Final = Wording("gateway")
UNJUDGED: Final = frozenset({"lang", "target"})
"""Parts of a query that a page does not repeat as they came: whoever made the link may have chosen them."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """A page's language, and its words."""

    tag: str
    chosen: bool = False
    """Whether somebody chose it: then the pages that this one leads to speak it, too."""
    here: str | None = None
    """The page's address, where it can be asked for again in another language."""

    def __call__(self, key: str, **values: object) -> str:
        """A word or sentence; `KeyError` for one that nobody has written."""
        return WORDING.word(self.tag, key, {name: str(value) for name, value in values.items()})

    def html(self, key: str, **values: str) -> str:
        """The same as HTML; so are its values."""
        said = escape(WORDING.word(self.tag, key))
        return said.format(**values) if values else said

    def either(self, key: str, otherwise: str) -> str:
        """A word, or what is to be said where there is none."""
        return WORDING.either(self.tag, key, otherwise)

    def to(self, address: str) -> str:
        """Another page of ours, which goes on in the language that was chosen."""
        return _in_language(address, self.tag) if self.chosen else address

    def at(self, **judged: str | None) -> "Tongue":
        """The same on a page that has judged this of its query: it stands in the page's address from now on."""
        if self.here is None:
            return self
        here = _asked_with(self.here, {name: told for name, told in judged.items() if told is not None})
        return replace(self, here=here)

    def others(self) -> Iterator[tuple[str, str, str | None]]:
        """Every language: its tag, its own name, and where this page speaks it; None for the one that it speaks."""
        if self.here is not None:
            for tag, name in LANGUAGES.items():
                yield tag, name, None if tag == self.tag else _in_language(self.here, tag)


def spoken_to(request: Request) -> Tongue:
    """The language of whoever asks."""
    asked = request.query_params.get("lang")
    tag = language_wanted(asked, request.headers.get("accept-language"))
    here = None
    if request.method in ("GET", "HEAD"):
        query = [each for each in request.query_params.multi_items() if each[0] not in UNJUDGED]
        here = f"{request.url.path}?{urlencode(query)}" if query else request.url.path
    return Tongue(tag, asked == tag, here)


def _in_language(address: str, tag: str) -> str:
    return _asked_with(address, {"lang": tag})


def _asked_with(address: str, told: Mapping[str, str]) -> str:
    parts = urlsplit(address)
    query = [each for each in parse_qsl(parts.query, keep_blank_values=True) if each[0] not in told]
    return parts._replace(query=urlencode([*query, *told.items()])).geturl()
