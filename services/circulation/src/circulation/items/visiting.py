"""Items of other libraries: here for one patron's sake, from their arrival until they are sent back.

Such an item has a row like any other, so that every desk lends and takes it as it does; the catalogue knows nothing of
it, and nobody finds it. Rules tell it by its material type and loan type.
"""

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from chassis import outbox
from chassis.database import Connection
from chassis.principal import SYSTEM
from chassis.problems import NotFound
from chassis.resources import Heard
from circulation.holds import queue
from circulation.holds.commands import HoldRefused, place_within
from circulation.holds.looking import Placing
from circulation.items.handlers import let_go, tell_availability
from circulation.items.rules import State
from circulation.places.library import Library, NotConfigured, Shelf
from contracts.circulation import BorrowedItemTaken
from contracts.ill import BorrowedItemArrived, BorrowedItemLeft

log = logging.getLogger(__name__)

MATERIAL_TYPE: Final = "interlibrary-loan"
LOAN_TYPE: Final = "interlibrary-loan"
HERE_ONLY: Final = "interlibrary-use-here"
"""Its owner lets nobody take it home."""

_ENTER = """
INSERT INTO item (id, epoch, version, barcode, holdings_id, title_ids, location_id, library, campus, institution,
    material_type, loan_type, base, state, short_title, short_author, suppressed)
SELECT $1, $2, 1, $3, $1, ARRAY[$4::uuid], $1, $5, l.campus, l.institution, $6, $7, 'active', $8, $9, $10, true
FROM (SELECT) one LEFT JOIN (
    SELECT campus, institution FROM location WHERE library = $5 ORDER BY code LIMIT 1) l ON true
ON CONFLICT (id) DO NOTHING RETURNING id
"""
_LEAVE = """
UPDATE item SET base = 'withdrawn', version = version + 1, guard = guard + 1,
    barcode = CASE WHEN loan_id IS NULL THEN NULL ELSE barcode END,
    state = CASE WHEN loan_id IS NULL THEN 'unavailable' ELSE state END
WHERE id = $1 AND material_type = $2 AND base <> 'withdrawn' RETURNING id
"""


async def arrive(connection: Connection, batch: Sequence[Heard]) -> None:
    """Make the item, and place the hold for whom it has come; tell what became of it."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, BorrowedItemArrived)
        await _arrive(connection, event, heard.epoch, heard.time)


async def _arrive(connection: Connection, event: BorrowedItemArrived, epoch: int, now: datetime) -> None:
    taken = await take_in(connection, event, epoch, now)
    if taken is None:
        return
    hold_id, reasons = taken
    told = BorrowedItemTaken(
        version=1,
        occurred_at=now,
        item_id=event.item_id,
        request_id=event.request_id,
        hold_id=hold_id,
        reasons=reasons,
    )
    await outbox.record(connection, [told])


async def take_in(
    connection: Connection, event: BorrowedItemArrived, epoch: int, now: datetime
) -> tuple[UUID | None, tuple[str, ...]] | None:
    """Make the item and place its hold: the hold, or why there is none. None where the item was made before."""
    shelf = Shelf(connection)
    library = await _configured(shelf)
    desk = library.by_code.get(event.pickup or "") if library else None
    taken = await connection.fetchval(
        "SELECT true FROM item WHERE barcode = $1 AND id <> $2", event.barcode, event.item_id
    )
    made = await connection.fetchval(
        _ENTER,
        event.item_id,
        epoch,
        None if taken else event.barcode,
        event.title_id,
        desk.library if desk else None,
        MATERIAL_TYPE,
        HERE_ONLY if event.use_here_only else LOAN_TYPE,
        State.AVAILABLE.value,
        event.short_title,
        event.short_author,
    )
    if made is None:
        return None
    hold_id: UUID | None = None
    reasons: tuple[str, ...] = ("barcode-taken",) if taken else ()
    if library is None or desk is None:
        reasons += ("not-configured" if library is None else "pickup-unknown",)
    else:
        asked = Placing(event.patron_ref, None, None, event.item_id, desk.id, None)
        try:
            hold = await place_within(connection, shelf, asked, SYSTEM, now=now)
            hold_id = hold["id"]
        except (HoldRefused, NotFound) as refused:
            reasons += tuple(str(reason.code) for reason in refused.reasons)
    if hold_id is None:
        await tell_availability(connection, [event.item_id], now)
    return hold_id, reasons


async def _configured(shelf: Shelf) -> Library | None:
    try:
        return await shelf.fresh()
    except NotConfigured:
        return None


async def leave(connection: Connection, batch: Sequence[Heard]) -> None:
    """It goes back: its holds end, and nobody can be lent it any more. One that is on loan ends with its return."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, BorrowedItemLeft)
        if not await depart(connection, event.item_id, heard.time):
            log.warning("an item left that never came", extra={"item": str(event.item_id)})


async def depart(connection: Connection, item_id: UUID, now: datetime) -> bool:
    """The same for one item; False where there is none."""
    titles = await connection.fetchval("SELECT title_ids FROM item WHERE id = $1", item_id)
    if titles is None:
        return False
    await queue.lock_title(connection, titles)
    await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE", item_id)
    if await connection.fetchval(_LEAVE, item_id, MATERIAL_TYPE):
        await let_go(connection, item_id, now)
    return True
