"""What providers publish of themselves: their end points and keys, read when needed and kept for an hour."""

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.signon.doors import OidcDoc
from gateway.signon.fetching import as_object, fetched
from gateway.signon.rules import DoorRefused, Why

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0
KEPT_SECONDS = 24 * 3600.0
"""How long what a provider said is used while it says nothing new."""
ASKED_AGAIN_SECONDS = 30.0
"""An unknown key makes us ask for the keys again, this seldom."""
MOST_KEYS = 50
RSA_BITS = 2048
LONGEST_TOKEN = 32 * 1024
KINDS: dict[str, type[RSAKey | ECKey | OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
FITTING = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""The kind of key that belongs to an algorithm: a token does not choose another (RFC 8725 §3.1)."""


@dataclass(slots=True)
class Published:
    """What one provider says of itself."""

    metadata: dict[str, Any]
    keys: list[dict[str, Any]]
    read_at: float = field(default_factory=time.monotonic)

    def address(self, name: str) -> str | None:
        """An end point; None where there is none that may be asked."""
        told = self.metadata.get(name)
        return told if isinstance(told, str) and _secret(told) else None


class Providers:
    """Those of one process."""

    def __init__(self) -> None:
        self._known: dict[str, Published] = {}
        self._tried: dict[str, float] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    async def published(self, http: httpx.AsyncClient, issuer: str, *, fresh: bool = False) -> Published:
        """What it says of itself; `DoorRefused` when it says nothing that can be used."""
        async with self._asking.setdefault(issuer, asyncio.Lock()):
            known = self._known.get(issuer)
            age = time.monotonic() - known.read_at if known is not None else KEPT_SECONDS
            since = time.monotonic() - self._tried.get(issuer, float("-inf"))
            if known is not None and ((age < FRESH_SECONDS and not fresh) or since < ASKED_AGAIN_SECONDS):
                return known
            self._tried[issuer] = time.monotonic()
            try:
                self._known[issuer] = await _read(http, issuer)
            except DoorRefused as error:
                log.warning(
                    "an OpenID Connect provider does not tell about itself",
                    extra={"issuer": issuer, "about": error.about},
                )
                if known is None or age >= KEPT_SECONDS:
                    raise
                return known
            return self._known[issuer]

    async def claims(
        self, http: httpx.AsyncClient, doc: OidcDoc, token: str, *, kinds: set[str]
    ) -> dict[str, Any]:
        """What a token says whose signature is one of the provider's; `DoorRefused` otherwise."""
        if len(token) > LONGEST_TOKEN:
            raise DoorRefused(Why.UNREADABLE, about="the token is larger than is taken")
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, UnicodeEncodeError):
            raise DoorRefused(Why.UNREADABLE, about="no signed token") from None
        algorithm, kind = (
            header.get("alg"),
            str(header.get("typ", "JWT")).lower().removeprefix("application/"),
        )
        if algorithm not in doc.algorithms:
            raise DoorRefused(Why.ALGORITHM)
        if kind not in kinds:
            raise DoorRefused(Why.KIND)
        for fresh in (False, True):
            published = await self.published(http, doc.issuer, fresh=fresh)
            for key in candidates(published.keys, str(algorithm), header.get("kid")):
                try:
                    return dict(jwt.decode(token, key, algorithms=[str(algorithm)]).claims)
                except (JoseError, ValueError, TypeError, KeyError):
                    continue
        raise DoorRefused(Why.SIGNATURE)


def candidates(keys: list[dict[str, Any]], algorithm: str, kid: object) -> list[RSAKey | ECKey | OKPKey]:
    """The keys of a published set that a token by this algorithm may be signed with."""
    kty, curve = FITTING[algorithm]
    found: list[RSAKey | ECKey | OKPKey] = []
    for told in keys:
        if told.get("kty") != kty or (curve is not None and told.get("crv") != curve):
            continue
        if told.get("use", "sig") != "sig" or (kid is not None and told.get("kid") != kid):
            continue
        try:
            key = KINDS[kty].import_key({n: v for n, v in told.items() if n not in ("alg", "key_ops", "use")})
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if kty != "RSA" or getattr(key.public_key, "key_size", 0) >= RSA_BITS:
            found.append(key)
    return found


async def _read(http: httpx.AsyncClient, issuer: str) -> Published:
    """OpenID Connect Discovery 1.0 §4: what it says there must name the issuer that was asked, to the letter."""
    where = issuer.rstrip("/") + "/.well-known/openid-configuration"
    status, body = await fetched(http, "GET", where, headers={"Accept": "application/json"})
    if status != 200:
        raise DoorRefused(Why.AWAY, about=f"it answered {status}")
    metadata = as_object(body)
    if metadata.get("issuer") != issuer:
        raise DoorRefused(Why.OTHER_ISSUER, about="its document names another issuer")
    found = Published(metadata, [])
    addresses = {
        name: found.address(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
    }
    if missing := [name for name, address in addresses.items() if address is None]:
        raise DoorRefused(Why.AWAY, about=f"without usable {', '.join(missing)}")
    status, body = await fetched(
        http, "GET", addresses["jwks_uri"] or "", headers={"Accept": "application/json"}
    )
    keys = as_object(body).get("keys") if status == 200 else None
    if not isinstance(keys, list):
        raise DoorRefused(Why.AWAY, about="it does not tell its keys")
    found.keys = [each for each in keys[:MOST_KEYS] if isinstance(each, dict)]
    return found


def _secret(url: str) -> bool:
    """Whether what is sent there stays between the two of us."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    return (parts.scheme == "https" or here) and bool(parts.hostname) and not parts.fragment and url.isascii()
