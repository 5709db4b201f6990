"""What never passes the gateway: hop-by-hop headers (RFC 9110 §7.6.1) and headers that claim an identity."""

from collections.abc import Iterable
from typing import Final

Headers = list[tuple[bytes, bytes]]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
CLAIMING_IDENTITY: Final = frozenset(
    {
        b"authorization",
        b"cookie",
        b"remote-user",
        b"x-remote-user",
        b"x-forwarded-user",
        b"x-forwarded-email",
        b"x-real-ip",
        b"forwarded",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-forwarded-prefix",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
OWN_PREFIX: Final = b"x-carrel-"
FROM_A_SERVICE: Final = frozenset({b"server", b"date", b"set-cookie"})


def _named_in_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    return {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }


def inward(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that a service gets to see."""
    kept = list(headers)
    also = _named_in_connection(kept)
    return [
        (name, value)
        for name, value in kept
        if (lowered := name.lower()) not in HOP_BY_HOP
        and lowered not in CLAIMING_IDENTITY
        and lowered not in also
        and not lowered.startswith(OWN_PREFIX)
    ]


def outward(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers of a service's answer that go on to the client."""
    kept = list(headers)
    also = _named_in_connection(kept)
    return [
        (name, value)
        for name, value in kept
        if (lowered := name.lower()) not in HOP_BY_HOP
        and lowered not in FROM_A_SERVICE
        and lowered not in also
    ]
