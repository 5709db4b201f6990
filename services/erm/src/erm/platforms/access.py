"""How readers get into a platform: the library's addresses there, and ways of access in order of preference. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network, summarize_address_range
from itertools import combinations
from typing import Final

from erm.platforms.rules import through_proxy


class Method(StrEnum):
    """A way of access. Codes never change."""

    IP = "ip"
    """By the reader's own address, within the library's network alone."""
    PROXY = "proxy"
    """Through the library's proxy, whose address the platform knows."""
    SAML = "saml"
    """By signing in at the university (SAML)."""
    USERNAME = "username"
    """With a user name and a password of the library's; readers ask for them."""


TEXTS: Final = {
    Method.IP: "It opens within the library's network.",
    Method.PROXY: "It opens through the library's proxy.",
    Method.SAML: "You sign in through the university.",
    Method.USERNAME: "It wants a user name and a password, which the library tells.",
}


@dataclass(frozen=True, slots=True)
class Way:
    """A way of access."""

    method: Method
    sign_in_url: str | None = None
    """Of `saml`: an address that signs the reader in and leads on; `{url}` stands for where to."""


def way_in(url: str, ways: Sequence[Way], *, proxied: bool, prefix: str | None) -> tuple[str, Method | None]:
    """A link by the first way that can be gone, and which one that is.

    Where none is told, `proxied` decides as it ever did. The proxy cannot be gone through where the library has none.
    """
    if not ways:
        return (through_proxy(url, prefix), Method.PROXY) if proxied and prefix else (url, None)
    for way in ways:
        if way.method is Method.PROXY:
            if prefix:
                return through_proxy(url, prefix), way.method
        elif way.method is Method.SAML and way.sign_in_url:
            return through_proxy(url, way.sign_in_url), way.method
        else:
            return url, way.method
    return url, None


Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses from the first to the last, of one version."""

    first: Address
    last: Address

    def __str__(self) -> str:
        """As a network where it is one, else as both ends."""
        if self.first == self.last:
            return str(self.first)
        whole = list(summarize_address_range(self.first, self.last))
        return str(whole[0]) if len(whole) == 1 else f"{self.first}-{self.last}"

    def overlaps(self, other: "Range") -> bool:
        """Whether an address is in both."""
        if self.first.version != other.first.version:
            return False
        return int(self.first) <= int(other.last) and int(other.first) <= int(self.last)


MENDS: Final = {
    "range-malformed": "Write 192.0.2.7, 192.0.2.0/24 or 192.0.2.10-192.0.2.20; IPv6 alike.",
    "range-host-bits": "Write the network's first address before the slash, or both ends.",
    "range-backwards": "Write the lower end first.",
    "range-not-public": "Name the addresses by which the platform sees the library.",
    "range-overlaps": "Make one of them.",
}
TOLD: Final = {
    "range-malformed": "It is no address, network or range of addresses.",
    "range-host-bits": "The address before the slash is not the network's first.",
    "range-backwards": "It ends before it begins.",
    "range-not-public": "Nobody outside sees these addresses.",
}
_OUTSIDE_ONLY: Final = tuple(
    ip_network(each)
    for each in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "224.0.0.0/3", "::/16", "fc00::/7", "fe80::/10", "ff00::/8"),
    )
)


def read_range(told: str) -> Range | str:
    """`192.0.2.0/24`, `192.0.2.10-192.0.2.20`, `2001:db8::/32`, or one address; else why it is none, as a code."""
    tidy = "".join(told.split())
    try:
        if "/" in tidy:
            try:
                network = ip_network(tidy)
            except ValueError:
                ip_network(tidy, strict=False)
                return "range-host-bits"
            found = Range(network[0], network[-1])
        else:
            low, _, high = tidy.partition("-")
            found = Range(ip_address(low), ip_address(high or low))
    except ValueError:
        return "range-malformed"
    if found.first.version != found.last.version:
        return "range-malformed"
    if int(found.last) < int(found.first):
        return "range-backwards"
    hidden = any(Range(each[0], each[-1]).overlaps(found) for each in _OUTSIDE_ONLY)
    return "range-not-public" if hidden else found


def overlapping(ranges: Sequence[tuple[int, Range]]) -> list[tuple[int, int]]:
    """Which of them (by their numbers, the later one first) have addresses in common."""
    return [(there, here) for (here, one), (there, other) in combinations(ranges, 2) if one.overlaps(other)]
