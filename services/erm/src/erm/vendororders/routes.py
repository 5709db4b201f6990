"""The door for vendors' ordering sites, in JSON and XML; and what has come by it."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from chassis import cursors, markup
from chassis.application import new_router
from chassis.clock import Now
from chassis.edge import InFlight, streamed
from chassis.principal import Principal, may
from chassis.problems import (
    Forbidden,
    Invalid,
    Problem,
    ReasonOut,
    TooLarge,
    Unauthenticated,
    Unsupported,
    problems,
)
from erm.orders.entering import LineIn
from erm.rows import page, pool_of
from erm.units.standing import Seen, of_members, within
from erm.vendororders import commands
from erm.vendororders.accounts import AccountUnknown, MayRead, MayWrite, read_account
from erm.vendororders.commands import KeyUsed, NoAccount, Placed, VendorOrderRefused
from erm.vendororders.reading import LIMIT, Posted, VendorOrderIn, read_json, read_xml
from erm.vendororders.rules import Came
from erm.wire import Limit

router = new_router("/v1", tag="vendor-orders")

MayPost = Annotated[Principal, Depends(may("vendor-orders:create"))]
XML = ("application/xml", "text/xml")


def _inlined(told: Any, parts: dict[str, Any]) -> Any:
    """A schema with its parts where they are named: it stands in a document that has none of them."""
    if isinstance(told, dict):
        if "$ref" in told:
            return _inlined(parts[told["$ref"].rpartition("/")[2]], parts)
        return {name: _inlined(value, parts) for name, value in told.items() if name != "$defs"}
    return [_inlined(value, parts) for value in told] if isinstance(told, list) else told


_ORDER = VendorOrderIn.model_json_schema()
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _inlined(_ORDER, _ORDER["$defs"])},
            "application/xml": {"schema": {"type": "string"}},
        },
    }
}


class VendorOrderPlacedOut(BaseModel):
    """The library's order."""

    order_key: str
    order_id: UUID
    order_number: str
    order_line_id: UUID
    order_line_number: str
    """By which the library names the line to vendors."""
    state: Literal["pending", "open", "closed"]
    repeated: bool
    """It was here before: nothing was ordered again."""


class MappingStepOut(BaseModel):
    """What became of a field."""

    field: str
    came: Came
    path: str | None
    """Where the vendor said it."""
    posted: str | None
    table: str | None
    """By which it was translated."""
    value: str | None
    flaw: Literal["value-missing", "value-not-in-table"] | None


class TriedLineOut(BaseModel):
    """The line that would be ordered."""

    title: str
    author: str | None
    publisher: str | None
    year: str | None
    isbn: str | None
    receipt: str
    location_id: UUID | None
    material_type: str
    quantity: int
    list_price: str
    fund_id: UUID
    note: str | None


class TriedVendorOrderOut(BaseModel):
    """What would become of what a vendor posts; nothing was written."""

    order_key: str | None
    steps: list[MappingStepOut]
    reasons: list[ReasonOut]
    """Everything against it; none: it would be entered."""
    order_type: str | None
    currency: str | None
    account_number: str | None
    note: str | None
    line: TriedLineOut | None


class PostedOrderOut(BaseModel):
    """An order that a vendor has posted."""

    id: UUID
    account_id: UUID
    order_key: str
    order_id: UUID
    order_number: str
    state: Literal["pending", "open", "closed"]
    created_at: datetime


