"""Acquisition units and their members on the wire."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Path, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from erm.rows import page, pool_of
from erm.units import commands
from erm.units.commands import MemberUnknown, UnitRefused, UnitTaken, UnitUnknown
from erm.units.standing import MANAGE
from erm.wire import Limit, Note, Strict, Word

router = new_router("/v1/acquisition-units", tag="acquisition-units")

MayRead = Annotated[
    Principal, Depends(may("acquisition-units:read", "acquisition-units:assign", "acquisition-units:manage"))
]
MayManage = Annotated[Principal, Depends(may(MANAGE))]
MemberName = Annotated[
    str, Path(max_length=210, pattern=r"^(staff|client):[A-Za-z0-9][A-Za-z0-9._@-]{0,199}$")
]


class AcquisitionUnitIn(Strict):
    """A part of the staff that buys by itself, and which acts it keeps to its members."""

    name: Word
    description: Note | None = None
    protect_read: bool = False
    """Only members see its records; to others it is as if there were none."""
    protect_create: bool = True
    """Only members enter new records as its own."""
    protect_update: bool = True
    """Only members change its records, and go on with them: approve, receive, pay."""
    protect_delete: bool = True
    """Only members end its records for good: cancel orders, lines and invoices."""


class AcquisitionUnitOut(AcquisitionUnitIn):
    """An acquisition unit."""

    id: UUID
    mine: bool
    """Whoever asks is in it."""
    created_at: datetime
    version: int


class AcquisitionUnitMemberOut(BaseModel):
    """Somebody in a unit."""

    member: str
    """`staff:` or `client:`, and the reference by which the gateway knows them."""
    added_at: datetime
    added_by: str


_SELECT = """
SELECT u.*, EXISTS (SELECT FROM acquisition_unit_member m WHERE m.unit_id = u.id AND m.member = {0}) AS mine
FROM acquisition_unit u
"""
_ONE = _SELECT.format("$2") + " WHERE u.id = $1"


async def _told(connection: Any, unit_id: UUID, by: Principal) -> AcquisitionUnitOut:
    row = await connection.fetchrow(_ONE, unit_id, str(by.actor))
    if row is None:
        raise UnitUnknown
    return AcquisitionUnitOut(**dict(row))


@router.post(
    "",
    status_code=201,
    response_model=AcquisitionUnitOut,
    responses=problems(Unauthenticated, Forbidden, UnitTaken, UnitRefused, InFlight, Invalid),
)
async def create_acquisition_unit(
    request: Request, body: AcquisitionUnitIn, by: MayManage, once: OnceRequired, now: Now
) -> Response:
    """Enter a unit. Nothing changes until records are put into it."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        unit_id = await commands.make(connection, body.model_dump(), now=now)
        where = {"location": f"/v1/acquisition-units/{unit_id}", "etag": etags.etag(1)}
        return 201, await _told(connection, unit_id, by), where

    return await whole(pool_of(request), once, act)


