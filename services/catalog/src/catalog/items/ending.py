"""What counted for a time ends: items and holdings stand where they belong again, and are lent as before.

Whoever reads goes by the end itself (`catalog.items.standing`); here the columns follow, with a step in the history,
and the index, harvesters and other services hear of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from catalog.history.statements import keeping, whoever
from catalog.holdings.telling import holdings_states_on
from catalog.items.announcing import batches, states_on
from catalog.items.rules import ENDING
from catalog.items.standing import permanent, standing
from chassis import outbox
from chassis.database import Connection
from chassis.resources import Resources
from contracts.catalog import HoldingsUpdated
from contracts.events import Event

SLICE: Final = 200
MOST_SLICES: Final = 500

_DUE: Final = " UNION ".join(f"(SELECT id FROM item WHERE {end} <= $1 LIMIT $2)" for end in ENDING)  # noqa: S608 - ours
_DUE_ITEMS: Final = f"SELECT id FROM item WHERE id IN ({_DUE}) ORDER BY id LIMIT $2 FOR UPDATE"  # noqa: S608 - ours
"""Each end by its own index."""
_ENDS: Final = ", ".join(
    f"{column} = CASE WHEN item.{end} <= $2 THEN NULL ELSE item.{column} END"
    for end, thing in ENDING.items()
    for column in ((end,) if thing == "temporary_location_id" else (thing, end))
)
_OVER: Final = " OR ".join(f"item.{end} <= $2" for end in ENDING)
"""Once more: somebody may have put the end off while it was waited for."""
_PUT: Final = "CASE WHEN item.temporary_location_ends_at <= $2 THEN NULL ELSE item.temporary_location_id END"
_END_ITEMS: Final = keeping(
    "item",
    f"""
UPDATE item SET version = item.version + 1, updated_at = $2, {_ENDS}, temporary_location_id = {_PUT},
    {standing(permanent("item"), _PUT)}
FROM holdings h WHERE item.id = ANY ($1::uuid[]) AND h.id = item.holdings_id AND ({_OVER})
""",  # noqa: S608 - our own text
    now="$2",
    by="$3",
)
_DUE_HOLDINGS: Final = """
SELECT id FROM holdings WHERE temporary_location_ends_at <= $1 ORDER BY id LIMIT $2 FOR UPDATE
"""
_END_HOLDINGS: Final = keeping(
    "holdings",
    """
UPDATE holdings SET version = version + 1, updated_at = $2, temporary_location_id = NULL,
    temporary_location_ends_at = NULL
WHERE id = ANY ($1::uuid[]) AND temporary_location_ends_at <= $2
""",
    now="$2",
    by="$3",
    returning={"id": "new.id", "title_id": "new.title_id"},
)
_COME_HOME: Final = keeping(
    "item",
    f"""
UPDATE item SET version = item.version + 1, updated_at = $2,
    {standing(permanent("item"), "item.temporary_location_id")}
FROM holdings h WHERE h.id = ANY ($1::uuid[]) AND item.title_id = h.title_id AND item.holdings_id = h.id
""",  # noqa: S608 - our own text
    now="$2",
    by="$3",
)
_CHANGED: Final = "INSERT INTO title_change (title_id) SELECT DISTINCT unnest($1::uuid[])"


async def end(resources: Resources, now: datetime) -> None:
    """A timer: slices of holdings, then of items, whose time is over, each in a transaction of its own."""
    for ending in (_holdings, _items):
        for _ in range(MOST_SLICES):
            async with resources.pool.acquire() as connection, connection.transaction():
                if await ending(connection, now) < SLICE:
                    break


async def _holdings(connection: Connection, now: datetime) -> int:
    """They stand where they belong, and with them what has no place of its own."""
    ids = [row["id"] for row in await connection.fetch(_DUE_HOLDINGS, now, SLICE)]
    if ids:
        ended = {
            row["id"]: row["title_id"] for row in await connection.fetch(_END_HOLDINGS, ids, now, whoever())
        }
        carried = [row["id"] for row in await connection.fetch(_COME_HOME, list(ended), now, whoever())]
        told = [
            HoldingsUpdated(
                version=state.version, occurred_at=now, holdings_id=state.holdings_id, holdings=state
            )
            for state in await holdings_states_on(connection, list(ended))
        ]
        await _tell(connection, told, list(ended.values()), carried, now)
    return len(ids)


async def _items(connection: Connection, now: datetime) -> int:
    ids = [row["id"] for row in await connection.fetch(_DUE_ITEMS, now, SLICE)]
    if ids:
        ended = [row["id"] for row in await connection.fetch(_END_ITEMS, ids, now, whoever())]
        await _tell(connection, [], [], ended, now)
    return len(ids)


async def _tell(
    connection: Connection,
    told: Sequence[Event],
    titles: Sequence[UUID],
    items: Sequence[UUID],
    now: datetime,
) -> None:
    states = await states_on(connection, items)
    await connection.execute(_CHANGED, [*titles, *(title for each in states for title in each.title_ids)])
    await outbox.record(connection, [*told, *batches(states, now=now)])
    await connection.execute("SELECT pg_notify('title_change', '')")
