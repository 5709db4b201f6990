"""Hold groups on the wire: who is in them, and what is held for everybody in one."""

from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import OnceRequired
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
    Stale,
    Unauthenticated,
    problems,
)
from circulation.hold_groups.ordering import order
from circulation.items.volumes import volume_key
from circulation.places.library import NotConfigured
from circulation.places.routes import TheLibrary

router = new_router("/v1/hold-groups", tag="hold-groups")

MayRead = Annotated[Principal, Depends(may("holds:read"))]
MayManage = Annotated[Principal, Depends(may("holds:manage"))]
Limit = Annotated[int, Query(ge=1, le=500)]
MAY_BE = problems(Unauthenticated, Forbidden, NotFound, Invalid)
LAST = UUID(int=2**128 - 1)
Out = TypeVar("Out", bound=BaseModel)


class GroupIn(BaseModel):
    """What its patrons have subscribed to."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200)
    serial_title_id: UUID | None = None
    """New volumes of this title are held for everybody by themselves; left out: what staff order."""


class GroupChange(BaseModel):
    """What is to be changed; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, min_length=1, max_length=200)
    serial_title_id: UUID | None = None
    """null: nothing is held by itself any more."""
    active: bool | None = None
    """A group that is not places nothing."""


class GroupOut(BaseModel):
    """A group."""

    id: UUID
    name: str
    serial_title_id: UUID | None
    active: bool
    created_at: datetime
    version: int


class MemberIn(BaseModel):
    """Where the patron picks things up."""

    model_config = ConfigDict(extra="forbid")

    pickup_id: UUID


class MemberOut(BaseModel):
    """A patron in a group; who has been in it for longest comes first in the queues."""

    patron_id: UUID
    pickup_id: UUID
    added_at: datetime


class OrderIn(BaseModel):
    """What is held for everybody."""

    model_config = ConfigDict(extra="forbid")

    title_id: UUID
    volume: str | None = Field(default=None, min_length=1, max_length=200)
    """Of the title, as its label has it."""


class OrderOut(BaseModel):
    """An order for everybody who was in the group at that moment, and how far it is."""

    id: UUID
    group_id: UUID
    title_id: UUID
    volume: str | None
    ordered_at: datetime
    ordered_by: str
    placed: int
    refused: int
    done_at: datetime | None


class ResultOut(BaseModel):
    """What came of it for one patron: a hold, or the codes of all that stands against it."""

    patron_id: UUID
    hold_id: UUID | None
    refusals: list[str]
    tried_at: datetime


def _out(model: type[Out], row: asyncpg.Record) -> Out:
    return model(**{name: row[name] for name in model.model_fields})


async def _group(connection: Any, group_id: UUID, lock: str = "") -> asyncpg.Record:
    row: asyncpg.Record | None = await connection.fetchrow(
        f"SELECT * FROM hold_group WHERE id = $1{lock}",  # noqa: S608 - our own words
        group_id,
    )
    if row is None:
        raise NotFound("There is no such group.")
    return row


@router.post("", status_code=201, response_model=GroupOut, responses=MAY_BE)
async def create_hold_group(
    request: Request, body: GroupIn, _: MayManage, once: OnceRequired, now: Now
) -> Response:
    """Begin a group; patrons are added one by one."""

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await connection.fetchrow(
            "INSERT INTO hold_group (id, name, serial_title_id, created_at) VALUES ($1, $2, $3, $4) RETURNING *",
            uuid7(),
            body.name,
            body.serial_title_id,
            now,
        )
        tags = {"location": f"{router.prefix}/{row['id']}", "etag": etags.etag(row["version"])}
        return 201, _out(GroupOut, row), tags

    return await whole(request.app.state.resources.pool, once, act)


