"""Orders and their lines on the wire."""

from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field

from chassis import cursors, etags
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.etags import IfMatch
from chassis.once import whole
from chassis.principal import Principal, demand, may
from chassis.problems import (
    Forbidden,
    Invalid,
    PreconditionRequired,
    Reason,
    Stale,
    Unauthenticated,
    problems,
)
from erm.finance.commands import Books, allowed_by
from erm.money.rules import written
from erm.orders import changing, commands, queries
from erm.orders.commands import OrderRefused, OrderUnknown
from erm.orders.entering import LineIn
from erm.orders.queries import Line, Order
from erm.orders.rules import Action, PaymentState, ReceiptState, payment_state, receipt_state
from erm.rows import page, pool_of
from erm.units.rules import Act, Standing
from erm.units.standing import Seen, held, within
from erm.wire import (
    LONGEST,
    AmountOut,
    Currency,
    Limit,
    Note,
    Override,
    Rate,
    ShareOut,
    Strict,
    UnitIds,
    Word,
)

router = new_router("/v1", tag="orders")

MayRead = Annotated[
    Principal, Depends(may("orders:read", "orders:write", "orders:approve", "orders:receive"))
]
MayWrite = Annotated[Principal, Depends(may("orders:write"))]
MayAct = Annotated[Principal, Depends(may("orders:write", "orders:approve"))]


OrderType = Literal["one-time", "ongoing", "subscription"]


class OrderIn(Strict):
    """What is bought of one vendor, in one currency."""

    vendor_id: UUID
    account_number: Word | None = None
    """The library's account with the vendor."""
    order_type: OrderType = "one-time"
    """`ongoing` and `subscription` do not close by themselves: they come and are paid year after year."""
    currency: Currency
    exchange_rate: Rate | None = None
    """Units of the funds' currency for one of the order's, where they differ; none: that of a source on the day of its
    approval."""
    note: Note | None = None
    lines: list[LineIn] = Field(min_length=1, max_length=LONGEST)


class NewOrderIn(OrderIn):
    """An order, and who may see and change it."""

    acquisition_unit_ids: UnitIds = Field(default_factory=list)


class OrderAct(Strict):
    """What is to be done with an order."""

    action: Action
    reason: Note | None = None
    """Why it is closed or cancelled; needed for both."""
    fiscal_year_id: UUID | None = None
    """For an approval: the year whose money is set aside; none: the open year that today lies in."""
    override: Override | None = None


class LineAct(Strict):
    """What is to be done with a line."""

    action: Literal["cancel"]
    reason: Note


class LinePlaceOut(BaseModel):
    """How many of a line's copies are for a location, and have come there."""

    location_id: UUID
    physical: int
    electronic: int
    received_physical: int
    received_electronic: int


class OrderLineOut(BaseModel):
    """A line of an order."""

    id: UUID
    order_id: UUID
    position: int
    title: str
    author: str | None
    publisher: str | None
    year: str | None
    isbn: str | None
    title_id: UUID | None
    receipt: Literal["items", "count", "none"]
    location_id: UUID | None
    """Where all copies go; of several locations, the first."""
    locations: list[LinePlaceOut]
    material_type: str | None
    loan_type: str | None
    call_number: str | None
    quantity: int
    electronic: int
    """How many of the copies are electronic."""
    list_price: AmountOut
    discount_percent: Decimal | None
    discount_amount: AmountOut
    additional: AmountOut
    tax_percent: Decimal | None
    total: AmountOut
    """With tax."""
    shares: list[ShareOut]
    received: int
    paid: int
    """Copies on paid invoices, less those on credit notes."""
    receipt_state: ReceiptState
    payment_state: PaymentState
    cancelled: bool
    cancel_reason: str | None
    expected_on: date | None
    claim_interval_days: int | None
    claim_on: date | None
    """When a claim is proposed next, if it does not come; none: never, or one is proposed."""
    note: str | None


class OrderOut(BaseModel):
    """An order."""

    id: UUID
    number: str
    vendor_id: UUID
    acquisition_unit_ids: list[UUID]
    """Who may see and change it; none: whoever has the scope."""
    account_number: str | None
    order_type: OrderType
    state: Literal["pending", "open", "closed"]
    close_reason: str | None
    """`complete`, `cancelled`, or what was said when it was closed."""
    currency: str
    ledger_currency: str | None
    exchange_rate: Decimal | None
    rate_source_id: UUID | None
    """The source that the rate was taken from; none: it was told by hand."""
    rated_on: date | None
    """The day that the source's rate is of."""
    rate_note: str | None
    """How the rate came about."""
    fiscal_year_id: UUID | None
    note: str | None
    total: AmountOut
    lines: list[OrderLineOut]
    created_at: datetime
    created_by: str
    approved_at: datetime | None
    approved_by: str | None
    closed_at: datetime | None
    version: int


