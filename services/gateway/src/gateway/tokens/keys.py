"""Signing keys: Ed25519, sealed at rest, published before they sign and until nothing they signed is valid.

A key is made, published for an hour, then signs for 30 days, and stays published for a day after that.
"""

import hashlib
import hmac
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import KeySet, OKPKey

from chassis.ids import uuid7

PUBLISHED_BEFORE = timedelta(hours=1)
SIGNS_FOR = timedelta(days=30)
PUBLISHED_AFTER = timedelta(days=1)


class WrongSealingKey(Exception):
    """The stored keys were sealed with another key: the setting GATEWAY_SEALING_KEY has changed."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair and when it signs."""

    kid: str
    key: OKPKey
    signs_from: datetime
    signs_until: datetime


class Sealer:
    """AES-256-GCM with a key derived from a setting."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._cipher = AESGCM(hashlib.sha256(b"carrel sealing\0" + self._secret).digest())

    def derived(self, purpose: str) -> bytes:
        """A key for another purpose, from the same secret."""
        return hmac.new(self._secret, f"carrel {purpose}".encode(), hashlib.sha256).digest()

    def seal(self, plain: bytes) -> bytes:
        """Sealed bytes, nonce first."""
        nonce = os.urandom(12)
        return nonce + self._cipher.encrypt(nonce, plain, None)

    def open(self, sealed: bytes) -> bytes:
        """What was sealed; `WrongSealingKey` when the secret has changed."""
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag as error:
            raise WrongSealingKey(
                "GATEWAY_SEALING_KEY is not the one the signing keys were sealed with"
            ) from error


async def make_due_keys(
    connection: asyncpg.pool.PoolConnectionProxy, sealer: Sealer, *, now: datetime
) -> bool:
    """Make the first key, or the next one shortly before the current one ends; whether one was made."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('signing keys'))")
        await connection.execute("DELETE FROM signing_key WHERE signs_until < $1", now - PUBLISHED_AFTER)
        last = await connection.fetchval("SELECT max(signs_until) FROM signing_key")
        if last is not None and last - now > 2 * PUBLISHED_BEFORE:
            return False
        begins = now if last is None or last < now else last
        key = OKPKey.generate_key("Ed25519", private=True)
        await connection.execute(
            "INSERT INTO signing_key (kid, sealed, signs_from, signs_until) VALUES ($1, $2, $3, $4)",
            str(uuid7()),
            sealer.seal(key.as_bytes(encoding="DER", private=True)),
            begins,
            begins + SIGNS_FOR,
        )
    return True


async def read_keys(pool: asyncpg.Pool, sealer: Sealer) -> list[SigningKey]:
    """Every published key."""
    rows = await pool.fetch(
        "SELECT kid, sealed, signs_from, signs_until FROM signing_key ORDER BY signs_from"
    )
    return [
        SigningKey(
            row["kid"],
            OKPKey.import_key(
                sealer.open(row["sealed"]), {"kid": row["kid"], "use": "sig", "alg": "Ed25519"}
            ),
            row["signs_from"],
            row["signs_until"],
        )
        for row in rows
    ]


def public_set(keys: list[SigningKey]) -> dict[str, Any]:
    """The JWKS document (RFC 7517)."""
    return {
        "keys": [
            {**key.key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": "Ed25519"} for key in keys
        ]
    }


def key_set(keys: list[SigningKey]) -> KeySet:
    """The keys as joserfc's set, for verification."""
    return KeySet([key.key for key in keys])
