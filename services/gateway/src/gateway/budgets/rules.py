"""Whose budget does a request come from, and what is left of it? Decisions only: no clock, no database."""

import hashlib
import hmac
import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

WINDOW: Final = 60
"""Seconds of a window; every budget is told for one."""
DESK_SCOPES: Final = frozenset({"loans:create", "returns:create", "pins:verify"})
"""Whoever has one of them stands at a desk, or is a kiosk."""
REPORTED_FROM: Final = 0.1
"""The share of a budget from which other processes are told: below it what they do not know cannot matter."""


class Kind(StrEnum):
    """Sorts of askers. Each somebody has a budget of their own, and each sort its own places."""

    DESK = "desk"
    MACHINE = "machine"
    PATRON = "patron"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class Asker:
    """Whom a request is counted to."""

    kind: Kind
    ref: str


@dataclass(frozen=True, slots=True)
class Left:
    """A budget after a request."""

    name: str
    limit: int
    left: int
    """Less than nothing when this request was one too many."""
    seconds: int
    """Until the next window."""

    @property
    def spent(self) -> bool:
        """Whether this request was one too many."""
        return self.left < 0

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As clients are told (draft-ietf-httpapi-ratelimit-headers)."""
        policy = f'"{self.name}";q={self.limit};w={WINDOW}'
        now = f'"{self.name}";r={max(self.left, 0)};t={self.seconds}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", now.encode())]


def asker_of(
    kind: str, ref: str, scopes: Collection[str], on_behalf_of: str | None, address: str | None
) -> Asker:
    """Whom a request is counted to: a program that acts for people to the program, strangers to their network."""
    if on_behalf_of is not None:
        return Asker(Kind.MACHINE, on_behalf_of.partition(":")[2] or on_behalf_of)
    if kind in ("staff", "system"):
        return Asker(Kind.DESK, ref)
    if kind == "client":
        at_desk = "*" in scopes or not DESK_SCOPES.isdisjoint(scopes)
        return Asker(Kind.DESK if at_desk else Kind.MACHINE, ref)
    if kind == "patron":
        return Asker(Kind.PATRON, ref)
    return Asker(Kind.STRANGER, network_of(address))


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str:
    """What one customer of a provider usually has: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        told = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(told, ipaddress.IPv6Address):
        if told.ipv4_mapped is not None:
            return str(told.ipv4_mapped)
        return str(ipaddress.ip_network((told, 64), strict=False).network_address)
    return str(told)


INSIDE: Final = tuple(
    ipaddress.ip_network(told)
    for told in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
"""Addresses that nobody has on the internet (RFC 1918, RFC 4193): of this machine, of proxies, of the house."""


@lru_cache(maxsize=4096)
def inside(address: str | None) -> bool:
    """Whether an address may stand for many: a proxy's, or a container network's, that does not say who is behind it.

    Such strangers are not counted by their address; their places are bounded as everybody's.
    """
    try:
        told = ipaddress.ip_address(address or "")
    except ValueError:
        return address == "localhost"
    if isinstance(told, ipaddress.IPv6Address) and told.ipv4_mapped is not None:
        told = told.ipv4_mapped
    return any(told.version == network.version and told in network for network in INSIDE)


def key_of(asker: Asker, secret: bytes) -> str:
    """Under which name a budget is kept: nobody reads an address out of it."""
    told = hmac.new(secret, f"{asker.kind} {asker.ref}".encode(), hashlib.sha256).hexdigest()
    return told[:32]


def worth_telling(used: int, limit: int) -> bool:
    """Whether so much of a budget is used that the other processes need to know."""
    return used >= limit * REPORTED_FROM
