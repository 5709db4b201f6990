"""The key by which a provider knows us lies sealed in the database: AES-256-GCM with a key from the settings."""

import hashlib
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

NONCE_BYTES = 12


class WrongSealingKey(Exception):
    """Sealed with another key, or for another source: the setting ERM_SEALING_KEY has changed, or is gone."""


def _cipher(key: SecretStr) -> AESGCM:
    return AESGCM(hashlib.sha256(b"carrel erm sealing\0" + key.get_secret_value().encode()).digest())


def seal(key: SecretStr, source_id: UUID, plain: str) -> bytes:
    """Sealed for this source, nonce first."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plain.encode(), source_id.bytes)


def opened(key: SecretStr | None, source_id: UUID, sealed: bytes) -> str:
    """What was sealed; `WrongSealingKey`."""
    if key is None:
        raise WrongSealingKey("ERM_SEALING_KEY is not set")
    try:
        return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], source_id.bytes).decode()
    except InvalidTag as error:
        raise WrongSealingKey("ERM_SEALING_KEY is not the one that the key was sealed with") from error
