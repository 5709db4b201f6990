"""The catalogue's facts arrive: kept as our copy, set-based; what is newer wins, the rest is dropped."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.resources import Heard
from circulation.holds import queue
from circulation.holds.rules import HoldState
from circulation.items.rules import (
    GONE_BASES,
    LENDABLE_BASES,
    Copy,
    State,
    withdrawal_obstacles,
)
from circulation.items.taking_in import as_row, take_in
from circulation.titles.following import follow, leaving, rename
from circulation.transits.ending import end_transit
from contracts.catalog import (
    ItemBase,
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

_LOCK = "SELECT FROM item WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"
_TOLD = """
WITH told AS (
    SELECT DISTINCT ON (t.id) t.* FROM jsonb_to_recordset($1::jsonb) AS t (
        id uuid, epoch int, version bigint, barcode text, holdings_id uuid, title_ids uuid[], location_id uuid,
        material_type text, loan_type text, base text, resting text, call_number text, volume text,
        volume_key text, copy_number text, short_title text, short_author text, suppressed boolean,
        pieces int, pieces_text text, check_out_notes text[], check_in_notes text[],
        new_since timestamptz, price_minor bigint, price_currency text)
    ORDER BY t.id, t.epoch DESC, t.version DESC
)"""
_FREE_BARCODES = """
WITH told AS (
    SELECT DISTINCT ON (t.id) t.*
    FROM unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[]) AS t (id, epoch, version, barcode)
    ORDER BY t.id, t.epoch DESC, t.version DESC
)
UPDATE item SET barcode = NULL, guard = item.guard + 1
FROM told t LEFT JOIN item known ON known.id = t.id
WHERE item.barcode = t.barcode AND item.id <> t.id
  AND (known.id IS NULL OR (known.epoch, known.version) < (t.epoch, t.version))
"""
"""A barcode has moved to an item of which we hear now; news older than what we know moves nothing."""

_REMEMBER = f"""
{_TOLD}, before AS (
    SELECT item.id, item.state FROM item JOIN told USING (id)
), kept AS (
    INSERT INTO item (id, epoch, version, barcode, holdings_id, title_ids, location_id, location, library, campus,
        institution, material_type, loan_type, base, state, call_number, volume, volume_key, copy_number,
        short_title, short_author, suppressed, pieces, pieces_text, check_out_notes, check_in_notes, new_since,
        price_minor, price_currency)
    SELECT t.id, t.epoch, t.version, t.barcode, t.holdings_id, t.title_ids, t.location_id, l.code, l.library,
        l.campus, l.institution, t.material_type, t.loan_type, t.base, t.resting, t.call_number, t.volume,
        t.volume_key, t.copy_number, t.short_title, t.short_author, t.suppressed, t.pieces, t.pieces_text,
        t.check_out_notes, t.check_in_notes, t.new_since, t.price_minor, t.price_currency
    FROM told t LEFT JOIN location l ON l.id = t.location_id
    ORDER BY t.id
    ON CONFLICT (id) DO UPDATE SET
        epoch = excluded.epoch, version = excluded.version, barcode = excluded.barcode,
        holdings_id = excluded.holdings_id, title_ids = excluded.title_ids, location_id = excluded.location_id,
        location = excluded.location, library = excluded.library, campus = excluded.campus,
        institution = excluded.institution, material_type = excluded.material_type,
        loan_type = excluded.loan_type, base = excluded.base, call_number = excluded.call_number,
        volume = excluded.volume, volume_key = excluded.volume_key, copy_number = excluded.copy_number,
        short_title = excluded.short_title,
        short_author = excluded.short_author, suppressed = excluded.suppressed, pieces = excluded.pieces,
        pieces_text = excluded.pieces_text, check_out_notes = excluded.check_out_notes,
        check_in_notes = excluded.check_in_notes, new_since = excluded.new_since,
        price_minor = excluded.price_minor, price_currency = excluded.price_currency, guard = item.guard + 1,
        state = CASE
            WHEN item.loss IS NOT NULL THEN item.state
            WHEN item.loan_id IS NOT NULL THEN 'on-loan'
            WHEN item.withdrawal_id IS NOT NULL THEN 'withdrawing'
            WHEN item.hold_shelf THEN 'on-hold-shelf'
            WHEN item.transit_to IS NOT NULL AND excluded.base NOT IN ('missing', 'long-missing', 'withdrawn')
                THEN 'in-transit'
            WHEN item.hold_id IS NOT NULL AND excluded.state = 'available' THEN 'paged'
            ELSE excluded.state END
    WHERE (item.epoch, item.version) < (excluded.epoch, excluded.version)
    RETURNING id, state
)
SELECT kept.id FROM kept JOIN before USING (id) WHERE kept.state <> before.state
"""  # noqa: S608 - our own text
"""`items.rules.state_of` once more, for many rows at once; a test holds the two together."""


_LOOK_ELSEWHERE = """
UPDATE hold SET retarget_at = $2 FROM item
WHERE item.id = ANY ($1::uuid[]) AND item.hold_id = hold.id AND item.state = 'unavailable' AND hold.state = 'waiting'
"""
"""A copy that is to be fetched has gone missing: its hold is due for another one."""


async def remember(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep what the catalogue tells of items; those whose lendability changed are told of in turn."""
    told: list[tuple[int, ItemState]] = []
    for heard in batch:
        event = heard.event
        if isinstance(event, ItemsAnnounced):
            told += [(heard.epoch, item) for item in event.items]
        elif isinstance(event, ItemCreated | ItemUpdated | ItemWithdrawn):
            told.append((heard.epoch, event.item))
    if not told:
        return
    rows = [as_row(epoch, item) for epoch, item in told]
    await rename(connection, rows)
    if await take_in(connection, rows):
        return
    gone = await _gone_under_way(connection, rows)
    elsewhere = await leaving(connection, rows)
    await queue.lock_title(
        connection, {title for row in gone for title in row["title_ids"]}.union(*elsewhere.values())
    )
    ids = [row["id"] for row in rows]
    await connection.execute(_LOCK, ids)
    await connection.execute(
        _FREE_BARCODES, ids, *([row[name] for row in rows] for name in ("epoch", "version", "barcode"))
    )
    changed = [row["id"] for row in await connection.fetch(_REMEMBER, rows)]
    now = max(heard.time for heard in batch)
    if elsewhere:
        await follow(connection, list(elsewhere), now=now)
    strayed = [row["id"] for row in gone]
    for item in await connection.fetch(_STRAYED, strayed, sorted(GONE_BASES)) if strayed else ():
        await end_transit(connection, item, item["base"], now=now)
        changed += [item["id"]] if item["id"] not in changed else []
    if changed:
        await tell_availability(connection, changed, now)
        await connection.execute(_LOOK_ELSEWHERE, changed, now)


