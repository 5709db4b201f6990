"""Volumes and shipments to binderies on the wire."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Depends, Request, Response
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
from erm.binding import commands
from erm.binding.commands import BindingRefused, BindingUnknown, ShipmentUnknown
from erm.binding.rules import BindingState, volume
from erm.binding.wire import (
    BindingAct,
    BindingIn,
    BindingOut,
    BoundIssueOut,
    ReturnIn,
    ShipmentIn,
    ShipmentOut,
)
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown
from erm.rows import page, pool_of
from erm.units.rules import Act
from erm.units.standing import Seen, held, within
from erm.wire import Limit

router = new_router("/v1", tag="serials")

MayRead = Annotated[Principal, Depends(may("orders:read", "orders:write", "orders:receive"))]
MayBind = Annotated[Principal, Depends(may("orders:receive"))]
_PIECES = """
SELECT binding_id, id AS piece_id, item_id, reasons FROM piece WHERE binding_id = ANY ($1::uuid[])
ORDER BY binding_id, receipt_id, position
"""


async def _told(connection: Connection | asyncpg.Pool, rows: Sequence[asyncpg.Record]) -> list[BindingOut]:
    pieces = await connection.fetch(_PIECES, [row["id"] for row in rows])
    return [
        BindingOut(
            **dict(row),
            volume=volume(row["enumeration"], row["chronology"]),
            pieces=[BoundIssueOut(**dict(each)) for each in pieces if each["binding_id"] == row["id"]],
        )
        for row in rows
    ]


async def _one(connection: Connection | asyncpg.Pool, binding_id: UUID) -> BindingOut:
    (told,) = await _told(connection, [await commands.read(connection, binding_id)])
    return told


@router.post(
    "/order-lines/{line_id}/bindings",
    status_code=201,
    response_model=BindingOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, BindingRefused, InFlight, Invalid),
)
async def bind_issues(
    request: Request, line_id: UUID, body: BindingIn, by: MayBind, once: OnceRequired, now: Now
) -> Response:
    """Have issues become one volume. Their items are taken out, which circulation may refuse for those it needs."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        binding_id = await commands.bind(
            connection, line_id, body, actor=str(by.actor), standing=await held(connection, by), now=now
        )
        where = {"location": f"/v1/bindings/{binding_id}", "etag": etags.etag(1)}
        return 201, await _one(connection, binding_id), where

    return await whole(pool_of(request), once, act)


_BINDINGS = """
SELECT b.* FROM binding b JOIN order_line l ON l.id = b.order_line_id JOIN purchase_order o ON o.id = l.order_id
"""


