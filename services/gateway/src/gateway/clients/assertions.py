"""A machine proves itself with a key of its own (RFC 7523 §2.2, `private_key_jwt`): nothing secret is ever sent."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.tokens import ISSUER

TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS: Final = ["Ed25519", "EdDSA", "ES256", "ES384", "PS256", "RS256"]
CURVES: Final = frozenset({"P-256", "P-384", "Ed25519"})
RSA_BITS: Final = 2048
KEYS_AT_MOST: Final = 5
LONGEST_LIFE: Final = timedelta(minutes=10)
LEEWAY: Final = timedelta(seconds=30)
LONGEST_ID: Final = 200
LONGEST_KEY: Final = 4000
"""Characters of a public key as JSON."""
PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k", "oth"})

_ONCE = text("""
INSERT INTO client_assertion (client_id, jti, expires_at) VALUES (:client, :jti, :expires_at)
ON CONFLICT DO NOTHING RETURNING true
""")


class AssertionRefused(Exception):
    """Why an assertion proves nothing; for the log of whoever sent it, it says no more than they know."""


def key_reasons(jwks: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every reason against a set of public keys, as code and words."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= KEYS_AT_MOST:
        return [("keys-missing", f"`keys` holds one to {KEYS_AT_MOST} public keys (RFC 7517).")]
    reasons, names = [], []
    for place, key in enumerate(keys):
        if not isinstance(key, dict):
            reasons.append(("key-unreadable", f"Key {place} is no JSON object."))
            continue
        if PRIVATE & key.keys():
            reasons.append(
                ("key-private", f"Key {place} holds its private part: take it for leaked, make another.")
            )
            continue
        name = key.get("kid")
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID or "\0" in name:
            reasons.append(("key-unnamed", f"Key {place} has no `kid`."))
        elif name in names:
            reasons.append(("key-named-twice", f"Two keys are called {name!r}."))
        names.append(name)
        if not usable(key):
            reasons.append(
                (
                    "key-refused",
                    f"Key {place} is neither Ed25519, P-256, P-384 nor RSA of {RSA_BITS} bits or more.",
                )
            )
    return reasons


def usable(key: dict[str, Any]) -> bool:
    """Whether a public key is of a kind and size that is taken."""
    kinds: dict[str, type[OKPKey | ECKey | RSAKey]] = {"OKP": OKPKey, "EC": ECKey, "RSA": RSAKey}
    kind = kinds.get(str(key.get("kty")))
    if kind is None or (kind is not RSAKey and str(key.get("crv")) not in CURVES):
        return False
    if len(orjson.dumps(key)) > LONGEST_KEY:
        return False
    try:
        read = kind.import_key(key)
        size = getattr(read.public_key, "key_size", RSA_BITS) if kind is RSAKey else RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return bool(RSA_BITS <= size <= 8192)


def claimed_client(assertion: str) -> str:
    """Whom an assertion claims to be of, before anything is proven; nobody's name when it cannot be read."""
    try:
        told = orjson.loads(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError):
        return ""
    return str(told.get("sub")) if isinstance(told, dict) else ""


async def proven(
    session: AsyncSession,
    assertion: str,
    *,
    client_id: UUID,
    jwks: Mapping[str, Any],
    audiences: Collection[str],
    now: datetime,
) -> None:
    """Return when the assertion is this machine's, for us, fresh, and seen for the first time; else raise."""
    try:
        if "kid" not in jws.extract_compact(assertion.encode()).headers():
            raise AssertionRefused("`kid` names the key that signed it")
        keys = KeySet.import_key_set({"keys": jwks["keys"]})
        decoded = jwt.decode(assertion, keys, algorithms=ALGORITHMS)
        claims = decoded.claims
        expires_at = datetime.fromtimestamp(float(claims["exp"]), UTC)
        begins = [datetime.fromtimestamp(float(claims[n]), UTC) for n in ("iat", "nbf") if n in claims]
    except (JoseError, ValueError, KeyError, TypeError, OverflowError, OSError) as error:
        raise AssertionRefused("it cannot be read, or no registered key has signed it") from error
    audience = claims.get("aud")
    named = {
        each for each in (audience if isinstance(audience, list) else [audience]) if isinstance(each, str)
    }
    jti = claims.get("jti")
    if claims.get("iss") != str(client_id) or claims.get("sub") != str(client_id):
        raise AssertionRefused("`iss` and `sub` are the client's id")
    if not named & {ISSUER, *audiences}:
        raise AssertionRefused("`aud` is not this server")
    if expires_at <= now - LEEWAY or expires_at > now + LONGEST_LIFE + LEEWAY:
        raise AssertionRefused("`exp` lies within the next ten minutes")
    if any(moment > now + LEEWAY for moment in begins):
        raise AssertionRefused("`iat` or `nbf` lies ahead")
    if not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_ID or "\0" in jti or not _whole(jti):
        raise AssertionRefused("`jti` is a text of its own for each assertion")
    asked = {"client": client_id, "jti": jti, "expires_at": expires_at + LEEWAY}
    if await session.scalar(_ONCE, asked) is None:
        raise AssertionRefused("it was used before")


def _whole(told: str) -> bool:
    """Whether a text can be kept: no half characters."""
    return not any(0xD800 <= ord(sign) <= 0xDFFF for sign in told)