def share_out(row: Any, currency: str) -> ShareOut:
    """A share's row on the wire."""
    return ShareOut(
        fund_id=row["fund_id"],
        expense_class_id=row["expense_class_id"],
        fiscal_year_id=row["fiscal_year_id"],
        percent=row["percent"],
        amount=None if row["amount"] is None else written(row["amount"], currency),
        bears=written(row["bears"], currency),
    )


def line_out(line: Line, currency: str) -> OrderLineOut:
    """A line on the wire."""
    told = dict(line.row)
    for name in ("list_price", "discount_amount", "additional", "total"):
        told[name] = written(told[name], currency)
    told["shares"] = [share_out(share, currency) for share in line.shares]
    told["locations"] = [LinePlaceOut(**asdict(place)) for place in line.places]
    told["receipt_state"] = receipt_state(line.progress)
    told["payment_state"] = payment_state(line.progress)
    return OrderLineOut(**{name: told[name] for name in OrderLineOut.model_fields})


def order_out(order: Order) -> OrderOut:
    """An order on the wire."""
    currency = order.row["currency"]
    told = order.row | {
        "total": written(order.total, currency),
        "lines": [line_out(line, currency) for line in order.lines],
    }
    return OrderOut(**{name: told[name] for name in OrderOut.model_fields})


def _head(body: OrderIn) -> dict[str, Any]:
    return body.model_dump(exclude={"lines", "acquisition_unit_ids"})


@router.post(
    "/orders",
    status_code=201,
    response_model=OrderOut,
    responses=problems(Unauthenticated, Forbidden, OrderRefused, InFlight, Invalid),
)
async def create_order(
    request: Request, body: NewOrderIn, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Enter an order. It is pending until it is approved."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        order = await commands.enter(
            connection,
            _head(body),
            body.lines,
            actor=str(by.actor),
            now=now,
            standing=await held(connection, by),
            units=body.acquisition_unit_ids,
        )
        where = {"location": f"/v1/orders/{order.id}", "etag": etags.etag(order.row["version"])}
        return 201, order_out(order), where

    return await whole(pool_of(request), once, act)


