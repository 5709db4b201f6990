"""What we prove ourselves with to partners lies sealed in the database: AES-256-GCM with a key from the settings."""

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from chassis.resources import Resources

NONCE_BYTES = 12
NAMES = ("account", "security_code", "token")
_PLAIN = """
SELECT partner_id, our_account AS account, our_security_code AS security_code, our_token AS token FROM partner_secret
WHERE num_nonnulls(our_account, our_security_code, our_token) > 0 LIMIT 100 FOR UPDATE SKIP LOCKED
"""
SEAL = """
UPDATE partner_secret SET sealed = $2, our_account = NULL, our_security_code = NULL, our_token = NULL
WHERE partner_id = $1
"""


class WrongSealingKey(Exception):
    """Sealed with another key, or for another partner: the setting ILL_SEALING_KEY has changed."""


def _cipher(key: SecretStr) -> AESGCM:
    return AESGCM(hashlib.sha256(b"carrel ill sealing\0" + key.get_secret_value().encode()).digest())


def seal(key: SecretStr, partner_id: UUID, credentials: Mapping[str, str | None]) -> bytes:
    """Sealed for this partner, nonce first."""
    nonce = os.urandom(NONCE_BYTES)
    plain = json.dumps({name: credentials[name] for name in NAMES}).encode()
    return nonce + _cipher(key).encrypt(nonce, plain, partner_id.bytes)


def opened(key: SecretStr | None, partner_id: UUID, sealed: bytes) -> dict[str, str | None]:
    """What was sealed; `WrongSealingKey` where the key is missing or another one."""
    if key is None:
        raise WrongSealingKey("ILL_SEALING_KEY is not set")
    try:
        plain = _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], partner_id.bytes)
    except InvalidTag as error:
        raise WrongSealingKey(
            "ILL_SEALING_KEY is not the one that the credentials were sealed with"
        ) from error
    told: dict[str, str | None] = json.loads(plain)
    return told


async def seal_old_credentials(resources: Resources, now: datetime) -> None:
    """A timer: what a release before sealing has left in plain text."""
    key = resources.settings.sealing_key
    if key is None:
        return
    async with resources.pool.acquire() as connection, connection.transaction():
        for row in await connection.fetch(_PLAIN):
            told = {name: row[name] for name in NAMES}
            await connection.execute(SEAL, row["partner_id"], seal(key, row["partner_id"], told))
