"""Sessions begun, asked for at every request of a browser, and ended."""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from chassis.database import Connection, rows_affected
from chassis.ids import uuid7
from chassis.principal import Principal
from chassis.problems import Forbidden, Reason
from gateway.clients.owners import look_again
from gateway.roles.rules import scopes_of
from gateway.sessions.cookies import digest, forgery_token, new_token
from gateway.sessions.rules import may_act
from gateway.signon.reading import InForce

SEEN_EVERY = 60
"""Seconds after which a session's use is written down again."""


class ForgedRequest(Forbidden):
    """A change that a session's cookie alone asks for, without what only our own pages know."""

    code, title = "cross-site-request", "This change did not come from a page of the library."


@dataclass(frozen=True, slots=True)
class Signed:
    """How somebody signed in elsewhere; needed to sign out there, too."""

    door: str
    """`saml`, `oidc`, `cas`, `shib`, `ldap` or `account`."""
    entity_id: str | None
    """The identity provider; None: an account of the library's own."""
    name_hash: bytes | None
    name_sealed: bytes | None
    session_index: str | None
    context: str | None
    authenticated_at: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """A session under way."""

    id: UUID
    person_id: UUID
    patron_id: UUID | None
    roles: tuple[str, ...]
    libraries: tuple[str, ...] | None
    door: str
    entity_id: str | None
    name_sealed: bytes | None
    session_index: str | None
    context: str | None
    authenticated_at: datetime | None
    began_at: datetime
    ends_at: datetime

    @property
    def principal(self) -> Principal:
        """Who it is, and what they may."""
        return Principal(
            "patron" if set(self.roles) <= {"patron"} else "staff",
            str(self.person_id),
            scopes_of(self.roles),
            patron_id=self.patron_id,
            libraries=None if self.libraries is None else frozenset(self.libraries),
        )


async def begin(
    connection: Connection,
    *,
    person_id: UUID,
    patron_id: UUID | None,
    roles: Sequence[str],
    libraries: Sequence[str] | None,
    signed: Signed,
    idle: timedelta,
    ends_at: datetime,
    now: datetime,
) -> str:
    """A new session and the token of its cookie, which is kept as a hash alone."""
    token = new_token()
    await connection.execute(
        "INSERT INTO browser_session (id, token_hash, person_id, patron_id, roles, libraries, entity_id, name_hash, "
        "name_sealed, session_index, context, authenticated_at, began_at, seen_at, idle_seconds, ends_at, door) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14, $15, $16)",
        uuid7(),
        digest(token),
        person_id,
        patron_id,
        list(roles),
        None if libraries is None else list(libraries),
        signed.entity_id,
        signed.name_hash,
        signed.name_sealed,
        signed.session_index,
        signed.context,
        signed.authenticated_at,
        now,
        int(idle.total_seconds()),
        ends_at,
        signed.door,
    )
    return token


_ALIVE = "ends_at > $2 AND seen_at + make_interval(secs => idle_seconds) > $2"
_FIND = f"""
SELECT id, person_id, patron_id, roles, libraries, door, entity_id, name_sealed, session_index, context,
       authenticated_at, began_at, ends_at, seen_at, idle_seconds
FROM browser_session WHERE token_hash = $1 AND {_ALIVE}
"""  # noqa: S608 - put together from our own text


