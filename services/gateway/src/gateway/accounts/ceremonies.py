"""What a device is asked for a passkey, and what its answer proves (WebAuthn §7); imported when the first one comes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
import webauthn
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

_WRONG = (WebAuthnException, ValueError, TypeError, KeyError)
"""What the library raises over an answer that is wrong, or is none at all."""


class ProvesNothing(Exception):
    """The device's answer proves nothing; the message names what the library raised."""


@dataclass(frozen=True, slots=True)
class Made:
    """A passkey as the device tells of it."""

    credential_id: bytes
    public_key: bytes
    sign_count: int


def making(
    host: str, account_id: UUID, username: str, challenge: bytes, known: Sequence[bytes]
) -> dict[str, Any]:
    """What the browser is told when a passkey is to be made; `known`: the ids of those that are there."""
    options = webauthn.generate_registration_options(
        rp_id=host,
        rp_name="Library",
        user_id=account_id.bytes,
        user_name=username,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return _told(options)


def made(credential: Mapping[str, Any], challenge: bytes, host: str, origin: str) -> Made:
    """The passkey that this answer makes; `ProvesNothing`."""
    try:
        told = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            require_user_verification=True,
        )
    except _WRONG as error:
        raise ProvesNothing(type(error).__name__) from None
    return Made(told.credential_id, told.credential_public_key, told.sign_count)


def showing(host: str, challenge: bytes) -> dict[str, Any]:
    """What the browser is told when one is to be shown."""
    options = webauthn.generate_authentication_options(
        rp_id=host, challenge=challenge, user_verification=UserVerificationRequirement.REQUIRED
    )
    return _told(options)


def shown(
    credential: Mapping[str, Any],
    challenge: bytes,
    host: str,
    origin: str,
    public_key: bytes,
    sign_count: int,
) -> int:
    """How often it says that it has signed, where the answer is this passkey's; `ProvesNothing`."""
    try:
        told = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=challenge,
            expected_rp_id=host,
            expected_origin=origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
            require_user_verification=True,
        )
    except _WRONG as error:
        raise ProvesNothing(type(error).__name__) from None
    return told.new_sign_count


def _told(options: Any) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(webauthn.options_to_json(options))
    return told
