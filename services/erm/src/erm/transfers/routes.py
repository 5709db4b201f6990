"""Transfers of titles on the wire."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from erm.agreements.routes import MayRead, MayWrite
from erm.rows import page, pool_of
from erm.transfers import commands, queries
from erm.transfers.commands import TaskUnknown, TransferRefused, TransferTaken, TransferUnknown
from erm.transfers.wire import (
    DueTransferTaskOut,
    Status,
    TaskSettlementIn,
    TitleMovementIn,
    TitleTransferIn,
    TitleTransferOut,
)
from erm.wire import Limit

router = new_router("/v1", tag="agreements")


def _out(row: Any) -> TitleTransferOut:
    return TitleTransferOut.model_validate({name: row[name] for name in TitleTransferOut.model_fields})


async def _one(connection: Any, transfer_id: UUID) -> TitleTransferOut:
    row = await queries.transfer(connection, transfer_id)
    if row is None:
        raise TransferUnknown
    return _out(row)


@router.post(
    "/title-transfers",
    status_code=201,
    response_model=TitleTransferOut,
    responses=problems(Unauthenticated, Forbidden, TransferTaken, InFlight, Invalid),
)
async def announce_title_transfer(
    request: Request, body: TitleTransferIn, _: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """A title goes to another publisher. What the library has of it, and has to see to, becomes tasks.

    Where it has nothing of the title, the transfer is done at once.
    """

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = await _one(connection, await commands.announce(connection, body, now=now))
        where = {"location": f"/v1/title-transfers/{told.id}", "etag": etags.etag(told.version)}
        return 201, told, where

    return await whole(pool_of(request), once, act)


@router.get(
    "/title-transfers",
    response_model=cursors.Page[TitleTransferOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_title_transfers(
    request: Request,
    response: Response,
    _: MayRead,
    title_id: UUID | None = None,
    status: Status | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[TitleTransferOut]:
    """Transfers of titles, newest first."""
    rows, more = await page(
        request,
        response,
        "SELECT id FROM title_transfer",
        {"title_id =": title_id, "status =": status},
        cursor=cursor,
        limit=limit,
    )
    found = await queries.transfers(pool_of(request), [row["id"] for row in rows])
    return cursors.Page(items=[_out(row) for row in found], next_cursor=more)


@router.get(
    "/title-transfers/{transfer_id}",
    response_model=TitleTransferOut,
    responses=problems(Unauthenticated, Forbidden, TransferUnknown),
)
async def get_title_transfer(
    request: Request, response: Response, transfer_id: UUID, _: MayRead
) -> TitleTransferOut:
    """One transfer with its tasks."""
    told = await _one(pool_of(request), transfer_id)
    etags.tag(response, told.version)
    return told


@router.post(
    "/title-transfers/{transfer_id}/movements",
    response_model=TitleTransferOut,
    responses=problems(Unauthenticated, Forbidden, TransferUnknown, TransferRefused, InFlight, Invalid),
)
async def move_title(
    request: Request, transfer_id: UUID, body: TitleMovementIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """The title is on its new platform: links lead there, perpetual rights go with it if the receiver grants them."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await commands.move(connection, transfer_id, body, actor=str(by.actor), now=now)
        told = await _one(connection, transfer_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


@router.post(
    "/title-transfers/{transfer_id}/withdrawals",
    response_model=TitleTransferOut,
    responses=problems(Unauthenticated, Forbidden, TransferUnknown, TransferRefused, InFlight, Invalid),
)
async def withdraw_title_transfer(
    request: Request, transfer_id: UUID, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """It does not come to pass; what was open is dropped."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await commands.withdraw(connection, transfer_id, actor=str(by.actor), now=now)
        told = await _one(connection, transfer_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


_TASKS = """
SELECT k.*, r.title_id, t.name AS title FROM title_transfer_task k
JOIN title_transfer r ON r.id = k.transfer_id JOIN title_instance t ON t.id = r.title_id
WHERE k.state = 'open' AND ($2::date IS NULL OR k.due_on <= $2) AND (k.due_on, k.id) > ($3, $4::uuid)
ORDER BY k.due_on, k.id LIMIT $1
"""


@router.get(
    "/title-transfer-tasks",
    response_model=cursors.Page[DueTransferTaskOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_title_transfer_tasks(
    request: Request,
    response: Response,
    _: MayRead,
    due_until: Annotated[date | None, Query(description="Only those due by this day")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
) -> cursors.Page[DueTransferTaskOut]:
    """What transfers still ask of the library, the most urgent first."""
    after = cursors.day_and_id(cursor) if cursor is not None else (date.min, UUID(int=0))
    rows = await pool_of(request).fetch(_TASKS, limit + 1, due_until, *after)
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(last["due_on"].isoformat(), str(last["id"])) if last else None
    cursors.link_next(request, response, more)
    items = [DueTransferTaskOut.model_validate(dict(row)) for row in rows[:limit]]
    return cursors.Page(items=items, next_cursor=more)


@router.post(
    "/title-transfer-tasks/{task_id}/settlements",
    response_model=TitleTransferOut,
    responses=problems(Unauthenticated, Forbidden, TaskUnknown, TransferRefused, InFlight, Invalid),
)
async def settle_title_transfer_task(
    request: Request, task_id: UUID, body: TaskSettlementIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """A task is done, or does not concern the library; with the last one the transfer is done."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        transfer_id = await commands.settle(connection, task_id, body, actor=str(by.actor), now=now)
        told = await _one(connection, transfer_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)