_UNDER_WAY = "SELECT id, title_ids FROM item WHERE id = ANY ($1::uuid[]) AND transit_to IS NOT NULL"
_STRAYED = """
SELECT * FROM item WHERE id = ANY ($1::uuid[]) AND transit_to IS NOT NULL AND base = ANY ($2::text[]) ORDER BY id
"""


async def _gone_under_way(connection: Connection, rows: Sequence[dict[str, Any]]) -> list[asyncpg.Record]:
    """Items on their way that the catalogue now tells are gone, with their titles."""
    told = [row["id"] for row in rows if row["base"] in GONE_BASES]
    return list(await connection.fetch(_UNDER_WAY, told)) if told else []


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
    (SELECT count(*) FROM hold x WHERE x.title_id = ANY (i.title_ids) AND x.level = 'volume' AND x.state = 'waiting'
        AND x.volume_key = i.volume_key) AS volume_holds,
    (SELECT count(*) FROM item o WHERE o.title_ids && i.title_ids AND o.id <> i.id AND o.withdrawal_id IS NULL
        AND o.base = ANY ($2::text[])) AS other_copies,
    (SELECT count(*) FROM item o WHERE o.title_ids && i.title_ids AND o.id <> i.id AND o.withdrawal_id IS NULL
        AND o.base = ANY ($2::text[]) AND o.volume_key = i.volume_key) AS other_copies_of_volume
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
        volume_holds=row["volume_holds"],
        other_copies_of_volume=row["other_copies_of_volume"],
    )
    if row["withdrawal_id"] is not None:
        await outbox.record(connection, [_refused(event, now, ("withdrawal-under-way",))])
        return
    if obstacles:
        await outbox.record(connection, [_refused(event, now, tuple(obstacles))])
        return
    if row["hold_id"] is not None:
        await queue.change(connection, row["hold_id"], queue.Change(HoldState.WAITING), HoldRequeued, now=now)
        await queue.look_elsewhere(connection, row["hold_id"], now=now)
    await connection.execute(
        "UPDATE item SET withdrawal_id = $2, state = $3, hold_id = NULL, kept_for = NULL, guard = guard + 1 "
        "WHERE id = $1",
        event.item_id,
        event.withdrawal_id,
        State.WITHDRAWING.value,
    )
    cleared = ItemWithdrawalCleared(
        version=1, occurred_at=now, withdrawal_id=event.withdrawal_id, item_id=event.item_id
    )
    await outbox.record(connection, [cleared])
    await tell_availability(connection, [event.item_id], now)


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


