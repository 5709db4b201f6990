"""Who asks: an access token, an API key or the operator's key, in the Authorization header alone."""

import asyncio
import contextlib
import hmac
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote_plus

import asyncpg

from chassis import faults
from chassis.principal import ANONYMOUS, Principal
from chassis.problems import Forbidden, Malformed, Reason, Unauthenticated
from gateway.clients.owners import REVOKED, TURNED, standing_of
from gateway.clients.rules import (
    LIKE_A_KEY,
    PREFIX,
    Owner,
    comes_from,
    hashed,
    keys_in,
    live_secret,
    read_key,
    within_owner,
)
from gateway.paia.tokens import PREFIX as PATRON_TOKEN
from gateway.paia.tokens import find as patron_token
from gateway.tokens.dpop import ProofRefused, Proofs, ProofWanted
from gateway.tokens.minting import ACCESS_SECONDS, Mint

log = logging.getLogger(__name__)

KEY_CACHE_SECONDS = 15.0
"""How long a revoked key may still be taken where the word of it was lost on the way."""
CACHE_SIZE = 10_000
SECRETS_IN_ADDRESS = frozenset({"access_token", "api_key", "apikey", "client_secret", "password", "token"})
"""Parameters that no request here has: whoever sends one has put a secret where every log keeps it."""

_CLIENT = f"""
SELECT client.id, secret_hash, previous_hash, previous_expires_at, networks, last_used_on, scopes,
    client.libraries, client.service_point_id, expires_at, revoked_at, owner_id, owner.roles AS owner_roles,
    owner.libraries AS owner_libraries, owner_id IS NOT NULL AND coalesce(owner.disabled, true) AS owner_disabled
FROM client LEFT JOIN LATERAL ({standing_of("client.owner_id", "$2::timestamptz")}) AS owner ON true
WHERE client.id = $1 AND kind = 'api-key'
"""  # noqa: S608 - put together from our own text
_USED = "UPDATE client SET last_used_on = $2 WHERE id = $1 AND last_used_on IS DISTINCT FROM $2"
_LEAKED = "UPDATE client SET leaked_at = $2 WHERE id = $1 AND leaked_at IS NULL RETURNING name"
_LATELY_REVOKED = """
SELECT id FROM client WHERE revoked_at > now() - $1::interval
UNION ALL SELECT id FROM token_family WHERE revoked_at > now() - $1::interval
"""


