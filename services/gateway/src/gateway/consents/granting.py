"""Codes and refresh tokens: each used once, and whoever brings one a second time ends all that came of it.

Every step is one transaction of its own that commits whatever is answered: a code is spent by a wrong attempt, too,
and that a family has ended must not be rolled back with the refusal that says so.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.ids import uuid7
from chassis.principal import Principal
from gateway.clients.owners import REVOKED
from gateway.clients.rules import hashed, new_secret
from gateway.consents import rules
from gateway.consents.standing import standing
from gateway.tables import Client

log = logging.getLogger(__name__)

CODE_LIVES = timedelta(seconds=60)
HOUSE_LIVES = timedelta(hours=24)
"""No session is longer, and those of the library's own pages end with theirs."""
FAMILY_LIVES = timedelta(days=90)
"""After this somebody is asked to sign in again, whatever the program."""
UNUSED_LIVES = timedelta(days=30)
"""A refresh token that nobody uses for so long is dead."""
REUSED = frozenset({"code-reused", "refresh-token-reused"})
"""Why a family ends when one of two has stolen something."""
TOUCH = "UPDATE browser_session SET seen_at = $2 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a program gets: whom it acts for, how far, and the family that its tokens belong to."""

    principal: Principal
    family_id: UUID
    refresh_token: str | None


GONE = "whoever granted it may not any more"


class GrantRefused(Exception):
    """Why nothing is granted, for the log; the program learns `invalid_grant` and no more."""


async def issue_code(
    connection: Connection,
    *,
    client: Client,
    person_id: UUID,
    session_id: UUID,
    redirect_uri: str,
    challenge: str,
    scopes: frozenset[str],
    now: datetime,
) -> str:
    """A code for one exchange within a minute."""
    code = new_secret()
    await connection.execute(
        "INSERT INTO authorization_code (code_hash, client_id, person_id, session_id, redirect_uri, challenge, scopes, "
        "expires_at, family_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        hashed(code),
        client.id,
        person_id,
        session_id,
        redirect_uri,
        challenge,
        sorted(scopes),
        now + CODE_LIVES,
        uuid7(),
    )
    return code


_SPEND_CODE = """
UPDATE authorization_code SET used_at = $3
WHERE code_hash = $1 AND client_id = $2 AND used_at IS NULL RETURNING *
"""
_SPENT_CODE = (
    "SELECT family_id FROM authorization_code WHERE code_hash = $1 AND client_id = $2 AND used_at IS NOT NULL"
)


async def by_code(
    pool: asyncpg.Pool, *, client: Client, code: str, redirect_uri: str, verifier: str, now: datetime
) -> Grant:
    """Tokens for a code. A code that comes again ends what it was changed for (RFC 6749 §4.1.2)."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_SPEND_CODE, hashed(code), client.id, now)
        spent = None if row else await connection.fetchval(_SPENT_CODE, hashed(code), client.id)
        if spent is not None:
            await end_family(connection, spent, why="code-reused", now=now)
        problem = "the code was used before" if row is None else _wrong(row, redirect_uri, verifier, now)
        grant = None
        if row is not None and problem is None:
            grant = await begin_family(
                connection,
                client=client,
                family_id=row["family_id"],
                person_id=row["person_id"],
                session_id=row["session_id"],
                scopes=row["scopes"],
                now=now,
            )
    if grant is None:
        raise GrantRefused(problem or GONE)
    return grant


def _wrong(row: asyncpg.Record, redirect_uri: str, verifier: str, now: datetime) -> str | None:
    if row["expires_at"] <= now:
        return "the code has expired"
    if row["redirect_uri"] != redirect_uri:
        return "redirect_uri is another than the code was sent to"
    if not rules.verifier_fits(verifier, row["challenge"]):
        return "code_verifier does not fit"
    return None


NEW_FAMILY = """
INSERT INTO token_family (id, client_id, person_id, session_id, scopes, began_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_NEW_TOKEN = "INSERT INTO refresh_token (token_hash, family_id, made_at) VALUES ($1, $2, $3)"  # noqa: S105 - a statement


async def begin_family(
    connection: Connection,
    *,
    client: Client,
    family_id: UUID,
    person_id: UUID,
    session_id: UUID,
    scopes: list[str],
    now: datetime,
) -> Grant | None:
    """The first tokens of a sign-in to a program; None when whoever granted them may not any more."""
    found = await standing(connection, person_id, session_id, now=now)
    principal = found.principal(scopes, by=None if client.in_house else client.id) if found else None
    if principal is None:
        return None
    ends_with = session_id if rules.bound(scopes, in_house=client.in_house) else None
    lives = HOUSE_LIVES if ends_with else FAMILY_LIVES
    await connection.execute(
        NEW_FAMILY, family_id, client.id, person_id, ends_with, sorted(scopes), now, now + lives
    )
    refresh = None
    if "refresh_token" in client.grants:
        refresh = new_secret()
        await connection.execute(_NEW_TOKEN, hashed(refresh), family_id, now)
    return Grant(principal, family_id, refresh)


_SPEND_REFRESH = """
UPDATE refresh_token AS token SET used_at = $3 FROM token_family AS family
WHERE token.token_hash = $1 AND token.used_at IS NULL AND family.id = token.family_id AND family.client_id = $2
RETURNING token.made_at, family.id, family.person_id, family.session_id, family.scopes, family.ends_at,
    family.revoked_at
"""
_SPENT_REFRESH = """
SELECT family.id FROM refresh_token AS token JOIN token_family AS family ON family.id = token.family_id
WHERE token.token_hash = $1 AND family.client_id = $2 AND token.used_at IS NOT NULL
"""


async def by_refresh(
    pool: asyncpg.Pool, *, client: Client, token: str, asked: frozenset[str], now: datetime
) -> Grant:
    """The next tokens of a family; a token used twice ends the family (RFC 9700 §4.14.2): one of two is a thief's."""
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_SPEND_REFRESH, hashed(token), client.id, now)
        spent = None if row else await connection.fetchval(_SPENT_REFRESH, hashed(token), client.id)
        if spent is not None:
            await end_family(connection, spent, why="refresh-token-reused", now=now)
        if row is None or not _alive(row, now):
            problem, grant = "it was used before, has ended, or is none of this program's", None
        else:
            problem, grant = (
                GONE,
                await _go_on(connection, client, row, asked or frozenset(row["scopes"]), now),
            )
    if grant is None:
        raise GrantRefused(problem)
    return grant


