"""Tokens out: access tokens for clients (RFC 9068), and the short ones of the hop inside."""

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from joserfc import jwt
from joserfc.errors import JoseError

from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Unauthenticated, Unavailable, database_away
from chassis.tokens import ALGORITHMS, ISSUER
from gateway.tokens.keys import Sealer, SigningKey, key_set, read_keys, signing

log = logging.getLogger(__name__)

ACCESS_SECONDS = 600
INNER_SECONDS = 120
INNER_REUSE_SECONDS = 60
OUTSIDE = "carrel"
"""The audience of access tokens; no service takes it, and the gateway takes no other."""
KEYS_FRESH_SECONDS = 60.0
CACHE_SIZE = 20_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verified access token says."""

    principal: Principal
    expires: float
    issued: float
    client: str | None
    """The program that it was given to; None: straight to whoever it names."""
    families: tuple[str, ...]
    """What it ends with, its own family first."""
    bound_to: str | None = None
    """The thumbprint of the key that it is bound to (RFC 9449); None: whoever bears it may use it."""


class Mint:
    """Signs and verifies with the keys of the database, read again every minute."""

    def __init__(self, pool: asyncpg.Pool, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self._keys: list[SigningKey] = []
        self._read_at = float("-inf")
        self._inner: OrderedDict[tuple[Principal, str], tuple[str, float]] = OrderedDict()
        self._verified: OrderedDict[str, Verified] = OrderedDict()
        self._refused: dict[str, float] = {}

    async def keys(self, *, fresh: bool = False) -> list[SigningKey]:
        """The published keys."""
        if fresh or not self._keys or time.monotonic() - self._read_at > KEYS_FRESH_SECONDS:
            try:
                self._keys = await read_keys(self._pool, self._sealer)
            except Exception as error:
                if fresh or not self._keys or not database_away(error):
                    raise
                log.warning("the signing keys in hand go on: the database is away")
            self._read_at = time.monotonic()
        return self._keys

    def refuse(self, ref: str) -> None:
        """Take no token of this somebody, or this family, any more: none lives longer than we remember."""
        now = time.monotonic()
        self._refused = {known: until for known, until in self._refused.items() if until > now}
        self._refused[ref] = now + 2 * ACCESS_SECONDS

    async def access_token(
        self,
        principal: Principal,
        *,
        now: datetime,
        client: UUID | None = None,
        families: Sequence[UUID] = (),
        until: datetime | None = None,
        bound_to: str | None = None,
    ) -> tuple[str, int]:
        """A token for use outside, and the seconds it lives: ten minutes, or until a moment before.

        It tells the program that it was given to, and the families that it ends with, its own first.
        """
        told = {"client_id": str(client)} if client is not None else {}
        if families:
            told["family"] = " ".join(map(str, families))
        bound = {"cnf": {"jkt": bound_to}} if bound_to is not None else {}
        claims = {
            "aud": OUTSIDE,
            "typ": "access",
            "jti": str(uuid7()),
            **told,
            **bound,
            **principal.as_claims(),
        }
        seconds = ACCESS_SECONDS
        if until is not None:
            seconds = max(1, min(seconds, int((until - now).total_seconds())))
        return await self._sign(claims, seconds, now, typ="at+jwt"), seconds

    async def inner_token(self, principal: Principal, audience: str, *, now: datetime) -> str:
        """A token for one service, used again for a minute, so that its cached verification pays."""
        known = self._inner.get((principal, audience))
        if known is not None and known[1] > time.monotonic():
            return known[0]
        token = await self._sign({"aud": audience, **principal.as_claims()}, INNER_SECONDS, now, typ="JWT")
        self._inner[principal, audience] = (token, time.monotonic() + INNER_REUSE_SECONDS)
        while len(self._inner) > CACHE_SIZE:
            self._inner.popitem(last=False)
        return token

    async def _sign(self, claims: dict[str, Any], seconds: int, now: datetime, *, typ: str) -> str:
        current = signing(await self.keys(), now) or signing(await self.keys(fresh=True), now)
        if not current:
            raise Unavailable("There is no signing key just now.")
        moment = int(now.timestamp())
        header = {"alg": "Ed25519", "kid": current[-1].kid, "typ": typ}
        told = {"iss": ISSUER, "iat": moment, "exp": moment + seconds, **claims}
        return jwt.encode(header, told, current[-1].key, algorithms=ALGORITHMS)

    async def verified(self, token: str) -> "Verified":
        """All that an access token says; `Unauthenticated` when it is expired, forged or meant for another."""
        known = self._verified.get(token)
        if known is not None and known.expires <= time.time():
            del self._verified[token]
            known = None
        if known is None:
            claims = await self._claims(token)
            known = Verified(
                Principal.from_claims(claims),
                float(claims["exp"]),
                float(claims.get("iat", 0)),
                claims.get("client_id"),
                tuple(str(claims.get("family", "")).split()),
                (claims.get("cnf") or {}).get("jkt"),
            )
            self._verified[token] = known
            while len(self._verified) > CACHE_SIZE:
                self._verified.popitem(last=False)
        if self._refused and not self._refused.keys().isdisjoint(
            (known.principal.ref, known.client, *known.families)
        ):
            raise Unauthenticated("Whoever this token was given to has been revoked.")
        return known

    async def _claims(self, token: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            leeway=5,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": OUTSIDE},
            exp={"essential": True},
            sub={"essential": True},
        )
        for fresh in (False, True):
            try:
                decoded = jwt.decode(token, key_set(await self.keys(fresh=fresh)), algorithms=ALGORITHMS)
                registry.validate(decoded.claims)
            except (JoseError, ValueError, KeyError, TypeError) as error:
                if not fresh and time.monotonic() - self._read_at > 1:
                    continue
                raise Unauthenticated("The token is expired or was not given out here.") from error
            return dict(decoded.claims)
        raise AssertionError
