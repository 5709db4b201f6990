"""Somebody's device: it makes passkeys and shows them, in our own words (WebAuthn Level 3 §6), not the library's."""

import base64
import hashlib
import json
import os
import struct
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Device:
    """With one key pair."""

    def __init__(self, *, verifies: bool = True, counts: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = os.urandom(32)
        self.flags = PRESENT | (VERIFIED if verifies else 0)
        self.counts = counts
        self.count = 0
        self.user = b""

    def _client_data(self, kind: str, options: dict[str, Any], origin: str) -> bytes:
        told = {"type": f"webauthn.{kind}", "challenge": options["challenge"], "origin": origin}
        return json.dumps(told).encode()

    def make(self, options: dict[str, Any], *, origin: str) -> dict[str, Any]:
        """A new passkey, as `navigator.credentials.create()` gives it."""
        numbers = self.key.public_key().public_numbers()
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        self.user = base64.urlsafe_b64decode(options["user"]["id"] + "==")
        data = hashlib.sha256(options["rp"]["id"].encode()).digest()
        data += struct.pack(">BI", self.flags | ATTESTED, self.count)
        data += bytes(16) + struct.pack(">H", len(self.id)) + self.id + cbor2.dumps(cose)
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._told(
            clientDataJSON=self._client_data("create", options, origin), attestationObject=attested
        )

    def show(self, options: dict[str, Any], *, origin: str) -> dict[str, Any]:
        """The passkey shown, as `navigator.credentials.get()` gives it."""
        self.count += self.counts
        client_data = self._client_data("get", options, origin)
        data = hashlib.sha256(options["rpId"].encode()).digest() + struct.pack(">BI", self.flags, self.count)
        signature = self.key.sign(data + hashlib.sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        return self._told(
            clientDataJSON=client_data, authenticatorData=data, signature=signature, userHandle=self.user
        )

    def _told(self, **response: bytes) -> dict[str, Any]:
        told = {name: encoded(value) for name, value in response.items()}
        return {"id": encoded(self.id), "rawId": encoded(self.id), "type": "public-key", "response": told}
