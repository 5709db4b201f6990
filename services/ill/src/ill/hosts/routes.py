"""Hosts on the wire: which circulation serves which place, how it is spoken to, and as whom it knows whom."""

from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Path, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.addresses import refusals
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.ids import uuid7
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
from ill.hosts.documents import HostChange, HostCredentialsIn, HostIn, HostOut, HostUserIn, HostUserOut
from ill.partners.routes import MayRead, MayWrite, NotSealable
from ill.partners.sealing import seal

router = new_router("/v1/ill/circulation-hosts", tag="interlibrary loan")

HostCode = Annotated[str, Path(max_length=40)]


class NoSuchHost(NotFound):
    """There is no such host."""

    title = "There is no such host."


class HostTaken(Refused):
    """There is a host of this code, or another one serves what it is to serve."""

    code, title = "host-taken", "Another host has this code, or serves this place."


_INSERT = """
INSERT INTO circulation_host (id, code, settings, for_the_rest, active, created_at) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING *
"""
_UPDATE = """
UPDATE circulation_host SET settings = $2, for_the_rest = $3, active = $4, version = version + 1 WHERE code = $1
RETURNING *
"""
_LOCK = "SELECT * FROM circulation_host WHERE code = $1 FOR UPDATE"
_CLEAR = "DELETE FROM circulation_host_place WHERE host_id = $1"
_PLACE = "INSERT INTO circulation_host_place (place, host_id) SELECT unnest($2::text[]), $1"
_USER = """
INSERT INTO host_user (host_id, ref, sealed) VALUES ($1, $2, $3)
ON CONFLICT (host_id, ref) DO UPDATE SET sealed = excluded.sealed
"""


def _pool(request: Request) -> asyncpg.Pool:
    pool: asyncpg.Pool = request.app.state.resources.pool
    return pool


def _out(row: Any) -> HostOut:
    return HostOut(
        **row["settings"],
        code=row["code"],
        has_credentials=row["sealed"] is not None,
        version=row["version"],
        created_at=row["created_at"],
    )


def _reachable(request: Request, body: HostChange) -> None:
    """An address that nothing is ever sent to is refused when it is entered."""
    if body.address is None:
        return
    networks = request.app.state.resources.settings.networks_of_hosts
    if found := refusals(body.address, networks):
        raise Invalid(reasons=[Reason(one.code, one.text, "/address", one.mend) for one in found])


async def _serve(connection: Connection, host_id: UUID, body: HostChange) -> None:
    await connection.execute(_CLEAR, host_id)
    if body.active:
        await connection.execute(_PLACE, host_id, sorted(body.places))


def _taken(error: asyncpg.UniqueViolationError) -> HostTaken:
    pointer = {"circulation_host_by_code": "/code", "circulation_host_one_for_the_rest": "/for_the_rest"}.get(
        error.constraint_name or "", "/places"
    )
    text = {
        "/code": "There is a host of this code.",
        "/for_the_rest": "Another host serves the rest.",
        "/places": "Another host serves one of these places.",
    }[pointer]
    return HostTaken(reasons=[Reason("host-taken", text, pointer, "Change that one first.")])


