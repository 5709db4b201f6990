"""Tokens bound to a key (DPoP, RFC 9449): whoever steals one cannot use it, for each request is signed anew.

A proof is good once, for a minute, for one method and one address. What the address is says `GATEWAY_PUBLIC_URL`:
without it no token is bound, since a proof could not be told from one for another host.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg
import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from chassis.problems import Reason, Unauthenticated
from gateway.clients.assertions import ALGORITHMS, LONGEST_ID, PRIVATE, usable
from gateway.saml.requests import seen_first

HEADER: Final = b"dpop"
TYPE: Final = "dpop+jwt"
GOOD_FOR: Final = timedelta(seconds=60)
AHEAD: Final = timedelta(seconds=5)
"""How far a client's clock may go before ours."""
LONGEST: Final = 8000
"""Characters of a proof."""
_KINDS: Final[Mapping[str, type[OKPKey | ECKey | RSAKey]]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}


class ProofRefused(Exception):
    """Why a proof proves nothing."""


class ProofWanted(Unauthenticated):
    """The token is bound to a key, and this request does not prove to hold it."""

    code, title = "dpop-proof-wanted", "This token is bound to a key: prove that you hold it (RFC 9449)."

    def __init__(self, why: str, *, error: str = "invalid_dpop_proof") -> None:
        super().__init__(reasons=[Reason(error.replace("_", "-"), why, "DPoP")])
        self.headers["WWW-Authenticate"] = f'DPoP error="{error}", algs="{" ".join(ALGORITHMS)}"'


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof whose signature is right."""

    thumbprint: str
    """Of the key (RFC 7638)."""
    claims: Mapping[str, Any]


def read(proof: str) -> Proof:
    """The proof and its key; `ProofRefused` when it is not what RFC 9449 §4.2 wants, or the key did not sign it."""
    if len(proof) > LONGEST:
        raise ProofRefused("The proof is too long.")
    try:
        header = jws.extract_compact(proof.encode()).headers()
        key = header.get("jwk")
        if header.get("typ") != TYPE or not isinstance(key, dict):
            raise ProofRefused(f"The proof has the type {TYPE}, and its public key in `jwk`.")
        if header.get("alg") not in ALGORITHMS or PRIVATE & key.keys() or not usable(key):
            raise ProofRefused(f"The proof is signed by an asymmetric key: {', '.join(ALGORITHMS)}.")
        imported = _KINDS[str(key["kty"])].import_key(key)
        signed = jws.deserialize_compact(proof.encode(), imported, algorithms=ALGORITHMS)
        claims = _object(signed.payload)
        return Proof(imported.thumbprint(), claims)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ProofRefused("The proof cannot be read, or its key did not sign it.") from error


def _object(payload: bytes) -> Mapping[str, Any]:
    told = orjson.loads(payload)
    if not isinstance(told, dict):
        raise ValueError("no object")
    return told


def flaw(proof: Proof, *, method: str, address: str, token: str | None, now: datetime) -> str | None:
    """What is wrong with a proof for this request (RFC 9449 §4.3); None when nothing is. `token`: as it is sent."""
    claims = proof.claims
    jti, iat, ath = claims.get("jti"), claims.get("iat"), claims.get("ath")
    if claims.get("htm") != method:
        return "`htm` is not the method of this request."
    if not isinstance(claims.get("htu"), str) or _bare(claims["htu"]) != _bare(address):
        return "`htu` is not the address of this request."
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_ID or not jti.isprintable():
        return "`jti` is a text of its own for each proof."
    if isinstance(iat, bool) or not isinstance(iat, int | float):
        return "`iat` is missing."
    if not now.timestamp() - GOOD_FOR.total_seconds() <= iat <= now.timestamp() + AHEAD.total_seconds():
        return "`iat` is not of this minute."
    if token is not None and not (
        isinstance(ath, str) and hmac.compare_digest(ath.encode(), hash_of(token).encode())
    ):
        return "`ath` is not the hash of this token."
    return None


def hash_of(token: str) -> str:
    """What a proof says of the token that it comes with."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()


def _bare(address: str) -> str | None:
    """An address without query and fragment, host and scheme in small letters; None for what is none."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    usual = {"https": 443, "http": 80}.get(parts.scheme.lower())
    host = (parts.hostname or "").lower() + (f":{port}" if port not in (None, usual) else "")
    return f"{parts.scheme.lower()}://{host}{parts.path or '/'}"


class Proofs:
    """Judges the proofs of one gateway, each once in all of its processes."""

    def __init__(self, pool: asyncpg.Pool, public_url: str | None) -> None:
        self._pool = pool
        self._base = public_url.rstrip("/") if public_url else None

    @property
    def taken(self) -> bool:
        """Whether tokens are bound here at all."""
        return self._base is not None

    async def holder(self, told: str, *, method: str, path: str, token: str | None, now: datetime) -> str:
        """The thumbprint of the key that signed this request; `ProofRefused` where nothing is proven."""
        if self._base is None:
            raise ProofRefused("No token is bound here: the library's own address is not known.")
        proof = read(told)
        if (why := flaw(proof, method=method, address=self._base + path, token=token, now=now)) is not None:
            raise ProofRefused(why)
        once = f"{proof.thumbprint} {proof.claims['jti']}"
        until = now + GOOD_FOR + 2 * AHEAD
        if not await seen_first(self._pool, entity_id="dpop", message_id=once, until=until):
            raise ProofRefused("The proof was used before.")
        return proof.thumbprint
