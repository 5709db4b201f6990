"""Issues are bound, sent and taken apart. The order is locked, so that nothing is undone meanwhile."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import etags, outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from contracts.erm import BindingUndone, PiecesToBind, PieceToBind
from erm.binding.rules import ANSWERS, MOVES, Action, Answer, BindingState, Issue, refusals, volume
from erm.binding.wire import BindingIn
from erm.orders import queries as orders
from erm.orders.commands import OrderUnknown
from erm.orders.queries import Line, Order
from erm.receipts.commands import locked_of
from erm.rows import change, insert
from erm.units.rules import UNLIMITED, Act, Standing
from erm.units.standing import demand_units
from erm.units.telling import members_only


class BindingUnknown(NotFound):
    """There is no such volume."""

    code, title = "binding-unknown", "There is no such volume."


class BindingRefused(Refused):
    """The issues, or the volume, cannot be bound so."""

    code, title = "binding-refused", "This is not bound so."


TEXTS: Final = {
    "piece-of-other-line": "It is none of this order line's.",
    "piece-twice": "It is named twice.",
    "piece-bound": "It is in a volume already.",
    "piece-goes-round": "Readers have it, one after the other.",
    "piece-not-there": "It has not come, goes back, or has no item yet.",
}
MENDS: Final = {
    "piece-goes-round": "Wait for its round to end, or call it back.",
    "piece-bound": "Take that volume apart first.",
}
_PIECES: Final = """
SELECT p.id, p.order_line_id, p.state, p.binding_id, p.item_id, EXISTS (SELECT FROM routing_round r
    WHERE r.piece_id = p.id AND r.state = 'under-way') AS goes_round
