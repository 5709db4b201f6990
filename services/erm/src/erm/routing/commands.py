"""Lists are kept, issues go round by them, and who leaves the library is on none any more."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import asyncpg

from chassis import etags
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Invalid, NotFound, Reason, Refused
from erm.orders.commands import OrderUnknown
from erm.orders.queries import orders_of
from erm.receipts.commands import locked_of
from erm.routing.rules import MOVES, Action, Away, Leg, LegState, RoundState, goes_on, left, twice
from erm.routing.wire import RoundIn, RoutingListIn
from erm.rows import change, insert, insert_many
from erm.units.rules import Standing


class RoutingListUnknown(NotFound):
    """There is no such routing list."""

    code, title = "routing-list-unknown", "There is no such routing list."


class RoutingListTaken(Refused):
    """The copy has a list already."""

    code, title = "routing-list-taken", "The copy has a routing list already."


class RoundUnknown(NotFound):
    """There is no such round."""

    code, title = "routing-round-unknown", "There is no such round of an issue."


class RoundRefused(Refused):
    """The issue does not go round so."""

    code, title = "routing-refused", "The issue does not go round so."


# --- lists ---

_STOPS: Final = "SELECT * FROM routing_stop WHERE list_id = $1 ORDER BY position"


async def read_list(
    connection: Connection | asyncpg.Pool, list_id: UUID, *, lock: bool = False
) -> tuple[Any, list[asyncpg.Record]]:
    """A list and its stops; `RoutingListUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM routing_list WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        list_id,
    )
    if row is None:
        raise RoutingListUnknown
    return row, await connection.fetch(_STOPS, list_id)


def _check(body: RoutingListIn, quantity: int) -> None:
    """`Invalid`, with everything that is wrong."""
    reasons = [
        Reason("reader-twice", "They are on the list already.", f"/stops/{at}/patron_ref")
        for at in twice([each.patron_ref for each in body.stops])
    ]
    if body.copy_number > quantity:
        text = f"The line has {quantity} copies."
        reasons.append(Reason("copy-unknown", text, "/copy_number", "Count the line's copies from 1."))
    if reasons:
        raise Invalid(reasons=reasons)


def _taken(copy: int) -> RoutingListTaken:
    text = f"Copy {copy} of the line has a list."
    return RoutingListTaken(
        reasons=[Reason("routing-list-taken", text, "/copy_number", "Change that one instead.")]
    )


def _values(body: RoutingListIn) -> dict[str, Any]:
    return body.model_dump(exclude={"stops"})


async def _put_stops(connection: Connection, list_id: UUID, body: RoutingListIn) -> None:
    rows = [
        {"list_id": list_id, "position": at, **each.model_dump()} for at, each in enumerate(body.stops, 1)
    ]
    await insert_many(connection, "routing_stop", rows)


async def enter(
    connection: Connection, line_id: UUID, body: RoutingListIn, *, standing: Standing, now: datetime
) -> UUID:
    """A list for a copy of an order line; `OrderUnknown`, `UnitsForbid`, `RoutingListTaken`, `Invalid`."""
    unknown = OrderUnknown("There is no such order line.")
    if not await orders_of(connection, [line_id]):
        raise unknown
    _, line = await locked_of(connection, line_id, standing, unknown)
    _check(body, line.row["quantity"])
    list_id = uuid7()
    try:
        await insert(
            connection, "routing_list", id=list_id, order_line_id=line_id, created_at=now, **_values(body)
        )
    except asyncpg.UniqueViolationError as error:
        raise _taken(body.copy_number) from error
    await _put_stops(connection, list_id, body)
    return list_id


async def put(
    connection: Connection, list_id: UUID, body: RoutingListIn, *, expected: int, standing: Standing
) -> None:
    """Replace a list. Issues that go round go on as they began; `Stale`, `RoutingListTaken`, `Invalid`."""
    found, _ = await read_list(connection, list_id)
    _, line = await locked_of(connection, found["order_line_id"], standing, RoutingListUnknown())
    row, _ = await read_list(connection, list_id, lock=True)
    etags.guard(expected=expected, found=row["version"])
    _check(body, line.row["quantity"])
    try:
        await change(connection, "routing_list", list_id, **_values(body))
    except asyncpg.UniqueViolationError as error:
        raise _taken(body.copy_number) from error
    await connection.execute("DELETE FROM routing_stop WHERE list_id = $1", list_id)
    await _put_stops(connection, list_id, body)


# --- rounds ---

_PIECE: Final = "SELECT order_line_id, state, binding_id FROM piece WHERE id = $1 FOR KEY SHARE"
_LEGS: Final = "SELECT * FROM routing_leg WHERE round_id = $1 ORDER BY position"
_DROP_LEGS: Final = "DELETE FROM routing_leg WHERE round_id = $1"


async def read_round(
    connection: Connection | asyncpg.Pool, round_id: UUID, *, lock: bool = False
) -> tuple[Any, list[Leg]]:
    """A round and its turns; `RoundUnknown`."""
    row = await connection.fetchrow(
        f"SELECT * FROM routing_round WHERE id = $1{' FOR UPDATE' if lock else ''}",  # noqa: S608 - our own words
        round_id,
    )
    if row is None:
        raise RoundUnknown
    return row, [_leg(each) for each in await connection.fetch(_LEGS, round_id)]


async def line_of(connection: Connection | asyncpg.Pool, round_id: UUID) -> UUID:
    """The order line that a round is of; `RoundUnknown`."""
    found: UUID | None = await connection.fetchval(
        "SELECT l.order_line_id FROM routing_round r JOIN routing_list l ON l.id = r.list_id WHERE r.id = $1",
        round_id,
    )
    if found is None:
        raise RoundUnknown
    return found


def _leg(row: Any) -> Leg:
    away = Away(row["away_from"], row["away_until"]) if row["away_from"] is not None else None
    return Leg(
        row["position"], row["name"], row["patron_ref"], row["keep_days"], away,
        LegState(row["state"]), row["got_on"], row["due_on"], row["leaver"],
    )  # fmt: skip


async def start(
    connection: Connection, list_id: UUID, body: RoundIn, *, standing: Standing, today: date, now: datetime
) -> UUID:
    """An issue goes to the first who is there; `RoundRefused` with every reason."""
    found, _ = await read_list(connection, list_id)
    await locked_of(connection, found["order_line_id"], standing, RoutingListUnknown())
    row, stops = await read_list(connection, list_id, lock=True)
    piece = await connection.fetchrow(_PIECE, body.piece_id)
    if piece is None or piece["order_line_id"] != row["order_line_id"]:
        text = "There is no such piece among what has come of the line."
        raise Invalid(reasons=[Reason("piece-unknown", text, "/piece_id")])
    legs = [_of_stop(each, row["keep_days"]) for each in stops]
    legs, state = goes_on(legs, ends=None, day=today)
    reasons = []
    if not row["active"]:
        reasons.append(Reason("list-inactive", "The list is not used.", None, "Make it active."))
    if piece["state"] in ("undoing", "undone"):
        reasons.append(Reason("piece-undone", "The piece has not come, or goes back.", "/piece_id"))
    if piece["binding_id"] is not None:
        text = "It is part of a volume, or is to be."
        reasons.append(Reason("piece-bound", text, "/piece_id", "Take the volume apart first."))
    if state is not RoundState.UNDER_WAY:
        text = "Nobody on the list is there today."
        reasons.append(Reason("nobody-there", text, None, "Shelve the issue, or change the list."))
    if reasons:
        raise RoundRefused(reasons=reasons)
    round_id = uuid7()
    try:
        await insert(
            connection, "routing_round", id=round_id, list_id=list_id, piece_id=body.piece_id, issue=body.issue,
            state=state, due_on=_due(legs), started_at=now,
        )  # fmt: skip
    except asyncpg.UniqueViolationError as error:
        reason = Reason(
            "goes-round", "It goes round, or has gone.", "/piece_id", "Call that round back first."
        )
        raise RoundRefused(reasons=[reason]) from error
    await _keep(connection, round_id, legs)
    return round_id


def _of_stop(row: Any, keep_days: int) -> Leg:
    away = Away(row["away_from"], row["away_until"]) if row["away_from"] is not None else None
    return Leg(row["position"], row["name"], row["patron_ref"], row["keep_days"] or keep_days, away)


def _due(legs: Sequence[Leg]) -> date | None:
    return next((each.due_on for each in legs if each.state is LegState.HERE), None)


async def _keep(connection: Connection, round_id: UUID, legs: Sequence[Leg]) -> None:
    await connection.execute(_DROP_LEGS, round_id)
    rows = [
        {
            "round_id": round_id,
            "position": leg.position,
            "patron_ref": leg.patron_ref,
            "name": leg.name,
            "keep_days": leg.keep_days,
            "away_from": leg.away.first if leg.away else None,
            "away_until": leg.away.last if leg.away else None,
            "state": leg.state,
            "got_on": leg.got_on,
            "due_on": leg.due_on,
            "leaver": leg.leaver,
        }
        for leg in legs
    ]
    await insert_many(connection, "routing_leg", rows)


async def act(
    connection: Connection,
    round_id: UUID,
    action: Action,
    *,
    expected: int,
    standing: Standing,
    today: date,
    now: datetime,
) -> None:
    """Hand an issue on, pass over who would have it, or call it back; `RoundRefused`, `Stale`."""
    line_id = await line_of(connection, round_id)
    await locked_of(connection, line_id, standing, RoundUnknown())
    row, legs = await read_round(connection, round_id, lock=True)
    found = RoundState(row["state"])
    if (found, action) not in MOVES:
        raise RoundRefused(reasons=[over(found)])
    etags.guard(expected=expected, found=row["version"])
    ends = MOVES[found, action]
    if ends is None:
        await _end(connection, round_id, RoundState.CANCELLED, row["readers"], now)
        return
    legs, state = goes_on(legs, ends=ends, day=today)
    readers = row["readers"] + (ends is LegState.DONE)
    if state is not RoundState.UNDER_WAY:
        await _end(connection, round_id, state, readers, now)
        return
    await change(connection, "routing_round", round_id, due_on=_due(legs), readers=readers)
    await _keep(
        connection, round_id, [each for each in legs if not (each.leaver and each.state is LegState.DONE)]
    )


def over(state: RoundState) -> Reason:
    """Why nothing can be done with a round any more."""
    return Reason("round-over", f"The round is {state}.", None, "Start another, if the issue is to go round.")


async def _end(
    connection: Connection, round_id: UUID, state: RoundState, readers: int, now: datetime
) -> None:
    """It is over, and with it goes who has had it."""
    await change(
        connection, "routing_round", round_id, state=state, due_on=None, readers=readers, ended_at=now
    )
    await connection.execute(_DROP_LEGS, round_id)


# --- readers who leave, or become one ---

_LISTS_OF: Final = """
SELECT id FROM routing_list WHERE id IN (SELECT list_id FROM routing_stop WHERE patron_ref = ANY ($1::uuid[]))
ORDER BY id FOR UPDATE
"""
_LEAVE: Final = "DELETE FROM routing_stop WHERE patron_ref = $1 RETURNING list_id"
_RAISE: Final = "UPDATE routing_list SET version = version + 1 WHERE id = ANY ($1::uuid[])"
_ROUNDS_OF: Final = """
SELECT id FROM routing_round WHERE id IN (SELECT round_id FROM routing_leg WHERE patron_ref = ANY ($1::uuid[]))
ORDER BY id FOR UPDATE
"""


async def leave(connection: Connection, patron_ref: UUID, *, today: date) -> None:
    """Somebody is no patron any more: no list has them, no issue goes to them, and one that they have is due."""
    await connection.fetch(_LISTS_OF, [patron_ref])
    lists = [row["list_id"] for row in await connection.fetch(_LEAVE, patron_ref)]
    if lists:
        await connection.execute(_RAISE, lists)
    for row in await connection.fetch(_ROUNDS_OF, [patron_ref]):
        _, legs = await read_round(connection, row["id"])
        legs = left(legs, patron_ref, day=today)
        await change(connection, "routing_round", row["id"], due_on=_due(legs))
        await _keep(connection, row["id"], legs)


_BECOME: Final = (
    "DELETE FROM routing_stop s WHERE patron_ref = ANY ($1::uuid[]) AND EXISTS (SELECT FROM routing_stop o WHERE "
    "o.list_id = s.list_id AND o.position < s.position AND (o.patron_ref = $2 OR o.patron_ref = ANY ($1::uuid[])))",
    "DELETE FROM routing_stop s WHERE patron_ref = $2 AND EXISTS (SELECT FROM routing_stop o WHERE "
    "o.list_id = s.list_id AND o.patron_ref = ANY ($1::uuid[]))",
    "UPDATE routing_stop SET patron_ref = $2 WHERE patron_ref = ANY ($1::uuid[])",
)
"""Whoever was on a list twice has the earlier place."""
_BECOME_LEGS: Final = (
    "DELETE FROM routing_leg l WHERE state = 'waiting' AND (patron_ref = $2 OR patron_ref = ANY ($1::uuid[])) AND "
    "EXISTS (SELECT FROM routing_leg o WHERE o.round_id = l.round_id AND o.position < l.position "
    "AND (o.patron_ref = $2 OR o.patron_ref = ANY ($1::uuid[])))",
    "UPDATE routing_leg SET patron_ref = $2 WHERE patron_ref = ANY ($1::uuid[])",
)


async def become(connection: Connection, merged: Sequence[UUID], patron_ref: UUID) -> None:
    """Registrations of one person became one: lists and rounds name the one that stays, once."""
    everybody = [*merged, patron_ref]
    lists = [row["id"] for row in await connection.fetch(_LISTS_OF, everybody)]
    for statement in _BECOME:
        await connection.execute(statement, list(merged), patron_ref)
    if lists:
        await connection.execute(_RAISE, lists)
    rounds = await connection.fetch(_ROUNDS_OF, everybody)
    for statement in _BECOME_LEGS:
        await connection.execute(statement, list(merged), patron_ref)
    for row in rounds:
        await change(connection, "routing_round", row["id"])
