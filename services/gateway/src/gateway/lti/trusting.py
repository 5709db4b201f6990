"""The keys that platforms publish, and whether one of them signed a token: RS256 alone (Security Framework §5.1.1)."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError

from chassis.guard import Guard
from gateway.lti.fetching import fetched
from gateway.oidc.providers import (
    ASKED_AGAIN_SECONDS,
    FRESH_SECONDS,
    KEPT_SECONDS,
    LONGEST_TOKEN,
    MOST_KEYS,
    candidates,
)
from gateway.signon.fetching import as_object
from gateway.signon.rules import DoorRefused, Why

log = logging.getLogger(__name__)

ALGORITHM: Final = "RS256"


@dataclass(frozen=True, slots=True)
class Published:
    """What was read at one address, and when."""

    keys: list[dict[str, Any]]
    read_at: float


class PlatformKeys:
    """Those that one process has read, by address: kept an hour, used a day where nothing new is answered."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._known: dict[str, Published] = {}
        self._tried: dict[str, float] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def claims(self, token: str, jwks_url: str) -> dict[str, Any]:
        """What a token says that one of the keys has signed; `DoorRefused` otherwise."""
        if len(token) > LONGEST_TOKEN:
            raise DoorRefused(Why.UNREADABLE, about="the token is larger than is taken")
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, UnicodeEncodeError):
            raise DoorRefused(Why.UNREADABLE, about="no signed token") from None
        if header.get("alg") != ALGORITHM:
            raise DoorRefused(Why.ALGORITHM)
        if str(header.get("typ", "JWT")).upper() != "JWT":
            raise DoorRefused(Why.KIND)
        for fresh in (False, True):
            for key in candidates(await self._keys(jwks_url, fresh=fresh), ALGORITHM, header.get("kid")):
                try:
                    return dict(jwt.decode(token, key, algorithms=[ALGORITHM]).claims)
                except (JoseError, ValueError, TypeError, KeyError):
                    continue
        raise DoorRefused(Why.SIGNATURE)

    async def _keys(self, url: str, *, fresh: bool) -> list[dict[str, Any]]:
        """As they were read; anew when they are old, or when a token names another, that seldom."""
        async with self._asking.setdefault(url, asyncio.Lock()):
            known, now = self._known.get(url), time.monotonic()
            age = now - known.read_at if known is not None else KEPT_SECONDS
            since = now - self._tried.get(url, float("-inf"))
            if known is not None and ((age < FRESH_SECONDS and not fresh) or since < ASKED_AGAIN_SECONDS):
                return known.keys
            self._tried[url] = now
            try:
                self._known[url] = Published(await self._read(url), now)
            except DoorRefused as error:
                log.warning("a platform does not tell its keys", extra={"at": url, "about": error.about})
                if known is None or age >= KEPT_SECONDS:
                    raise
                return known.keys
            return self._known[url].keys

    async def _read(self, url: str) -> list[dict[str, Any]]:
        answer = await fetched(self._guard, "GET", url)
        told = as_object(answer.body).get("keys") if answer.status == 200 else None
        if not isinstance(told, list):
            raise DoorRefused(Why.AWAY, about="it does not tell its keys")
        return [each for each in told[:MOST_KEYS] if isinstance(each, dict)]