FROM piece p WHERE p.id = ANY ($1::uuid[]) ORDER BY p.id FOR UPDATE OF p
"""
_INTO: Final = "UPDATE piece SET binding_id = $2 WHERE id = ANY ($1::uuid[])"
_OUT_OF: Final = "UPDATE piece SET binding_id = NULL WHERE binding_id = $1"


async def read(connection: Connection | asyncpg.Pool, binding_id: UUID, *, lock: bool = False) -> Any:
    """A volume; `BindingUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM binding WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        binding_id,
    )
    if row is None:
        raise BindingUnknown
    return row


async def bind(
    connection: Connection,
    line_id: UUID,
    body: BindingIn,
    *,
    actor: str,
    standing: Standing,
    now: datetime,
) -> UUID:
    """Have issues become one volume; `OrderUnknown`, `BindingRefused` with every reason."""
    if not await orders.orders_of(connection, [line_id]):
        raise OrderUnknown("There is no such order line.")
    unseen = OrderUnknown("There is no such order line.")
    order, line = await locked_of(connection, line_id, standing, unseen)
    rows = {row["id"]: row for row in await connection.fetch(_PIECES, body.piece_ids)}
    if unknown := [at for at, each in enumerate(body.piece_ids) if each not in rows]:
        raise Invalid(
            reasons=[Reason("piece-unknown", "There is no such piece.", f"/piece_ids/{at}") for at in unknown]
        )
    issues = [
        Issue(
            each,
            rows[each]["state"],
            of_line=rows[each]["order_line_id"] == line_id,
            bound=rows[each]["binding_id"] is not None,
            goes_round=rows[each]["goes_round"],
        )
        for each in body.piece_ids
    ]
    reasons = [
        Reason(code, TEXTS[code], f"/piece_ids/{at}", MENDS.get(code)) for at, code in refusals(issues)
    ]
    reasons += _of_line(line)
    if reasons:
        raise BindingRefused(reasons=reasons)
    binding_id = uuid7()
    told = body.model_dump(exclude={"piece_ids"})
    await insert(
        connection, "binding", id=binding_id, order_line_id=line_id, state=BindingState.ASKED, created_at=now,
        actor=actor, **told,
    )  # fmt: skip
    await connection.execute(_INTO, body.piece_ids, binding_id)
    await _ask(connection, await read(connection, binding_id), order, line, now)
    return binding_id


def _of_line(line: Line) -> list[Reason]:
    """Why nothing of a line can be a volume in the catalogue."""
    if line.row["title_id"] is not None and line.row["location_id"] is not None:
        return []
    text = "The catalogue does not know the line's title, or where its volumes stand."
    mend = "Say its title and location in the order, and let it be received as items."
    return [Reason("line-not-catalogued", text, None, mend)]


def _stands(line: Line, pieces: Sequence[Any]) -> UUID:
    """Where a volume stands: where its line goes; of several locations, where the first of its issues came."""
    came_at = next((each["location_id"] for each in pieces if each["location_id"]), None)
    told: UUID = came_at if line.kept_places and came_at else line.row["location_id"]
    return told


async def _ask(connection: Connection, row: Any, order: Order, line: Line, now: datetime) -> None:
    pieces = await connection.fetch(
        "SELECT p.id, p.item_id, r.location_id FROM piece p JOIN receipt r ON r.id = p.receipt_id "
        "WHERE p.binding_id = $1 ORDER BY p.id",
        row["id"],
    )
    event = PiecesToBind(
        version=row["version"],
        occurred_at=now,
        binding_id=row["id"],
        order_line_id=line.id,
        members_only=await members_only(connection, order.units),
        title_id=line.row["title_id"],
        volume=volume(row["enumeration"], row["chronology"]),
        barcode=row["barcode"],
        location_id=_stands(line, pieces),
        material_type=line.row["material_type"],
        loan_type=line.row["loan_type"],
        call_number=row["call_number"] or line.row["call_number"],
        pieces=tuple(PieceToBind(piece_id=each["id"], item_id=each["item_id"]) for each in pieces),
    )
    await outbox.record(connection, [event])


async def act(
    connection: Connection,
    binding_id: UUID,
    action: Action,
    *,
    expected: int,
    standing: Standing,
    now: datetime,
) -> None:
    """Ask the catalogue again, take for bound, or undo; `BindingRefused`, `Stale`."""
    found = await read(connection, binding_id)
    order, line = await locked_of(connection, found["order_line_id"], standing, BindingUnknown())
    row = await read(connection, binding_id, lock=True)
    state = BindingState(row["state"])
    if (state, action) not in MOVES:
        mend = "Let the bindery send it back first." if state is BindingState.AT_BINDERY else None
        raise BindingRefused(reasons=[Reason("binding-state", f"The volume is {state}.", None, mend)])
    etags.guard(expected=expected, found=row["version"])
    becomes = MOVES[state, action]
    await change(connection, "binding", binding_id, state=becomes, reasons=[])
    now_row = await read(connection, binding_id)
    if becomes is BindingState.ASKED:
        await _ask(connection, now_row, order, line, now)
    elif becomes is BindingState.UNDOING:
        event = BindingUndone(
            version=now_row["version"],
            occurred_at=now,
            binding_id=binding_id,
            order_line_id=line.id,
            members_only=await members_only(connection, order.units),
        )
        await outbox.record(connection, [event])


async def answered(
    connection: Connection,
    binding_id: UUID,
    answer: Answer,
    *,
    item_id: UUID | None,
    reasons: Sequence[str],
    pieces: Sequence[Any],
) -> None:
    """The catalogue has made a volume of the issues, or issues of the volume; or says why not."""
    found = await connection.fetchrow("SELECT order_line_id FROM binding WHERE id = $1", binding_id)
    if found is None:
        return
    await locked_of(connection, found["order_line_id"], UNLIMITED)
    row = await read(connection, binding_id, lock=True)
    becomes = ANSWERS.get((BindingState(row["state"]), answer))
    if becomes is None:
        return
    told = list(dict.fromkeys([*reasons, *(code for each in pieces for code in each.reasons)]))
    kept = row["item_id"] if becomes is BindingState.BOUND else item_id
    await change(connection, "binding", binding_id, state=becomes, reasons=told, item_id=kept)
    await connection.executemany(
        "UPDATE piece SET reasons = $2, item_id = coalesce($3, item_id) WHERE id = $1 AND binding_id = $4",
        [(each.piece_id, list(each.reasons), each.item_id, binding_id) for each in pieces],
    )
    if becomes is BindingState.READY:
        await connection.execute("UPDATE piece SET reasons = '{}' WHERE binding_id = $1", binding_id)
    elif becomes is BindingState.UNDONE:
        await connection.execute(_OUT_OF, binding_id)


# --- binderies ---


class ShipmentUnknown(NotFound):
    """There is no such shipment."""

    code, title = "bindery-shipment-unknown", "There is no such shipment to a bindery."


async def shipment(connection: Connection | asyncpg.Pool, shipment_id: UUID, *, lock: bool = False) -> Any:
    """A shipment; `ShipmentUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM bindery_shipment WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        shipment_id,
    )
    if row is None:
        raise ShipmentUnknown
    return row


