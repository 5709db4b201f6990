"""Signing keys, sealed at rest, published before they sign and until nothing they signed is valid.

Ours (Ed25519) are made, published for an hour, then sign for 30 days, and stay published for a day after that.
"""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc.jwk import KeyParameters, KeySet, OKPKey, RSAKey

from chassis.ids import uuid7

PUBLISHED_BEFORE = timedelta(hours=1)
SIGNS_FOR = timedelta(days=30)
PUBLISHED_AFTER = timedelta(days=1)


class WrongSealingKey(Exception):
    """The stored keys were sealed with another key: the setting GATEWAY_SEALING_KEY has changed."""


Pair = OKPKey | RSAKey


@dataclass(frozen=True, slots=True)
class Ring:
    """Keys of one purpose, each followed by the next."""

    table: str
    algorithm: str
    generate: Callable[[], Pair]
    read: Callable[[bytes, KeyParameters], Pair]
    published_before: timedelta = PUBLISHED_BEFORE
    signs_for: timedelta = SIGNS_FOR
    published_after: timedelta = PUBLISHED_AFTER


def _ed25519(der: bytes, about: KeyParameters) -> Pair:
    return OKPKey.import_key(der, about)


OURS: Final = Ring("signing_key", "Ed25519", lambda: OKPKey.generate_key("Ed25519", private=True), _ed25519)
"""What access tokens and those of the hop inside are signed with."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair and when it signs."""

    kid: str
    key: Pair
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
    connection: asyncpg.pool.PoolConnectionProxy, sealer: Sealer, *, now: datetime, ring: Ring = OURS
) -> bool:
    """Make the first key, or the next one shortly before the current one ends; whether one was made."""
    async with connection.transaction():
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtext($1))", ring.table.replace("_", " ") + "s"
        )
        await connection.execute(
            f"DELETE FROM {ring.table} WHERE signs_until < $1",  # noqa: S608 - a table of ours
            now - ring.published_after,
        )
        last = await connection.fetchval(f"SELECT max(signs_until) FROM {ring.table}")  # noqa: S608 - as above
        if last is not None and last - now > 2 * ring.published_before:
            return False
        begins = now if last is None or last < now else last
        key = await asyncio.to_thread(ring.generate)
        await connection.execute(
            f"INSERT INTO {ring.table} (kid, sealed, signs_from, signs_until) VALUES ($1, $2, $3, $4)",  # noqa: S608 - as above
            str(uuid7()),
            sealer.seal(key.as_bytes(encoding="DER", private=True)),
            begins,
            begins + ring.signs_for,
        )
    return True


async def read_keys(pool: asyncpg.Pool, sealer: Sealer, *, ring: Ring = OURS) -> list[SigningKey]:
    """Every published key."""
    rows = await pool.fetch(
        f"SELECT kid, sealed, signs_from, signs_until FROM {ring.table} ORDER BY signs_from"  # noqa: S608 - a table of ours
    )
    return [
        SigningKey(
            row["kid"],
            ring.read(sealer.open(row["sealed"]), {"kid": row["kid"], "use": "sig", "alg": ring.algorithm}),
            row["signs_from"],
            row["signs_until"],
        )
        for row in rows
    ]


def public_set(keys: list[SigningKey], *, ring: Ring = OURS) -> dict[str, Any]:
    """The JWKS document (RFC 7517)."""
    return {
        "keys": [
            {**key.key.as_dict(private=False), "kid": key.kid, "use": "sig", "alg": ring.algorithm}
            for key in keys
        ]
    }


def signing(keys: list[SigningKey], now: datetime) -> list[SigningKey]:
    """Those that sign at this moment."""
    return [key for key in keys if key.signs_from <= now < key.signs_until]


def key_set(keys: list[SigningKey]) -> KeySet:
    """The keys as joserfc's set, for verification."""
    return KeySet([key.key for key in keys])
