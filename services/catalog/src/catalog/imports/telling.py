"""What an import tells of new titles and items: plain facts, thousands of them, as the events' schemas have them.

What is as a schema's default says is left out, as the schema allows: of an item most facts are, and each is written,
compressed, carried and read a thousand times in a slice.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from catalog.imports.rules import ItemData
from catalog.titles.facts import TitleColumns
from chassis.ids import uuid7
from chassis.outbox import Plain
from contracts.catalog import ItemBase, ItemsAnnounced, TitlesImported

BATCH: Final = 500
"""Items or titles that one event tells of at most."""
ACTIVE: Final = ItemBase.ACTIVE.value


def new_item(
    told: ItemData,
    item_id: UUID,
    holdings_id: UUID,
    title_id: UUID,
    *,
    short_title: str,
    short_author: str | None,
    suppressed: bool,
    now: datetime,
) -> dict[str, Any]:
    """A new item of a new title: `contracts.catalog.ItemState`, as JSON takes it."""
    facts: dict[str, Any] = {
        "item_id": str(item_id),
        "version": 1,
        "barcode": told.barcode,
        "holdings_id": str(holdings_id),
        "title_ids": (str(title_id),),
        "location_id": str(told.location_id),
        "material_type": told.material_type,
        "loan_type": told.loan_type,
        "base_state": ACTIVE,
        "call_number": told.call_number,
        "short_title": short_title,
        "short_author": short_author,
        "created_at": now,
        "custom": {},  # a reader makes a copy of the default, which costs it more than to read this
    }
    if told.volume is not None:
        facts["volume"] = told.volume
    if told.copy_number is not None:
        facts["copy_number"] = told.copy_number
    if suppressed:
        facts["suppressed"] = True
    if told.purchase_minor is not None:
        facts["purchase_price"] = {"minor": told.purchase_minor, "currency": told.purchase_currency}
    if told.replacement_minor is not None:
        facts["replacement_price"] = {"minor": told.replacement_minor, "currency": told.replacement_currency}
    if told.described is not None:
        facts |= told.described
        if (place := told.elsewhere) is not None:
            facts |= {"location_id": str(place), "permanent_location_id": str(told.location_id)}
    return facts


def new_items(told: Sequence[dict[str, Any]], *, now: datetime) -> Iterator[Plain]:
    """Events of up to 500 items."""
    for start in range(0, len(told), BATCH):
        part = told[start : start + BATCH]
        yield Plain(ItemsAnnounced, 1, now, {"batch_id": str(uuid7()), "items": part})


def title(title_id: UUID, version: int, told: TitleColumns, *, suppressed: bool) -> dict[str, Any]:
    """A title: `contracts.catalog.TitleSummary`, as JSON takes it."""
    facts: dict[str, Any] = {
        "title_id": str(title_id),
        "version": version,
        "title": told.title,
        "author": told.author,
        "year": told.year,
        "format": told.format,
    }
    if suppressed:
        facts["suppressed"] = True
    return facts


def imported(titles: Sequence[dict[str, Any]], *, import_id: UUID, now: datetime) -> Iterator[Plain]:
    """Events of up to 500 titles."""
    for start in range(0, len(titles), BATCH):
        told = {
            "batch_id": str(uuid7()),
            "import_id": str(import_id),
            "titles": titles[start : start + BATCH],
        }
        yield Plain(TitlesImported, 1, now, told)
