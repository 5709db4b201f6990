"""Where may something be sent? Only to public addresses, by https, on the usual ports (OWASP API 7, SSRF).

Everything is judged in the form in which it is used: the URL by the parser of the client that sends, the name by
the very addresses that are connected to. Decisions only; who resolves names is `guard`.
"""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS: Final = frozenset({443, 8443})
PLAIN_PORTS: Final = PORTS | {80, 8080}
"""Where whoever only looks may look (`refusals`, `plain`)."""
LONGEST: Final = 2000
NUMERIC: Final = re.compile(r"(0[xX][0-9a-fA-F]*|[0-9]+)\Z")
LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z")
INSIDE: Final = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "onion", "invalid", "test")
"""Names that never are on the public internet (RFC 6761, RFC 8375, and what networks call themselves)."""

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
COMPATIBLE: Final = ipaddress.IPv6Network("::/96")
TRANSLATED: Final = ipaddress.IPv6Network("::ffff:0:0:0/96")
"""IPv4-translated addresses (RFC 2765)."""
NOT_PUBLIC: Final = tuple(
    ipaddress.ip_network(told)
    for told in ("192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10")
)  # fmt: skip
"""Not for the public, whatever the release of Python thinks of them."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing is sent there."""

    code: str
    text: str
    mend: str | None = None


def parsed(url: str) -> URL | None:
    """A URL as the sending client reads it; None when it cannot."""
    if len(url) > LONGEST or not url.isprintable() or any(sign in url for sign in " \\"):
        return None
    try:
        told = URL(url)
        told.port, told.host  # noqa: B018 - asking is what checks them
    except ValueError:
        return None
    return told if told.absolute and told.raw_host else None


def inner(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that stands for it, however it is wrapped; else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) > 1 and any(address in network for network in (NAT64, COMPATIBLE, TRANSLATED)):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def public(address: Address) -> bool:
    """Whether an address is one of the public internet, and so is what it stands for."""
    plain = inner(address)
    if plain == address:
        return _global(address)
    goes_there = isinstance(address, ipaddress.IPv6Address) and (address.ipv4_mapped or address in NAT64)
    return _global(plain) and bool(goes_there or _global(address))


def _global(address: Address) -> bool:
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback)
        and not any(address.version == network.version and address in network for network in NOT_PUBLIC)
    )


def allowed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether something may be sent to an address: a public one, or one in a network that is allowed by setting."""
    plain = inner(address) if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped else address
    return any(plain.version == network.version and plain in network for network in networks) or public(
        address
    )


def literal(host: str) -> Address | None:
    """The address that a host is, if it is one; None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None


def refusals(url: str, networks: Iterable[Network] = (), *, plain: bool = False) -> list[Refusal]:
    """Every reason against a URL as such; what its name resolves to is judged when it is known.

    In an allowed network (loopback for trying things out, say) an address may be named by its digits, with
    http and any port. `plain`: nothing is sent but the question what is there, so http and its ports will do, and a
    fragment is nobody's matter.
    """
    told = parsed(url)
    if told is None:
        return [Refusal("url-unreadable", "This is no URL of at most 2 000 characters.", "https://host/path")]
    host = (told.raw_host or "").lower()
    reasons = []
    if told.raw_user is not None or told.raw_password is not None:
        reasons.append(
            Refusal("url-with-credentials", "The URL holds a name or a password.", "Leave them out.")
        )
    if told.raw_fragment and not plain:
        reasons.append(Refusal("url-with-fragment", "The URL has a fragment, which is never sent."))
    address = literal(host)
    networks = tuple(networks)
    near = address is not None and any(address.version == n.version and address in n for n in networks)
    if near:
        if told.scheme not in ("http", "https"):
            reasons.append(Refusal("scheme-refused", "Only http and https are spoken."))
        return reasons
    if told.scheme != "https" and not (plain and told.scheme == "http"):
        spoken = "http and https are" if plain else "https is"
        reasons.append(Refusal("scheme-refused", f"Only {spoken} spoken."))
    if told.port not in (PLAIN_PORTS if plain else PORTS):
        ports = "80, 443, 8080 or 8443" if plain else "443 or 8443"
        reasons.append(Refusal("port-refused", f"Port {told.port} is not {ports}."))
    if reason := _against(host, address):
        reasons.append(reason)
    return reasons


def _against(host: str, address: Address | None) -> Refusal | None:
    name = host.rstrip(".")
    labels = name.split(".")
    if address is not None or NUMERIC.match(labels[-1]) or ":" in host or "%" in host:
        return Refusal("address-literal", "The host is an address.", "Give it a name in the DNS.")
    if len(labels) < 2 or any(name == inside or name.endswith(f".{inside}") for inside in INSIDE):
        return Refusal("host-not-public", "This name is not of the public internet.")
    if len(name) > 253 or not all(LABEL.match(label) for label in labels):
        return Refusal("host-unreadable", "The host is no name that the DNS can hold.")
    return None