_TELL = """
WITH told AS (
    UPDATE item SET told = told + 1 WHERE id = ANY ($1::uuid[]) RETURNING *
)
SELECT i.*, (
    SELECT count(*) FROM hold h WHERE h.title_id = ANY (i.title_ids) AND h.position IS NOT NULL
) AS queue_length
FROM told i ORDER BY i.id
"""


async def tell_availability(connection: Connection, item_ids: Sequence[UUID], now: datetime) -> None:
    """Announce what these items' availability has become; the caller holds their rows."""
    if not item_ids:
        return
    events = [
        ItemAvailabilityChanged(
            version=row["told"],
            occurred_at=now,
            item_id=row["id"],
            availability=ItemAvailability(
                item_id=row["id"],
                version=row["guard"],
                title_ids=tuple(row["title_ids"]),
                library=row["library"] or "",
                location=row["location"] or "",
                state=row["state"],
                lendable=row["state"] == State.AVAILABLE,
                due_at=row["due_at"],
                queue_length=row["queue_length"],
                reshelving_until=row["reshelving_until"] if row["state"] == State.AVAILABLE else None,
                as_of=now,
            ),
        )
        for row in await connection.fetch(_TELL, item_ids)
    ]
    await outbox.record(connection, events)


_GONE = """
UPDATE item SET withdrawal_id = NULL, hold_id = NULL, kept_for = NULL, hold_shelf = false, transit_to = NULL,
    transit_from = NULL, transit_since = NULL, state = CASE WHEN loan_id IS NULL THEN 'unavailable' ELSE state END,
    loss = CASE WHEN loan_id IS NOT NULL THEN loss END, guard = guard + 1
WHERE id = $1 AND (withdrawal_id IS NOT NULL OR hold_id IS NOT NULL OR hold_shelf OR transit_to IS NOT NULL)
RETURNING id
"""


async def release(connection: Connection, batch: Sequence[Heard]) -> None:
    """A withdrawn item is gone: holds on it end, a title's holds that it was to fill wait for another copy."""
    gone = [(heard.event, heard.time) for heard in batch if isinstance(heard.event, ItemWithdrawn)]
    titles = await connection.fetch(
        "SELECT DISTINCT unnest(title_ids) AS id FROM item WHERE id = ANY ($1::uuid[])",
        [event.item_id for event, _ in gone],
    )
    told = {title for event, _ in gone for title in event.item.title_ids}
    await queue.lock_title(connection, sorted(told | {row["id"] for row in titles}))
    await remember(connection, batch)
    for event, time in gone:
        await let_go(connection, event.item_id, time)


async def let_go(connection: Connection, item_id: UUID, now: datetime) -> None:
    """End what waits for a withdrawn item, or have it wait for another copy; the caller holds the queue."""
    base = await connection.fetchval("SELECT base FROM item WHERE id = $1 FOR NO KEY UPDATE", item_id)
    if base != ItemBase.WITHDRAWN:
        return  # taken back since: an old fact, told late
    holds = await connection.fetch(
        "SELECT id, level FROM hold WHERE item_id = $1 AND state = ANY ($2::text[])",
        item_id,
        list(queue.OPEN_STATES),
    )
    for hold in holds:
        if hold["level"] == "item":
            end = queue.Change(HoldState.CANCELLED, reason="item-withdrawn")
            await queue.change(connection, hold["id"], end, HoldCancelled, now=now, reason="item-withdrawn")
        else:
            again = queue.Change(HoldState.WAITING)
            await queue.change(connection, hold["id"], again, HoldRequeued, now=now)
            await queue.look_elsewhere(connection, hold["id"], now=now)
    if await connection.fetchval(_GONE, item_id):
        await tell_availability(connection, [item_id], now)
