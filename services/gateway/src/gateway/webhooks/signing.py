"""Standard Webhooks signatures: what is sent with a delivery, and how a receiver checks it.

`v1` is HMAC-SHA256 with a shared secret (`whsec_…`), `v1a` Ed25519 with a key whose public half (`whpk_…`) the
receiver keeps, so that it holds no secret. Signed is `id.timestamp.body`.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TOLERANCE_SECONDS = 300
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """A secret that signs."""

    kind: str
    """v1 or v1a."""
    raw: bytes

    @property
    def secret(self) -> str:
        """As it is told, once, to whoever is to check with it."""
        return ("whsec_" if self.kind == "v1" else "whsk_") + base64.b64encode(self.raw).decode()

    @property
    def public(self) -> str | None:
        """What a receiver of `v1a` checks with; no secret."""
        if self.kind == "v1":
            return None
        private = Ed25519PrivateKey.from_private_bytes(self.raw)
        return "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode()

    def sign(self, signed: bytes) -> str:
        """One signature, with its version."""
        if self.kind == "v1":
            made = hmac.new(self.raw, signed, hashlib.sha256).digest()
        else:
            made = Ed25519PrivateKey.from_private_bytes(self.raw).sign(signed)
        return f"{self.kind},{base64.b64encode(made).decode()}"


def new_key(kind: str) -> Key:
    """A key of 256 random bits."""
    return Key(kind, os.urandom(SECRET_BYTES))


def headers(keys: Iterable[Key], *, id: str, timestamp: int, body: bytes) -> dict[str, str]:  # noqa: A002 - as the header
    """The three headers; a signature for every live key."""
    signed = b"%b.%d.%b" % (id.encode(), timestamp, body)
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(key.sign(signed) for key in keys),
    }


def verified(secrets: Iterable[str], told: Mapping[str, str], body: bytes, *, now: int) -> bool:
    """Whether a delivery is ours: signed with one of these `whsec_` secrets, and of just now."""
    stamp, id_ = told.get("webhook-timestamp", ""), told.get("webhook-id", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12 and id_):
        return False
    if abs(int(stamp) - now) > TOLERANCE_SECONDS:
        return False
    signed = b"%b.%b.%b" % (id_.encode(), stamp.encode(), body)
    given = told.get("webhook-signature", "").split(" ")
    for secret in secrets:
        try:
            key = Key("v1", base64.b64decode(secret.removeprefix("whsec_"), validate=True))
        except binascii.Error:
            continue
        wanted = key.sign(signed).encode()
        if any(hmac.compare_digest(wanted, each.encode()) for each in given):
            return True
    return False
