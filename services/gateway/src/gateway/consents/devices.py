"""A device without keyboard shows a code; somebody signs in elsewhere, types it and lets the device in (RFC 8628)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from gateway.clients.proving import OAuthRefused
from gateway.clients.rules import hashed, new_secret
from gateway.consents.granting import GONE, Grant, GrantRefused, begin_family
from gateway.tables import Client

LIVES: Final = timedelta(minutes=10)
PAUSE: Final = 5
"""Seconds between two questions of a device; who asks sooner waits longer."""
LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels, so no words; no two that look alike (RFC 8628 §6.1)."""
LENGTH: Final = 8


@dataclass(frozen=True, slots=True)
class Begun:
    """What the device keeps, and what it shows."""

    device_code: str
    user_code: str


async def begin(pool: asyncpg.Pool, *, client: Client, scopes: frozenset[str], now: datetime) -> Begun:
    """A new pair of codes."""
    device = new_secret()
    while True:
        shown = "".join(secrets.choice(LETTERS) for _ in range(LENGTH))
        made = await pool.fetchval(
            "INSERT INTO device_request (device_hash, user_code, client_id, scopes, state, expires_at, pause_seconds) "
            "VALUES ($1, $2, $3, $4, 'waiting', $5, $6) ON CONFLICT (user_code) DO NOTHING RETURNING true",
            hashed(device),
            shown,
            client.id,
            sorted(scopes),
            now + LIVES,
            PAUSE,
        )
        if made:
            return Begun(device, f"{shown[:4]}-{shown[4:]}")


def plain(typed: str) -> str:
    """A code as somebody typed it: small letters, blanks and dashes do not matter."""
    return "".join(letter for letter in typed.upper() if letter.isalnum())[: LENGTH + 1]


async def waiting(connection: Connection, typed: str, *, now: datetime) -> asyncpg.Record | None:
    """The device that shows this code and still waits."""
    return await connection.fetchrow(
        "SELECT client_id, scopes, user_code FROM device_request WHERE user_code = $1 AND state = 'waiting' "
        "AND expires_at > $2",
        plain(typed),
        now,
    )


async def decide(
    connection: Connection,
    user_code: str,
    *,
    allowed: frozenset[str],
    person_id: UUID,
    session_id: UUID,
    now: datetime,
) -> bool:
    """Let the device in, or (with no scopes) not; whether it was still waiting."""
    done = await connection.fetchval(
        "UPDATE device_request SET state = $2, scopes = $3, person_id = $4, session_id = $5 "
        "WHERE user_code = $1 AND state = 'waiting' AND expires_at > $6 RETURNING true",
        user_code,
        "allowed" if allowed else "denied",
        sorted(allowed),
        person_id,
        session_id,
        now,
    )
    return bool(done)


_LOOK = "SELECT * FROM device_request WHERE device_hash = $1 AND client_id = $2 FOR UPDATE"


async def by_device(pool: asyncpg.Pool, *, client: Client, code: str, now: datetime) -> Grant:
    """Tokens for a device that was let in; `authorization_pending` and its kin while it was not."""
    grant: Grant | None = None
    refused: OAuthRefused | None = None
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOOK, hashed(code), client.id)
        if row is None or row["state"] == "done":
            raise GrantRefused("no such device waits")
        if row["expires_at"] <= now:
            refused = OAuthRefused(400, "expired_token", "Nobody has let the device in, in time: begin anew.")
        elif row["state"] == "denied":
            refused = OAuthRefused(400, "access_denied", "They have said no.")
        elif row["state"] == "waiting":
            refused = await _waits(connection, row, now)
        else:
            await connection.execute(
                "UPDATE device_request SET state = 'done' WHERE device_hash = $1", row["device_hash"]
            )
            grant = await begin_family(
                connection,
                client=client,
                family_id=uuid7(),
                person_id=row["person_id"],
                session_id=row["session_id"],
                scopes=row["scopes"],
                now=now,
            )
    if refused is not None:
        raise refused
    if grant is None:
        raise GrantRefused(GONE)
    return grant


async def _waits(connection: Connection, row: asyncpg.Record, now: datetime) -> OAuthRefused:
    pause = row["pause_seconds"]
    hasty = row["asked_at"] is not None and now < row["asked_at"] + timedelta(seconds=pause)
    await connection.execute(
        "UPDATE device_request SET asked_at = $2, pause_seconds = $3 WHERE device_hash = $1",
        row["device_hash"],
        now,
        min(pause + PAUSE, 60) if hasty else pause,
    )
    if hasty:
        return OAuthRefused(400, "slow_down", f"Ask every {pause + PAUSE} seconds.")
    return OAuthRefused(400, "authorization_pending", "Nobody has let the device in yet.")
