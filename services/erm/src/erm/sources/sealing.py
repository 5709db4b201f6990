"""That by which others know us lies sealed in the database: AES-256-GCM with a key from the settings."""

import hashlib
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import SecretStr

from chassis.problems import Reason, Refused

NONCE_BYTES = 12


class WrongSealingKey(Exception):
    """Sealed with another key, or for another source: the setting ERM_SEALING_KEY has changed, or is gone."""


class NotSealable(Refused):
    """There is no key to seal with."""

    code, title = "not-sealable", "This is kept sealed, and there is no key to seal it with."


def demanded(key: SecretStr | None, pointer: str) -> SecretStr:
    """The key; `NotSealable` where there is none. `pointer` names what was to be sealed."""
    if key is None:
        text = "Nothing is kept in plain text, and there is no key to seal it with."
        raise NotSealable(reasons=[Reason("sealing-key-not-set", text, pointer, "Set ERM_SEALING_KEY.")])
    return key


def _cipher(key: SecretStr) -> AESGCM:
    return AESGCM(hashlib.sha256(b"carrel erm sealing\0" + key.get_secret_value().encode()).digest())


def seal(key: SecretStr, source_id: UUID, plain: str) -> bytes:
    """Sealed for this source (the row that it lies in), nonce first."""
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
