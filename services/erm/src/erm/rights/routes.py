"""Perpetual rights on the wire."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Stale,
    Unauthenticated,
    problems,
)
from erm.agreements.commands import AgreementUnknown, LineUnknown, locked
from erm.agreements.routes import MayRead, MayWrite
from erm.configuration.queries import in_force
from erm.rights import commands, queries
from erm.rights.commands import RightRefused, RightUnknown
from erm.rights.rules import RightStatus
from erm.rights.wire import (
    PerpetualEntryOut,
    PerpetualRightIn,
    PerpetualRightOut,
    RightsFromLineIn,
    RightsFromLineOut,
)
from erm.rows import page, pool_of
from erm.wire import Limit

router = new_router("/v1", tag="agreements")


def _out(row: Any) -> PerpetualRightOut:
    return PerpetualRightOut.model_validate({name: row[name] for name in PerpetualRightOut.model_fields})


async def _one(connection: Any, right_id: UUID) -> PerpetualRightOut:
    row = await queries.right(connection, right_id)
    if row is None:
        raise RightUnknown
    return _out(row)


@router.post(
    "/perpetual-rights",
    status_code=201,
    response_model=PerpetualRightOut,
    responses=problems(Unauthenticated, Forbidden, InFlight, Invalid),
)
async def enter_perpetual_right(
    request: Request, body: PerpetualRightIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter years of a title that stay the library's."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        right_id = await commands.enter(connection, body, actor=str(by.actor), now=now)
        where = {"location": f"/v1/perpetual-rights/{right_id}", "etag": etags.etag(1)}
        return 201, await _one(connection, right_id), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/perpetual-rights",
    response_model=cursors.Page[PerpetualRightOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_perpetual_rights(
    request: Request,
    response: Response,
    _: MayRead,
    title_id: UUID | None = None,
    agreement_id: UUID | None = None,
    platform_id: Annotated[UUID | None, Query(description="Only those exercised there")] = None,
    status: RightStatus | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[PerpetualRightOut]:
    """Perpetual rights, newest first."""
    wanted = {
        "title_id =": title_id,
        "agreement_id =": agreement_id,
        "platform_id =": platform_id,
        "status =": status,
    }
    rows, more = await page(
        request, response, "SELECT id FROM perpetual_right", wanted, cursor=cursor, limit=limit
    )
    found = await queries.rights(pool_of(request), [row["id"] for row in rows])
    return cursors.Page(items=[_out(row) for row in found], next_cursor=more)


@router.get(
    "/perpetual-rights/{right_id}",
    response_model=PerpetualRightOut,
    responses=problems(Unauthenticated, Forbidden, RightUnknown),
)
async def get_perpetual_right(
    request: Request, response: Response, right_id: UUID, _: MayRead
) -> PerpetualRightOut:
    """One perpetual right."""
    told = await _one(pool_of(request), right_id)
    etags.tag(response, told.version)
    return told


@router.put(
    "/perpetual-rights/{right_id}",
    response_model=PerpetualRightOut,
    responses=problems(Unauthenticated, Forbidden, RightUnknown, Stale, Invalid, PreconditionRequired),
)
async def replace_perpetual_right(
    request: Request,
    response: Response,
    right_id: UUID,
    body: PerpetualRightIn,
    by: MayWrite,
    expected: IfMatch,
    now: Now,
) -> PerpetualRightOut:
    """Replace what is told of a right; what it was stays in its history. None is ever deleted: it may be `lost`."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await commands.replace(connection, right_id, body, expected=expected, actor=str(by.actor), now=now)
        told = await _one(connection, right_id)
    etags.tag(response, told.version)
    return told


_HISTORY = "SELECT id, at, actor, what, told FROM perpetual_right_entry"


@router.get(
    "/perpetual-rights/{right_id}/history",
    response_model=cursors.Page[PerpetualEntryOut],
    responses=problems(Unauthenticated, Forbidden, RightUnknown, Invalid),
)
async def list_perpetual_right_history(
    request: Request,
    response: Response,
    right_id: UUID,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[PerpetualEntryOut]:
    """What became of a right, newest first; written once, and never changed."""
    await _one(pool_of(request), right_id)
    rows, more = await page(request, response, _HISTORY, {"right_id =": right_id}, cursor=cursor, limit=limit)
    items = [PerpetualEntryOut.model_validate(dict(row)) for row in rows]
    return cursors.Page(items=items, next_cursor=more)


@router.post(
    "/agreements/{agreement_id}/perpetual-rights",
    response_model=RightsFromLineOut,
    responses=problems(
        Unauthenticated, Forbidden, AgreementUnknown, LineUnknown, RightRefused, InFlight, Invalid
    ),
)
async def make_perpetual_rights(
    request: Request,
    agreement_id: UUID,
    body: RightsFromLineIn,
    by: MayWrite,
    once: OnceRequired,
    now: Now,
    dry_run: Annotated[bool, Query(description="Only tell what would be made")] = False,
) -> Response:
    """Make rights of what a line has let be used: for each title, what was published while it was subscribed to.

    Periods, the line's own days, days of access and coverage count together, up to today. Again, it makes only what
    is not there yet.
    """

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await locked(connection, agreement_id)
        today = (await in_force(connection)).today(now)
        told = await commands.make_from_line(
            connection, agreement_id, body, today=today, actor=str(by.actor), now=now, dry_run=dry_run
        )
        return 200, told, {}

    return await whole(pool_of(request), once, act)
