"""Who asks: an access token, an API key or the operator's key, in the Authorization header alone."""

import hmac
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

import asyncpg

from chassis.principal import ANONYMOUS, Principal
from chassis.problems import Malformed, Reason, Unauthenticated
from gateway.clients.rules import LIKE_A_KEY, PREFIX, hashed, matches, read_key
from gateway.tokens.minting import Mint

KEY_CACHE_SECONDS = 15.0
"""How long a revoked key may still be taken."""
CACHE_SIZE = 10_000
SECRETS_IN_ADDRESS = frozenset({"access_token", "api_key", "apikey", "client_secret", "password", "token"})
"""Parameters that no request here has: whoever sends one has put a secret where every log keeps it."""

_CLIENT = """
SELECT id, secret_hash, scopes, libraries, service_point_id, expires_at, revoked_at
FROM client WHERE id = $1 AND kind = 'api-key'
"""


class Authenticator:
    """Establishes the principal of a request."""

    def __init__(self, pool: asyncpg.Pool, mint: Mint, admin_key: str | None) -> None:
        self._pool = pool
        self._mint = mint
        self._admin_hash = hashed(admin_key) if admin_key else None
        self._keys: OrderedDict[bytes, tuple[Principal, float]] = OrderedDict()

    async def principal(self, authorization: str | None, *, now: datetime) -> Principal:
        """The principal; anonymous without a header, `Unauthenticated` with one that is no good."""
        if authorization is None:
            return ANONYMOUS
        kind, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if kind.lower() != "bearer" or not credential:
            raise Unauthenticated("Only `Authorization: Bearer …` is taken here.")
        if self._admin_hash and hmac.compare_digest(hashed(credential), self._admin_hash):
            return Principal("staff", "operator", frozenset({"*"}))
        if credential.startswith(PREFIX):
            return await self._by_key(credential, now=now)
        if "." in credential:
            return await self._mint.principal(credential)
        raise Unauthenticated("The token or key is not one that was given out here.")

    async def _by_key(self, key: str, *, now: datetime) -> Principal:
        digest = hashed(key)
        known = self._keys.get(digest)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        principal = await self._looked_up(key, now=now)
        self._keys[digest] = (principal, time.monotonic() + KEY_CACHE_SECONDS)
        while len(self._keys) > CACHE_SIZE:
            self._keys.popitem(last=False)
        return principal

    async def _looked_up(self, key: str, *, now: datetime) -> Principal:
        read = read_key(key)
        row = await self._pool.fetchrow(_CLIENT, read[0]) if read else None
        if read is None or row is None or not matches(read[1], row["secret_hash"]):
            raise Unauthenticated("The key is not one that was given out here.")
        if row["revoked_at"] is not None or (row["expires_at"] and row["expires_at"] <= now):
            raise Unauthenticated("The key has been revoked or has expired.")
        return client_principal(dict(row))


def refuse_secrets(path: bytes, query: bytes) -> None:
    """Raise when the address holds a secret: one of our keys anywhere, or a parameter that is called one."""
    if (b"crl_" in path or b"crl_" in query) and (LIKE_A_KEY.search(path) or LIKE_A_KEY.search(query)):
        raise SecretInAddress
    for part in query.split(b"&") if query else ():
        if unquote_plus(part.partition(b"=")[0].decode("latin-1")).lower() in SECRETS_IN_ADDRESS:
            raise SecretInAddress


class SecretInAddress(Malformed):
    """A secret stands in the address, where every log keeps it."""

    def __init__(self) -> None:
        super().__init__(
            reasons=[
                Reason(
                    "secret-in-address",
                    "A secret stands in the address, where every log keeps it. Take it for leaked.",
                    mend="Send it in the Authorization header, and replace it.",
                )
            ]
        )


def client_principal(row: Mapping[str, Any]) -> Principal:
    """A machine as principal."""
    return Principal(
        "client",
        str(row["id"]),
        frozenset(row["scopes"]),
        libraries=frozenset(row["libraries"]) if row["libraries"] is not None else None,
        service_point_id=row["service_point_id"],
    )
