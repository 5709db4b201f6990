"""When are headers that say who somebody is to be believed? Decisions only: no clock, no database.

Whatever a web server passes on as a header, a browser can send as a header, too: names are compared to the letter
(an underscore is a dash to many a server), each comes once, and a proof over all of them comes along that only the
web server can have made.
"""

import hmac
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Final

from gateway.signon.rules import Why

PROOF: Final = "lib-shib-proof"
SESSION: Final = "shib-session-id"
PROVIDER: Final = "shib-identity-provider"
INSTANT: Final = "shib-authentication-instant"
CONTEXT: Final = "shib-authncontext-class"
FIXED: Final = frozenset({SESSION, PROVIDER, INSTANT, CONTEXT})
WINDOW: Final = timedelta(seconds=30)
_PROOF = re.compile(r"t=([0-9]{1,12}),n=([A-Za-z0-9_-]{16,64}),mac=([0-9a-f]{64})\Z")
_PART = re.compile(r"((?:\\;|[^;])*)(?:;|\Z)")


@dataclass(frozen=True, slots=True)
class Proof:
    """What the web server says to vouch for the headers."""

    at: int
    """Seconds since 1970."""
    nonce: str
    mac: str


def proof_in(told: str | None) -> Proof | None:
    """`t=…,n=…,mac=…`; None for anything else."""
    found = _PROOF.match(told or "")
    return Proof(int(found[1]), found[2], found[3]) if found else None


def covered(at: int, nonce: str, headers: Mapping[str, str]) -> bytes:
    """What a proof is made over: time, nonce, and each header that is read, by name."""
    lines = ["carrel-shib-1", str(at), nonce, *(f"{name}:{headers[name]}" for name in sorted(headers))]
    return ("\n".join(lines) + "\n").encode()


def proves(proof: Proof, key: bytes, headers: Mapping[str, str], *, now: datetime) -> bool:
    """Whether it was made with our key, over these headers, within half a minute."""
    made = hmac.new(key, covered(proof.at, proof.nonce, headers), sha256).hexdigest()
    fresh = abs(now.timestamp() - proof.at) <= WINDOW.total_seconds()
    return hmac.compare_digest(made, proof.mac) and fresh


def trusted(address: str | None, networks: Sequence[str]) -> bool:
    """Whether a request comes from where the web server is; a Unix socket has no address."""
    if address is None:
        return True
    try:
        told = ip_address(address)
    except ValueError:
        return False
    return any(told in ip_network(each) for each in networks)


def read(headers: Iterable[tuple[bytes, bytes]], known: Collection[str]) -> tuple[dict[str, str], list[Why]]:
    """The headers that are read, and every reason against them as they came."""
    found: dict[str, str] = {}
    against: set[Why] = set()
    for raw, value in headers:
        name = raw.decode("latin-1").lower()
        if name not in known:
            if name.replace("_", "-") in known:
                against.add(Why.HEADER_LIKE)
            continue
        if name in found:
            against.add(Why.HEADER_TWICE)
        try:
            found[name] = value.decode("utf-8")
        except UnicodeDecodeError:
            against.add(Why.UNREADABLE)
    return found, sorted(against)


def values(told: str) -> list[str]:
    r"""The values of one header: parted by `;`, while `\;` is a semicolon in a value (mod_shib's own encoding)."""
    return [part for each in _PART.findall(told) if (part := each.replace("\\;", ";").strip())]
