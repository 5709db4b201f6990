"""Deliveries that vendors have announced, on the wire: what is to come, and a whole parcel received at once."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel, Field, model_validator

from chassis import cursors
from chassis.application import new_router
from chassis.clock import Now
from chassis.database import Connection
from chassis.edge import InFlight, OnceRequired
from chassis.once import whole
from chassis.principal import Principal, may
from chassis.problems import Forbidden, Invalid, NotFound, Reason, Refused, Unauthenticated, problems
from erm.edifact import sight
from erm.finance.commands import Books
from erm.orders import queries as orders
from erm.receipts import commands as receipts
from erm.receipts.commands import Arrival, ReceiptRefused
from erm.receipts.routes import Barcode
from erm.rows import page, pool_of
from erm.units.rules import Standing
from erm.units.standing import Seen, clause, held, within
from erm.wire import LONGEST, Limit, Note, Strict

router = new_router("/v1/despatch-advices", tag="edifact")

MayRead = Annotated[
    Principal, Depends(may("orders:read", "orders:write", "orders:receive", "edifact:read", "edifact:write"))
]
MayReceive = Annotated[Principal, Depends(may("orders:receive"))]
Parcel = Annotated[str, Field(min_length=1, max_length=35, pattern=r"^\S+$")]


class DespatchUnknown(NotFound):
    """There is no such delivery."""

    code, title = "despatch-advice-unknown", "There is no such despatch advice."


class DespatchRefused(Refused):
    """What is left of the delivery stands against it."""

    code, title = "despatch-advice-refused", "This cannot be received so."


class DespatchLineOut(BaseModel):
    """Copies of an order line."""

    position: int
    order_line_id: UUID
    order_id: UUID | None
    order_number: str | None
    title: str | None
    quantity: int
    parcel: str | None
    """SSCC: what stands on the parcel that they lie in."""
    receipt_id: UUID | None
    """They have come."""


class DespatchOut(BaseModel):
    """A delivery."""

    id: UUID
    organisation_id: UUID
    message_id: UUID
    number: str
    dated: date | None
    expected_on: date | None
    created_at: datetime
    lines: list[DespatchLineOut]


class LineReceiptIn(Strict):
    """What has come of a line."""

    position: Annotated[int, Field(ge=0, le=100_000)]
    quantity: Annotated[int, Field(ge=1, le=1000)] | None = None
    """None: as many as were announced."""
    barcodes: list[Barcode] = Field(default_factory=list, max_length=1000)
    location_id: UUID | None = None
    """Where they came; needed where the order line goes to several locations."""


class DeliveryIn(Strict):
    """What has come of a delivery: a parcel, some lines, or all that has not come yet."""

    parcel: Parcel | None = None
    lines: list[LineReceiptIn] = Field(default_factory=list, max_length=LONGEST)
    over: bool = False
    """Take more than was ordered."""
    note: Note | None = None

    @model_validator(mode="after")
    def _each_line_once(self) -> "DeliveryIn":
        if len({line.position for line in self.lines}) < len(self.lines):
            raise ValueError("a line is named once")
        return self


_LINES = """
SELECT d.*, l.order_id, o.number AS order_number, l.title FROM despatch_advice_line d
LEFT JOIN order_line l ON l.id = d.order_line_id LEFT JOIN purchase_order o ON o.id = l.order_id
WHERE d.despatch_id = ANY ($1::uuid[]) AND {} ORDER BY d.despatch_id, d.position
"""


async def _with_lines(
    connection: Connection | asyncpg.Pool, rows: list[Any], seen: Standing
) -> list[DespatchOut]:
    """With those of their lines that are of orders somebody may see."""
    lines: dict[UUID, list[DespatchLineOut]] = {row["id"]: [] for row in rows}
    condition = within(seen, "o.acquisition_unit_ids")
    text, values = ("true", ()) if condition is None else (condition.numbered(2), condition.values)
    for line in await connection.fetch(_LINES.format(text), list(lines), *values):
        told = {name: line[name] for name in DespatchLineOut.model_fields}
        lines[line["despatch_id"]].append(DespatchLineOut(**told))
    return [DespatchOut(**dict(row), lines=lines[row["id"]]) for row in rows]


async def _read(
    connection: Connection | asyncpg.Pool, despatch_id: UUID, seen: Standing, *, lock: bool = False
) -> DespatchOut:
    """One; `DespatchUnknown` for one of a vendor that somebody may not see, too."""
    condition = sight.of(_VENDOR, seen)
    text, values = ("true", ()) if condition is None else (condition.numbered(2), condition.values)
    row = await connection.fetchrow(
        f"SELECT * FROM despatch_advice WHERE id = $1 AND {text}{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        despatch_id,
        *values,
    )
    if row is None:
        raise DespatchUnknown
    return (await _with_lines(connection, [row], seen))[0]


_VENDOR = (
    f"(SELECT {clause('r.acquisition_unit_ids', '{0}', '{1}')} FROM organisation r "  # noqa: S608 - our own words
    "WHERE r.id = despatch_advice.organisation_id) IS NOT FALSE"
)


_BY_PARCEL = """
SELECT * FROM despatch_advice WHERE id IN (SELECT despatch_id FROM despatch_advice_line WHERE parcel = $1) AND {}
ORDER BY id DESC LIMIT 100
"""


@router.get(
    "", response_model=cursors.Page[DespatchOut], responses=problems(Unauthenticated, Forbidden, Invalid)
)
async def list_despatches(
    request: Request,
    response: Response,
    _: MayRead,
    seen: Seen,
    organisation_id: UUID | None = None,
    number: Annotated[str | None, Query(max_length=100)] = None,
    parcel: Annotated[str | None, Query(max_length=35, description="Its SSCC, from the label")] = None,
    cursor: str | None = None,
    limit: Limit = 50,
) -> cursors.Page[DespatchOut]:
    """Deliveries, newest first; of a vendor, with a number, or that a parcel belongs to."""
    pool = pool_of(request)
    if parcel is not None:
        condition = sight.of(_VENDOR, seen)
        text, values = ("true", ()) if condition is None else (condition.numbered(2), condition.values)
        rows = await pool.fetch(_BY_PARCEL.format(text), parcel, *values)
        return cursors.Page(items=await _with_lines(pool, rows, seen), next_cursor=None)
    wanted = {"organisation_id =": organisation_id, "number =": number}
    rows, more = await page(
        request,
        response,
        "SELECT * FROM despatch_advice",
        wanted,
        cursor=cursor,
        limit=limit,
        within=sight.of(_VENDOR, seen),
    )
    return cursors.Page(items=await _with_lines(pool, rows, seen), next_cursor=more)


@router.get(
    "/{despatch_id}",
    response_model=DespatchOut,
    responses=problems(Unauthenticated, Forbidden, DespatchUnknown),
)
async def get_despatch(request: Request, despatch_id: UUID, _: MayRead, seen: Seen) -> DespatchOut:
    """One delivery, without lines of orders that whoever asks may not see."""
    return await _read(pool_of(request), despatch_id, seen)


@router.post(
    "/{despatch_id}/receipts",
    response_model=DespatchOut,
    responses=problems(
        Unauthenticated, Forbidden, DespatchUnknown, DespatchRefused, ReceiptRefused, InFlight, Invalid
    ),
)
async def receive_delivery(
    request: Request, despatch_id: UUID, body: DeliveryIn, by: MayReceive, once: OnceRequired, now: Now
) -> Response:
    """Receive a whole delivery, a parcel of it, or some lines: each as if received by itself, all or none of them."""

    async def act(connection: Connection) -> tuple[int, BaseModel, dict[str, str]]:
        standing = await held(connection, by)
        told = await _read(connection, despatch_id, standing, lock=True)
        wanted = _wanted(told, body)
        ids = await orders.orders_of(connection, [line.order_line_id for line, _ in wanted])
        await orders.orders(connection, ids, lock=True)
        for at, (line, its) in enumerate(wanted):
            order, order_line = await receipts.locked_of(connection, line.order_line_id, standing)
            arrival = Arrival(
                its.quantity or line.quantity,
                its.barcodes,
                body.over,
                body.note,
                its.location_id,
                pointer=f"/lines/{at}",
            )
            receipt_id = await receipts.receive(
                connection,
                order,
                order_line,
                arrival,
                Books(connection, str(by.actor), now, standing=standing),
            )
            await connection.execute(
                "UPDATE despatch_advice_line SET receipt_id = $3 WHERE despatch_id = $1 AND position = $2",
                despatch_id,
                line.position,
                receipt_id,
            )
        return 200, await _read(connection, despatch_id, standing), {}

    return await whole(pool_of(request), once, act)


def _wanted(told: DespatchOut, body: DeliveryIn) -> list[tuple[DespatchLineOut, LineReceiptIn]]:
    """The lines that have come; `DespatchRefused` with everything that speaks against them."""
    by_position = {line.position: line for line in told.lines}
    named = body.lines or [
        LineReceiptIn(position=line.position)
        for line in told.lines
        if line.receipt_id is None and body.parcel in (None, line.parcel)
    ]
    reasons, wanted = [], []
    for at, its in enumerate(named):
        line = by_position.get(its.position)
        if line is None:
            reasons.append(Reason("line-unknown", f"It has no line {its.position}.", f"/lines/{at}/position"))
        elif line.receipt_id is not None:
            text = f"Line {its.position} has come already."
            reasons.append(Reason("already-received", text, f"/lines/{at}/position", "Leave it out."))
        elif line.order_id is None:
            text = f"The order line of line {its.position} is not there any more."
            reasons.append(Reason("order-line-unknown", text, f"/lines/{at}/position", "Leave it out."))
        else:
            wanted.append((line, its))
    if not named:
        text = (
            "Nothing of it is left to come."
            if body.parcel is None
            else "No such parcel of it is left to come."
        )
        reasons.append(Reason("nothing-left", text, "/parcel" if body.parcel else None))
    if reasons:
        raise DespatchRefused(reasons=reasons)
    return wanted
