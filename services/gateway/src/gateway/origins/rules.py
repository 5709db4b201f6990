"""What a browser is told about a page that asks from another origin (the Fetch standard's CORS protocol)."""

from collections.abc import Mapping
from typing import Final

Headers = list[tuple[bytes, bytes]]

METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
SENT: Final = (
    b"Accept, Accept-Language, Authorization, Content-Type, CSRF-Token, Guard-Pass, Idempotency-Key, If-Match, "
    b"If-None-Match, traceparent"
)
SHOWN: Final = (
    b"ETag, Idempotency-Replayed, Link, Location, RateLimit, RateLimit-Policy, Retry-After, traceparent, "
    b"WWW-Authenticate, Deprecation, Sunset"
)
REMEMBERED: Final = b"600"
"""Seconds for which a browser need not ask again."""
VARY: Final = (b"vary", b"Origin")


def allowed(origin: str, *, cookies: bool) -> Headers:
    """Headers of every answer to a page that is known. `cookies`: a page of ours, which acts for who is signed in."""
    told: Headers = [
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-expose-headers", SHOWN),
        VARY,
    ]
    return [*told, (b"access-control-allow-credentials", b"true")] if cookies else told


def before() -> Headers:
    """Headers of the answer to a browser that asks before it sends (a preflight)."""
    return [
        (b"access-control-allow-methods", METHODS),
        (b"access-control-allow-headers", SENT),
        (b"access-control-max-age", REMEMBERED),
    ]


def asks_before(method: str, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks before it sends."""
    return method == "OPTIONS" and b"access-control-request-method" in headers
