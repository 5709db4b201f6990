"""Which copy is to fill a hold, and that it is kept for it on its shelf."""

from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.holds.considering import Considered, Row, as_it_waits
from circulation.holds.rules import fitting, serves
from circulation.items.handlers import tell_availability
from circulation.places.library import Library
from circulation.targeting.rules import Pickup, Ranked, Target, ranked, retarget_at


def nearest(seen: Considered, library: Library, pickup_id: UUID, kind: str, *, now: datetime) -> Row | None:
    """The copy that takes this kind: of recalls the one due first, else the first of the library's ranking."""
    able = _able(seen, kind)
    if kind == "recall":
        return min(able.values(), key=lambda item: (item["loan_due_at"], item["id"]), default=None)
    order = _ranked(seen, library, pickup_id, able, now=now)
    return able[order[0].item_id] if order else None


async def to_fetch(
    connection: Connection, library: Library, row: asyncpg.Record, *, now: datetime
) -> Row | None:
    """The copy to fetch from its shelf for a hold whose title's queue is held, if there is one: as it was seen, and
    held from now on.
    """
    for looked in range(LOOKS + 1):
        if looked == LOOKS:
            await connection.execute(_ALL, row["title_id"])
        seen = await as_it_waits(connection, library, row, kind="page", item_id=row["item_id"])
        if seen is None or row["pickup_id"] not in library.desks:
            return None
        copy = nearest(seen, library, row["pickup_id"], "page", now=now)
        if copy is None or await connection.fetchval(_AS_SEEN, copy["id"], copy["guard"]):
            return copy
    raise AssertionError("the rows are locked")


LOOKS: Final = 3
"""Before all copies are locked first."""
_AS_SEEN: Final = "SELECT true FROM item WHERE id = $1 AND guard = $2 FOR NO KEY UPDATE"
_ALL: Final = "SELECT FROM item WHERE title_ids @> ARRAY[$1::uuid] ORDER BY id FOR NO KEY UPDATE"


def ranking(seen: Considered, library: Library, pickup_id: UUID, *, now: datetime) -> list[Ranked]:
    """The copies that could be fetched from their shelves, in the order in which they would be."""
    return _ranked(seen, library, pickup_id, _able(seen, "page"), now=now)


def _able(seen: Considered, kind: str) -> dict[UUID, Row]:
    wanted = {copy.item_id for copy in fitting(seen.wish) if serves(copy, seen.wish, kind)}
    return {item["id"]: item for item in seen.items if item["id"] in wanted}


def _ranked(
    seen: Considered, library: Library, pickup_id: UUID, able: dict[UUID, Row], *, now: datetime
) -> list[Ranked]:
    if not able:
        return []
    desk, first = library.desks[pickup_id], seen.items[0]
    pickup = Pickup(desk.serves, desk.library, first["pickup_campus"], first["pickup_institution"])
    targets = []
    for item in able.values():
        home = library.homes.get(item["library"] or "")
        targets.append(
            Target(
                item["id"],
                item["location"],
                item["library"],
                item["campus"],
                item["institution"],
                home.calendar if home else None,
                item["missed"],
                library.transfer(
                    item["library"] or "",
                    desk,
                    material_type=item["material_type"],
                    loan_type=item["loan_type"],
                ).cost,
            )
        )
    return ranked(library.copy_choice, pickup, targets, now=now)


async def keep(
    connection: Connection,
    library: Library,
    item: Row,
    hold_id: UUID,
    patron_id: UUID,
    *,
    now: datetime,
) -> None:
    """Keep the copy on the shelf for this hold, until somebody fetches it or it is time to try another."""
    await connection.execute(
        "UPDATE item SET state = 'paged', hold_id = $2, kept_for = $3, guard = guard + 1 WHERE id = $1",
        item["id"],
        hold_id,
        patron_id,
    )
    await look_for(connection, library, item, hold_id, now=now)
    await tell_availability(connection, [item["id"]], now)


async def look_for(
    connection: Connection, library: Library, item: Row, hold_id: UUID, *, now: datetime
) -> None:
    """From now on the copy is looked for; the hold knows when to try another."""
    until = looked_for_until(library, item, now=now)
    if until is not None:
        await connection.execute("UPDATE hold SET retarget_at = $2 WHERE id = $1", hold_id, until)


def looked_for_until(library: Library, item: Row, *, now: datetime) -> datetime | None:
    """When it is time to try another copy; None: never."""
    home = library.homes.get(item["library"] or "")
    return retarget_at(library.copy_choice, home.calendar if home else None, now=now)