@router.get("", response_model=cursors.Page[GroupOut], responses=MAY_BE)
async def list_hold_groups(
    request: Request, response: Response, _: MayRead, cursor: str | None = None, limit: Limit = 100
) -> cursors.Page[GroupOut]:
    """Groups, the newest first."""
    before = cursors.uuid_in(cursor) if cursor else LAST
    rows = await request.app.state.resources.pool.fetch(
        "SELECT * FROM hold_group WHERE id < $1 ORDER BY id DESC LIMIT $2", before, limit + 1
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(GroupOut, row) for row in rows[:limit]], next_cursor=more)


@router.get("/{group_id}", response_model=GroupOut, responses=MAY_BE)
async def get_hold_group(request: Request, group_id: UUID, _: MayRead, response: Response) -> GroupOut:
    """One group."""
    row = await _group(request.app.state.resources.pool, group_id)
    etags.tag(response, row["version"])
    return _out(GroupOut, row)


@router.patch(
    "/{group_id}", response_model=GroupOut, responses=MAY_BE | problems(Stale, PreconditionRequired)
)
async def change_hold_group(
    request: Request,
    group_id: UUID,
    body: GroupChange,
    _: MayManage,
    expected: IfMatch,
    once: OnceRequired,
) -> Response:
    """Another name, another serial, or no more holds."""
    told = body.model_dump(include=body.model_fields_set)
    if empty := [name for name in ("name", "active") if name in told and told[name] is None]:
        raise Invalid(
            reasons=[
                Reason("value-missing", f"{name} cannot be empty.", f"/{name}", "Leave it out.")
                for name in empty
            ]
        )

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        row = await _group(connection, group_id, " FOR NO KEY UPDATE")
        etags.guard(expected=expected, found=row["version"])
        changed = {name: told.get(name, row[name]) for name in ("name", "serial_title_id", "active")}
        row = await connection.fetchrow(
            "UPDATE hold_group SET name = $2, serial_title_id = $3, active = $4, version = version + 1 "
            "WHERE id = $1 RETURNING *",
            group_id,
            *changed.values(),
        )
        return 200, _out(GroupOut, row), {"etag": etags.etag(row["version"])}

    return await whole(request.app.state.resources.pool, once, act)


_MEMBERS = """
SELECT patron_id, pickup_id, added_at FROM hold_group_member
WHERE group_id = $1 AND (added_at, patron_id) > ($2::timestamptz, $3::uuid) ORDER BY added_at, patron_id LIMIT $4
"""


