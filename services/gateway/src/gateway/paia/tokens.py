"""Tokens of PAIA auth: opaque, kept as a hash, and gone at once when somebody signs out."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.principal import Principal
from gateway.paia.rules import inside
from gateway.sessions.cookies import digest, new_token

PREFIX: Final = "crp_"
LIVES: Final = timedelta(hours=1)
MOST: Final = 20
"""Tokens of one patron; the oldest goes for the next."""
_SHAPE = re.compile(r"crp_[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Held:
    """A token that is good."""

    digest: bytes
    patron_id: UUID
    scopes: tuple[str, ...]

    @property
    def principal(self) -> Principal:
        """Its holder, as far as it goes: services let whoever is a patron into the patron's account."""
        scopes = inside(self.scopes)
        whose = self.patron_id if "account:own" in scopes else None
        return Principal("patron", str(self.patron_id), scopes, patron_id=whose)


_MAKE = """
WITH old AS (
    DELETE FROM patron_token WHERE token_hash IN (
        SELECT token_hash FROM patron_token WHERE patron_id = $2 ORDER BY ends_at DESC OFFSET $5
    )
)
INSERT INTO patron_token (token_hash, patron_id, scopes, ends_at) VALUES ($1, $2, $3, $4)
"""


async def make(pool: asyncpg.Pool, patron_id: UUID, scopes: tuple[str, ...], *, now: datetime) -> str:
    """A new token."""
    token = PREFIX + new_token()
    await pool.execute(_MAKE, digest(token), patron_id, list(scopes), now + LIVES, MOST - 1)
    return token


async def find(pool: asyncpg.Pool, token: str, *, now: datetime) -> Held | None:
    """Whose token it is; one look into the database, so that signing out counts at once and everywhere."""
    if not _SHAPE.match(token):
        return None
    row = await pool.fetchrow(
        "SELECT patron_id, scopes FROM patron_token WHERE token_hash = $1 AND ends_at > $2",
        digest(token),
        now,
    )
    return Held(digest(token), row["patron_id"], tuple(row["scopes"])) if row is not None else None


async def end(connection: Connection | asyncpg.Pool, held: Held) -> None:
    """Take a token for no good any more."""
    await connection.execute("DELETE FROM patron_token WHERE token_hash = $1", held.digest)


async def end_others(pool: asyncpg.Pool, held: Held) -> None:
    """Those of the same patron but this one: whoever has them knows an old PIN."""
    await pool.execute(
        "DELETE FROM patron_token WHERE patron_id = $1 AND token_hash <> $2", held.patron_id, held.digest
    )
