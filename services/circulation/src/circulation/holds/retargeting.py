"""A copy that was to be fetched for a hold was not found, or is gone: another one is fetched."""

from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from circulation.holds import queue
from circulation.holds.choosing import keep, look_for, to_fetch
from circulation.holds.passing import pass_on
from circulation.holds.rules import HoldState
from circulation.items.rules import State
from circulation.places.library import Library
from contracts.circulation import HoldMoved

_LEAVE = "UPDATE hold SET retarget_at = NULL WHERE id = $1"
_KEPT = "SELECT * FROM item WHERE title_ids @> ARRAY[$1::uuid] AND hold_id = $2 ORDER BY id LIMIT 1"
_MISSED = """
INSERT INTO hold_missed (hold_id, item_id, missed_at) VALUES ($1, $2, $3)
ON CONFLICT (hold_id, item_id) DO UPDATE SET missed_at = excluded.missed_at
"""


async def retarget(connection: Connection, library: Library, hold_id: UUID, *, now: datetime) -> bool:
    """Fetch another copy for a hold whose own was not found in time; whether there was one.

    Where there is none, a copy that still ought to be on its shelf goes on being looked for.
    """
    row = await queue.locked(connection, hold_id)
    if row is None or row["retarget_at"] is None or row["retarget_at"] > now:
        return False
    before = await connection.fetchrow(_KEPT, row["title_id"], hold_id)
    other = None
    if row["state"] == HoldState.WAITING and not row["suspended"]:
        other = await to_fetch(connection, library, row, now=now)
        if other is not None and other["missed"] and library.copy_choice.avoid_previous:
            other = None
    if other is None:
        await connection.execute(_LEAVE, hold_id)
        if before is not None and before["state"] == State.PAGED:
            await look_for(connection, library, before, hold_id, now=now)
        return False
    if before is not None:
        await connection.execute(_MISSED, hold_id, before["id"], now)
    await connection.execute(
        "UPDATE hold SET kind = 'page', retarget_at = NULL, version = version + 1 WHERE id = $1", hold_id
    )
    await queue.tell(
        connection,
        hold_id,
        HoldMoved,
        now=now,
        to_item_id=other["id"],
        previous_item_id=before["id"] if before else None,
        previous_kind=row["kind"],
        reason="not-found",
    )
    await keep(connection, library, other, hold_id, row["patron_id"], now=now)
    await pass_on(connection, library, hold_id, now=now, but=other["id"])
    return True
