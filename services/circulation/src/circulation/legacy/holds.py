"""Holds, as they stood: with their own dates, in the order of the old queue, those on the hold shelf still there."""

from collections import defaultdict
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import Field

from chassis import outbox
from chassis.ids import uuid7
from chassis.moments import Moment
from circulation.holds import queue
from circulation.holds.rules import HoldState, shelf_expires_at
from circulation.items.handlers import tell_availability
from circulation.legacy.commands import Slice, Taken, lock_patrons, refused
from circulation.legacy.loans import items_of, piece
from circulation.legacy.rules import Outcome, Queued, hold_refusals, queue_with
from circulation.legacy.wire import Code, LegacyId, Row
from circulation.places.library import Desk
from contracts.circulation import HoldPlaced


class MigratedHoldIn(Row):
    """An open hold."""

    patron: LegacyId
    title_id: UUID
    item_id: UUID | None = None
    on_item: bool = False
    """Whether that item and no other is wanted."""
    place: Annotated[int, Field(ge=0, le=1_000_000)]
    """Where it stood in its title's queue; only the order counts."""
    placed_at: Moment
    expires_at: Moment | None = None
    pickup: Code
    """A service point's code."""
    ready: bool = False
    """Whether the item waits on the hold shelf already."""
    shelf_expires_at: Moment | None = None
    """Until when it waits there; left out: as the policy has it, from now."""
    suspended: bool = False
    suspended_until: Moment | None = None


_OUT = """
SELECT id FROM item WHERE title_ids && $1::uuid[] AND (loan_id IS NOT NULL OR transit_to IS NOT NULL)
ORDER BY id FOR NO KEY UPDATE
"""
_HEED = "UPDATE item SET guard = guard + 1 WHERE id = ANY ($1::uuid[])"
"""Whoever brings a copy back has to know of the hold."""
_TITLES = """
SELECT t.id, (SELECT i.id FROM item i WHERE i.title_ids @> ARRAY[t.id] AND i.base <> 'withdrawn' LIMIT 1) AS item_id
FROM unnest($1::uuid[]) AS t (id)
"""
_FACTS = """
SELECT id, location, library, campus, institution, material_type, loan_type FROM item WHERE id = ANY ($1::uuid[])
"""
_QUEUES = """
SELECT h.id, h.title_id, h.state, h.patron_id, h.nth, h.position, m.place
FROM hold h LEFT JOIN migrated_record m ON m.record_id = h.id AND m.source = $2 AND m.kind = 'hold'
WHERE h.title_id = ANY ($1::uuid[]) AND h.position IS NOT NULL ORDER BY h.title_id, h.position
"""
_MOVE = """
UPDATE hold SET position = n.position FROM unnest($1::uuid[], $2::int[]) AS n (id, position) WHERE hold.id = n.id
"""
_COLUMNS: Final = (
    "id", "kind", "level", "title_id", "item_id", "patron_id", "nth", "pickup_id", "state", "position", "policy",
    "placed_at", "expires_at", "ready_at", "shelf_expires_at", "suspended_at", "suspended_until", "retarget_at",
)  # fmt: skip
_SHELVED = """
UPDATE item SET guard = guard + 1, state = 'on-hold-shelf', hold_id = n.hold_id, kept_for = n.patron_id,
    hold_shelf = true, transit_to = NULL, transit_from = NULL, transit_since = NULL, reshelving_until = NULL
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS n (id, hold_id, patron_id) WHERE item.id = n.id
"""
_HOLDERS = "UPDATE patron SET guard = guard + 1 WHERE id = ANY ($1::uuid[])"


