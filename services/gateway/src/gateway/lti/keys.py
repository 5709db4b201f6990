"""Our keys as a tool (RS256): what platforms check our messages by, published at /lti/jwks.

The first is made when somebody asks for it; each next one is published for two days before it signs, since platforms
read the document again only now and then.
"""

from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
from joserfc import jwt
from joserfc.jwk import KeyParameters, RSAKey

from chassis.database import Connection
from chassis.problems import Unavailable
from gateway.tokens.keys import Pair, Ring, Sealer, SigningKey, make_due_keys, read_keys, signing

BITS: Final = 2048


def _read(der: bytes, about: KeyParameters) -> Pair:
    return RSAKey.import_key(der, about)


RING: Final = Ring(
    "lti_key",
    "RS256",
    lambda: RSAKey.generate_key(BITS, private=True),
    _read,
    published_before=timedelta(days=2),
    signs_for=timedelta(days=90),
    published_after=timedelta(days=2),
)


async def published(pool: asyncpg.Pool, sealer: Sealer, *, now: datetime) -> list[SigningKey]:
    """Every key that is published; the very first is made here."""
    found = await read_keys(pool, sealer, ring=RING)
    if not signing(found, now):
        async with pool.acquire() as connection:
            await make_due_keys(connection, sealer, now=now, ring=RING)
        found = await read_keys(pool, sealer, ring=RING)
    return found


async def turn(connection: asyncpg.pool.PoolConnectionProxy, sealer: Sealer, *, now: datetime) -> None:
    """Make the next key when it is time; none where there never was one."""
    if await has_one(connection):
        await make_due_keys(connection, sealer, now=now, ring=RING)


async def has_one(connection: Connection) -> bool:
    """Whether there is a key at all."""
    return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM lti_key)"))


async def signed(
    pool: asyncpg.Pool, sealer: Sealer, claims: dict[str, Any], *, lives: timedelta, now: datetime
) -> str:
    """A token of ours, from now on and as long as it lives."""
    current = signing(await published(pool, sealer, now=now), now)
    if not current:
        raise Unavailable("There is no signing key just now.")
    at = int(now.timestamp())
    told = {**claims, "iat": at, "exp": at + int(lives.total_seconds())}
    header = {"alg": RING.algorithm, "kid": current[-1].kid, "typ": "JWT"}
    return jwt.encode(header, told, current[-1].key, algorithms=[RING.algorithm])