async def _content(request: Request) -> tuple[bytes, bool]:
    """The body, and whether it is XML; `Unsupported`, `TooLarge`."""
    kind = (request.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if kind not in ("application/json", *XML):
        raise Unsupported("Send application/json or application/xml.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Unsupported("Content-Encoding is not taken here; send the order as it is.")
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > LIMIT:
            raise TooLarge(f"An order may have {LIMIT} bytes here.")
    return bytes(content), kind in XML


async def _posted(content: bytes, *, xml: bool) -> Posted:
    """Read in a thread: it is a stranger's."""
    return await asyncio.to_thread(read_xml if xml else read_json, content)


@router.post(
    "/vendor-orders",
    status_code=201,
    response_model=VendorOrderPlacedOut,
    openapi_extra=_BODY,
    responses=problems(
        Unauthenticated,
        Forbidden,
        NoAccount,
        KeyUsed,
        VendorOrderRefused,
        InFlight,
        Invalid,
        TooLarge,
        Unsupported,
    ),
)
@streamed
async def post_vendor_order(request: Request, by: MayPost, now: Now) -> Response:
    """Order what a librarian has chosen on a vendor's site. The vendor's order key makes it safe to post again: 200
    with the order that is there, 201 for a new one. An order in XML is answered and refused in XML.
    """
    content, xml = await _content(request)
    try:
        posted = await _posted(content, xml=xml)
        async with pool_of(request).acquire() as connection, connection.transaction():
            account = await commands.account_of(connection, by)
            placed = await commands.place(connection, account, posted, by=by, now=now)
    except (Problem, asyncpg.LockNotAvailableError) as error:
        problem = error if isinstance(error, Problem) else InFlight()
        if not xml:
            raise problem from error
        return _refused(problem)
    status = 200 if placed.repeated else 201
    if xml:
        text = f"<Response><PoLineNumber>{markup.text(placed.order_line_number)}</PoLineNumber></Response>"
        return _xml(text, status)
    return Response(_told(placed).model_dump_json(), status, media_type="application/json")


def _told(placed: Placed) -> VendorOrderPlacedOut:
    return VendorOrderPlacedOut.model_validate(asdict(placed))


def _xml(body: str, status: int) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
    return Response(text.encode(), status, media_type="application/xml")


def _refused(problem: Problem) -> Response:
    """A refusal as vendors read it: code and message, for each reason."""
    told = [(reason.code, reason.text) for reason in problem.reasons] or [(problem.code, problem.title)]
    errors = "".join(
        f"<Error><Code>{markup.text(code)}</Code><Message>{markup.text(message)}</Message></Error>"
        for code, message in told
    )
    return _xml(f"<Response>{errors}</Response>", problem.status)


@router.post(
    "/vendor-order-accounts/{account_id}/dry-runs",
    response_model=TriedVendorOrderOut,
    openapi_extra=_BODY,
    responses=problems(Unauthenticated, Forbidden, AccountUnknown, Invalid, TooLarge, Unsupported),
)
@streamed
async def try_vendor_order(
    request: Request, account_id: UUID, _: MayWrite, seen: Seen
) -> TriedVendorOrderOut:
    """Look what an account's mapping makes of what its vendor posts: each field's way, and the order that would be
    entered, or everything against it. Nothing is written."""
    account = await read_account(pool_of(request), account_id, seen)
    content, xml = await _content(request)
    posted = await _posted(content, xml=xml)
    async with pool_of(request).acquire() as connection, connection.transaction(readonly=True):
        standing = await of_members(connection, account["acquisition_unit_ids"])
        reading = await commands.read_order(connection, account, posted, standing, seen)
    return TriedVendorOrderOut(
        order_key=reading.order_key,
        steps=[
            MappingStepOut(
                field=step.field,
                came=step.came,
                path=step.path,
                posted=step.posted,
                table=step.table,
                value=step.value,
                flaw=step.flaw,
            )
            for step in reading.steps
        ],
        reasons=[ReasonOut(**reason.as_json()) for reason in reading.reasons],
        order_type=reading.head.get("order_type"),
        currency=reading.head.get("currency"),
        account_number=reading.head.get("account_number"),
        note=reading.head.get("note"),
        line=None if reading.line is None else _line(reading.line),
    )


def _line(told: LineIn) -> TriedLineOut:
    names = set(TriedLineOut.model_fields) - {"fund_id"}
    return TriedLineOut(**told.model_dump(include=names), fund_id=told.shares[0].fund_id)


_POSTED = """
SELECT p.id, p.account_id, p.order_key, p.order_id, p.created_at, o.number AS order_number, o.state
FROM vendor_order p JOIN purchase_order o ON o.id = p.order_id
"""


@router.get(
    "/vendor-orders",
    response_model=cursors.Page[PostedOrderOut],
    responses=problems(Unauthenticated, Forbidden, AccountUnknown, Invalid),
)
async def list_vendor_orders(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    account_id: UUID,
    order_key: Annotated[str | None, Query(max_length=100)] = None,
    cursor: str | None = None,
    limit: Limit = 100,
) -> cursors.Page[PostedOrderOut]:
    """What a vendor's program has posted, newest first; by the vendor's key."""
    await read_account(pool_of(request), account_id, seen)
    rows, more = await page(
        request,
        response,
        _POSTED,
        {"p.account_id =": account_id, "p.order_key =": order_key},
        cursor=cursor,
        limit=limit,
        by="p.id",
        within=within(seen, "o.acquisition_unit_ids"),
    )
    return cursors.Page(items=[PostedOrderOut(**dict(row)) for row in rows], next_cursor=more)
