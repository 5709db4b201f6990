"""Platforms and visits, as they are asked for at every request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
import orjson

from gateway.lti.rules import Deployment, Platform, Settings
from gateway.sessions.cookies import digest
from gateway.tokens.keys import Sealer

_COLUMNS: Final = (
    "id, issuer, client_id, label, authorization_url, token_url, jwks_url, token_audience, origins, deployments, "
    "attributes, scopes"
)
_OF_ISSUER = f"""
SELECT {_COLUMNS} FROM lti_platform
WHERE issuer = $1 AND ($2::text IS NULL OR client_id = $2) AND NOT suspended ORDER BY id LIMIT 2
"""  # noqa: S608 - put together from our own text
_BY_ID = f"SELECT {_COLUMNS} FROM lti_platform WHERE id = $1 AND NOT suspended"  # noqa: S608 - as above
_OF_P = ", ".join(f"p.{name}" for name in _COLUMNS.split(", "))
_VISIT = f"""
SELECT visit.id AS visit_id, visit.ends_at <= $2 AS over, person_id, patron_id, sealed, {_OF_P}
FROM lti_visit AS visit JOIN lti_platform AS p ON p.id = visit.platform_id
WHERE visit.token_hash = $1 AND NOT p.suspended
"""  # noqa: S608 - as above


def platform_of(row: Any) -> Platform:
    """A platform as the rules want it."""
    return Platform(
        row["id"],
        row["issuer"],
        row["client_id"],
        row["label"],
        row["authorization_url"],
        row["token_url"],
        row["jwks_url"],
        row["token_audience"],
        tuple(row["origins"]),
        tuple(Deployment(each["id"], each.get("library")) for each in row["deployments"]),
        row["attributes"],
        tuple(row["scopes"]),
    )


async def asking(pool: asyncpg.Pool, issuer: str, client_id: str | None) -> Platform | None:
    """The platform that a launch begins at; None: unknown, or several where the client is not named."""
    rows = await pool.fetch(_OF_ISSUER, issuer, client_id)
    return platform_of(rows[0]) if len(rows) == 1 else None


async def platform(pool: asyncpg.Pool, platform_id: UUID) -> Platform | None:
    """The platform, unless it is suspended."""
    row = await pool.fetchrow(_BY_ID, platform_id)
    return platform_of(row) if row is not None else None


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a visit is for."""

    deployment: str
    library: str | None
    titles: tuple[UUID, ...]
    settings: Settings | None
    course: str | None
    """What the platform calls the course, for the pages."""
    stranger: str | None
    """Why there is no patron: a code; None where there is one."""
    help_url: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """A launch under way."""

    id: UUID
    platform: Platform
    person_id: UUID | None
    patron_id: UUID | None
    purpose: Purpose
    over: bool
    """It has ended; its pages can still say so."""


def packed(purpose: Purpose) -> bytes:
    """As it is sealed."""
    return orjson.dumps(purpose)


def _unpacked(told: bytes) -> Purpose:
    found = orjson.loads(told)
    settings = found["settings"]
    if settings is not None:
        found["settings"] = Settings(**{**settings, "accept_types": tuple(settings["accept_types"])})
    return Purpose(**{**found, "titles": tuple(UUID(each) for each in found["titles"])})


async def visit(pool: asyncpg.Pool, sealer: Sealer, token: str, *, now: datetime) -> Visit | None:
    """The visit that a page's token stands for; None when there is none, or it is forgotten."""
    row = await pool.fetchrow(_VISIT, digest(token), now)
    if row is None:
        return None
    return Visit(
        row["visit_id"],
        platform_of(row),
        row["person_id"],
        row["patron_id"],
        _unpacked(sealer.open(bytes(row["sealed"]))),
        row["over"],
    )
