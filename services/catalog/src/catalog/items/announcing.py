"""Tell others of items as they now stand: whole states, in batches of up to 500."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from catalog.items.rules import DESCRIBED, ENDING
from catalog.items.standing import lasting, lent_as, permanent, stands_now
from catalog.marc.extract import shortened
from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from contracts.catalog import ItemBase, ItemsAnnounced, ItemState, OtherCallNumber
from contracts.money import Amount

BATCH: Final = 500

_LENT: Final = lasting("i", "temporary_loan_type")
STATE_COLUMNS: Final = f"""
i.id AS item_id, i.hrid_prefix || i.hrid AS record_number, i.version, i.barcode, i.holdings_id,
i.title_id, i.bound_with,
{stands_now()} AS location_id,
nullif({permanent("i")}, {stands_now()}) AS permanent_location_id,
{lasting("i", "temporary_location")} AS temporary_location_id, i.material_type, {lent_as()} AS loan_type,
CASE WHEN {_LENT} IS NOT NULL THEN i.loan_type END AS permanent_loan_type, {_LENT} AS temporary_loan_type,
{", ".join(f"CASE WHEN i.{end} > now() THEN i.{end} END AS {end}" for end in ENDING)},
i.other_call_numbers AS other_numbers, h.other_call_numbers AS shelf_numbers, i.base_state,
coalesce(i.call_number, nullif(h.call_number, '')) AS call_number, i.volume,
i.copy_number, t.title, t.author, (i.suppressed OR h.suppressed OR t.suppressed) AS suppressed, i.pieces, i.pieces_text,
i.intellectual, i.created_at, i.purchase_minor, i.purchase_currency, i.replacement_minor, i.replacement_currency,
""" + ", ".join(f"i.{name}" for name in (*DESCRIBED, "custom"))
STATE_TABLES: Final = """
FROM item i JOIN holdings h ON h.id = i.holdings_id JOIN title t ON t.id = i.title_id
"""
_STATES = f"SELECT {STATE_COLUMNS} {STATE_TABLES} WHERE i.id = ANY "
_AFTER = f"SELECT {STATE_COLUMNS} {STATE_TABLES} WHERE $1::uuid IS NULL OR i.id > $1 ORDER BY i.id LIMIT $2"
_RAISE = text("UPDATE item SET version = version + 1 WHERE title_id = ANY (:ids) RETURNING id")


def state(row: Any) -> ItemState:
    """An item's public state from a row of `STATE_COLUMNS`."""
    return ItemState(
        item_id=row.item_id,
        version=row.version,
        barcode=row.barcode,
        holdings_id=row.holdings_id,
        title_ids=(row.title_id, *row.bound_with),
        location_id=row.location_id,
        permanent_location_id=row.permanent_location_id,
        temporary_location_id=row.temporary_location_id,
        material_type=row.material_type,
        loan_type=row.loan_type,
        permanent_loan_type=row.permanent_loan_type,
        temporary_loan_type=row.temporary_loan_type,
        **{end: getattr(row, end) for end in ENDING},
        record_number=row.record_number,
        base_state=ItemBase(row.base_state),
        call_number=row.call_number,
        other_call_numbers=further([*row.other_numbers, *row.shelf_numbers]),
        volume=row.volume,
        copy_number=row.copy_number,
        short_title=shortened(row.title),
        short_author=shortened(row.author) if row.author else None,
        suppressed=row.suppressed,
        pieces=row.pieces,
        pieces_text=row.pieces_text,
        intellectual=row.intellectual,
        created_at=row.created_at,
        purchase_price=amount(row.purchase_minor, row.purchase_currency),
        replacement_price=amount(row.replacement_minor, row.replacement_currency),
        **{name: getattr(row, name) for name in (*DESCRIBED, "custom")},
    )


def further(told: Sequence[Mapping[str, Any]]) -> tuple[OtherCallNumber, ...]:
    """Other call numbers as events tell them."""
    return tuple(OtherCallNumber(**each) for each in told)


def amount(minor: int | None, currency: str | None) -> Amount | None:
    """A price as events tell it."""
    return None if minor is None or currency is None else Amount(minor=minor, currency=currency)


class _Row:
    """An asyncpg record read like a SQLAlchemy row."""

    __slots__ = ("_record",)

    def __init__(self, record: Any) -> None:
        self._record = record

    def __getattr__(self, name: str) -> Any:
        return self._record[name]


async def states(session: AsyncSession, ids: Sequence[UUID]) -> list[ItemState]:
    """Items as they now stand."""
    rows = await session.execute(text(_STATES + "(:ids) ORDER BY i.id"), {"ids": list(ids)})
    return [state(row) for row in rows]


async def states_on(connection: Connection, ids: Sequence[UUID]) -> list[ItemState]:
    """The same, on a plain connection."""
    rows = await connection.fetch(_STATES + "($1::uuid[]) ORDER BY i.id", list(ids))
    return [state(_Row(row)) for row in rows]


def batches(told: Sequence[ItemState], *, now: datetime) -> Iterator[ItemsAnnounced]:
    """Events of up to 500 items."""
    for start in range(0, len(told), BATCH):
        part = tuple(told[start : start + BATCH])
        yield ItemsAnnounced(version=1, occurred_at=now, batch_id=uuid7(), items=part)


async def announce_items_of(session: AsyncSession, title_ids: Sequence[UUID], *, now: datetime) -> None:
    """A title's facts that its items carry have changed: so have they."""
    ids = [row.id for row in await session.execute(_RAISE, {"ids": list(title_ids)})]
    if ids:
        await outbox.publish(session, *batches(await states(session, ids), now=now))


async def announce_slice(
    connection: Connection, *, after: UUID | None, limit: int, now: datetime
) -> tuple[int, UUID | None]:
    """Tell of the next items by id; how many, and the last one's id. Versions stay: the facts have not changed."""
    rows = await connection.fetch(_AFTER, after, limit)
    if rows:
        await outbox.record(connection, list(batches([state(_Row(row)) for row in rows], now=now)))
    return len(rows), rows[-1]["item_id"] if rows else None
