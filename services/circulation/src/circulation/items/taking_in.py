"""The catalogue's items as rows of ours; many that nobody here has heard of are copied in.

To merge a row into what may be known costs the database three times what it costs to copy it.
"""

import functools
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import asyncpg

from chassis.database import Connection
from circulation.items.rules import INTELLECTUAL, Copy, state_of
from circulation.items.volumes import volume_key
from contracts.catalog import ItemBase, ItemState

MANY: Final = 50
"""Rows from which on it is worth to look whether they are all new."""
_ANY_KNOWN = "SELECT EXISTS (SELECT FROM item WHERE id = ANY ($1::uuid[]))"
_FREE_BARCODES = "UPDATE item SET barcode = NULL, guard = guard + 1 WHERE barcode = ANY ($1::text[])"
"""They have moved to items that are new."""
_PLACES = "SELECT id, code, library, campus, institution FROM location WHERE id = ANY ($1::uuid[])"
_TOLD: Final = (
    "id", "epoch", "version", "barcode", "holdings_id", "title_ids", "location_id", "material_type", "loan_type",
    "base", "call_number", "volume", "volume_key", "copy_number", "short_title", "short_author", "suppressed", "pieces",
    "pieces_text", "check_out_notes", "check_in_notes", "new_since", "price_minor", "price_currency", "resting",
)  # fmt: skip
_COLUMNS: Final = (*_TOLD[:-1], "state", "location", "library", "campus", "institution")
_told: Final = itemgetter(*_TOLD)
_NOWHERE: Final = (None, None, None, None)


def as_row(epoch: int, item: ItemState) -> dict[str, Any]:
    """An item as the catalogue tells of it, in our columns; `resting` is its state as long as nobody wants it."""
    base, resting = _bases(item.base_state, intellectual=item.intellectual)
    price = item.replacement_price
    if price is None or not price.minor:
        price = item.purchase_price if item.purchase_price and item.purchase_price.minor else None
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
        "base": base,
        "resting": resting,
        "call_number": item.call_number,
        "volume": item.volume,
        "volume_key": volume_key(item.volume) or "" if item.volume else None,
        "copy_number": item.copy_number,
        "short_title": item.short_title,
        "short_author": item.short_author,
        "suppressed": item.suppressed,
        "pieces": item.pieces,
        "pieces_text": item.pieces_text,
        "check_out_notes": item.check_out_notes,
        "check_in_notes": item.check_in_notes,
        "new_since": item.created_at,
        "price_minor": price.minor if price else None,
        "price_currency": price.currency if price else None,
    }


@functools.cache
def _bases(told: ItemBase, *, intellectual: bool) -> tuple[str, str]:
    """The base state in our column, and the state of an item of it that nobody wants."""
    base = INTELLECTUAL if intellectual else told.value
    return base, state_of(Copy(base)).value


async def take_in(connection: Connection, rows: Sequence[dict[str, Any]]) -> bool:
    """Copy these rows in if they are many and all new; whether that was done. If not, nothing is written.

    What is new to us is lent to nobody, on no way and waited for by no hold: nothing has to be looked up for it, and
    nobody is to be told.
    """
    ids = {row["id"] for row in rows}
    if len(rows) < MANY or len(ids) < len(rows) or await connection.fetchval(_ANY_KNOWN, list(ids)):
        return False
    found = await connection.fetch(_PLACES, list({row["location_id"] for row in rows}))
    places = {row["id"]: tuple(row)[1:] for row in found}
    try:
        async with connection.transaction():
            await connection.execute(_FREE_BARCODES, [row["barcode"] for row in rows if row["barcode"]])
            await connection.copy_records_to_table(
                "item",
                records=[(*_told(row), *places.get(row["location_id"], _NOWHERE)) for row in rows],
                columns=_COLUMNS,
            )
    except asyncpg.UniqueViolationError:  # somebody has heard of one meanwhile
        return False
    return True
