"""What was kept for a hold that no longer wants it goes to the next in line, or is free again."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds import queue
from circulation.holds.choosing import look_for
from circulation.holds.rules import HoldState, Waiting, hold_to_fill, shelf_expires_at
from circulation.items.handlers import tell_availability
from circulation.items.rules import UNTIL_SCANNED, Copy, State, state_of
from circulation.places.library import Library
from contracts.circulation import HoldReady


async def pass_on(
    connection: Connection, library: Library, hold_id: UUID, *, now: datetime, but: UUID | None = None
) -> None:
    """The items that were kept for a hold which no longer wants them (all `but` the one that filled it).

    On to the next hold they can fill, else free again. On the shelf, an item is ready for the next patron at
    once when that is their pickup point; otherwise it is wanted elsewhere, and stays where it lies until it is
    scanned: until then it counts as on its way to its own shelf, not as standing there.
    """
    items = await connection.fetch(
        "SELECT * FROM item WHERE hold_id = $1 AND id IS DISTINCT FROM $2 ORDER BY id FOR NO KEY UPDATE",
        hold_id,
        but,
    )
    for item in items:
        await reassign(connection, library, item, now=now)


async def reassign(connection: Connection, library: Library, item: asyncpg.Record, *, now: datetime) -> None:
    """On to the next hold that this item can fill, else free again; told of either way."""
    told, ready = None, False
    if library.desk_rules.fills(item["base"]) and item["withdrawal_id"] is None:
        barred = _barred(library, item)
        told = await _first(connection, item, await queue.queue_of(connection, item["title_ids"]), barred)
        ready = told is not None and item["hold_shelf"] and told["pickup_id"] == item["last_seen_by"]
        if not ready:  # whoever has another copy coming already does not need this one fetched, too
            told = await _first(connection, item, await queue.unserved(connection, item["title_ids"]), barred)
    fields: dict[str, Any] = {"hold_id": None, "kept_for": None}
    if told is not None and (ready or item["state"] in (State.AVAILABLE, State.PAGED, State.ON_HOLD_SHELF)):
        fields = {"hold_id": told["id"], "kept_for": told["patron_id"]}
    if told is not None and ready:
        policy, desk = library.hold_policy(told["policy"]), library.desks[told["pickup_id"]]
        until = shelf_expires_at(policy, desk.calendar, now=now, days=desk.shelf_days)
        change = queue.Change(HoldState.READY, item["id"], ready_at=now, shelf_expires_at=until)
        await queue.change(connection, told["id"], change, HoldReady, now=now)
    copy = Copy(
        item["base"],
        on_loan=item["loan_id"] is not None,
        awaited_on_shelf=ready,
        in_transit=item["transit_to"] is not None,
        paged=fields["hold_id"] is not None,
        withdrawing=item["withdrawal_id"] is not None,
        loss=item["loss"],
    )
    state = state_of(copy)
    await connection.execute(
        "UPDATE item SET hold_id = $2, kept_for = $3, hold_shelf = $4, state = $5, guard = guard + 1, "
        "  reshelving_until = coalesce($6, reshelving_until) WHERE id = $1",
        item["id"],
        fields["hold_id"],
        fields["kept_for"],
        ready,
        state.value,
        UNTIL_SCANNED if item["hold_shelf"] and not ready else None,
    )
    if told is not None and state is State.PAGED:
        await look_for(connection, library, item, told["id"], now=now)
    await tell_availability(connection, [item["id"]], now)
    if told is not None and ready:
        await pass_on(connection, library, told["id"], now=now, but=item["id"])


def _barred(library: Library, item: asyncpg.Record) -> frozenset[UUID]:
    """Where it may not be sent: from the hold shelf where it lies, else from its own."""
    types = {"material_type": item["material_type"], "loan_type": item["loan_type"]}
    if item["hold_shelf"] and (desk := library.desks.get(item["last_seen_by"])) is not None:
        return library.barred_from(desk, **types)
    codes = library.barred(item["library"] or "", **types)
    return frozenset(library.by_code[code].id for code in codes)


async def _first(
    connection: Connection, item: asyncpg.Record, waiting: list[Waiting], barred: frozenset[UUID]
) -> asyncpg.Record | None:
    following = hold_to_fill(item["id"], waiting, volume=item["volume_key"], barred=barred)
    if following is None:
        return None
    row: asyncpg.Record | None = await connection.fetchrow(
        "SELECT * FROM hold WHERE id = $1", following.hold_id
    )
    return row
