"""The catalogue's facts arrive: kept as our copy, set-based; what is newer wins, the rest is dropped."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from circulation.holds import queue
from circulation.holds.rules import HoldState
from circulation.items.rules import LENDABLE_BASES, Copy, State, state_of, withdrawal_obstacles
from contracts.catalog import (
    ItemCreated,
    ItemsAnnounced,
    ItemState,
    ItemUpdated,
    ItemWithdrawalRequested,
    ItemWithdrawn,
    LocationChanged,
)
from contracts.circulation import (
    HoldCancelled,
    HoldRequeued,
    ItemAvailability,
    ItemAvailabilityChanged,
    ItemWithdrawalCleared,
    ItemWithdrawalRefused,
)
from contracts.events import Event

_REMEMBER = """
WITH told AS (
    SELECT DISTINCT ON (t.id) t.* FROM jsonb_to_recordset($1::jsonb) AS t (
        id uuid, epoch int, version bigint, barcode text, holdings_id uuid, title_ids uuid[], location_id uuid,
        material_type text, loan_type text, base text, resting text, call_number text, volume text,
        copy_number text, short_title text, short_author text, suppressed boolean)
    ORDER BY t.id, t.epoch DESC, t.version DESC
), moved AS (
    UPDATE item SET barcode = NULL FROM told
    WHERE item.barcode = told.barcode AND item.id <> told.id
)
INSERT INTO item (id, epoch, version, barcode, holdings_id, title_ids, location_id, location, library, campus,
    institution, material_type, loan_type, base, state, call_number, volume, copy_number, short_title, short_author,
    suppressed)
SELECT t.id, t.epoch, t.version, t.barcode, t.holdings_id, t.title_ids, t.location_id, l.code, l.library, l.campus,
    l.institution, t.material_type, t.loan_type, t.base, t.resting, t.call_number, t.volume, t.copy_number,
    t.short_title, t.short_author, t.suppressed
FROM told t LEFT JOIN location l ON l.id = t.location_id
ORDER BY t.id
ON CONFLICT (id) DO UPDATE SET
    epoch = excluded.epoch, version = excluded.version, barcode = excluded.barcode,
    holdings_id = excluded.holdings_id, title_ids = excluded.title_ids, location_id = excluded.location_id,
    location = excluded.location, library = excluded.library, campus = excluded.campus,
    institution = excluded.institution, material_type = excluded.material_type, loan_type = excluded.loan_type,
    base = excluded.base, call_number = excluded.call_number, volume = excluded.volume,
    copy_number = excluded.copy_number, short_title = excluded.short_title, short_author = excluded.short_author,
    suppressed = excluded.suppressed, guard = item.guard + 1,
    state = CASE WHEN item.state IN ('available', 'unavailable', 'paged') THEN
        CASE WHEN item.state = 'paged' AND excluded.state = 'available' THEN 'paged' ELSE excluded.state END
        ELSE item.state END
WHERE (item.epoch, item.version) < (excluded.epoch, excluded.version)
RETURNING id, (xmax = 0) AS new, state
"""


async def remember(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep what the catalogue tells of items; those whose lendability changed are told of in turn."""
    told: list[tuple[int, ItemState]] = []
    for heard in batch:
        event = heard.event
        if isinstance(event, ItemsAnnounced):
            told += [(heard.epoch, item) for item in event.items]
        elif isinstance(event, ItemCreated | ItemUpdated | ItemWithdrawn):
            told.append((heard.epoch, event.item))
    if told:
        await connection.fetch(_REMEMBER, [_as_row(epoch, item) for epoch, item in told])


def _as_row(epoch: int, item: ItemState) -> dict[str, object]:
    return {
        "id": item.item_id,
        "epoch": epoch,
        "version": item.version,
        "barcode": item.barcode,
        "holdings_id": item.holdings_id,
        "title_ids": item.title_ids,
        "location_id": item.location_id,
        "material_type": item.material_type,
        "loan_type": item.loan_type,
        "base": item.base_state.value,
        "resting": state_of(Copy(item.base_state.value)).value,
        "call_number": item.call_number,
        "volume": item.volume,
        "copy_number": item.copy_number,
        "short_title": item.short_title,
        "short_author": item.short_author,
        "suppressed": item.suppressed,
    }


_LOCATIONS = """
WITH told AS (
    SELECT DISTINCT ON (t.id) t.* FROM jsonb_to_recordset($1::jsonb) AS t (
        id uuid, epoch int, version bigint, code text, name text, library text, library_name text, campus text,
        institution text)
    ORDER BY t.id, t.epoch DESC, t.version DESC
), kept AS (
    INSERT INTO location (id, epoch, version, code, name, library, library_name, campus, institution)
    SELECT id, epoch, version, code, name, library, library_name, campus, institution FROM told ORDER BY id
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, version = excluded.version, code = excluded.code,
        name = excluded.name, library = excluded.library, library_name = excluded.library_name,
        campus = excluded.campus, institution = excluded.institution
    WHERE (location.epoch, location.version) < (excluded.epoch, excluded.version)
    RETURNING *
)
UPDATE item SET location = k.code, library = k.library, campus = k.campus, institution = k.institution,
    guard = guard + 1
FROM kept k WHERE item.location_id = k.id
"""