_LOCK: Final = """
SELECT b.id, b.state, b.shipment_id, o.acquisition_unit_ids AS units FROM binding b
JOIN order_line l ON l.id = b.order_line_id JOIN purchase_order o ON o.id = l.order_id
WHERE b.id = ANY ($1::uuid[]) ORDER BY b.id FOR UPDATE OF b
"""
_SHIP: Final = """
UPDATE binding SET state = 'at-bindery', shipment_id = $2, returned_on = NULL, version = version + 1
WHERE id = ANY ($1::uuid[])
"""
_BACK: Final = """
UPDATE binding SET state = 'bound', returned_on = $2, version = version + 1 WHERE id = ANY ($1::uuid[])
"""
_OUT_THERE: Final = "SELECT EXISTS (SELECT FROM binding WHERE shipment_id = $1 AND state = 'at-bindery')"


async def _locked(
    connection: Connection,
    ids: Sequence[UUID],
    wanted: BindingState,
    standing: Standing,
    *,
    of: UUID | None = None,
) -> None:
    """Lock volumes that are to be in a state; `Invalid`, `BindingRefused` with every reason."""
    rows = {row["id"]: row for row in await connection.fetch(_LOCK, list(ids))}
    unknown = [
        at
        for at, each in enumerate(ids)
        if each not in rows or not standing.lets(Act.READ, rows[each]["units"])
    ]
    if unknown:
        raise Invalid(
            reasons=[
                Reason("binding-unknown", "There is no such volume.", f"/binding_ids/{at}") for at in unknown
            ]
        )
    for row in rows.values():
        demand_units(standing, Act.UPDATE, row["units"])
    reasons = []
    for at, each in enumerate(ids):
        if rows[each]["state"] != wanted or (of is not None and rows[each]["shipment_id"] != of):
            text = f"The volume is {rows[each]['state']}" + (
                ", or went with another shipment." if of else "."
            )
            reasons.append(Reason("binding-state", text, f"/binding_ids/{at}"))
    if reasons:
        raise BindingRefused(reasons=reasons)


async def send(
    connection: Connection, told: dict[str, Any], ids: Sequence[UUID], *, standing: Standing, now: datetime
) -> UUID:
    """Volumes that are ready go to a bindery; `Invalid`, `BindingRefused`."""
    bindery = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM organisation WHERE id = $1 FOR KEY SHARE)", told["bindery_id"]
    )
    if not bindery:
        text = "There is no such organisation."
        raise Invalid(reasons=[Reason("organisation-unknown", text, "/bindery_id")])
    await _locked(connection, ids, BindingState.READY, standing)
    shipment_id = uuid7()
    await insert(connection, "bindery_shipment", id=shipment_id, state="sent", created_at=now, **told)
    await connection.execute(_SHIP, list(ids), shipment_id)
    return shipment_id


async def take_back(
    connection: Connection,
    shipment_id: UUID,
    ids: Sequence[UUID],
    *,
    expected: int,
    standing: Standing,
    on: date,
) -> None:
    """Volumes come back bound; with the last of them the shipment is over. `Invalid`, `BindingRefused`, `Stale`."""
    row = await shipment(connection, shipment_id, lock=True)
    etags.guard(expected=expected, found=row["version"])
    if on < row["sent_on"]:
        text = f"It was sent on {row['sent_on']}."
        raise Invalid(reasons=[Reason("returned-before-sent", text, "/returned_on")])
    await _locked(connection, ids, BindingState.AT_BINDERY, standing, of=shipment_id)
    await connection.execute(_BACK, list(ids), on)
    left = await connection.fetchval(_OUT_THERE, shipment_id)
    told = {} if left else {"state": "returned", "returned_on": on}
    await change(connection, "bindery_shipment", shipment_id, **told)
