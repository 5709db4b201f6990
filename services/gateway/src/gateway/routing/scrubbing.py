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
        b"client-ip",
        b"cookie",
        b"eppn",
        b"forwarded",
        b"true-client-ip",
        b"x-client-ip",
        b"x-http-method-override",
        b"x-original-url",
        b"x-real-ip",
        b"x-rewrite-url",
    }
)
CLAIMING_PREFIXES: Final = (
    b"remote-",
    b"shib-",
    b"ssl-client-",
    b"x-auth-",
    b"x-authenticated-",
    b"x-carrel-",
    b"x-client-cert",
    b"x-forwarded-",
    b"x-remote-",
    b"x-ssl-client-",
)
"""What proxies and single sign-on in front of somebody's service use to say who asks and from where."""
FROM_A_SERVICE: Final = frozenset({b"server", b"date", b"set-cookie"})


def _named_in_connection(headers: Iterable[tuple[bytes, bytes]]) -> set[bytes]:
    return {
        token.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for token in value.split(b",")
    }


def claims_identity(lowered: bytes) -> bool:
    """Whether a header says who asks; an underscore is read as a dash, as many a server does."""
    dashed = lowered.replace(b"_", b"-")
    return dashed in CLAIMING_IDENTITY or dashed.startswith(CLAIMING_PREFIXES)


def inward(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that a service gets to see."""
    kept = list(headers)
    also = _named_in_connection(kept)
    return [
        (name, value)
        for name, value in kept
        if (lowered := name.lower()) not in HOP_BY_HOP
        and lowered not in also
        and not claims_identity(lowered)
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