async def place(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep what the catalogue tells of locations; items that came before their location learn where they are."""
    rows = []
    for heard in batch:
        if isinstance(heard.event, LocationChanged):
            location = heard.event.location
            rows.append(
                {
                    "id": location.location_id,
                    "epoch": heard.epoch,
                    "version": location.version,
                    "code": location.code,
                    "name": location.name,
                    "library": location.library,
                    "library_name": location.library_name,
                    "campus": location.campus,
                    "institution": location.institution,
                }
            )
    await connection.execute(_LOCATIONS, rows)


_COPY = """
SELECT i.*, h.state AS hold_state,
    (SELECT count(*) FROM hold x WHERE x.item_id = i.id AND x.level = 'item' AND x.state = 'waiting') AS held_itself,
    (SELECT count(*) FROM hold x WHERE x.title_id = ANY (i.title_ids) AND x.level = 'title' AND x.state = 'waiting')
        AS title_holds,
    (SELECT count(*) FROM item o WHERE o.title_ids && i.title_ids AND o.id <> i.id AND o.withdrawal_id IS NULL
        AND o.base = ANY ($2::text[])) AS other_copies
FROM item i LEFT JOIN hold h ON h.id = i.hold_id WHERE i.id = $1
"""


async def consider_withdrawal(connection: Connection, batch: Sequence[Heard]) -> None:
    """Clear a withdrawal, so that no loan slips in from now on, or refuse it with every reason."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemWithdrawalRequested)
        await _consider(connection, event, heard.time)


async def _consider(connection: Connection, event: ItemWithdrawalRequested, now: datetime) -> None:
    titles = await connection.fetchval("SELECT title_ids FROM item WHERE id = $1", event.item_id)
    if titles is None:
        await outbox.record(connection, [_refused(event, now, ("item-unknown",))])
        return
    await queue.lock_title(connection, titles)
    await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", event.item_id)
    row = await connection.fetchrow(_COPY, event.item_id, sorted(LENDABLE_BASES))
    assert row is not None
    if row["withdrawal_id"] == event.withdrawal_id:
        return
    copy = Copy(row["base"], on_loan=row["loan_id"] is not None, awaited_on_shelf=row["hold_shelf"])
    obstacles = withdrawal_obstacles(
        copy,
        transit_for_hold=row["transit_to"] is not None and row["hold_id"] is not None,
        holds_on_item=row["held_itself"],
        title_holds=row["title_holds"],
        other_copies=row["other_copies"],
    )
    if row["withdrawal_id"] is not None:
        await outbox.record(connection, [_refused(event, now, ("withdrawal-under-way",))])
        return
    if obstacles:
        await outbox.record(connection, [_refused(event, now, tuple(obstacles))])
        return
    if row["hold_id"] is not None:
        await queue.change(connection, row["hold_id"], queue.Change(HoldState.WAITING), HoldRequeued, now=now)
    await connection.execute(
        "UPDATE item SET withdrawal_id = $2, state = $3, hold_id = NULL, kept_for = NULL, guard = guard + 1, "
        "  told = told + 1 WHERE id = $1",
        event.item_id,
        event.withdrawal_id,
        State.WITHDRAWING.value,
    )
    events: list[Event] = [
        ItemWithdrawalCleared(
            version=1, occurred_at=now, withdrawal_id=event.withdrawal_id, item_id=event.item_id
        ),
        await availability_changed(connection, event.item_id, now),
    ]
    await outbox.record(connection, events)


def _refused(
    event: ItemWithdrawalRequested, now: datetime, reasons: tuple[str, ...]
) -> ItemWithdrawalRefused:
    return ItemWithdrawalRefused(
        version=1,
        occurred_at=now,
        withdrawal_id=event.withdrawal_id,
        item_id=event.item_id,
        reasons=tuple(str(reason) for reason in reasons),
    )


async def availability_changed(
    connection: Connection, item_id: UUID, now: datetime
) -> ItemAvailabilityChanged:
    """What the item's availability has become; its `told` was raised by the caller."""
    row = await connection.fetchrow(
        "SELECT i.*, (SELECT count(*) FROM hold h WHERE h.title_id = ANY (i.title_ids) "
        "  AND h.state = ANY ($2::text[])) AS queue_length FROM item i WHERE id = $1",
        item_id,
        list(queue.OPEN_STATES),
    )
    assert row is not None
    return ItemAvailabilityChanged(
        version=row["told"],
        occurred_at=now,
        item_id=item_id,
        availability=ItemAvailability(
            item_id=item_id,
            version=row["guard"],
            title_ids=tuple(row["title_ids"]),
            library=row["library"] or "",
            location=row["location"] or "",
            state=row["state"],
            lendable=row["state"] == State.AVAILABLE,
            due_at=row["due_at"],
            queue_length=row["queue_length"],
            as_of=now,
        ),
    )


async def release(connection: Connection, batch: Sequence[Heard]) -> None:
    """A withdrawn item is gone: its own holds end, the copy keeps the fact."""
    await remember(connection, batch)
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemWithdrawn)
        holds = await connection.fetch(
            "SELECT id FROM hold WHERE item_id = $1 AND state = ANY ($2::text[])",
            event.item_id,
            list(queue.OPEN_STATES),
        )
        for hold in holds:
            change = queue.Change(HoldState.CANCELLED, reason="item-withdrawn")
            await queue.change(
                connection, hold["id"], change, HoldCancelled, now=heard.time, reason="item-withdrawn"
            )
        done = await connection.fetchval(
            "UPDATE item SET withdrawal_id = NULL, state = 'unavailable', hold_id = NULL, kept_for = NULL, "
            "  guard = guard + 1, told = told + 1 WHERE id = $1 AND withdrawal_id IS NOT NULL RETURNING true",
            event.item_id,
        )
        if done:
            await outbox.record(
                connection, [await availability_changed(connection, event.item_id, heard.time)]
            )