@router.get(
    "",
    response_model=cursors.Page[AcquisitionUnitOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_acquisition_units(
    request: Request,
    response: Response,
    by: MayRead,
    member: Annotated[
        str | None, Query(max_length=210, description="Those that they are in: `staff:…` or `client:…`")
    ] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[AcquisitionUnitOut]:
    """Units, newest first; those that somebody is in."""
    pool = pool_of(request)
    own = await pool.fetchval(
        "SELECT array_agg(unit_id) FROM acquisition_unit_member WHERE member = $1", str(by.actor)
    )
    units = (
        None
        if member is None
        else await pool.fetchval(
            "SELECT coalesce(array_agg(unit_id), '{}') FROM acquisition_unit_member WHERE member = $1", member
        )
    )
    rows, more = await page(
        request,
        response,
        "SELECT * FROM acquisition_unit",
        {"ARRAY[id] <@": units},
        cursor=cursor,
        limit=limit,
    )
    mine = set(own or ())
    items = [AcquisitionUnitOut(**dict(row), mine=row["id"] in mine) for row in rows]
    return cursors.Page(items=items, next_cursor=more)


@router.get(
    "/{unit_id}",
    response_model=AcquisitionUnitOut,
    responses=problems(Unauthenticated, Forbidden, UnitUnknown),
)
async def get_acquisition_unit(
    request: Request, response: Response, unit_id: UUID, by: MayRead
) -> AcquisitionUnitOut:
    """One unit."""
    told = await _told(pool_of(request), unit_id, by)
    etags.tag(response, told.version)
    return told


@router.put(
    "/{unit_id}",
    response_model=AcquisitionUnitOut,
    responses=problems(
        Unauthenticated, Forbidden, UnitUnknown, UnitTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_acquisition_unit(
    request: Request,
    response: Response,
    unit_id: UUID,
    body: AcquisitionUnitIn,
    by: MayManage,
    expected: IfMatch,
) -> AcquisitionUnitOut:
    """Replace what is told of a unit. What it protects counts from now on: what is being written ends first."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        found = await commands.under_change(connection, unit_id)
        etags.guard(expected=expected, found=found["version"])
        await commands.rewrite(connection, unit_id, body.model_dump())
        told = await _told(connection, unit_id, by)
    etags.tag(response, told.version)
    return told


@router.delete(
    "/{unit_id}",
    status_code=204,
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, UnitUnknown, UnitRefused, Stale, PreconditionRequired),
)
async def remove_acquisition_unit(
    request: Request, unit_id: UUID, _: MayManage, expected: IfMatch
) -> Response:
    """Take a unit away, with its members; refused while records belong to it, for they would stand open."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        found = await commands.under_change(connection, unit_id)
        etags.guard(expected=expected, found=found["version"])
        await commands.remove(connection, unit_id)
    return Response(status_code=204)


@router.get(
    "/{unit_id}/members",
    response_model=cursors.Page[AcquisitionUnitMemberOut],
    responses=problems(Unauthenticated, Forbidden, UnitUnknown, Invalid),
)
async def list_acquisition_unit_members(
    request: Request,
    response: Response,
    unit_id: UUID,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[AcquisitionUnitMemberOut]:
    """Who is in a unit, by their reference."""
    pool = pool_of(request)
    await commands.read(pool, unit_id)
    rows = await pool.fetch(_MEMBERS, unit_id, limit + 1, "" if cursor is None else _member_in(cursor))
    more = cursors.encode(rows[limit - 1]["member"]) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(
        items=[AcquisitionUnitMemberOut(**dict(row)) for row in rows[:limit]], next_cursor=more
    )


_MEMBERS = """
SELECT member, added_at, added_by FROM acquisition_unit_member WHERE unit_id = $1 AND member > $3
ORDER BY member LIMIT $2
"""


def _member_in(cursor: str) -> str:
    (told,) = cursors.decode(cursor, parts=1)
    if not isinstance(told, str) or "\0" in told:
        raise cursors.wrong_cursor()
    return told


@router.put(
    "/{unit_id}/members/{member}",
    response_model=AcquisitionUnitMemberOut,
    responses=problems(Unauthenticated, Forbidden, UnitUnknown, Invalid),
)
async def add_acquisition_unit_member(
    request: Request, unit_id: UUID, member: MemberName, by: MayManage, now: Now
) -> AcquisitionUnitMemberOut:
    """Put a member of staff or a program into a unit; again, it changes nothing."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        row = await commands.add(connection, unit_id, member, actor=str(by.actor), now=now)
    return AcquisitionUnitMemberOut(**dict(row))


@router.delete(
    "/{unit_id}/members/{member}",
    status_code=204,
    response_class=Response,
    responses=problems(Unauthenticated, Forbidden, UnitUnknown, MemberUnknown, Invalid),
)
async def take_out_acquisition_unit_member(
    request: Request, unit_id: UUID, member: MemberName, _: MayManage
) -> Response:
    """Take somebody out of a unit. What they were writing is written, or is not; nothing comes after this."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await commands.take_out(connection, unit_id, member)
    return Response(status_code=204)