@router.get(
    "/bindings",
    response_model=cursors.Page[BindingOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_bindings(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    state: BindingState,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[BindingOut]:
    """Volumes in a state, newest first: `waiting` are those of which something is lent."""
    rows, more = await page(
        request,
        response,
        _BINDINGS,
        {"b.state =": state},
        cursor=cursor,
        limit=limit,
        by="b.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    return cursors.Page(items=await _told(pool_of(request), rows), next_cursor=more)


@router.get(
    "/order-lines/{line_id}/bindings",
    response_model=cursors.Page[BindingOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_bindings_of_line(
    request: Request,
    response: Response,
    line_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[BindingOut]:
    """A line's volumes, newest first."""
    rows, more = await page(
        request,
        response,
        _BINDINGS,
        {"b.order_line_id =": line_id},
        cursor=cursor,
        limit=limit,
        by="b.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    return cursors.Page(items=await _told(pool_of(request), rows), next_cursor=more)


@router.get(
    "/bindings/{binding_id}",
    response_model=BindingOut,
    responses=problems(Unauthenticated, Forbidden, BindingUnknown),
)
async def get_binding(
    request: Request, response: Response, binding_id: UUID, _: MayRead, seen: Seen
) -> BindingOut:
    """One volume."""
    pool = pool_of(request)
    told = await _one(pool, binding_id)
    if not seen.lets(Act.READ, await orders.units_of_line(pool, told.order_line_id)):
        raise BindingUnknown
    etags.tag(response, told.version)
    return told


@router.post(
    "/bindings/{binding_id}/actions",
    response_model=BindingOut,
    responses=problems(
        Unauthenticated, Forbidden, BindingUnknown, BindingRefused, Stale, InFlight, Invalid,
        PreconditionRequired,
    ),
)  # fmt: skip
async def act_on_binding(
    request: Request,
    binding_id: UUID,
    body: BindingAct,
    by: MayBind,
    once: OnceRequired,
    expected: IfMatch,
    now: Now,
) -> Response:
    """Ask the catalogue again, take it for bound in the house, or make issues of it."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        await commands.act(connection, binding_id, body.action, expected=expected, standing=standing, now=now)
        told = await _one(connection, binding_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)


_SHIPMENT = """
SELECT s.*, (SELECT count(*) FROM binding b WHERE b.shipment_id = s.id AND b.state = 'at-bindery') AS away
FROM bindery_shipment s
"""


async def _shipment(connection: Connection | asyncpg.Pool, shipment_id: UUID) -> ShipmentOut:
    row = await connection.fetchrow(f"{_SHIPMENT} WHERE s.id = $1", shipment_id)
    if row is None:
        raise ShipmentUnknown
    return ShipmentOut(**dict(row))


@router.post(
    "/bindery-shipments",
    status_code=201,
    response_model=ShipmentOut,
    responses=problems(Unauthenticated, Forbidden, BindingRefused, InFlight, Invalid),
)
async def send_to_bindery(
    request: Request, body: ShipmentIn, by: MayBind, once: OnceRequired, now: Now
) -> Response:
    """Volumes that are ready go to a bindery; what comes of the subscription meanwhile is received as ever."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        told = body.model_dump(exclude={"binding_ids"})
        shipment_id = await commands.send(
            connection, told, body.binding_ids, standing=await held(connection, by), now=now
        )
        where = {"location": f"/v1/bindery-shipments/{shipment_id}", "etag": etags.etag(1)}
        return 201, await _shipment(connection, shipment_id), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/bindery-shipments",
    response_model=cursors.Page[ShipmentOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_shipments(
    request: Request,
    response: Response,
    _: MayRead,
    bindery_id: UUID | None = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ShipmentOut]:
    """Shipments to binderies, newest first."""
    wanted = {"s.bindery_id =": bindery_id}
    rows, more = await page(request, response, _SHIPMENT, wanted, cursor=cursor, limit=limit, by="s.id")
    return cursors.Page(items=[ShipmentOut(**dict(row)) for row in rows], next_cursor=more)


@router.get(
    "/bindery-shipments/{shipment_id}",
    response_model=ShipmentOut,
    responses=problems(Unauthenticated, Forbidden, ShipmentUnknown),
)
async def get_shipment(request: Request, response: Response, shipment_id: UUID, _: MayRead) -> ShipmentOut:
    """One shipment."""
    told = await _shipment(pool_of(request), shipment_id)
    etags.tag(response, told.version)
    return told


@router.post(
    "/bindery-shipments/{shipment_id}/returns",
    response_model=ShipmentOut,
    responses=problems(
        Unauthenticated, Forbidden, ShipmentUnknown, BindingRefused, Stale, InFlight, Invalid,
        PreconditionRequired,
    ),
)  # fmt: skip
async def take_back_from_bindery(
    request: Request,
    shipment_id: UUID,
    body: ReturnIn,
    by: MayBind,
    once: OnceRequired,
    expected: IfMatch,
) -> Response:
    """Volumes have come back bound; with the last of them the shipment is over."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        await commands.take_back(
            connection,
            shipment_id,
            body.binding_ids,
            expected=expected,
            standing=await held(connection, by),
            on=body.returned_on,
        )
        told = await _shipment(connection, shipment_id)
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)
