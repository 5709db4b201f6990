"""Requests to sign in at a door beside SAML: remembered, and answered once by the browser that they were given to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from gateway.saml.rules import LONGEST_REQUEST
from gateway.sessions.cookies import digest, new_token
from gateway.signon.rules import DoorRefused, Why
from gateway.tokens.keys import Sealer


@dataclass(frozen=True, slots=True)
class Asked:
    """A request of ours that was answered."""

    context: str | None
    return_to: str
    made_at: datetime
    secrets: dict[str, Any]


async def keep(
    pool: asyncpg.Pool,
    sealer: Sealer,
    *,
    door: str,
    name: str,
    browser: str,
    context: str | None,
    return_to: str,
    secrets: dict[str, Any],
    now: datetime,
) -> str:
    """Remember what was asked, at which door, by which browser; the state that comes back with the answer."""
    state = new_token()
    await pool.execute(
        "INSERT INTO door_request (state_hash, browser_hash, door, name, context, return_to, sealed, made_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        digest(state),
        digest(browser),
        door,
        name,
        context,
        return_to,
        sealer.seal(orjson.dumps(secrets)),
        now,
    )
    return state


async def kept(
    pool: asyncpg.Pool, sealer: Sealer, *, door: str, state: str, now: datetime
) -> tuple[str, Asked, bool] | None:
    """A request that was made at a door: at whom, what was asked, and whether it still waits for its answer.

    It stays as it is. None: there was none, or it is forgotten.
    """
    row = await pool.fetchrow(
        "SELECT name, context, return_to, made_at, sealed, used_at IS NULL AND made_at > $3 AS waits "
        "FROM door_request WHERE state_hash = $1 AND door = $2",
        digest(state),
        door,
        now - LONGEST_REQUEST,
    )
    return (row["name"], _asked(row, sealer), row["waits"]) if row is not None else None


def _asked(row: asyncpg.Record, sealer: Sealer) -> Asked:
    return Asked(row["context"], row["return_to"], row["made_at"], orjson.loads(sealer.open(row["sealed"])))


_USE = """
UPDATE door_request SET used_at = $5 WHERE state_hash = $1 AND browser_hash = $2 AND door = $3 AND name = $4
  AND used_at IS NULL AND made_at > $6
RETURNING context, return_to, made_at, sealed
"""


async def use(
    pool: asyncpg.Pool,
    sealer: Sealer,
    *,
    door: str,
    name: str,
    state: str,
    browser: str | None,
    now: datetime,
) -> Asked:
    """Take the request that is answered, once and for all; `DoorRefused` when there is none for this answer.

    A state that was given to another provider belongs to no request here (mix-up, RFC 9700 §4.4).
    """
    if browser is not None:
        oldest = now - LONGEST_REQUEST
        row = await pool.fetchrow(_USE, digest(state), digest(browser), door, name, now, oldest)
        if row is not None:
            return _asked(row, sealer)
    kept = await pool.fetchrow(
        "SELECT browser_hash, used_at FROM door_request WHERE state_hash = $1 AND door = $2 AND name = $3",
        digest(state),
        door,
        name,
    )
    if kept is None:
        raise DoorRefused(Why.NO_REQUEST)
    if browser is None or bytes(kept["browser_hash"]) != digest(browser):
        raise DoorRefused(Why.OTHER_BROWSER)
    raise DoorRefused(Why.REQUEST_EXPIRED if kept["used_at"] is None else Why.REQUEST_USED)
