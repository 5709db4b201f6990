"""Items of what has come, and their withdrawal when it goes back: once, however often it is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from catalog.acquisitions.rules import LEADER, fields, fixed_data, removable
from catalog.history.statements import keeping, whoever
from catalog.items.announcing import states_on
from catalog.items.commands import placed
from catalog.items.standing import STANDS
from catalog.marc.record import Field, Record
from catalog.titles.facts import columns, summary
from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from contracts.catalog import (
    ItemBase,
    ItemCreated,
    ItemWithdrawalRequested,
    MadeItem,
    ReceivedItemsMade,
    ReceivedItemsRemoved,
    RemovedItem,
    TitleCreated,
)
from contracts.erm import OrderLineReceived, ReceiptUndone

REASON = "received by mistake, or sent back"
_HEAR = """
INSERT INTO received (receipt_id, order_line_id, title_id) VALUES ($1, $2, $3)
ON CONFLICT (receipt_id) DO UPDATE SET order_line_id = excluded.order_line_id
"""
_TITLE_OF_LINE = """
SELECT title_id FROM received WHERE order_line_id = $1 AND title_id IS NOT NULL ORDER BY receipt_id LIMIT 1
"""
_ENTER_TITLE = """
INSERT INTO title (id, match_key, control_number, control_agency, title, subtitle, author, year, format, suppressed,
    record, keys, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, false, $10, $12, $11, $11) ON CONFLICT (match_key) DO NOTHING RETURNING id
"""
_KNOWN = """
SELECT EXISTS (SELECT FROM location WHERE id = $1 FOR SHARE) AS "location-unknown",
    EXISTS (SELECT FROM material_type WHERE code = $2) AS "material-type-unknown",
    EXISTS (SELECT FROM loan_type WHERE code = $3) AS "loan-type-unknown"
"""
_TITLE = "SELECT deleted_at, merged_into FROM title WHERE id = $1 FOR SHARE"
_HOLDINGS = keeping(
    "holdings",
    """