class Authenticator:
    """Establishes the principal of a request."""

    def __init__(
        self, pool: asyncpg.Pool, mint: Mint, admin_key: str | None, *, public_url: str | None = None
    ) -> None:
        self.proofs = Proofs(pool, public_url)
        self._pool = pool
        self._mint = mint
        self._admin_hash = hashed(admin_key) if admin_key else None
        self._keys: OrderedDict[bytes, Known] = OrderedDict()
        self._heard_of = 0
        self._hears = False

    async def listen(self) -> None:
        """Hear of revoked machines at once, for the life of the process; while deaf, every key is looked up."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._listen_on(connection)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("revoked keys cannot be heard of just now", extra={"error": str(error)})
            await asyncio.sleep(1)

    async def _listen_on(self, connection: asyncpg.pool.PoolConnectionProxy) -> None:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        await connection.add_listener(REVOKED, self._told)
        try:
            self._keys.clear()
            for row in await connection.fetch(_LATELY_REVOKED, timedelta(seconds=2 * ACCESS_SECONDS)):
                self._mint.refuse(str(row["id"]))
            self._hears = True
            await ended.wait()
        finally:
            self._hears = False
            with contextlib.suppress(asyncpg.InterfaceError):
                await connection.remove_listener(REVOKED, self._told)

    def _told(self, _connection: Any, _process: int, _channel: str, client_id: object) -> None:
        if str(client_id).startswith(TURNED):
            self.forget_keys(str(client_id).removeprefix(TURNED))
        else:
            self.forget(str(client_id))

    def forget_keys(self, client_id: str) -> None:
        """Look this machine's keys up again: one of them may have ended."""
        self._heard_of += 1
        for digest in [digest for digest, known in self._keys.items() if known.principal.ref == client_id]:
            del self._keys[digest]

    async def note_leak(self, address: bytes, now: datetime) -> None:
        """Write down of each real key in an address that it stood there."""
        for read in filter(None, map(read_key, keys_in(address))):
            try:
                row = await self._pool.fetchrow(_CLIENT, read[0], now)
                if row is None or not _good(read[1], row, now)[0]:
                    continue
                if name := await self._pool.fetchval(_LEAKED, read[0], now):
                    told = {"client": str(read[0]), "called": name}
                    log.warning("a key stood in an address", extra=told)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("a leak could not be noted", extra={"error": faults.told(error)})

    def forget(self, client_id: str) -> None:
        """Take neither key nor token of this machine any more."""
        self._heard_of += 1
        self._mint.refuse(client_id)
        for digest in [digest for digest, known in self._keys.items() if known.principal.ref == client_id]:
            del self._keys[digest]

    async def principal(
        self, authorization: str | None, *, now: datetime, address: str | None = None
    ) -> Principal:
        """The principal; anonymous without a header, `Unauthenticated` with one that is no good."""
        if authorization is None:
            return ANONYMOUS
        kind, _, credential = authorization.partition(" ")
        credential = credential.strip()
        if kind.lower() != "bearer" or not credential:
            raise Unauthenticated("Only `Authorization: Bearer …` is taken here.")
        if self._admin_hash and hmac.compare_digest(hashed(credential), self._admin_hash):
            return Principal("staff", "operator", frozenset({"*"}))
        if credential.startswith(PATRON_TOKEN):
            held = await patron_token(self._pool, credential, now=now)
            if held is None:
                raise Unauthenticated("The token is expired or was not given out here.")
            return held.principal
        if credential.startswith(PREFIX):
            return await self._by_key(credential, now=now, address=address)
        if "." in credential:
            known = await self._mint.verified(credential)
            if known.bound_to is not None:
                raise ProofWanted(
                    "The token is bound to a key: send `Authorization: DPoP …` and a proof.",
                    error="invalid_token",
                )
            return known.principal
        raise Unauthenticated("The token or key is not one that was given out here.")

    async def by_proof(
        self, token: str, proof: str | None, *, method: str, path: str, now: datetime
    ) -> Principal:
        """The principal of a token that is bound to a key, once the request proves to hold the key."""
        known = await self._mint.verified(token)
        if known.bound_to is None:
            raise ProofWanted("The token is bound to no key: send it as `Bearer`.", error="invalid_token")
        if proof is None:
            raise ProofWanted("The header DPoP with a proof is missing.")
        try:
            holder = await self.proofs.holder(proof, method=method, path=path, token=token, now=now)
        except ProofRefused as refused:
            raise ProofWanted(str(refused)) from None
        if not hmac.compare_digest(holder, known.bound_to):
            raise ProofWanted("The proof is signed by another key.", error="invalid_token")
        return known.principal

    async def _by_key(self, key: str, *, now: datetime, address: str | None) -> Principal:
        digest = hashed(key)
        known = self._keys.get(digest)
        if known is None or known.until < time.monotonic():
            heard_of = self._heard_of
            known = await self._looked_up(key, now)
            if self._hears and heard_of == self._heard_of:
                self._keys[digest] = known
                while len(self._keys) > CACHE_SIZE:
                    self._keys.popitem(last=False)
        if known.expires_at is not None and known.expires_at <= now:
            raise Unauthenticated("The key has been revoked or has expired.")
        if not comes_from(address, known.networks):
            raise WrongNetwork
        return known.principal

    async def _looked_up(self, key: str, now: datetime) -> "Known":
        read = read_key(key)
        row = await self._pool.fetchrow(_CLIENT, read[0], now) if read else None
        good, until = _good(read[1], row, now) if read is not None and row is not None else (False, None)
        if row is None or not good:
            raise Unauthenticated("The key is not one that was given out here.")
        if row["revoked_at"] is not None or row["owner_disabled"]:
            raise Unauthenticated("The key has been revoked or has expired.")
        if row["last_used_on"] != now.date():
            await self._pool.execute(_USED, row["id"], now.date())
        ends = [moment for moment in (row["expires_at"], until) if moment is not None]
        networks = tuple(row["networks"]) if row["networks"] is not None else None
        return Known(
            client_principal({**row, **_of_owner(row)}),
            min(ends, default=None),
            time.monotonic() + KEY_CACHE_SECONDS,
            networks,
        )


def _of_owner(row: asyncpg.Record) -> dict[str, Any]:
    """What somebody's own key may: no more than they may themselves."""
    if row["owner_id"] is None:
        return {}
    owner = Owner(row["owner_roles"], row["owner_libraries"], row["owner_disabled"])
    return {"scopes": within_owner(row["scopes"], owner), "libraries": owner.libraries}


def _good(secret: str, row: asyncpg.Record, now: datetime) -> tuple[bool, datetime | None]:
    return live_secret(secret, row["secret_hash"], row["previous_hash"], row["previous_expires_at"], now=now)


class WrongNetwork(Forbidden):
    """The machine is bound to networks, and this request comes from elsewhere."""

    code, title = "network-refused", "This key is not taken from where you are."


@dataclass(frozen=True, slots=True)
class Known:
    """A key that was looked up."""

    principal: Principal
    expires_at: datetime | None
    until: float
    """When it is looked up again, on the monotonic clock."""
    networks: tuple[str, ...] | None = None
    """Where it may come from; None: anywhere."""


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
