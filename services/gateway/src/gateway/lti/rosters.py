"""Who is in a course (Names and Role Provisioning Services 2.0): read again and again, and kept without names.

Of a member stay a keyed hash of what the platform calls them, and their roles. Whoever has come here is linked to the
person that we know; whoever leaves the course leaves the roster at the next reading.
"""

import hashlib
import hmac
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from chassis.guard import Guard
from chassis.ids import uuid7
from gateway.lti import keys, queries
from gateway.lti.fetching import fetched
from gateway.lti.rules import Launch, Platform, key_of_subject, origin_of
from gateway.signon.fetching import as_object
from gateway.signon.rules import DoorRefused, Why
from gateway.tokens.keys import Sealer

log = logging.getLogger(__name__)

SCOPE: Final = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
MEDIA: Final = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIVES: Final = timedelta(minutes=5)
READ_EVERY: Final = timedelta(hours=6)
TRIED_AGAIN: Final = timedelta(hours=1)
READ_FOR: Final = timedelta(days=30)
"""A course that nobody has opened for so long is over: its roster is read no more."""
KEPT_FOR: Final = timedelta(days=400)
"""A course that nobody has opened for so long is forgotten, and who was in it."""
VISITS_KEPT: Final = timedelta(days=1)
"""After their end, so that a page left open says what has happened."""
AT_ONCE: Final = 5
MOST_PAGES: Final = 100
MOST_MEMBERS: Final = 20_000

_COURSE = """
INSERT INTO lti_course (id, platform_id, deployment_id, context_id, label, title, library, memberships_url,
    launched_at, roster_due_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $8::text IS NOT NULL THEN $9::timestamptz END)
ON CONFLICT (platform_id, deployment_id, context_id) DO UPDATE SET label = $5, title = $6, library = $7,
    memberships_url = $8, launched_at = $9,
    roster_due_at = CASE WHEN $8::text IS NOT NULL THEN coalesce(lti_course.roster_due_at, $9::timestamptz) END
RETURNING id
"""
_MEMBER = """
INSERT INTO lti_member (course_id, member_hash, id, person_id, roles, seen_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (course_id, member_hash) DO UPDATE SET roles = $5, seen_at = $6,
    person_id = coalesce($4, lti_member.person_id)
"""
_DUE = """
UPDATE lti_course SET roster_due_at = $1::timestamptz + $3::interval WHERE id IN (
    SELECT id FROM lti_course WHERE roster_due_at <= $1 ORDER BY roster_due_at LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id
"""
_LEFT = "DELETE FROM lti_member WHERE course_id = $1 AND NOT member_hash = ANY ($2)"
_ENROLLED = """
INSERT INTO lti_member (course_id, member_hash, id, person_id, roles, seen_at)
SELECT $1, told.hash, told.id, person.id, string_to_array(told.roles, ' '), $6
FROM unnest($2::bytea[], $3::uuid[], $4::text[], $5::text[]) AS told (hash, id, roles, key)
LEFT JOIN person ON person.key_kind = 'lti' AND person.key_value = told.key
ON CONFLICT (course_id, member_hash) DO UPDATE SET roles = excluded.roles, seen_at = excluded.seen_at,
    person_id = coalesce(lti_member.person_id, excluded.person_id)
"""
_READ = """
UPDATE lti_course SET roster_read_at = $2, roster_failure = NULL,
    roster_due_at = CASE WHEN launched_at > $2::timestamptz - $4::interval THEN $2::timestamptz + $3::interval END
WHERE id = $1
"""


def member_hash(sealer: Sealer, platform: Platform, subject: str) -> bytes:
    """What is kept of what a platform calls somebody."""
    return hmac.new(
        sealer.derived("lti members"), f"{platform.id}\n{subject}".encode(), hashlib.sha256
    ).digest()


def roles_of(told: object) -> list[str]:
    """Roles by the last part of their names: `Learner`."""
    values = told if isinstance(told, list | tuple) else []
    names = {each.rpartition("#")[2].rpartition("/")[2] for each in values[:50] if isinstance(each, str)}
    return sorted(name for name in names if name.isascii() and name.isalnum() and len(name) <= 60)


async def remember(
    connection: Connection,
    sealer: Sealer,
    platform: Platform,
    launch: Launch,
    *,
    person_id: UUID | None,
    now: datetime,
) -> None:
    """Note the course of a launch, and who has come out of it."""
    course = launch.course
    assert course is not None  # asked for by whoever calls
    course_id = await connection.fetchval(
        _COURSE,
        uuid7(),
        platform.id,
        launch.deployment.id,
        course.context_id,
        course.label,
        course.title,
        launch.deployment.library,
        course.memberships_url,
        now,
    )
    if launch.subject is not None:
        hashed = member_hash(sealer, platform, launch.subject)
        await connection.execute(_MEMBER, course_id, hashed, uuid7(), person_id, roles_of(launch.roles), now)


async def read_due(pool: asyncpg.Pool, sealer: Sealer, guard: Guard, *, now: datetime) -> int:
    """Read the rosters that are due; how many."""
    due = await pool.fetch(_DUE, now, AT_ONCE, TRIED_AGAIN)
    for row in due:
        await read(pool, sealer, guard, row["id"], now=now)
    return len(due)