INSERT INTO holdings (id, title_id, location_id, call_number, shelving_key, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (title_id, location_id, call_number) DO UPDATE SET deleted_at = NULL, merged_into = NULL,
    version = holdings.version + (holdings.deleted_at IS NOT NULL)::int
""",
    now="$6",
    by="$7",
)
_ITEM = f"""
INSERT INTO item (id, barcode, holdings_id, title_id, location_id, permanent_location_id, material_type, loan_type,
    base_state, purchase_minor, purchase_currency, created_at, updated_at)
SELECT $1, $2, h.id, $4, {STANDS}, nullif($5, {STANDS}), $6, $7, 'in-process', $8, $9, $10, $10
FROM holdings h WHERE h.id = $3
"""  # noqa: S608 - our own text
_CHANGED = "INSERT INTO title_change (title_id) VALUES ($1)"
_WAKE = "SELECT pg_notify('title_change', '')"
_ANSWERED = """
UPDATE received SET version = version + 1, title_id = coalesce($2, title_id) WHERE receipt_id = $1 RETURNING version
"""


async def take_in(connection: Connection, event: OrderLineReceived, now: datetime) -> None:
    """Make the items, in process; tell which, and of which title."""
    await connection.execute(_HEAR, event.receipt_id, event.order_line_id, event.title_id)
    await connection.execute("SELECT FROM received WHERE receipt_id = $1 FOR UPDATE", event.receipt_id)
    known = await connection.fetchrow(_KNOWN, event.location_id, event.material_type, event.loan_type)
    missing = tuple(name for name, there in dict(known or {}).items() if not there)
    title_id = await _standing(connection, event.title_id)
    if event.title_id is not None and title_id is None:
        missing += ("title-unknown",)
    if not missing and title_id is None:
        before = await connection.fetchval(_TITLE_OF_LINE, event.order_line_id)
        title_id = await _standing(connection, before) or await _enter_title(connection, event, now)
    made = [
        await _item(connection, event, piece.piece_id, piece.barcode, title_id, missing, now)
        for piece in event.pieces
    ]
    if title_id is not None and not missing:
        await connection.execute(_CHANGED, title_id)
        await connection.execute(_WAKE)
    told = ReceivedItemsMade(
        version=await connection.fetchval(_ANSWERED, event.receipt_id, None if missing else title_id),
        occurred_at=now,
        receipt_id=event.receipt_id,
        order_line_id=event.order_line_id,
        title_id=None if missing else title_id,
        items=tuple(made),
    )
    await outbox.record(connection, [told])


async def _standing(connection: Connection, title_id: UUID | None) -> UUID | None:
    """The title, or the one that it was merged into, held so that it stays; none: it is not in the catalogue."""
    while title_id is not None:
        row = await connection.fetchrow(_TITLE, title_id)
        if row is None or (row["deleted_at"] is not None and row["merged_into"] is None):
            return None
        if row["merged_into"] is None:
            return title_id
        title_id = row["merged_into"]
    return None


async def _enter_title(connection: Connection, event: OrderLineReceived, now: datetime) -> UUID:
    """The title as the order tells of it; the same words again are the same title."""
    told = fields(
        title=event.title, author=event.author, publisher=event.publisher, year=event.year, isbn=event.isbn
    )
    record = Record(
        LEADER,
        [
            Field.control("008", fixed_data(event.year, f"{now:%y%m%d}")),
            *(Field.data(tag, indicators, *subfields) for tag, indicators, subfields in told),
        ],
    )
    read = columns(record)
    title_id = uuid7()
    alike = await connection.fetchval("SELECT id FROM title WHERE match_key = $1", read.match_key)
    standing = await _standing(connection, alike)
    if standing is not None:
        return standing
    entered = await connection.fetchval(
        _ENTER_TITLE,
        title_id,
        read.match_key if alike is None else f"order|{event.receipt_id}",
        read.control_number,
        read.control_agency,
        read.title,
        read.subtitle,
        read.author,
        read.year,
        read.format,
        read.record,
        now,
        read.keys,
    )
    if entered is None:  # somebody has entered the same a moment ago
        found: UUID = await connection.fetchval("SELECT id FROM title WHERE match_key = $1", read.match_key)
        return found
    created = TitleCreated(
        version=1, occurred_at=now, title_id=title_id, title=summary(title_id, 1, read, suppressed=False)
    )
    await outbox.record(connection, [created])
    return title_id


async def _item(
    connection: Connection,
    event: OrderLineReceived,
    piece_id: UUID,
    barcode: str | None,
    title_id: UUID | None,
    missing: Sequence[str],
    now: datetime,
) -> MadeItem:
    """One copy's item: the one that it has, or a new one, without a barcode that another item has."""
    before = await connection.fetchval("SELECT item_id FROM received_piece WHERE piece_id = $1", piece_id)
    if before is not None:
        return MadeItem(piece_id=piece_id, item_id=before)
    if missing:
        return MadeItem(piece_id=piece_id, reasons=tuple(missing))
    assert title_id is not None
    taken = barcode is not None and await connection.fetchval(
        "SELECT EXISTS (SELECT FROM item WHERE barcode = $1)", barcode
    )
    place = placed(event.call_number, None)
    holdings_id = await connection.fetchval(
        _HOLDINGS,
        uuid7(),
        title_id,
        event.location_id,
        event.call_number or "",
        place["shelving_key"],
        now,
        whoever(),
    )
    item_id = uuid7()
    priced = event.price_minor is not None and event.price_currency is not None
    await connection.execute(
        _ITEM,
        item_id,
        None if taken else barcode,
        holdings_id,
        title_id,
        event.location_id,
        event.material_type,
        event.loan_type,
        event.price_minor if priced else None,
        event.price_currency if priced else None,
        now,
    )
    await connection.execute(
        "INSERT INTO received_piece (piece_id, receipt_id, item_id) VALUES ($1, $2, $3)",
        piece_id,
        event.receipt_id,
        item_id,
    )
    (state,) = await states_on(connection, [item_id])
    assert state.base_state is ItemBase.IN_PROCESS
    await outbox.record(connection, [ItemCreated(version=1, occurred_at=now, item_id=item_id, item=state)])
    return MadeItem(piece_id=piece_id, item_id=item_id, reasons=("barcode-taken",) if taken else ())


_PIECE = "SELECT item_id, withdrawal_id FROM received_piece WHERE piece_id = $1"
_LOCK_ITEM = "SELECT base_state FROM item WHERE id = $1 FOR UPDATE"
_UNDER_WAY = "SELECT id FROM withdrawal WHERE item_id = $1 AND state = 'requested'"
_WITHDRAW = """
INSERT INTO withdrawal (id, item_id, state, reason, steps, requested_by, requested_at)
VALUES ($1, $2, 'requested', $3,
    jsonb_build_array(jsonb_build_object('state', 'requested', 'at', $5::timestamptz)), $4, $5)
"""


async def give_back(connection: Connection, event: ReceiptUndone, now: datetime) -> None:
    """Ask for the withdrawal of items that are still in process; tell at once of those that need none, or stay."""
    await connection.execute(_HEAR, event.receipt_id, event.order_line_id, None)
    settled = []
    for piece_id in event.pieces:
        told = await _remove(connection, piece_id, now)
        if told is not None:
            settled.append(told)
    if settled:
        await _tell_removed(connection, event.receipt_id, settled, now)


async def _remove(connection: Connection, piece_id: UUID, now: datetime) -> RemovedItem | None:
    """What became of one copy; none: circulation has been asked."""
    piece = await connection.fetchrow(_PIECE, piece_id)
    if piece is None or piece["item_id"] is None:
        return RemovedItem(piece_id=piece_id, removed=True)
    item_id = piece["item_id"]
    state = await connection.fetchval(_LOCK_ITEM, item_id)
    if state == "withdrawn":
        return RemovedItem(piece_id=piece_id, item_id=item_id, removed=True)
    if not removable(state):
        return RemovedItem(piece_id=piece_id, item_id=item_id, removed=False, reasons=("item-catalogued",))
    withdrawal_id = await ask_for_withdrawal(connection, item_id, REASON, now)
    await connection.execute(
        "UPDATE received_piece SET withdrawal_id = $2 WHERE piece_id = $1", piece_id, withdrawal_id
    )
    return None


async def ask_for_withdrawal(connection: Connection, item_id: UUID, reason: str, now: datetime) -> UUID:
    """Ask circulation for an item that the caller has locked, unless somebody has; the withdrawal."""
    under_way: UUID | None = await connection.fetchval(_UNDER_WAY, item_id)
    if under_way is not None:
        return under_way
    withdrawal_id = uuid7()
    await connection.execute(_WITHDRAW, withdrawal_id, item_id, reason, "system:erm", now)
    asked = ItemWithdrawalRequested(
        version=1, occurred_at=now, withdrawal_id=withdrawal_id, item_id=item_id, reason=reason
    )
    await outbox.record(connection, [asked])
    return withdrawal_id


async def withdrawal_ended(
    connection: Connection, withdrawal_id: UUID, *, removed: bool, reasons: Sequence[str], now: datetime
) -> None:
    """A withdrawal has ended; if it was of a copy that goes back, acquisitions are told."""
    piece = await connection.fetchrow(
        "SELECT piece_id, receipt_id, item_id FROM received_piece WHERE withdrawal_id = $1", withdrawal_id
    )
    if piece is not None:
        told = RemovedItem(
            piece_id=piece["piece_id"], item_id=piece["item_id"], removed=removed, reasons=tuple(reasons)
        )
        await _tell_removed(connection, piece["receipt_id"], [told], now)


async def _tell_removed(
    connection: Connection, receipt_id: UUID, items: Sequence[RemovedItem], now: datetime
) -> None:
    row: Any = await connection.fetchrow(
        "UPDATE received SET version = version + 1 WHERE receipt_id = $1 RETURNING version, order_line_id",
        receipt_id,
    )
    told = ReceivedItemsRemoved(
        version=row["version"],
        occurred_at=now,
        receipt_id=receipt_id,
        order_line_id=row["order_line_id"],
        items=tuple(items),
    )
    await outbox.record(connection, [told])
