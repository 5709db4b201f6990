"""What a scan writes of the item itself, within the check-in's transaction, which holds the item."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis import outbox
from chassis.database import Connection
from chassis.ids import uuid7
from chassis.problems import Reason, Refused
from circulation.arrivals.rules import TEXTS, Refusal
from contracts.circulation import ItemFound, ItemUsedInHouse


class ReturnRefused(Refused):
    """The item is not taken in, and nothing was changed; every reason is given."""

    code, title = "return-refused", "This item cannot be checked in."


@dataclass(frozen=True, slots=True)
class Looked:
    """Somebody looked at an item's pieces."""

    missing: str | None = None
    """What was not there; nothing: all of them were."""


def pieces_of(row: asyncpg.Record) -> dict[str, object] | None:
    """What is known of an item's pieces, for whoever has them before them."""
    if row["pieces"] is None:
        return None
    return {"number": row["pieces"], "text": row["pieces_text"], "missing": row["missing_pieces"]}


def refused(row: asyncpg.Record, reasons: list[Refusal]) -> ReturnRefused:
    """The refusal, with what is to be looked at where that is a reason."""
    told = [Reason(each, TEXTS[each][0], mend=TEXTS[each][1]) for each in reasons]
    if Refusal.PIECES_UNCONFIRMED in reasons:
        return ReturnRefused(reasons=told, pieces=pieces_of(row))
    return ReturnRefused(reasons=told)


async def find(connection: Connection, row: asyncpg.Record, desk_id: UUID, *, now: datetime) -> None:
    """What the catalogue thinks gone lies here: our copy says so at once, and the catalogue is told.

    Its own answer comes as an item's update, and wins whatever it says.
    """
    version = await connection.fetchval(
        "UPDATE item SET base = 'active', guard = guard + 1, told = told + 1 WHERE id = $1 RETURNING told",
        row["item_id"],
    )
    event = ItemFound(
        version=version,
        occurred_at=now,
        item_id=row["item_id"],
        base_before=row["base"],
        service_point_id=desk_id,
    )
    await outbox.record(connection, [event])


async def count_use(
    connection: Connection, row: asyncpg.Record, desk_id: UUID, *, used_at: datetime, now: datetime
) -> None:
    """One more use in the house."""
    use_id, title_id = uuid7(), row["title_ids"][0]
    await connection.execute(
        "INSERT INTO in_house_use (id, item_id, title_id, service_point_id, library, location, material_type, used_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        use_id,
        row["item_id"],
        title_id,
        desk_id,
        row["library"],
        row["location"],
        row["material_type"],
        used_at,
    )
    event = ItemUsedInHouse(
        version=1,
        occurred_at=now,
        use_id=use_id,
        item_id=row["item_id"],
        title_id=title_id,
        service_point_id=desk_id,
        used_at=used_at,
    )
    await outbox.record(connection, [event])