def _alive(row: asyncpg.Record, now: datetime) -> bool:
    return row["revoked_at"] is None and row["ends_at"] > now and row["made_at"] > now - UNUSED_LIVES


async def _go_on(
    connection: Connection, client: Client, row: Any, asked: frozenset[str], now: datetime
) -> Grant | None:
    found = await standing(connection, row["person_id"], row["session_id"], now=now)
    asked &= frozenset(row["scopes"])
    principal = found.principal(asked, by=None if client.in_house else client.id) if found else None
    if principal is None:
        return None
    if row["session_id"] is not None:
        await connection.execute(TOUCH, row["session_id"], now)
    refresh = new_secret()
    await connection.execute(_NEW_TOKEN, hashed(refresh), row["id"], now)
    return Grant(principal, row["id"], refresh)


async def scopes_of_refresh(pool: asyncpg.Pool, token: str) -> frozenset[str] | None:
    """What a refresh token's family was granted; None for no token of ours."""
    found = await pool.fetchval(
        "SELECT family.scopes FROM refresh_token AS token JOIN token_family AS family ON family.id = token.family_id "
        "WHERE token.token_hash = $1",
        hashed(token),
    )
    return None if found is None else frozenset(found)


_END = """
UPDATE token_family SET revoked_at = $2, revoked_for = $3 WHERE id = $1 AND revoked_at IS NULL RETURNING id
"""


async def end_family(connection: Connection, family_id: UUID, *, why: str, now: datetime) -> bool:
    """End a family in every process: its refresh token, and the access tokens that are out; whether it was alive."""
    ended = await connection.fetchval(_END, family_id, now, why)
    if ended is None:
        return False
    await connection.execute("SELECT pg_notify($1, $2)", REVOKED, str(family_id))
    level = logging.WARNING if why in REUSED else logging.INFO
    log.log(level, "tokens given to a program were ended", extra={"family": str(family_id), "reason": why})
    return True


async def end_all(
    connection: Connection, *, client_id: UUID, person_id: UUID, why: str, now: datetime
) -> list[UUID]:
    """End whatever a program holds for somebody."""
    rows = await connection.fetch(
        "SELECT id FROM token_family WHERE client_id = $1 AND person_id = $2 AND revoked_at IS NULL",
        client_id,
        person_id,
    )
    return [row["id"] for row in rows if await end_family(connection, row["id"], why=why, now=now)]


FORGET = (
    "DELETE FROM authorization_code WHERE expires_at < $1::timestamptz - interval '1 day'",
    "DELETE FROM pushed_request WHERE expires_at < $1",
    "DELETE FROM device_request WHERE expires_at < $1::timestamptz - interval '1 hour'",
    "DELETE FROM refresh_token WHERE used_at < $1::timestamptz - interval '7 days'",
    "DELETE FROM token_family WHERE id IN (SELECT id FROM token_family WHERE ends_at < $1 ORDER BY ends_at LIMIT 5000)",
)
"""What nobody can use any more. A used code is kept a day and a used refresh token
a week, to know them again."""