class Sessions:
    """The sessions of every process; one look into the database at each request, so an end counts at once."""

    def __init__(self, pool: asyncpg.Pool, in_force: InForce) -> None:
        self._pool = pool
        self._in_force = in_force

    async def find(self, token: str, *, now: datetime) -> Session | None:
        """The session of a cookie, if it is alive; its use is remembered to the minute."""
        row = await self._pool.fetchrow(_FIND, digest(token), now)
        if row is None:
            return None
        if (now - row["seen_at"]).total_seconds() >= min(SEEN_EVERY, row["idle_seconds"] // 10):
            await self._pool.execute("UPDATE browser_session SET seen_at = $2 WHERE id = $1", row["id"], now)
        told = {name: row[name] for name in Session.__slots__}
        libraries = row["libraries"]
        return Session(
            **{
                **told,
                "roles": tuple(row["roles"]),
                "libraries": None if libraries is None else tuple(libraries),
            }
        )

    async def principal(
        self,
        token: str,
        *,
        method: str,
        origin: str | None,
        fetch_site: str | None,
        proof: str | None,
        now: datetime,
    ) -> Principal | None:
        """Who asks by cookie; None when the session is over, `ForgedRequest` when the change may not be theirs."""
        session = await self.find(token, now=now)
        if session is None:
            return None
        fits = proof is not None and hmac.compare_digest(proof.encode(), forgery_token(token).encode())
        own = await self.origins() if origin is not None else ()
        if not may_act(method, origin=origin, fetch_site=fetch_site, own=own, token_fits=fits):
            raise ForgedRequest(
                reasons=[
                    Reason(
                        "csrf-token-wanted",
                        "A change by cookie carries the session's token, from a page of the library.",
                        "CSRF-Token",
                        "Send the header CSRF-Token with the csrf_token of GET /v1/session.",
                    )
                ]
            )
        return session.principal

    async def origins(self) -> Iterable[str]:
        """Where our own pages are."""
        doc = await self._in_force.now()
        return {*doc.sessions.front_ends, *([doc.entity.url] if doc.entity else [])}


async def end(connection: Connection | asyncpg.Pool, session_id: UUID) -> bool:
    """End one session; whether there was one."""
    done = await connection.execute("DELETE FROM browser_session WHERE id = $1", session_id)
    return rows_affected(done) == 1


async def end_named(
    connection: Connection,
    *,
    entity_id: str,
    name_hash: bytes,
    session_indexes: Sequence[str],
) -> int:
    """End somebody's sessions from an identity provider: those named, or all of them when none is."""
    done = await connection.execute(
        "DELETE FROM browser_session WHERE entity_id = $1 AND name_hash = $2 "
        "AND (cardinality($3::text[]) = 0 OR session_index = ANY($3))",
        entity_id,
        name_hash,
        list(session_indexes),
    )
    return rows_affected(done)


async def end_indexed(connection: Connection | asyncpg.Pool, *, entity_id: str, session_index: str) -> int:
    """End the session that an identity provider calls so."""
    done = await connection.execute(
        "DELETE FROM browser_session WHERE entity_id = $1 AND session_index = $2", entity_id, session_index
    )
    return rows_affected(done)


_ORPHANED = """
DELETE FROM browser_session AS session WHERE door = 'saml' AND NOT EXISTS (
    SELECT FROM saml_provider AS provider WHERE provider.entity_id = session.entity_id AND admitted
      AND document IS NOT NULL AND (valid_until IS NULL OR valid_until > $1)
)
"""
_SHUT = """
DELETE FROM browser_session WHERE door IN ('oidc', 'cas', 'ldap', 'shib')
  AND NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS open (door, entity_id)
                  WHERE open.door = browser_session.door AND open.entity_id = browser_session.entity_id)
"""


_SAML_LOST = """
UPDATE person SET roles = '{}' WHERE door = 'saml' AND roles <> '{}' AND NOT EXISTS (
    SELECT FROM saml_provider AS provider WHERE provider.entity_id = person.entity_id AND admitted
      AND document IS NOT NULL AND (valid_until IS NULL OR valid_until > $1)
) RETURNING id
"""
_LOST = """
UPDATE person SET roles = '{}' WHERE door IN ('oidc', 'cas', 'ldap', 'shib') AND roles <> '{}'
  AND NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS open (door, entity_id)
                  WHERE open.door = person.door AND open.entity_id = person.entity_id) RETURNING id
"""


async def end_orphaned(pool: asyncpg.Pool, doors: Iterable[tuple[str, str]], *, now: datetime) -> int:
    """End the sessions from identity providers that are trusted no longer, and let the keys of their people rest.

    `doors`: those that stand open.
    """
    known = sorted(doors)
    there = [door for door, _ in known], [name for _, name in known]
    ended = rows_affected(await pool.execute(_SHUT, *there)) + rows_affected(
        await pool.execute(_ORPHANED, now)
    )
    async with pool.acquire() as connection, connection.transaction():
        lost = [*await connection.fetch(_LOST, *there), *await connection.fetch(_SAML_LOST, now)]
        if lost:
            await look_again(connection, [row["id"] for row in lost])
    return ended
