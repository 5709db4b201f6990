"""Routing lists and the rounds of issues on the wire."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, PreconditionRequired, Stale, Unauthenticated, problems
from erm.configuration.queries import in_force
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown
from erm.routing import commands
from erm.routing.commands import RoundRefused, RoundUnknown, RoutingListTaken, RoutingListUnknown
from erm.routing.rules import RoundState, slip
from erm.routing.wire import LegOut, RoundAct, RoundIn, RoundOut, RoutingListIn, RoutingListOut, StopOut
from erm.rows import Within, page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, held, within
from erm.wire import Day, Limit

router = new_router("/v1", tag="serials")

MayRoute = Annotated[Principal, Depends(may("orders:receive"))]
"""Who reads what is the readers' own: it is told to those alone who hand issues on."""


async def _list(connection: Connection, list_id: UUID) -> RoutingListOut:
    row, stops = await commands.read_list(connection, list_id)
    told = [StopOut(**dict(each)) for each in stops]
    return RoutingListOut(**dict(row), stops=told)


async def _round(connection: Connection, round_id: UUID) -> RoundOut:
    row, legs = await commands.read_round(connection, round_id)
    return RoundOut(**dict(row), legs=[LegOut(**asdict(leg)) for leg in legs])


@router.post(
    "/order-lines/{line_id}/routing-lists",
    status_code=201,
    response_model=RoutingListOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, RoutingListTaken, InFlight, Invalid),
)
async def enter_routing_list(
    request: Request, line_id: UUID, body: RoutingListIn, by: MayRoute, once: OnceRequired, now: Now
) -> Response:
    """Who gets the issues of a copy of a subscription, one after the other."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        list_id = await commands.enter(
            connection, line_id, body, standing=await held(connection, by), now=now
        )
        where = {"location": f"/v1/routing-lists/{list_id}", "etag": etags.etag(1)}
        return 201, await _list(connection, list_id), where

    return await whole(pool_of(request), once, act)


_LISTS = """
SELECT r.* FROM routing_list r JOIN order_line l ON l.id = r.order_line_id JOIN purchase_order o ON o.id = l.order_id
"""


@router.get(
    "/order-lines/{line_id}/routing-lists",
    response_model=cursors.Page[RoutingListOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_routing_lists(
    request: Request,
    response: Response,
    line_id: UUID,
    _: MayRoute,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[RoutingListOut]:
    """The lists of a line's copies, newest first."""
    rows, more = await page(
        request,
        response,
        _LISTS,
        {"r.order_line_id =": line_id},
        cursor=cursor,
        limit=limit,
        by="r.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    stops = await pool_of(request).fetch(
        "SELECT * FROM routing_stop WHERE list_id = ANY ($1::uuid[]) ORDER BY list_id, position",
        [row["id"] for row in rows],
    )
    items = [
        RoutingListOut(
            **dict(row),
            stops=[StopOut(**dict(each)) for each in stops if each["list_id"] == row["id"]],
        )
        for row in rows
    ]
    return cursors.Page(items=items, next_cursor=more)


@router.get(
    "/routing-lists/{list_id}",
    response_model=RoutingListOut,
    responses=problems(Unauthenticated, Forbidden, RoutingListUnknown),
)
async def get_routing_list(
    request: Request, response: Response, list_id: UUID, _: MayRoute, seen: Seen
) -> RoutingListOut:
    """One list."""
    async with pool_of(request).acquire() as connection:
        told = await _list(connection, list_id)
        if not seen.lets(Act.READ, await orders.units_of_line(connection, told.order_line_id)):
            raise RoutingListUnknown
    etags.tag(response, told.version)
    return told


@router.put(
    "/routing-lists/{list_id}",
    response_model=RoutingListOut,
    responses=problems(
        Unauthenticated, Forbidden, RoutingListUnknown, RoutingListTaken, Stale, Invalid, PreconditionRequired
    ),
)
async def change_routing_list(
    request: Request, response: Response, list_id: UUID, body: RoutingListIn, by: MayRoute, expected: IfMatch
) -> RoutingListOut:
    """Replace a list. Issues that go round go on as they began."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        await commands.put(connection, list_id, body, expected=expected, standing=await held(connection, by))
        told = await _list(connection, list_id)
    etags.tag(response, told.version)
    return told


@router.post(
    "/routing-lists/{list_id}/rounds",
    status_code=201,
    response_model=RoundOut,
    responses=problems(Unauthenticated, Forbidden, RoutingListUnknown, RoundRefused, InFlight, Invalid),
)
async def start_round(
    request: Request, list_id: UUID, body: RoundIn, by: MayRoute, once: OnceRequired, now: Now
) -> Response:
    """An issue that has come goes to the first who is there."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        today = (await in_force(connection)).today(now)
        round_id = await commands.start(connection, list_id, body, standing=standing, today=today, now=now)
        where = {"location": f"/v1/routing-rounds/{round_id}", "etag": etags.etag(1)}
        return 201, await _round(connection, round_id), where

    return await whole(pool_of(request), once, act)