async def read(
    pool: asyncpg.Pool, sealer: Sealer, guard: Guard, course_id: UUID, *, now: datetime
) -> str | None:
    """Read one roster; why it could not be read, or None."""
    row = await pool.fetchrow("SELECT platform_id, memberships_url FROM lti_course WHERE id = $1", course_id)
    platform = await queries.platform(pool, row["platform_id"]) if row is not None else None
    if row is None or platform is None or row["memberships_url"] is None:
        return "no-roster"
    try:
        members = await _members(pool, sealer, guard, platform, row["memberships_url"], now)
    except DoorRefused as error:
        told = {"course": str(course_id), "platform": platform.issuer, "about": error.about}
        log.warning("a roster could not be read", extra=told)
        failure = ", ".join([*error.codes, *filter(None, [error.about])])[:300]
        await pool.execute("UPDATE lti_course SET roster_failure = $2 WHERE id = $1", course_id, failure)
        return failure
    await _replace(pool, sealer, platform, course_id, members, now)
    return None


async def _replace(
    pool: asyncpg.Pool,
    sealer: Sealer,
    platform: Platform,
    course_id: UUID,
    members: Mapping[str, Sequence[str]],
    now: datetime,
) -> None:
    hashes = [member_hash(sealer, platform, subject) for subject in members]
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_READ, course_id, now, READ_EVERY, READ_FOR)
        await connection.execute(_LEFT, course_id, hashes)
        await connection.execute(
            _ENROLLED,
            course_id,
            hashes,
            [uuid7() for _ in members],
            [" ".join(roles) for roles in members.values()],
            [key_of_subject(platform.issuer, subject).value for subject in members],
            now,
        )


async def _members(
    pool: asyncpg.Pool, sealer: Sealer, guard: Guard, platform: Platform, url: str, now: datetime
) -> dict[str, list[str]]:
    """Everybody who is in the course, with their roles."""
    ours = {*platform.origins, origin_of(platform.token_url), origin_of(platform.authorization_url)}
    if origin_of(url) not in ours:
        raise DoorRefused(Why.TARGET, about="the roster is at an address that is not the platform's")
    token = await _token(pool, sealer, guard, platform, now)
    headers = {"Authorization": f"Bearer {token}", "Accept": MEDIA}
    found: dict[str, list[str]] = {}
    page = url
    for _ in range(MOST_PAGES):
        answer = await fetched(guard, "GET", page, headers=headers)
        if answer.status != 200:
            raise DoorRefused(Why.AWAY, about=f"it answered {answer.status}")
        told = as_object(answer.body).get("members")
        if not isinstance(told, list):
            raise DoorRefused(Why.UNREADABLE, about="a page without members")
        found |= _present(told)
        if answer.next is None:
            return found
        page = answer.next
        if origin_of(page) != origin_of(url) or len(found) > MOST_MEMBERS:
            raise DoorRefused(Why.UNREADABLE, about="its next page leads elsewhere, or it has no end")
    raise DoorRefused(Why.UNREADABLE, about=f"it has more than {MOST_PAGES} pages")


def _present(told: Sequence[Any]) -> dict[str, list[str]]:
    """Members of one page who are there: neither suspended nor gone (NRPS §2.3)."""
    return {
        each["user_id"]: roles_of(each.get("roles"))
        for each in told
        if isinstance(each, dict)
        and isinstance(each.get("user_id"), str)
        and 0 < len(each["user_id"]) <= 255
        and each.get("status", "Active") == "Active"
    }


async def _token(pool: asyncpg.Pool, sealer: Sealer, guard: Guard, platform: Platform, now: datetime) -> str:
    """An access token of the platform, for an assertion that we sign (Security Framework §4.1, RFC 7523)."""
    claims = {
        "iss": platform.client_id,
        "sub": platform.client_id,
        "aud": platform.token_audience or platform.token_url,
        "jti": str(uuid7()),
    }
    told = {
        "grant_type": "client_credentials",
        "client_assertion_type": ASSERTION,
        "client_assertion": await keys.signed(pool, sealer, claims, lives=ASSERTION_LIVES, now=now),
        "scope": SCOPE,
    }
    answer = await fetched(guard, "POST", platform.token_url, data=told)
    if answer.status not in (200, 201):
        raise DoorRefused(Why.CODE if answer.status < 500 else Why.AWAY, about=f"it answered {answer.status}")
    token = as_object(answer.body).get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise DoorRefused(Why.UNREADABLE, about="no access token")
    return token


async def forget(pool: asyncpg.Pool, *, now: datetime) -> None:
    """Drop visits that are over, invitations long past, and courses that nobody opens any more."""
    await pool.execute("DELETE FROM lti_visit WHERE ends_at < $1", now - VISITS_KEPT)
    await pool.execute("DELETE FROM lti_invitation WHERE ends_at < $1", now - READ_FOR)
    await pool.execute("DELETE FROM lti_course WHERE launched_at < $1", now - KEPT_FOR)
