"""Secrets of machines: 256 random bits, so a plain hash keeps them; a prefix lets leak scanners find them."""

import hashlib
import hmac
import ipaddress
import os
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import unquote
from uuid import UUID

PREFIX = "crl_"
LIKE_A_KEY = re.compile(rb"crl_[0-9a-f]{32}_[\w%-]*")
NO_SECRET = bytes(32)
"""The hash of no secret that anybody knows: what a stranger's is compared with."""


def new_secret() -> str:
    """256 random bits as text."""
    return urlsafe_b64encode(os.urandom(32)).rstrip(b"=").decode()


def hashed(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def matches(secret: str, kept: bytes) -> bool:
    """Whether this is the secret, compared in constant time."""
    return hmac.compare_digest(hashed(secret), bytes(kept))


def live_secret(
    secret: str, kept: bytes, previous: bytes | None, previous_expires_at: datetime | None, *, now: datetime
) -> tuple[bool, datetime | None]:
    """Whether this is the secret or, while that is good, the one before it; and until when, if not for good."""
    if matches(secret, kept):
        return True, None
    if previous is not None and previous_expires_at is not None and previous_expires_at > now:
        return matches(secret, previous), previous_expires_at
    return False, None


def comes_from(address: str | None, networks: Iterable[str] | None) -> bool:
    """Whether a machine that is bound to networks asks from one of them."""
    if networks is None:
        return True
    try:
        told = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(told, ipaddress.IPv6Address) and told.ipv4_mapped is not None:
        told = told.ipv4_mapped
    return any(told.version == n.version and told in n for n in map(ipaddress.ip_network, networks))


def keys_in(address: bytes) -> list[str]:
    """What looks like a key of ours in an address."""
    return [unquote(found.decode("latin-1")) for found in LIKE_A_KEY.findall(address)]


def as_key(client_id: UUID, secret: str) -> str:
    """The API key that a client sends: prefix, the client's id, the secret."""
    return f"{PREFIX}{client_id.hex}_{secret}"


def read_key(key: str) -> tuple[UUID, str] | None:
    """The client's id and the secret in a key; None when it is none of ours."""
    if not key.startswith(PREFIX):
        return None
    hex_id, _, secret = key.removeprefix(PREFIX).partition("_")
    try:
        return UUID(hex=hex_id), secret
    except ValueError:
        return None
