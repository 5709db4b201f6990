"""Tokens of the hop inside: Ed25519 (RFC 8037, RFC 9864), for one audience, checked by each service.

A verified token is remembered until it expires: checking a signature costs more than a check-out does.
"""

import asyncio
import base64
import json
import logging
import time
from collections import OrderedDict
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis import faults
from chassis.principal import Principal
from chassis.problems import Unauthenticated, Unavailable

log = logging.getLogger(__name__)

ISSUER = "carrel-gateway"
ALGORITHMS = ["Ed25519"]
CACHE_SIZE = 20_000
REFRESH_SECONDS = 300.0
UNKNOWN_KEY_PAUSE = 5.0
"""At most one look for a key id nobody has heard of in so many seconds."""
KEYS_SECONDS = 3.0
"""How long a gateway may take to answer while there are other keys to go on with."""
FIRST_KEYS_PAUSE = 0.25
FIRST_KEYS_SECONDS = 10.0
"""Without any keys nobody is let in, so that each request waits for the first ones: services start in any order."""


class Verifier:
    """Verifies tokens for one audience against the gateway's key set."""

    def __init__(self, audience: str, jwks_url: str) -> None:
        self.audience = audience
        self.jwks_url = jwks_url
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._asked_at = float("-inf")
        """Whatever came of it: a gateway that is away is not asked by every request in turn."""
        self._fetching = asyncio.Lock()
        self._known: OrderedDict[str, tuple[Principal, float]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """The principal that the token names; `Unauthenticated` when it is not for us, expired or forged."""
        known = self._known.get(token)
        if known is not None:
            principal, expires = known
            if expires > time.time():
                return principal
            del self._known[token]
        claims = await self._claims(token)
        principal = Principal.from_claims(claims)
        self._known[token] = (principal, float(claims["exp"]))
        while len(self._known) > CACHE_SIZE:
            self._known.popitem(last=False)
        return principal

    async def _claims(self, token: str) -> dict[str, Any]:
        registry = jwt.JWTClaimsRegistry(
            leeway=5,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        for fresh in (False, True):
            keys = await self._key_set(fresh=fresh)
            try:
                decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
                registry.validate(decoded.claims)
            except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
                if not fresh and self._may_look_again(token, keys):
                    continue
                raise Unauthenticated("The token is not valid here.") from error
            return dict(decoded.claims)
        raise AssertionError

    def _may_look_again(self, token: str, keys: KeySet) -> bool:
        """A key id that is not in our set may be a new one."""
        try:
            kid = jwt_header(token).get("kid")
        except ValueError:
            return False
        known = {key.kid for key in keys.keys}
        return (
            isinstance(kid, str)
            and kid not in known
            and time.monotonic() - self._asked_at > UNKNOWN_KEY_PAUSE
        )

    async def _key_set(self, *, fresh: bool) -> KeySet:
        if self._keys is None:
            return await self._first_keys()
        if self._wants(fresh):
            async with self._fetching:
                if self._wants(fresh) and (failed := await self._failed(KEYS_SECONDS)):
                    # The keys we have go on for a while: nobody's work depends on a gateway that is away.
                    log.warning("the gateway's keys cannot be had", extra={"error": failed})
        return self._keys

    async def _first_keys(self) -> KeySet:
        """The first set, asked for again and again, one asking for all; `Unavailable` when none comes in time."""
        end = time.monotonic() + FIRST_KEYS_SECONDS
        failed = None
        while time.monotonic() < end:
            async with self._fetching:
                if self._keys is None and time.monotonic() - self._asked_at > FIRST_KEYS_PAUSE:
                    failed = await self._failed(FIRST_KEYS_SECONDS)
            if self._keys is not None:
                return self._keys
            await asyncio.sleep(FIRST_KEYS_PAUSE)
        if failed:
            log.warning("the gateway's keys cannot be had", extra={"error": failed})
        raise Unavailable("The gateway's keys cannot be had.", headers={"Retry-After": "1"})

    async def _failed(self, seconds: float) -> str | None:
        """Ask for the set; what went wrong, or `None`."""
        try:
            async with httpx.AsyncClient(timeout=seconds) as client:
                answer = await client.get(self.jwks_url)
                answer.raise_for_status()
                self._keys = KeySet.import_key_set(answer.json())
                self._fetched_at = time.monotonic()
        except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError, JoseError) as error:
            return faults.told(error)
        finally:
            self._asked_at = time.monotonic()
        return None

    def _wants(self, fresh: bool) -> bool:
        """Whether it is time to ask again: for a key we lack, or since ours have grown old."""
        now = time.monotonic()
        old = now - self._fetched_at > REFRESH_SECONDS
        return now - self._asked_at > UNKNOWN_KEY_PAUSE and (fresh or old)


def jwt_header(token: str) -> dict[str, Any]:
    """The unverified header of a token; `ValueError` when there is none."""
    head = token.partition(".")[0]
    try:
        told = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except Exception as error:
        raise ValueError("no JOSE header") from error
    if not isinstance(told, dict):
        raise ValueError("no JOSE header")
    return told