@router.get(
    "/orders",
    response_model=cursors.Page[OrderOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_orders(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    vendor_id: UUID | None = None,
    state: Literal["pending", "open", "closed"] | None = None,
    number: Annotated[str | None, Query(max_length=40)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> cursors.Page[OrderOut]:
    """Orders, newest first; of a vendor, in a state, with a number."""
    wanted = {"vendor_id =": vendor_id, "state =": state, "number =": number}
    rows, more = await page(
        request,
        response,
        "SELECT id FROM purchase_order",
        wanted,
        cursor=cursor,
        limit=limit,
        within=within(seen, "acquisition_unit_ids"),
    )
    found = await queries.orders(pool_of(request), [row["id"] for row in rows])
    return cursors.Page(items=[order_out(found[row["id"]]) for row in rows], next_cursor=more)


@router.get(
    "/orders/{order_id}",
    response_model=OrderOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown),
)
async def get_order(request: Request, response: Response, order_id: UUID, _: MayRead, seen: Seen) -> OrderOut:
    """One order."""
    found = await queries.order(pool_of(request), order_id)
    if found is None or not seen.lets(Act.READ, found.units):
        raise OrderUnknown
    etags.tag(response, found.row["version"])
    return order_out(found)


@router.put(
    "/orders/{order_id}",
    response_model=OrderOut,
    responses=problems(
        Unauthenticated, Forbidden, OrderUnknown, OrderRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def replace_order(
    request: Request,
    response: Response,
    order_id: UUID,
    body: OrderIn,
    by: MayWrite,
    expected: IfMatch,
    now: Now,
) -> OrderOut:
    """Put another order in the place of one that is pending; its number stays."""
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        order = await commands.locked(connection, order_id, standing)
        etags.guard(expected=expected, found=order.row["version"])
        told = await changing.rewrite(connection, order, _head(body), body.lines, now=now, standing=standing)
    etags.tag(response, told.row["version"])
    return order_out(told)


@router.post(
    "/orders/{order_id}/actions",
    response_model=OrderOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, OrderRefused, InFlight, Invalid),
)
async def act_on_order(
    request: Request, order_id: UUID, body: OrderAct, by: MayAct, once: OnceRequired, now: Now
) -> Response:
    """Approve it (money is set aside), unopen, close, reopen or cancel it (money is let go)."""
    demand(by, "orders:approve" if body.action is Action.APPROVE else "orders:write")
    allowed = allowed_by(by, body.override)
    if body.reason is None and body.action in (Action.CLOSE, Action.CANCEL):
        raise Invalid(reasons=[Reason("reason-missing", "Say why.", "/reason", "Send a reason.")])

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        deed = Act.DELETE if body.action is Action.CANCEL else Act.UPDATE
        order = await commands.locked(connection, order_id, standing, deed)
        note = body.override.comment if body.override else body.reason
        books = Books(connection, str(by.actor), now, note, allowed, standing=standing)
        reason = body.reason or ""
        match body.action:
            case Action.APPROVE:
                told = await commands.approve(
                    connection, order, books, by, fiscal_year_id=body.fiscal_year_id
                )
            case Action.UNOPEN:
                told = await commands.unopen(connection, order, books)
            case Action.CLOSE:
                told = await commands.close(connection, order, books, reason)
            case Action.REOPEN:
                told = await commands.reopen(connection, order, books)
            case Action.CANCEL:
                told = await commands.cancel(connection, order, books, reason)
        return 200, order_out(told), {"etag": etags.etag(told.row["version"])}

    return await whole(pool_of(request), once, act)


_NO_LINE = "There is no such order line."


async def _order_of(
    connection: Connection, line_id: UUID, standing: Standing, act: Act = Act.UPDATE
) -> Order:
    """The order that a line is in, under its lock; `OrderUnknown`, `UnitsForbid`."""
    ids = await queries.orders_of(connection, [line_id])
    if not ids:
        raise OrderUnknown(_NO_LINE)
    found = await commands.locked(connection, ids[0], standing, act, _NO_LINE)
    if all(line.id != line_id for line in found.lines):
        raise OrderUnknown(_NO_LINE)
    return found


@router.get(
    "/order-lines",
    response_model=cursors.Page[OrderLineOut],
    responses=problems(Unauthenticated, Forbidden, Invalid),
)
async def list_order_lines(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    title_id: UUID,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[OrderLineOut]:
    """Lines that a title of the catalogue was ordered by, newest first."""
    rows, more = await page(
        request,
        response,
        "SELECT l.id, l.order_id FROM order_line l JOIN purchase_order o ON o.id = l.order_id",
        {"l.title_id =": title_id},
        cursor=cursor,
        limit=limit,
        by="l.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    found = await queries.orders(pool_of(request), [row["order_id"] for row in rows])
    items = [
        line_out(found[row["order_id"]].line(row["id"]), found[row["order_id"]].row["currency"])
        for row in rows
    ]
    return cursors.Page(items=items, next_cursor=more)


@router.get(
    "/order-lines/{line_id}",
    response_model=OrderLineOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown),
)
async def get_order_line(
    request: Request, response: Response, line_id: UUID, _: MayRead, seen: Seen
) -> OrderLineOut:
    """One line. Its ETag is the order's."""
    pool = pool_of(request)
    ids = await queries.orders_of(pool, [line_id])
    order = await queries.order(pool, ids[0]) if ids else None
    if (
        order is None
        or not seen.lets(Act.READ, order.units)
        or all(each.id != line_id for each in order.lines)
    ):
        raise OrderUnknown(_NO_LINE)
    etags.tag(response, order.row["version"])
    return line_out(order.line(line_id), order.row["currency"])


class LineChange(LineIn):
    """A line as it is to be, and who sets a limit aside for it."""

    override: Override | None = None


@router.put(
    "/order-lines/{line_id}",
    response_model=OrderLineOut,
    responses=problems(
        Unauthenticated, Forbidden, OrderUnknown, OrderRefused, Stale, Invalid, PreconditionRequired
    ),
)
async def change_order_line(
    request: Request,
    response: Response,
    line_id: UUID,
    body: LineChange,
    by: MayWrite,
    expected: IfMatch,
    now: Now,
) -> OrderLineOut:
    """Replace what is told of a line of a pending or open order. What is set aside for it follows: changing what an
    open order costs takes `orders:approve`, too."""
    allowed = allowed_by(by, body.override)
    async with pool_of(request).acquire() as connection, connection.transaction():
        standing = await held(connection, by)
        order = await _order_of(connection, line_id, standing)
        etags.guard(expected=expected, found=order.row["version"])
        comment = body.override.comment if body.override else None
        books = Books(connection, str(by.actor), now, comment, allowed, standing=standing)
        told = await changing.change_line(connection, order, order.line(line_id), body, books, by)
    etags.tag(response, told.row["version"])
    return line_out(told.line(line_id), told.row["currency"])


@router.post(
    "/order-lines/{line_id}/actions",
    response_model=OrderOut,
    responses=problems(Unauthenticated, Forbidden, OrderUnknown, OrderRefused, InFlight, Invalid),
)
async def act_on_order_line(
    request: Request, line_id: UUID, body: LineAct, by: MayWrite, once: OnceRequired, now: Now
) -> Response:
    """Cancel what has not come of a line; the order closes with the last of its lines."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        order = await _order_of(connection, line_id, standing, Act.DELETE)
        books = Books(connection, str(by.actor), now, body.reason, standing=standing)
        told = await commands.cancel_line(connection, order, order.line(line_id), books, body.reason)
        return 200, order_out(told), {"etag": etags.etag(told.row["version"])}

    return await whole(pool_of(request), once, act)
