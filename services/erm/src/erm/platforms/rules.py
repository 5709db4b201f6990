"""Links into a platform: templates with variables, in order of preference, and the way through the proxy.

A template names its host in plain letters, so that no value of a citation can lead anywhere else.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote, urlsplit

VARIABLES: Final = (
    "url",
    "title_id",
    "doi",
    "pmid",
    "issn",
    "isbn",
    "title",
    "article_title",
    "author",
    "volume",
    "issue",
    "start_page",
    "end_page",
    "pages",
    "date",
    "year",
)
"""What a template may name: `url` and `title_id` are the package's, the rest is what is asked for."""
BARE: Final = "{url}"
"""The title's own address, as it is."""
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")
_HOST: Final = re.compile(r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})(?::\d{1,5})?(?=[/?#]|$)", re.ASCII)
_DOMAIN: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63}){1,10}", re.ASCII)
_USUAL: Final = re.compile(
    r"https?://([a-z0-9][a-z0-9.-]*)(?:[/?#][^\s\x00-\x1f\x7f<>\"\\^`]*)?"
)  # most are so, and lists have 100 000s: the library's way takes eight times as long
_UNSAFE: Final = re.compile(r"[\s\x00-\x1f\x7f<>\"\\^`]")


def flaw_of_template(told: str) -> str | None:
    """Why it can be no template: `not-http`, `variable-in-host`, `variable-unknown`, `unsafe-characters`."""
    if told == BARE:
        return None
    if _UNSAFE.search(told):
        return "unsafe-characters"
    if any(name not in VARIABLES for name in _VARIABLE.findall(told)) or re.search(
        r"[{}]", _VARIABLE.sub("", told)
    ):
        return "variable-unknown"
    if not told.startswith(("http://", "https://")):
        return "not-http"
    return None if _HOST.match(told) else "variable-in-host"


def is_address(told: str) -> bool:
    """Whether it is a link that a reader may be led to: http or https, with a host, without anything odd."""
    if _USUAL.fullmatch(told):
        return True
    if _UNSAFE.search(told) or not told.lower().startswith(("http://", "https://")):
        return False
    try:
        parts = urlsplit(told)
        parts.port  # noqa: B018 - asking is what checks it
    except ValueError:
        return False
    return bool(parts.hostname) and parts.username is None


def domain_of(told: str) -> str | None:
    """The host of an address in lower case; None where it has none."""
    if usual := _USUAL.fullmatch(told):
        return usual[1].rstrip(".")
    try:
        host = urlsplit(told).hostname
    except ValueError:
        return None
    return host.rstrip(".") if host else None


def is_domain(told: str) -> bool:
    """Whether it is a domain's name in lower case."""
    return len(told) <= 253 and _DOMAIN.fullmatch(told) is not None


def link(templates: Sequence[str], facts: Mapping[str, str | None]) -> str | None:
    """By the first template whose variables are all known, else the title's own address; None: no way there."""
    for template in (*templates, BARE):
        names = _VARIABLE.findall(template)
        if not all(facts.get(name) for name in names):
            continue
        if template == BARE:
            address = facts["url"] or ""
        else:
            address = _VARIABLE.sub(lambda found: quote(facts[found[1]] or "", safe=""), template)
        if is_address(address):
            return address
    return None


def through_proxy(url: str, prefix: str) -> str:
    """The way through the library's proxy: `{url}` in the prefix stands for the address, escaped; else it follows."""
    return prefix.replace(BARE, quote(url, safe="")) if BARE in prefix else prefix + url
