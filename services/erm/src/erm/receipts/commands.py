"""Copies come, are undone, and get their items from the catalogue, which answers by event."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import OrderLineReceived, ReceiptUndone, ReceivedPiece
from erm.finance.commands import Books
from erm.orders import queries as orders
from erm.orders.commands import open_books, settle
from erm.orders.queries import Line, Order
from erm.orders.rules import Place
from erm.rows import change, insert, insert_many
from erm.units.rules import Act, Standing
from erm.units.standing import demand_units
from erm.units.telling import members_only


class ReceiptUnknown(NotFound):
    """There is no such receipt."""

    code, title = "receipt-unknown", "There is no such receipt."


class ReceiptRefused(Refused):
    """The order or what has become of the copies stands against it."""

    code, title = "receipt-refused", "This cannot be received, or undone, so."


@dataclass(frozen=True, slots=True)
class Arrival:
    """What has come."""

    quantity: int
    barcodes: Sequence[str]
    over: bool
    """More than was ordered is taken, too."""
    note: str | None
    location_id: UUID | None = None
    """Where; needed where the line goes to several locations."""
    electronic: bool = False
    pointer: str = ""


_OF_RECEIPT = "SELECT * FROM piece WHERE receipt_id = $1 ORDER BY position"
_COUNT = """
UPDATE order_line SET received = (SELECT count(*) FROM piece WHERE order_line_id = $1 AND state <> 'undone')
WHERE id = $1
"""


async def receive(connection: Connection, order: Order, line: Line, told: Arrival, books: Books) -> UUID:
    """Write down what has come; where it becomes items, the catalogue is told."""
    if len(told.barcodes) > told.quantity:
        text = f"{len(told.barcodes)} barcodes for {told.quantity} copies."
        raise Invalid(
            reasons=[Reason("too-many-barcodes", text, "/barcodes", "Send one for each copy at most.")]
        )
    if len(set(told.barcodes)) < len(told.barcodes):
        raise Invalid(reasons=[Reason("barcode-twice", "A barcode is there twice.", "/barcodes")])
    place = _place(line, told)
    if reasons := [*_refusals(order, line, told), *_misplaced(line, told, place)]:
        raise ReceiptRefused(reasons=reasons)
    items = line.row["receipt"] == "items" and not told.electronic
    receipt_id = uuid7()
    await insert(
        connection,
        "receipt",
        id=receipt_id,
        order_line_id=line.id,
        quantity=told.quantity,
        location_id=None if place is None else place.location_id,
        electronic=told.electronic,
        note=told.note,
        at=books.now,
        actor=books.actor,
    )
    barcodes = [*told.barcodes, *[None] * (told.quantity - len(told.barcodes))]
    await insert_many(
        connection,
        "piece",
        [
            {
                "id": uuid7(),
                "receipt_id": receipt_id,
                "order_line_id": line.id,
                "position": position,
                "state": "asked" if items else "counted",
                "barcode": barcode,
            }
            for position, barcode in enumerate(barcodes)
        ],
    )
    await connection.execute(_COUNT, line.id)
    if items:
        await _ask(connection, order, line, receipt_id, 1, books.now)
    await open_books(books, [each.id for each in order.lines])
    await settle(connection, order.id, books, "received")
    return receipt_id


def _refusals(order: Order, line: Line, told: Arrival) -> list[Reason]:
    reasons = []
    if order.row["state"] != "open":
        text = f"The order is {order.row['state']}."
        reasons.append(Reason("order-state", text, None, "Approve or reopen it first."))
    if line.row["receipt"] == "none":
        reasons.append(
            Reason("nothing-comes", "Nothing is to come of this line.", None, "Change how it is received.")
        )
    if line.row["cancelled"]:
        reasons.append(
            Reason("line-cancelled", "The line is cancelled.", None, "Send it back, or order it anew.")
        )
    after = line.row["received"] + told.quantity
    if after > line.row["quantity"] and not told.over and not line.progress.ongoing:
        text = f"{line.row['quantity']} were ordered, {line.row['received']} have come."
        mend = "Send it back, or take it with over: true."
        reasons.append(Reason("more-than-ordered", text, "/quantity", mend, after, line.row["quantity"]))
    return reasons


def _place(line: Line, told: Arrival) -> Place | None:
    """Where it comes: the location that is named, or the only one that the line has."""
    places = line.places
    if told.location_id is None:
        return places[0] if len(places) == 1 else None
    return next((place for place in places if place.location_id == told.location_id), None)


def _misplaced(line: Line, told: Arrival, place: Place | None) -> list[Reason]:
    """Why it cannot come there."""
    pointer = f"{told.pointer}/location_id"
    if place is None and told.location_id is not None:
        text = "The line does not go to this location."
        return [
            Reason("location-not-of-line", text, pointer, "Name one of its locations, or change the line.")
        ]
    if place is None and line.places:
        text = f"The line goes to {len(line.places)} locations."
        return [Reason("location-missing", text, pointer, "Say at which of its `locations` they came.")]
    free = told.over or line.progress.ongoing
    if told.electronic and not line.row["electronic"] and not free:
        text, mend = "Nothing of the line is electronic.", "Leave `electronic` out, or change the line."
        return [Reason("nothing-electronic", text, f"{told.pointer}/electronic", mend)]
    if place is None or not line.kept_places or free:
        return []
    kind, ordered, came = (
        ("electronic", place.electronic, place.received_electronic)
        if told.electronic
        else ("printed", place.physical, place.received_physical)
    )
    after = came + told.quantity
    if after <= ordered:
        return []
    text = f"{ordered} {kind} copies are for this location, {came} have come there."
    mend = "Name another location, or take it with over: true."
    return [Reason("more-than-ordered-there", text, f"{told.pointer}/quantity", mend, after, ordered)]


async def _ask(
    connection: Connection, order: Order, line: Line, receipt_id: UUID, version: int, now: datetime
) -> None:
    row = line.row
    pieces = await connection.fetch(_OF_RECEIPT, receipt_id)
    came_at = await connection.fetchval("SELECT location_id FROM receipt WHERE id = $1", receipt_id)
    event = OrderLineReceived(
        version=version,
        occurred_at=now,
        receipt_id=receipt_id,
        order_line_id=line.id,
        members_only=await members_only(connection, order.units),
        order_number=order.row["number"],
        location_id=came_at or row["location_id"],
        material_type=row["material_type"],
        loan_type=row["loan_type"],
        price_minor=row["total"] // row["quantity"],
        price_currency=order.row["currency"],
        pieces=tuple(
            ReceivedPiece(piece_id=piece["id"], barcode=piece["barcode"])
            for piece in pieces
            if piece["state"] == "asked"
        ),
        **{
            name: row[name]
            for name in ("title_id", "title", "author", "publisher", "year", "isbn", "call_number")
        },
    )
    await outbox.record(connection, [event])


async def read(connection: Connection | asyncpg.Pool, receipt_id: UUID) -> tuple[Any, list[Any]]:
    """A receipt and its pieces; `ReceiptUnknown`."""
    row = await connection.fetchrow("SELECT * FROM receipt WHERE id = $1", receipt_id)
    if row is None:
        raise ReceiptUnknown
    return row, await connection.fetch(_OF_RECEIPT, receipt_id)


async def locked_of(
    connection: Connection, order_line_id: UUID, standing: Standing, unknown: NotFound | None = None
) -> tuple[Order, Line]:
    """The order of a line, under its lock: what belongs to a line is its order's. `UnitsForbid`, or what says that it
    is unknown where somebody may not see it."""
    (order_id,) = await orders.orders_of(connection, [order_line_id])
    order = await orders.order(connection, order_id, lock=True)
    assert order is not None
    if unknown is not None and not standing.lets(Act.READ, order.units):
        raise unknown
    demand_units(standing, Act.UPDATE, order.units)
    return order, order.line(order_line_id)


async def ask_again(connection: Connection, receipt_id: UUID, now: datetime, standing: Standing) -> None:
    """Ask the catalogue anew for what it has refused, with the line as it now is."""
    row, pieces = await read(connection, receipt_id)
    order, line = await locked_of(connection, row["order_line_id"], standing, ReceiptUnknown())
    row, pieces = await read(connection, receipt_id)
    if not any(piece["state"] == "refused" for piece in pieces):
        text = "The catalogue has refused none of these."
        raise ReceiptRefused(reasons=[Reason("nothing-refused", text, None, "Wait for its answer.")])
    await connection.execute(
        "UPDATE piece SET state = 'asked', reasons = '{}' WHERE receipt_id = $1 AND state = 'refused'",
        receipt_id,
    )
    there = row["location_id"] if line.kept_places else line.row["location_id"]
    await change(connection, "receipt", receipt_id, location_id=there)
    await _ask(connection, order, line, receipt_id, row["version"] + 1, now)


async def undo(connection: Connection, receipt_id: UUID, books: Books) -> None:
    """It has not come, or goes back. Items are withdrawn first, which circulation has a say in."""
    row, _ = await read(connection, receipt_id)
    order, line = await locked_of(connection, row["order_line_id"], books.standing, ReceiptUnknown())
    row, pieces = await read(connection, receipt_id)
    live = [piece for piece in pieces if piece["state"] not in ("undone", "undoing")]
    reasons = []
    if not live:
        reasons.append(Reason("already-undone", "It has been undone, or is being so."))
    if any(piece["binding_id"] is not None for piece in live):
        text = "Some of it is part of a volume, or is to be."
        reasons.append(Reason("piece-bound", text, None, "Take the volume apart first."))
    if order.row["state"] == "closed" and order.row["close_reason"] != "complete":
        reasons.append(Reason("order-state", "The order is closed.", None, "Reopen it first."))
    if reasons:
        raise ReceiptRefused(reasons=reasons)
    asked = [piece["id"] for piece in live if piece["state"] != "counted"]
    await connection.execute(
        "UPDATE piece SET state = CASE state WHEN 'counted' THEN 'undone' ELSE 'undoing' END "
        "WHERE receipt_id = $1 AND state NOT IN ('undone', 'undoing')",
        receipt_id,
    )
    await change(connection, "receipt", receipt_id)
    await connection.execute(_COUNT, line.id)
    if asked:
        event = ReceiptUndone(
            version=row["version"] + 1,
            occurred_at=books.now,
            receipt_id=receipt_id,
            order_line_id=line.id,
            members_only=await members_only(connection, order.units),
            pieces=tuple(asked),
        )
        await outbox.record(connection, [event])
    await open_books(books, [each.id for each in order.lines])
    await settle(connection, order.id, books, "receipt-undone")


async def items_made(
    connection: Connection, receipt_id: UUID, title_id: UUID | None, told: Sequence[Any], books: Books
) -> None:
    """The catalogue has made items, or says why not."""
    row = await connection.fetchrow("SELECT order_line_id FROM receipt WHERE id = $1", receipt_id)
    if row is None:
        return
    order, line = await locked_of(connection, row["order_line_id"], books.standing)
    await connection.executemany(
        "UPDATE piece SET item_id = $2, reasons = $3, state = CASE WHEN state <> 'asked' THEN state "
        "WHEN $2::uuid IS NULL THEN 'refused' ELSE 'in-process' END WHERE id = $1",
        [(each.piece_id, each.item_id, list(each.reasons)) for each in told],
    )
    if title_id is not None and line.row["title_id"] is None:
        await connection.execute("UPDATE order_line SET title_id = $2 WHERE id = $1", line.id, title_id)
    await open_books(books, [each.id for each in order.lines])
    await settle(connection, order.id, books, "items-made")


async def items_removed(connection: Connection, receipt_id: UUID, told: Sequence[Any], books: Books) -> None:
    """Items have been withdrawn, or stay, with the reasons why."""
    row = await connection.fetchrow("SELECT order_line_id FROM receipt WHERE id = $1", receipt_id)
    if row is None:
        return
    order, line = await locked_of(connection, row["order_line_id"], books.standing)
    await connection.executemany(
        "UPDATE piece SET state = CASE WHEN $2 THEN 'undone' ELSE 'in-process' END, reasons = $3 "
        "WHERE id = $1 AND state = 'undoing'",
        [(each.piece_id, each.removed, list(each.reasons)) for each in told],
    )
    await connection.execute(_COUNT, line.id)
    await open_books(books, [each.id for each in order.lines])
    await settle(connection, order.id, books, "receipt-undone")
