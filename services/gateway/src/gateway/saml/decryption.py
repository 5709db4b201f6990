"""Decrypting what an identity provider encrypted to us, before anything is validated.

The plain bytes are put back as bytes, never as nodes: moving a node renames prefixes where the new parent has
declared them otherwise, and the signature inside would no longer fit (seen with python3-saml and lxml).
"""

import base64
import binascii
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.saml.markup import Element, text
from gateway.saml.names import CBC, DS, GCM, OAEP, OAEP_MGF1P, XENC, XENC11, tag
from gateway.saml.rules import Code, MessageRefused
from gateway.saml.signatures import Credential

KEYS_TRIED = 8
"""EncryptedKeys of one message that are looked at: each costs an RSA operation for each key of ours."""
_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "http://www.w3.org/2000/09/xmldsig#sha1": hashes.SHA1,  # only as OAEP's mask, where it is sound and usual
    "http://www.w3.org/2001/04/xmlenc#sha256": hashes.SHA256,
    "http://www.w3.org/2001/04/xmldsig-more#sha384": hashes.SHA384,
    "http://www.w3.org/2001/04/xmlenc#sha512": hashes.SHA512,
    "http://www.w3.org/2009/xmlenc11#mgf1sha1": hashes.SHA1,
    "http://www.w3.org/2009/xmlenc11#mgf1sha256": hashes.SHA256,
    "http://www.w3.org/2009/xmlenc11#mgf1sha384": hashes.SHA384,
    "http://www.w3.org/2009/xmlenc11#mgf1sha512": hashes.SHA512,
}


def decrypted(encrypted: Element, credentials: Sequence[Credential], *, allow_cbc: bool) -> bytes:
    """The plain bytes of an EncryptedAssertion or EncryptedID, with whichever key of ours opens it."""
    parts = encrypted.findall(tag(XENC, "EncryptedData"))
    if len(parts) != 1:
        raise MessageRefused(Code.UNDECRYPTABLE, "not one EncryptedData")
    method = parts[0].find(tag(XENC, "EncryptionMethod"))
    cipher = None if method is None else method.get("Algorithm")
    size = (GCM | CBC if allow_cbc else GCM).get(cipher or "")
    if size is None:
        raise MessageRefused(Code.CIPHER, "the cipher of the content")
    keys = list(encrypted.iter(tag(XENC, "EncryptedKey")))[:KEYS_TRIED]
    if not keys:
        raise MessageRefused(Code.UNDECRYPTABLE, "no EncryptedKey")
    content = _value(parts[0])
    for key in keys:
        for credential in credentials:
            secret = _key(key, credential)
            if secret is not None and len(secret) == size:
                plain = _gcm(secret, content) if cipher in GCM else _cbc(secret, content)
                if plain is not None:
                    return plain
    raise MessageRefused(Code.UNDECRYPTABLE)


def _key(encrypted: Element, credential: Credential) -> bytes | None:
    method = encrypted.find(tag(XENC, "EncryptionMethod"))
    algorithm = None if method is None else method.get("Algorithm")
    if method is None or algorithm not in (OAEP_MGF1P, OAEP):
        raise MessageRefused(Code.CIPHER, "the transport of the key")
    digest = method.find(tag(DS, "DigestMethod"))
    mask = method.find(tag(XENC11, "MGF")) if algorithm == OAEP else None
    parameters = method.find(tag(XENC, "OAEPparams"))
    try:
        hashed = _HASHES[
            "http://www.w3.org/2000/09/xmldsig#sha1" if digest is None else digest.get("Algorithm", "")
        ]
        masked = _HASHES[
            "http://www.w3.org/2009/xmlenc11#mgf1sha1" if mask is None else mask.get("Algorithm", "")
        ]
        label = None if parameters is None else base64.b64decode(text(parameters), validate=True)
    except (KeyError, binascii.Error):
        raise MessageRefused(Code.CIPHER, "the transport of the key") from None
    # Whether the key is sound was seen when it was made; the seal keeps it so. Looking again takes a tenth of a second.
    private = serialization.load_pem_private_key(
        credential.private, None, unsafe_skip_rsa_key_validation=True
    )
    assert isinstance(private, rsa.RSAPrivateKey)
    try:
        return private.decrypt(_value(encrypted), padding.OAEP(padding.MGF1(masked()), hashed(), label))
    except ValueError:
        return None


def _value(encrypted: Element) -> bytes:
    found = encrypted.find(f"{tag(XENC, 'CipherData')}/{tag(XENC, 'CipherValue')}")
    try:
        return base64.b64decode("".join(text(found).split()), validate=True)
    except binascii.Error:
        raise MessageRefused(Code.UNDECRYPTABLE, "not base64") from None


def _gcm(secret: bytes, content: bytes) -> bytes | None:
    if len(content) < 28:
        return None
    try:
        return AESGCM(secret).decrypt(content[:12], content[12:], None)
    except InvalidTag:
        return None


def _cbc(secret: bytes, content: bytes) -> bytes | None:
    """Padded as XML Encryption §5.2 says: the last byte tells how many go."""
    if len(content) < 32 or len(content) % 16:
        return None
    reader = Cipher(algorithms.AES(secret), modes.CBC(content[:16])).decryptor()
    plain = reader.update(content[16:]) + reader.finalize()
    return plain[: -plain[-1]] if 1 <= plain[-1] <= 16 else None
