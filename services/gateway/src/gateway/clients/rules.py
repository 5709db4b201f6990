"""Secrets of machines: 256 random bits, so a plain hash keeps them; a prefix lets leak scanners find them."""

import hashlib
import hmac
import os
import re
from base64 import urlsafe_b64encode
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
