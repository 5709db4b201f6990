"""Platforms on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    NotFound,
    PreconditionRequired,
    Reason,
    Refused,
    Stale,
    Unauthenticated,
    problems,
)
from erm.configuration.documents import ProxyPrefix
from erm.platforms.rules import VARIABLES, flaw_of_template, is_domain
from erm.rows import change, insert, page, pool_of
from erm.wire import Code, Limit, Note, Strict, Word

router = new_router("/v1/platforms", tag="knowledge base")

MayRead = Annotated[Principal, Depends(may("packages:read", "packages:write"))]
MayWrite = Annotated[Principal, Depends(may("packages:write"))]
FLAWS = {
    "not-http": "a template begins with http:// or https://, or is {url} alone",
    "variable-in-host": "the host stands in plain letters before the first variable, and a / or ? behind it",
    "variable-unknown": f"the variables are {', '.join(VARIABLES)}, each in braces",
    "unsafe-characters": "a template has no blanks, quotes, backslashes or control characters",
}


class PlatformUnknown(NotFound):
    """There is no such platform."""

    code, title = "platform-unknown", "There is no such platform."


class PlatformTaken(Refused):
    """Another platform has this code or domain."""

    code, title = "platform-taken", "Another platform has this code or domain."


def _template(told: str) -> str:
    if (flaw := flaw_of_template(told)) is not None:
        raise ValueError(FLAWS[flaw])
    return told


def _domain(told: str) -> str:
    if not is_domain(told.lower()):
        raise ValueError("a domain's name, like www.example.org")
    return told.lower()


Template = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_template)]
Domain = Annotated[str, Field(max_length=253), AfterValidator(_domain)]


class PlatformIn(Strict):
    """Where titles lie: a publisher's site, an aggregator's."""

    code: Code
    name: Word
    provider_id: UUID | None = None
    domains: list[Domain] = Field(default_factory=list, max_length=100)
    """Titles whose addresses lie there are this platform's. A domain is of one platform in use."""
    link_templates: list[Template] = Field(
        default_factory=list, max_length=20, examples=[["https://p.example/doi/{doi}"]]
    )
    """In order of preference: the first whose variables are all known makes the link; else it is the title's own
    address. Values are percent-encoded."""
    proxied: bool = True
    """Readers come through the library's proxy, unless a title is free."""
    proxy_prefix: ProxyPrefix | None = None
    """Where this platform has another proxy than the rest of the library."""
    state: Literal["active", "retired"] = "active"
    """To one that is retired nobody is led."""
    note: Note | None = None


class PlatformOut(PlatformIn):
    """A platform."""

    id: UUID
    created_at: datetime
    version: int


async def read_platform(
    connection: Connection | asyncpg.Pool, row_id: UUID, *, lock: bool = False
) -> PlatformOut:
    """One; `PlatformUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM platform WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        row_id,
    )
    if row is None:
        raise PlatformUnknown
    return PlatformOut(**dict(row))


def _values(body: PlatformIn) -> dict[str, Any]:
    told = body.model_dump()
    return told | {"domains": sorted(set(told["domains"]))}


async def _own(connection: Connection, row_id: UUID, body: PlatformIn) -> None:
    """Take the domains of a platform in use; `PlatformTaken`, naming those that are another's."""
    await connection.execute("DELETE FROM platform_domain WHERE platform_id = $1", row_id)
    if body.state != "active":
        return
    domains = sorted(set(body.domains))
    mine = await connection.fetch(
        "INSERT INTO platform_domain (domain, platform_id) SELECT told, $2 FROM unnest($1::text[]) AS told "
        "ON CONFLICT DO NOTHING RETURNING domain",
        domains,
        row_id,
    )
    if others := set(domains) - {row["domain"] for row in mine}:
        raise PlatformTaken(
            reasons=[
                Reason(
                    "domain-taken",
                    f"{domain} is another platform's.",
                    f"/domains/{body.domains.index(domain)}",
                    "Take it from that one, or retire that one, first.",
                )
                for domain in sorted(others)
            ]
        )


def _refused(error: asyncpg.PostgresError, body: PlatformIn) -> Refused | Invalid:
    if isinstance(error, asyncpg.ForeignKeyViolationError):
        return Invalid(
            reasons=[Reason("organisation-unknown", "There is no such organisation.", "/provider_id")]
        )
    return PlatformTaken(
        reasons=[Reason("code-taken", f"Another one is {body.code}.", "/code", "Change that one instead.")]
    )


@router.post(
    "",
    status_code=201,
    response_model=PlatformOut,
    responses=problems(Unauthenticated, Forbidden, PlatformTaken, InFlight, Invalid),
)
async def create_platform(
    request: Request, body: PlatformIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter a platform."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row_id = uuid7()
        try:
            await insert(connection, "platform", id=row_id, created_at=now, **_values(body))
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            raise _refused(error, body) from error
        await _own(connection, row_id, body)
        where = {"location": f"/v1/platforms/{row_id}", "etag": etags.etag(1)}
        return 201, await read_platform(connection, row_id), where

    return await whole(pool_of(request), once, act)


@router.get(
    "", response_model=cursors.Page[PlatformOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_platforms(
    request: Request,
    response: Response,
    _: MayRead,
    code: Annotated[str | None, Query(max_length=40, description="Only the one with this code")] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[PlatformOut]:
    """Platforms, newest first."""
    rows, more = await page(
        request, response, "SELECT * FROM platform", {"code =": code}, cursor=cursor, limit=limit
    )
    return cursors.Page(items=[PlatformOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/{platform_id}",
    response_model=PlatformOut,
    responses=problems(Unauthenticated, Forbidden, PlatformUnknown),
)
async def get_platform(request: Request, response: Response, platform_id: UUID, _: MayRead) -> PlatformOut:
    """One platform."""
    told = await read_platform(pool_of(request), platform_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{platform_id}",
    response_model=PlatformOut,
    responses=problems(
        Unauthenticated, Forbidden, PlatformUnknown, PlatformTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_platform(
    request: Request,
    response: Response,
    platform_id: UUID,
    body: PlatformIn,
    _: MayWrite,
    expected: IfMatch,
) -> PlatformOut:
    """Replace what is told of a platform."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        found = await read_platform(connection, platform_id, lock=True)
        etags.guard(expected=expected, found=found.version)
        try:
            await change(connection, "platform", platform_id, **_values(body))
        except (asyncpg.UniqueViolationError, asyncpg.ForeignKeyViolationError) as error:
            raise _refused(error, body) from error
        await _own(connection, platform_id, body)
        told = await read_platform(connection, platform_id)
    etags.tag(response, told.version)
    return told