@router.post(
    "",
    status_code=201,
    response_model=HostOut,
    responses=problems(Unauthenticated, Forbidden, HostTaken, InFlight, Invalid),
)
async def create_circulation_host(
    request: Request, body: HostIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter a circulation that is not ours. Requests that begin from now on are told to it at the places it serves."""
    _reachable(request, body)

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        host_id = uuid7()
        settings = body.model_dump(mode="json", exclude={"code"})
        try:
            row = await connection.fetchrow(
                _INSERT, host_id, body.code, settings, body.for_the_rest, body.active, now
            )
            await _serve(connection, host_id, body)
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
        where = {"location": f"/v1/ill/circulation-hosts/{body.code}", "etag": etags.etag(1)}
        return 201, _out(row), where

    return await whole(_pool(request), once, act)


@router.get("", response_model=cursors.Page[HostOut], responses=problems(Unauthenticated, Forbidden, Invalid))
async def list_circulation_hosts(
    request: Request, response: Response, _: MayRead, cursor: str | None = None
) -> cursors.Page[HostOut]:
    """Every host, by code; a hundred to a page."""
    after = cursors.words_in(cursor) if cursor is not None else ""
    rows = await _pool(request).fetch(
        "SELECT * FROM circulation_host WHERE code > $1 ORDER BY code LIMIT 101", after
    )
    more = cursors.encode(rows[99]["code"]) if len(rows) > 100 else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(row) for row in rows[:100]], next_cursor=more)


@router.get("/{code}", response_model=HostOut, responses=problems(Unauthenticated, Forbidden, NoSuchHost))
async def get_circulation_host(request: Request, response: Response, code: HostCode, _: MayRead) -> HostOut:
    """One host."""
    row = await _pool(request).fetchrow("SELECT * FROM circulation_host WHERE code = $1", code)
    if row is None:
        raise NoSuchHost
    etags.tag(response, row["version"])
    return _out(row)


@router.put(
    "/{code}",
    response_model=HostOut,
    responses=problems(
        Unauthenticated, Forbidden, NoSuchHost, HostTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_circulation_host(
    request: Request, response: Response, code: HostCode, body: HostChange, _: MayWrite, expected: IfMatch
) -> HostOut:
    """Replace what is told of a host. What was begun with it goes on with it, by its new settings."""
    _reachable(request, body)
    async with _pool(request).acquire() as connection, connection.transaction():
        row = await _locked(connection, code)
        etags.guard(expected=expected, found=row["version"])
        try:
            told = await connection.fetchrow(
                _UPDATE, code, body.model_dump(mode="json"), body.for_the_rest, body.active
            )
            await _serve(connection, row["id"], body)
        except asyncpg.UniqueViolationError as error:
            raise _taken(error) from error
    out = _out(told)
    etags.tag(response, out.version)
    return out


async def _locked(connection: Connection, code: str) -> asyncpg.Record:
    row = await connection.fetchrow(_LOCK, code)
    if row is None:
        raise NoSuchHost
    return row


def _sealed(request: Request, of: UUID, told: dict[str, str | None]) -> bytes:
    key = request.app.state.resources.settings.sealing_key
    if key is None:
        text = "Nothing is kept in plain text, and there is no key to seal it with."
        raise NotSealable(reasons=[Reason("sealing-key-not-set", text, mend="Set ILL_SEALING_KEY.")])
    return seal(key, of, told)


@router.put(
    "/{code}/credentials",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NoSuchHost, NotSealable, Invalid),
)
async def keep_host_credentials(
    request: Request, code: HostCode, body: HostCredentialsIn, _: MayWrite
) -> None:
    """Keep what we prove ourselves with to a host, sealed."""
    async with _pool(request).acquire() as connection, connection.transaction():
        row = await _locked(connection, code)
        told = body.model_dump()
        sealed = _sealed(request, row["id"], told) if any(told.values()) else None
        await connection.execute("UPDATE circulation_host SET sealed = $2 WHERE id = $1", row["id"], sealed)


@router.get(
    "/{code}/users",
    response_model=cursors.Page[HostUserOut],
    responses=problems(Unauthenticated, Forbidden, NoSuchHost, Invalid),
)
async def list_host_users(
    request: Request, response: Response, code: HostCode, _: MayRead, cursor: str | None = None
) -> cursors.Page[HostUserOut]:
    """Of whom it is known as whom the host knows them; the numbers themselves are not told."""
    after = cursors.uuid_in(cursor) if cursor is not None else None
    async with _pool(request).acquire() as connection:
        host_id = await connection.fetchval("SELECT id FROM circulation_host WHERE code = $1", code)
        if host_id is None:
            raise NoSuchHost
        rows = await connection.fetch(
            "SELECT ref FROM host_user WHERE host_id = $1 AND ($2::uuid IS NULL OR ref > $2) ORDER BY ref LIMIT 101",
            host_id,
            after,
        )
    more = cursors.encode(str(rows[99]["ref"])) if len(rows) > 100 else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[HostUserOut(ref=row["ref"]) for row in rows[:100]], next_cursor=more)


@router.put(
    "/{code}/users/{ref}",
    status_code=204,
    responses=problems(Unauthenticated, Forbidden, NoSuchHost, NotSealable, Invalid),
)
async def map_host_user(request: Request, code: HostCode, ref: UUID, body: HostUserIn, _: MayWrite) -> None:
    """As whom the host knows a patron (their reference) or a partner (its id): the number of a card, say."""
    async with _pool(request).acquire() as connection, connection.transaction():
        row = await _locked(connection, code)
        told = {"account": body.user, "security_code": None, "token": None}
        await connection.execute(_USER, row["id"], ref, _sealed(request, ref, told))


@router.delete(
    "/{code}/users/{ref}", status_code=204, responses=problems(Unauthenticated, Forbidden, NoSuchHost)
)
async def forget_host_user(request: Request, code: HostCode, ref: UUID, _: MayWrite) -> None:
    """Forget as whom the host knows somebody."""
    async with _pool(request).acquire() as connection, connection.transaction():
        row = await _locked(connection, code)
        await connection.execute("DELETE FROM host_user WHERE host_id = $1 AND ref = $2", row["id"], ref)
