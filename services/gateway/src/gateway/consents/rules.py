"""What may a program be granted, and how far does it reach? Decisions only: no clock, no database."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

WHOLE: Final = "account:own"
"""Everything a patron may do for themselves; granted to programs of the library alone."""
REACH: Final[Mapping[str, frozenset[tuple[str, str]]]] = {
    "account:profile": frozenset({("GET", "/v1/patrons/*")}),
    "account:read": frozenset(
        {
            ("GET", "/v1/patrons/*/account"),
            ("GET", "/v1/loans/*"),
            ("GET", "/v1/holds/*"),
            ("GET", "/v1/fees/*"),
            ("GET", "/v1/pickup-appointments"),
            ("GET", "/v1/pickup-appointments/*"),
            ("GET", "/v1/ill/requests"),
            ("GET", "/v1/ill/requests/*"),
            ("GET", "/v1/ill/requests/*/steps"),
        }
    ),
    "account:renew": frozenset(
        {("POST", "/v1/loans/*/renewals"), ("POST", "/v1/patrons/*/loans:renew"), ("GET", "/v1/loans/*")}
    ),
    "account:hold": frozenset(
        {
            ("POST", "/v1/holds"),
            ("GET", "/v1/holds/*"),
            ("PATCH", "/v1/holds/*"),
            ("POST", "/v1/holds/*/cancellations"),
            ("POST", "/v1/holds/*/suspensions"),
            ("POST", "/v1/holds/*/resumptions"),
        }
    ),
    "account:ill": frozenset(
        {
            ("POST", "/v1/ill/requests"),
            ("GET", "/v1/ill/requests/*"),
            ("GET", "/v1/ill/requests/*/actions"),
            ("POST", "/v1/ill/requests/*/actions"),
        }
    ),
}
"""Parts of a patron's account: what opens by which scope. What stands in no row opens by `account:own` alone."""
PARTS: Final = frozenset(REACH)
OF_PATRONS: Final = PARTS | {WHOLE}

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_PRIVATE_SCHEME: Final = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+\Z")


def reaches(scopes: Collection[str], method: str, path: str) -> bool:
    """Whether one of these parts of an account opens this."""
    method = "GET" if method == "HEAD" else method
    segments = path.strip("/").split("/")
    return any(
        method == opened and _fits(pattern.strip("/").split("/"), segments)
        for scope in scopes
        for opened, pattern in REACH.get(scope, ())
    )


def _fits(pattern: list[str], segments: list[str]) -> bool:
    return len(pattern) == len(segments) and all(
        wanted in ("*", found) for wanted, found in zip(pattern, segments, strict=True)
    )


def narrow(scopes: Collection[str]) -> bool:
    """Whether somebody acts on a part of their account alone."""
    return not PARTS.isdisjoint(scopes) and WHOLE not in scopes and "*" not in scopes


def grantable(held: Collection[str]) -> frozenset[str]:
    """What somebody with these scopes can hand on: them, and the parts of what they own."""
    return frozenset(held) | (PARTS if WHOLE in held or "*" in held else frozenset())


def granted(asked: Collection[str], held: Collection[str]) -> frozenset[str]:
    """What of the scopes asked for comes of it: nobody hands on more than they have."""
    return frozenset(asked) if "*" in held else frozenset(asked) & grantable(held)


def bound(scopes: Collection[str], *, in_house: bool) -> bool:
    """Whether a grant ends with the session it was given in: the library's own pages, and all work of staff."""
    return in_house or not frozenset(scopes) <= OF_PATRONS


def verifier_fits(verifier: str, challenge: str) -> bool:
    """Whether this is what the challenge was made of (RFC 7636, S256 alone)."""
    if not VERIFIER.match(verifier):
        return False
    made = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(made, challenge)


def redirect_reason(told: str) -> str | None:
    """Why an address cannot be one that people are sent back to; None when it can."""
    if not told.isascii() or not told.isprintable() or " " in told or "\\" in told or len(told) > 1000:
        return "it holds characters that no address has"
    try:
        parts = urlsplit(told)
        port = parts.port
    except ValueError:
        return "it is no address"
    if "#" in told:
        return "it has a fragment"
    if parts.username is not None or parts.password is not None or port == 0:
        return "it names a user, or port 0"
    if _PRIVATE_SCHEME.match(parts.scheme):
        return None if not parts.netloc and parts.path.startswith("/") else "a scheme of its own needs a path"
    if not parts.hostname or "*" in parts.netloc:
        return "it names no host"
    if parts.scheme == "https" or (parts.scheme == "http" and _host(parts.netloc) in LOOPBACK):
        return None
    return "it is neither https, nor http on one's own machine, nor of a scheme such as org.example.app"


def _host(netloc: str) -> str:
    return netloc if netloc.endswith("]") else netloc.rpartition(":")[0] or netloc


def registered(told: str, known: Iterable[str]) -> bool:
    """Whether an address is one of those registered: letter by letter; on one's own machine at any port (RFC 8252)."""
    return told in known or any(_same_but_port(told, each) for each in known)


def _same_but_port(told: str, known: str) -> bool:
    if redirect_reason(told) is not None:
        return False
    one, other = urlsplit(told), urlsplit(known)
    ours = _host(other.netloc)
    return (
        other.scheme == "http"
        and ours in LOOPBACK - {"localhost"}
        and one._replace(netloc="") == other._replace(netloc="")
        and _host(one.netloc) == ours
    )


def origin_reason(told: str) -> str | None:
    """Why this is no origin that scripts may ask from; None when it is."""
    parts = urlsplit(told) if redirect_reason(told) is None else None
    if parts is None or parts.scheme not in ("https", "http") or told != f"{parts.scheme}://{parts.netloc}":
        return "scheme, host and port alone make an origin"
    return None if told == told.lower() else "an origin is written in small letters"