_ROUNDS = """
SELECT r.* FROM routing_round r JOIN routing_list g ON g.id = r.list_id JOIN order_line l ON l.id = g.order_line_id
JOIN purchase_order o ON o.id = l.order_id
"""
_OVERDUE = f"""
{_ROUNDS} WHERE r.state = 'under-way' AND r.due_on < $2 AND (r.due_on, r.id) > ($3, $4::uuid) AND %s
ORDER BY r.due_on, r.id LIMIT $1
"""


@router.get(
    "/routing-rounds/overdue",
    response_model=cursors.Page[RoundOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_overdue_rounds(
    request: Request,
    response: Response,
    _: MayRoute,
    seen: Seen,
    now: Now,
    on: Annotated[Day | None, Query(description="As of this day; today unless another")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Limit = 100,
) -> cursors.Page[RoundOut]:
    """Issues that somebody keeps for longer than they may, the longest first."""
    async with pool_of(request).acquire() as connection:
        day = on or (await in_force(connection)).today(now)
        after = cursors.day_and_id(cursor) if cursor is not None else (day.min, UUID(int=0))
        sight = within(seen, "o.acquisition_unit_ids") or Within("true", ())
        rows = await connection.fetch(_OVERDUE % sight.numbered(5), limit + 1, day, *after, *sight.values)
        items = await _rounds(connection, rows[:limit])
    end = rows[limit - 1] if len(rows) > limit else None
    more = cursors.encode(end["due_on"].isoformat(), str(end["id"])) if end else None
    cursors.link_next(request, response, more)
    return cursors.Page(items=items, next_cursor=more)


async def _in_sight(connection: Connection, round_id: UUID, seen: Standing) -> None:
    """`RoundUnknown` for whoever may not see the order."""
    line_id = await commands.line_of(connection, round_id)
    if not seen.lets(Act.READ, await orders.units_of_line(connection, line_id)):
        raise RoundUnknown


async def _rounds(connection: Connection, rows: list[asyncpg.Record]) -> list[RoundOut]:
    legs = await connection.fetch(
        "SELECT * FROM routing_leg WHERE round_id = ANY ($1::uuid[]) ORDER BY round_id, position",
        [row["id"] for row in rows],
    )
    return [
        RoundOut(**dict(row), legs=[LegOut(**dict(each)) for each in legs if each["round_id"] == row["id"]])
        for row in rows
    ]


@router.get(
    "/routing-lists/{list_id}/rounds",
    response_model=cursors.Page[RoundOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_rounds(
    request: Request,
    response: Response,
    list_id: UUID,
    _: MayRoute,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[RoundOut]:
    """The rounds of a list's issues, newest first."""
    rows, more = await page(
        request,
        response,
        _ROUNDS,
        {"r.list_id =": list_id},
        cursor=cursor,
        limit=limit,
        by="r.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    async with pool_of(request).acquire() as connection:
        items = await _rounds(connection, rows)
    return cursors.Page(items=items, next_cursor=more)


@router.get(
    "/routing-rounds/{round_id}",
    response_model=RoundOut,
    responses=problems(Unauthenticated, Forbidden, RoundUnknown),
)
async def get_round(
    request: Request, response: Response, round_id: UUID, _: MayRoute, seen: Seen
) -> RoundOut:
    """One round."""
    async with pool_of(request).acquire() as connection:
        await _in_sight(connection, round_id, seen)
        told = await _round(connection, round_id)
    etags.tag(response, told.version)
    return told


_SLIP = """
SELECT l.title, g.back_to FROM routing_list g JOIN order_line l ON l.id = g.order_line_id WHERE g.id = $1
"""


@router.get(
    "/routing-rounds/{round_id}/slip",
    response_class=Response,
    responses={
        200: {"description": "Plain text, to be printed.", "content": {"text/plain": {}}},
        **problems(Unauthenticated, Forbidden, RoundUnknown, RoundRefused),
    },
)
async def print_slip(request: Request, round_id: UUID, _: MayRoute, seen: Seen) -> Response:
    """The slip that goes with an issue: those who are still to have it, in order."""
    async with pool_of(request).acquire() as connection:
        await _in_sight(connection, round_id, seen)
        row, legs = await commands.read_round(connection, round_id)
        if row["state"] != RoundState.UNDER_WAY:
            raise RoundRefused(reasons=[commands.over(RoundState(row["state"]))])
        about = await connection.fetchrow(_SLIP, row["list_id"])
    assert about is not None
    told = slip(title=about["title"], issue=row["issue"], back_to=about["back_to"], legs=legs)
    return Response(told, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


@router.post(
    "/routing-rounds/{round_id}/actions",
    response_model=RoundOut,
    responses=problems(
        Unauthenticated, Forbidden, RoundUnknown, RoundRefused, Stale, InFlight, Invalid, PreconditionRequired
    ),
)
async def act_on_round(
    request: Request,
    round_id: UUID,
    body: RoundAct,
    by: MayRoute,
    once: OnceRequired,
    expected: IfMatch,
    now: Now,
) -> Response:
    """Hand an issue on, pass over who would have it now, or call it back. Nobody is handed past by two at once."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        today = (await in_force(connection)).today(now)
        await commands.act(
            connection, round_id, body.action, expected=expected, standing=standing, today=today, now=now
        )
        told = await _round(connection, round_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)
