"""Receipts on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, Unauthenticated, problems
from erm.finance.commands import Books
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown
from erm.receipts import commands
from erm.receipts.commands import Arrival, ReceiptRefused, ReceiptUnknown
from erm.rows import page, pool_of
from erm.units.rules import Act
from erm.units.standing import Seen, held, within
from erm.wire import Limit, Note, Strict

router = new_router("/v1", tag="orders")

MayRead = Annotated[Principal, Depends(may("orders:read", "orders:write", "orders:receive"))]
MayReceive = Annotated[Principal, Depends(may("orders:receive"))]
Barcode = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^\S(.*\S)?$")]


class ReceiptIn(Strict):
    """Copies of a line that came at once."""

    quantity: Annotated[int, Field(ge=1, le=1000)] = 1
    barcodes: list[Barcode] = Field(default_factory=list, max_length=1000)
    """In the order of the copies; those without one get theirs in the catalogue."""
    location_id: UUID | None = None
    """Where they came; needed where the line goes to several locations."""
    electronic: bool = False
    """They are electronic: counted, and no items."""
    over: bool = False
    """Take more than was ordered."""
    note: Note | None = None


class ReceiptAct(Strict):
    """What is to be done with a receipt."""

    action: Literal["undo", "ask-again"]
    """`undo`: it has not come, or goes back; `ask-again`: the catalogue refused some, and what it missed is there."""
    note: Note | None = None


class PieceOut(BaseModel):
    """A copy."""

    id: UUID
    state: Literal["counted", "asked", "in-process", "refused", "undoing", "undone"]
    """`asked`: the catalogue is to make an item of it; `in-process`: it has; `refused`: it tells why not."""
    barcode: str | None
    item_id: UUID | None
    binding_id: UUID | None
    """The volume that it is part of, or is to be."""
    reasons: list[str]


class ReceiptOut(BaseModel):
    """A receipt with its copies."""

    id: UUID
    order_line_id: UUID
    quantity: int
    location_id: UUID | None
    """Where they came, as far as it was told."""
    electronic: bool
    note: str | None
    at: datetime
    actor: str
    pieces: list[PieceOut]
    version: int


def _out(row: Any, pieces: list[Any]) -> ReceiptOut:
    return ReceiptOut(**dict(row), pieces=[PieceOut(**dict(piece)) for piece in pieces])


@router.post(
    "/order-lines/{line_id}/receipts",
    status_code=201,
    response_model=ReceiptOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, ReceiptRefused, InFlight, Invalid),
)
async def receive_copies(
    request: Request, line_id: UUID, body: ReceiptIn, by: MayReceive, once: OnceRequired, now: Now
) -> Response:
    """Write down that copies have come. The catalogue makes items of them, and answers in a moment."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        if not await orders.orders_of(connection, [line_id]):
            raise OrderUnknown("There is no such order line.")
        standing = await held(connection, by)
        unknown = OrderUnknown("There is no such order line.")
        order, line = await commands.locked_of(connection, line_id, standing, unknown)
        told = Arrival(body.quantity, body.barcodes, body.over, body.note, body.location_id, body.electronic)
        books = Books(connection, str(by.actor), now, standing=standing)
        receipt_id = await commands.receive(connection, order, line, told, books)
        where = {"location": f"/v1/receipts/{receipt_id}", "etag": etags.etag(1)}
        return 201, _out(*await commands.read(connection, receipt_id)), where

    return await whole(pool_of(request), once, act)


_OF_LINES = """
SELECT r.* FROM receipt r JOIN order_line l ON l.id = r.order_line_id JOIN purchase_order o ON o.id = l.order_id
"""


@router.get(
    "/order-lines/{line_id}/receipts",
    response_model=cursors.Page[ReceiptOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_receipts(
    request: Request,
    response: Response,
    line_id: UUID,
    _: MayRead,
    seen: Seen,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[ReceiptOut]:
    """Receipts of a line, newest first."""
    rows, more = await page(
        request,
        response,
        _OF_LINES,
        {"r.order_line_id =": line_id},
        cursor=cursor,
        limit=limit,
        by="r.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    pieces = await pool_of(request).fetch(
        "SELECT * FROM piece WHERE receipt_id = ANY ($1::uuid[]) ORDER BY receipt_id, position",
        [row["id"] for row in rows],
    )
    items = [_out(row, [piece for piece in pieces if piece["receipt_id"] == row["id"]]) for row in rows]
    return cursors.Page(items=items, next_cursor=more)


@router.get(
    "/receipts/{receipt_id}",
    response_model=ReceiptOut,
    responses=problems(Unauthenticated, Forbidden, ReceiptUnknown),
)
async def get_receipt(
    request: Request, response: Response, receipt_id: UUID, _: MayRead, seen: Seen
) -> ReceiptOut:
    """One receipt."""
    pool = pool_of(request)
    row, pieces = await commands.read(pool, receipt_id)
    if not seen.lets(Act.READ, await orders.units_of_line(pool, row["order_line_id"])):
        raise ReceiptUnknown
    told = _out(row, pieces)
    etags.tag(response, told.version)
    return told


@router.post(
    "/receipts/{receipt_id}/actions",
    response_model=ReceiptOut,
    responses=problems(Unauthenticated, Forbidden, ReceiptUnknown, ReceiptRefused, InFlight, Invalid),
)
async def act_on_receipt(
    request: Request, receipt_id: UUID, body: ReceiptAct, by: MayReceive, once: OnceRequired, now: Now
) -> Response:
    """Undo it (items are withdrawn, which circulation may refuse), or ask the catalogue again."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        if body.action == "undo":
            books = Books(connection, str(by.actor), now, body.note, standing=standing)
            await commands.undo(connection, receipt_id, books)
        else:
            await commands.ask_again(connection, receipt_id, now, standing)
        told = _out(*await commands.read(connection, receipt_id))
        return 200, told, {"etag": etags.etag(told.version)}

    return await whole(pool_of(request), once, act)
