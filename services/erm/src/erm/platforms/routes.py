"""Platforms on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import AfterValidator, BaseModel, Field, model_validator

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
from erm.platforms.access import MENDS, TOLD, Method, Range, overlapping, read_range
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


class AccessMethodIn(Strict):
    """A way of access."""

    method: Method
    entity_id: Annotated[str, Field(min_length=1, max_length=1024, pattern=r"^\S+$")] | None = None
    """Of `saml`: the platform's entity, by which the university's sign-in knows it."""
    sign_in_url: ProxyPrefix | None = None
    """Of `saml`: an address that signs readers in without asking where they come from (WAYFless); `{url}` in it stands
    for where to, escaped. None: they find the way from the title's own page."""
    note: Note | None = None

    @model_validator(mode="after")
    def _of_saml_alone(self) -> "AccessMethodIn":
        if self.method is Method.SAML and self.entity_id is None:
            raise ValueError("saml has the platform's entity_id")
        if self.method is not Method.SAML and (self.entity_id or self.sign_in_url):
            raise ValueError("entity_id and sign_in_url are of saml alone")
        return self


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
    access_methods: list[AccessMethodIn] = Field(default_factory=list, max_length=10)
    """In order of preference: the first that can be gone makes the link, and readers are told which it is. Where none
    is named, `proxied` says whether it is the proxy."""
    ip_ranges: list[Annotated[str, Field(min_length=1, max_length=90)]] = Field(
        default_factory=list, max_length=500, examples=[["192.0.2.0/24", "2001:db8::/32"]]
    )
    """The library's public addresses, as the platform knows them: networks, ranges with both ends, single addresses of
    IPv4 and IPv6. No two have an address in common."""
    simultaneous_users: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many may read at once; none: any number. Readers are told."""
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
    """As columns; `Invalid` with everything that is wrong with its addresses and ways of access."""
    told = body.model_dump(mode="json")
    ranges = [read_range(each) for each in body.ip_ranges]
    sound = [(at, each) for at, each in enumerate(ranges) if isinstance(each, Range)]
    reasons = [
        Reason(code, TOLD[code], f"/ip_ranges/{at}", MENDS[code])
        for at, code in enumerate(ranges)
        if isinstance(code, str)
    ]
    reasons += [
        Reason(
            "range-overlaps",
            f"It has addresses of {body.ip_ranges[other]}.",
            f"/ip_ranges/{at}",
            MENDS["range-overlaps"],
        )
        for at, other in overlapping(sound)
    ]
    methods = [each.method for each in body.access_methods]
    reasons += [
        Reason("method-twice", f"{each} is there twice.", f"/access_methods/{at}", "Name it once.")
        for at, each in enumerate(methods)
        if each in methods[:at] and each is not Method.SAML
    ]
    if reasons:
        raise Invalid(reasons=reasons[:100])
    return told | {
        "provider_id": body.provider_id,
        "domains": sorted(set(told["domains"])),
        "ip_ranges": [str(each) for _, each in sound],
    }


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
