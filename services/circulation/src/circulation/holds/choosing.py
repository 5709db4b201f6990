"""Which copy is to fill a hold, and that it is kept for it on its shelf."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds.rules import HoldRefusal, Wish, serves
from circulation.items.handlers import tell_availability
from circulation.places.library import Library
from circulation.proxies.rules import Standing


@dataclass(frozen=True, slots=True)
class Considered:
    """A wish with everything known about it."""

    patron: asyncpg.Record
    title_id: UUID
    items: list[asyncpg.Record]
    wish: Wish
    refusals: list[HoldRefusal]
    proxy: Standing | None = None


def nearest(seen: Considered, library: Library, pickup_id: UUID, kind: str) -> asyncpg.Record | None:
    """The copy that takes this kind and stands nearest to the pickup point (same desk's libraries first)."""
    pickup = library.desks[pickup_id]
    takes = {c.item_id for c in seen.wish.candidates if serves(c, seen.wish, kind)}
    able = [item for item in seen.items if item["id"] in takes]
    if seen.wish.item_id is not None:
        able = [item for item in able if item["id"] == seen.wish.item_id]
    if kind == "recall":
        return min(able, key=lambda item: (item["loan_due_at"], item["id"]), default=None)
    return min(able, key=lambda item: (item["library"] not in pickup.serves, item["id"]), default=None)


async def keep(
    connection: Connection, item_id: UUID, hold_id: UUID, patron_id: UUID, *, now: datetime
) -> None:
    """Keep the copy on the shelf for this hold, until somebody fetches it."""
    await connection.execute(
        "UPDATE item SET state = 'paged', hold_id = $2, kept_for = $3, guard = guard + 1 WHERE id = $1",
        item_id,
        hold_id,
        patron_id,
    )
    await tell_availability(connection, [item_id], now)
