"""Networks on the wire: libraries that supply each other, in tiers, each on terms of its own."""

from typing import Annotated, Any, Literal

import asyncpg
from fastapi import Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from chassis import cursors, etags
from chassis.application import new_router
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
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
from ill.partners.documents import Word
from ill.partners.routes import MayRead, MayWrite

router = new_router("/v1/ill/networks", tag="interlibrary loan")

Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class NoSuchNetwork(NotFound):
    """There is no such network."""

    title = "There is no such network."


class NetworkTaken(Refused):
    """There is a network of this code."""

    code, title = "network-taken", "There is a network of this code already."


class TierDoc(BaseModel):
    """Who is in it supplies this on these terms."""

    model_config = ConfigDict(extra="forbid")

    name: Word
    services: list[Literal["loan", "copy"]] = Field(default=[], max_length=2)
    """For what it is meant; none named: for both."""
    levels: list[Word] = Field(default=[], max_length=20)
    """For requests of which service level; none named: of every."""
    charge: int | None = Field(default=None, ge=0, le=10**9)
    """Minor units of the network's currency; none: what the partner itself takes."""


class NetworkChange(BaseModel):
    """A network, and its tiers."""

    model_config = ConfigDict(extra="forbid")

    name: Word
    rank: int = Field(default=100, ge=0, le=100_000)
    """Lower is asked first; who is in no network counts as 100."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    tiers: list[TierDoc] = Field(default=[], max_length=50)
    active: bool = True
    """One that is not is as if nobody were in it."""

    @model_validator(mode="after")
    def _sound(self) -> "NetworkChange":
        if self.currency is None and any(tier.charge is not None for tier in self.tiers):
            raise ValueError("what a tier takes has a currency")
        if len({tier.name for tier in self.tiers}) < len(self.tiers):
            raise ValueError("each tier has a name of its own")
        return self


class NetworkIn(NetworkChange):
    """A new network."""

    code: Code


class NetworkOut(NetworkIn):
    """A network."""

    model_config = ConfigDict(extra="ignore")

    version: int


_INSERT = """
INSERT INTO network (code, name, rank, currency, tiers, active) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING *
"""
_UPDATE = """
UPDATE network SET name = $2, rank = $3, currency = $4, tiers = $5, active = $6, version = version + 1
WHERE code = $1 RETURNING *
"""
_LOCK = "SELECT * FROM network WHERE code = $1 FOR UPDATE"
_NAMED = """
SELECT DISTINCT m ->> 'tier' FROM partner p CROSS JOIN LATERAL jsonb_array_elements(p.networks) m
WHERE m ->> 'network' = $1 AND m ->> 'tier' IS NOT NULL
"""


def _told(body: NetworkChange) -> list[Any]:
    return [body.name, body.rank, body.currency, [tier.model_dump() for tier in body.tiers], body.active]


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


@router.post(
    "",
    status_code=201,
    response_model=NetworkOut,
    responses=problems(Unauthenticated, Forbidden, NetworkTaken, InFlight, Invalid),
)
async def create_network(request: Request, body: NetworkIn, _: MayWrite, once: OnceRequired) -> Response:
    """Enter a network that we are in; then its members, each in the directory (`networks` of a partner)."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        row = await connection.fetchrow(_INSERT, body.code, *_told(body))
        if row is None:
            text, mend = f"There is a network {body.code!r}.", "Change that one instead."
            raise NetworkTaken(reasons=[Reason("network-taken", text, "/code", mend)])
        where = {"location": f"/v1/ill/networks/{body.code}", "etag": etags.etag(1)}
        return 201, NetworkOut(**dict(row)), where

    return await whole(_pool(request), once, act)


@router.get(
    "", response_model=cursors.Page[NetworkOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_networks(
    request: Request, response: Response, _: MayRead, cursor: str | None = None
) -> cursors.Page[NetworkOut]:
    """Every network, by code; a hundred to a page."""
    after = str(cursors.decode(cursor, parts=1)[0]) if cursor is not None else ""
    rows = await _pool(request).fetch("SELECT * FROM network WHERE code > $1 ORDER BY code LIMIT 101", after)
    more = cursors.encode(rows[99]["code"]) if len(rows) > 100 else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[NetworkOut(**dict(row)) for row in rows[:100]], next_cursor=more)


@router.get(
    "/{code}", response_model=NetworkOut, responses=problems(Unauthenticated, Forbidden, NoSuchNetwork)
)
async def get_network(
    request: Request, response: Response, code: Annotated[str, Path(max_length=40)], _: MayRead
) -> NetworkOut:
    """One network."""
    row = await _pool(request).fetchrow("SELECT * FROM network WHERE code = $1", code)
    if row is None:
        raise NoSuchNetwork
    etags.tag(response, row["version"])
    return NetworkOut(**dict(row))


@router.put(
    "/{code}",
    response_model=NetworkOut,
    responses=problems(Unauthenticated, Forbidden, NoSuchNetwork, Stale, Invalid, PreconditionRequired),
)
async def change_network(
    request: Request,
    response: Response,
    code: Annotated[str, Path(max_length=40)],
    body: NetworkChange,
    _: MayWrite,
    expected: IfMatch,
) -> NetworkOut:
    """Replace what is told of a network. A tier in which somebody is cannot be left out."""
    async with _pool(request).acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOCK, code)
        if row is None:
            raise NoSuchNetwork
        etags.guard(expected=expected, found=row["version"])
        named = {one[0] for one in await connection.fetch(_NAMED, code)}
        if gone := sorted(named - {tier.name for tier in body.tiers}):
            text = f"Partners are in the tier {gone[0]!r}."
            raise Invalid(reasons=[Reason("tier-in-use", text, "/tiers", "Put them into another first.")])
        told = NetworkOut(**dict(await connection.fetchrow(_UPDATE, code, *_told(body)) or {}))
    etags.tag(response, told.version)
    return told
