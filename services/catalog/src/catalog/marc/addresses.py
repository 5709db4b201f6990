"""Addresses as XML's type for them has them (`xs:anyURI`), whatever a cataloguer has typed."""

import re
from typing import Final
from urllib.parse import quote, urlsplit

_STRAY: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB: Final = re.compile(r"(?:https?|ftps?)://[^\s/]", re.IGNORECASE)


def any_uri(told: str) -> str | None:
    """With everything that no address holds written as %XX; None for what cannot be one."""
    before, hash_, fragment = told.strip().partition("#")
    try:
        parts = urlsplit(before)
        host = parts.netloc
        if (parts.scheme and "://" in before and not parts.hostname) or set("[]") & set(host):
            return None
        if host.count("@") > 1 or host.endswith(":"):
            return None
        _ = parts.port
        safe = [_STRAY.sub("%25", quote(each, safe="!$%&'()*+,/:;=?@~")) for each in (before, fragment)]
    except (ValueError, UnicodeError):
        return None
    if ":" in safe[0].partition("/")[0] and not _SCHEME.match(safe[0]):
        return None
    return safe[0] + hash_ + safe[1] or None


def web_address(told: str) -> str | None:
    """The same of what lies on the web."""
    return any_uri(told) if _WEB.match(told.strip()) else None