async def holds(slice_: Slice[MigratedHoldIn]) -> list[Taken]:
    """Write them into their queues, with everything that hangs on them.

    A copy that stands on its shelf is fetched for whoever waits, by the timer that looks for other copies.
    """
    connection = slice_.connection
    titles = sorted({row.title_id for row in slice_.rows})
    await queue.lock_title(connection, titles)
    await lock_patrons(slice_, [row.patron for row in slice_.rows])
    out = [row["id"] for row in await connection.fetch(_OUT, titles)]
    items = await items_of(slice_, [row.item_id for row in slice_.rows if row.item_id])
    about = {row["id"]: row["item_id"] for row in await connection.fetch(_TITLES, titles)}
    queues: dict[UUID, list[Queued]] = defaultdict(list)
    numbers: dict[tuple[UUID, UUID], int] = defaultdict(int)
    for before in await connection.fetch(_QUEUES, titles, slice_.source):
        queues[before["title_id"]].append(Queued(before["id"], before["state"], before["place"]))
        key = (before["title_id"], before["patron_id"])
        numbers[key] = max(numbers[key], before["nth"])
    facts = {
        row["id"]: row for row in await connection.fetch(_FACTS, [*filter(None, about.values()), *items])
    }
    taken: list[Taken] = []
    new: dict[UUID, list[Queued]] = defaultdict(list)
    written: dict[UUID, dict[str, Any]] = {}
    kept = set[UUID]()
    for row in slice_.rows:
        patron = slice_.patrons.get(row.patron)
        item = items.get(row.item_id) if row.item_id else None
        desk = slice_.library.by_code.get(row.pickup)
        wrong = hold_refusals(
            patron_known=patron is not None,
            title_id=row.title_id,
            title_known=about.get(row.title_id) is not None,
            item_named=row.item_id is not None,
            item=piece(item, kept=row.item_id in kept),
            on_item=row.on_item,
            ready=row.ready,
            point_known=desk is not None,
            pickup=desk is not None and desk.pickup,
            placed_at=row.placed_at,
            now=slice_.now,
        )
        if wrong or patron is None or desk is None:
            taken.append(refused(row, wrong))
            continue
        copy = facts[row.item_id if row.item_id is not None else about[row.title_id]]
        key = (row.title_id, patron["id"])
        numbers[key] += 1
        hold = _hold(slice_, row, desk, patron, copy, numbers[key])
        written[hold["id"]] = hold
        new[row.title_id].append(Queued(hold["id"], hold["state"], row.place))
        if row.ready and row.item_id is not None:
            kept.add(row.item_id)
        taken.append(Taken(row.legacy_id, Outcome.LOADED, hold["id"], place=row.place))
    await _write(slice_, queues, new, written)
    await connection.execute(_HEED, out)
    return taken


def _hold(
    slice_: Slice[MigratedHoldIn], row: MigratedHoldIn, desk: Desk, patron: Any, copy: Any, nth: int
) -> dict[str, Any]:
    library, now = slice_.library, slice_.now
    names = ("location", "library", "campus", "institution", "material_type", "loan_type")
    rule = library.rules.winning(
        {"patron_group": patron["group_code"], **{name: copy[name] for name in names}}
    )
    until = row.shelf_expires_at
    if row.ready and until is None:
        policy = library.hold_policy(rule.hold)
        until = shelf_expires_at(policy, desk.calendar, now=now, days=desk.shelf_days)
    suspended = row.suspended and not row.ready
    return {
        "id": uuid7(),
        "kind": "hold",
        "level": "item" if row.on_item else "title",
        "title_id": row.title_id,
        "item_id": row.item_id if row.on_item or row.ready else None,
        "patron_id": patron["id"],
        "nth": nth,
        "pickup_id": desk.id,
        "state": (HoldState.READY if row.ready else HoldState.WAITING).value,
        "position": 0,
        "policy": rule.hold,
        "placed_at": row.placed_at,
        "expires_at": row.expires_at,
        "ready_at": now if row.ready else None,
        "shelf_expires_at": until if row.ready else None,
        "suspended_at": now if suspended else None,
        "suspended_until": row.suspended_until if suspended else None,
        "retarget_at": None if row.ready or suspended else now,
        "volume": None,
        "fulfilment": "hold-shelf",
        "delivery_address_type": None,
        "proxy_id": None,
    }


async def _write(
    slice_: Slice[MigratedHoldIn],
    queues: dict[UUID, list[Queued]],
    new: dict[UUID, list[Queued]],
    written: dict[UUID, dict[str, Any]],
) -> None:
    connection, now = slice_.connection, slice_.now
    moved: dict[UUID, int] = {}
    for title_id, more in new.items():
        for position, hold in enumerate(queue_with(queues[title_id], more), 1):
            if hold.id in written:
                written[hold.id]["position"] = position
            else:
                moved[hold.id] = position
    await connection.execute(_MOVE, list(moved), list(moved.values()))
    rows = list(written.values())
    await connection.copy_records_to_table(
        "hold", records=[tuple(row[name] for name in _COLUMNS) for row in rows], columns=_COLUMNS
    )
    ready = [row for row in rows if row["state"] == HoldState.READY]
    await connection.execute(
        _SHELVED,
        [row["item_id"] for row in ready],
        [row["id"] for row in ready],
        [row["patron_id"] for row in ready],
    )
    await connection.execute(_HOLDERS, sorted({row["patron_id"] for row in rows}))
    await outbox.record(
        connection,
        [
            HoldPlaced(
                version=1,
                occurred_at=now,
                hold_id=row["id"],
                title_id=row["title_id"],
                hold=queue.facts_of(row),
                migrated_from=slice_.source,
            )
            for row in rows
        ],
    )
    await tell_availability(connection, [row["item_id"] for row in ready], now)