@router.get("/{group_id}/members", response_model=cursors.Page[MemberOut], responses=MAY_BE)
async def list_hold_group_members(
    request: Request,
    response: Response,
    group_id: UUID,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[MemberOut]:
    """Who is in the group, in the order in which holds are placed."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    group = await _group(pool, group_id)
    after = cursors.moment_and_id(cursor) if cursor else (group["created_at"], UUID(int=0))
    rows = await pool.fetch(_MEMBERS, group_id, *after, limit + 1)
    last = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(last["added_at"], last["patron_id"]) if last else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(MemberOut, row) for row in rows[:limit]], next_cursor=more)


@router.put(
    "/{group_id}/members/{patron_id}",
    response_model=MemberOut,
    responses=MAY_BE | problems(NotConfigured),
)
async def put_hold_group_member(
    request: Request,
    group_id: UUID,
    patron_id: UUID,
    body: MemberIn,
    _: MayManage,
    library: TheLibrary,
    now: Now,
) -> MemberOut:
    """Add a patron to the group, or have them pick up elsewhere; done twice, it is done once."""
    desk, missing = library.desks.get(body.pickup_id), []
    if desk is None or not desk.pickup:
        missing.append(Reason("pickup-unknown", "There is no such pickup point.", "/pickup_id"))
    async with request.app.state.resources.pool.acquire() as connection, connection.transaction():
        await _group(connection, group_id, " FOR SHARE")
        if not await connection.fetchval("SELECT true FROM patron WHERE id = $1", patron_id):
            missing.append(Reason("patron-unknown", "There is no such patron.", "path/patron_id"))
        if missing:
            raise NotFound("The patron or the pickup point is unknown here.", reasons=missing)
        row = await connection.fetchrow(
            "INSERT INTO hold_group_member (group_id, patron_id, pickup_id, added_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (group_id, patron_id) DO UPDATE SET pickup_id = excluded.pickup_id RETURNING *",
            group_id,
            patron_id,
            body.pickup_id,
            now,
        )
    return _out(MemberOut, row)


@router.delete("/{group_id}/members/{patron_id}", status_code=204, responses=MAY_BE)
async def remove_hold_group_member(request: Request, group_id: UUID, patron_id: UUID, _: MayManage) -> None:
    """Take a patron out of the group; their holds stay."""
    await request.app.state.resources.pool.execute(
        "DELETE FROM hold_group_member WHERE group_id = $1 AND patron_id = $2", group_id, patron_id
    )


@router.post("/{group_id}/orders", status_code=202, response_model=OrderOut, responses=MAY_BE)
async def order_for_hold_group(
    request: Request, group_id: UUID, body: OrderIn, by: MayManage, once: OnceRequired, now: Now
) -> Response:
    """Hold a title, or a volume of it, for everybody in the group; worked off behind, and never done twice."""
    key = volume_key(body.volume)

    async def act(connection: Any) -> tuple[int, BaseModel, dict[str, str]]:
        await _group(connection, group_id, " FOR SHARE")
        known = await connection.fetchval(
            "SELECT true FROM item WHERE title_ids @> ARRAY[$1::uuid] "
            "AND ($2::text IS NULL OR volume_key = $2) LIMIT 1",
            body.title_id,
            key,
        )
        if not known or (body.volume is not None and key is None):
            code, where = ("volume-unknown", "/volume") if body.volume else ("title-unknown", "/title_id")
            text = "Nothing that could be lent is known of it here."
            raise NotFound(text, reasons=[Reason(code, text, where)])
        row, _ = await order(
            connection,
            group_id,
            body.title_id,
            volume=body.volume,
            volume_key=key,
            by=str(by.actor),
            now=now,
        )
        return 202, _out(OrderOut, row), {"location": f"{router.prefix}/{group_id}/orders/{row['id']}"}

    return await whole(request.app.state.resources.pool, once, act)


@router.get("/{group_id}/orders", response_model=cursors.Page[OrderOut], responses=MAY_BE)
async def list_hold_group_orders(
    request: Request,
    response: Response,
    group_id: UUID,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[OrderOut]:
    """What was held for the group, the newest first."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    await _group(pool, group_id)
    before = cursors.uuid_in(cursor) if cursor else LAST
    rows = await pool.fetch(
        "SELECT * FROM hold_group_order WHERE group_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        group_id,
        before,
        limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1]["id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=[_out(OrderOut, row) for row in rows[:limit]], next_cursor=more)


@router.get("/{group_id}/orders/{order_id}/results", response_model=cursors.Page[ResultOut], responses=MAY_BE)
async def list_hold_group_results(
    request: Request,
    response: Response,
    group_id: UUID,
    order_id: UUID,
    _: MayRead,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ResultOut]:
    """What came of an order, patron by patron."""
    pool: asyncpg.Pool = request.app.state.resources.pool
    if not await pool.fetchval(
        "SELECT true FROM hold_group_order WHERE id = $1 AND group_id = $2", order_id, group_id
    ):
        raise NotFound("There is no such order.")
    after = cursors.uuid_in(cursor) if cursor else UUID(int=0)
    rows = await pool.fetch(
        "SELECT * FROM hold_group_result WHERE order_id = $1 AND patron_id > $2 ORDER BY patron_id LIMIT $3",
        order_id,
        after,
        limit + 1,
    )
    more = cursors.encode(str(rows[limit - 1]["patron_id"])) if len(rows) > limit else None
    cursors.link_next(request, response, more)
    told = [
        ResultOut(
            patron_id=row["patron_id"],
            hold_id=row["hold_id"],
            refusals=(row["refusals"] or "").split(),
            tried_at=row["tried_at"],
        )
        for row in rows[:limit]
    ]
    return cursors.Page(items=told, next_cursor=more)
