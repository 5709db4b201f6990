"""What waits to be fetched, and the batches that were made of it."""

from typing import Any
from uuid import UUID

from ill.pulling.slips import PullSlipOut, place_of

_WAITING = """
SELECT r.id, r.number, r.service, r.service_level, r.need_before, r.citation, r.note, r.item_barcode,
    r.holding, r.offer, p.name AS partner, coalesce(o.symbol, p.symbol) AS symbol
FROM request r JOIN partner p ON p.id = r.partner_id
    LEFT JOIN partner_symbol o ON o.partner_id = p.id AND 'slips' = ANY (o.preferred_for)
WHERE r.state = 'will-supply' AND r.item_id IS NOT NULL
  AND ($1::text IS NULL OR r.holding ->> 'library' = $1) AND ($2::text IS NULL OR r.holding ->> 'location' = $2)
ORDER BY r.id LIMIT $3
"""
_TOLD = (
    "number",
    "partner",
    "symbol",
    "service",
    "service_level",
    "need_before",
    "citation",
    "note",
    "item_barcode",
)
_BATCH = "SELECT * FROM pull_batch WHERE id = $1"
_LISTED = """
SELECT id, made_at, made_by, schedule, library, location, slip_count, more FROM pull_batch
WHERE ($1::uuid IS NULL OR id < $1){} ORDER BY id DESC LIMIT $2
"""


async def waiting(
    connection: Any, library: str | None, location: str | None, most: int
) -> tuple[list[PullSlipOut], bool]:
    """The oldest that nobody has begun to fetch, as the shelves are walked along; and whether there are more."""
    rows = await connection.fetch(_WAITING, library, location, most + 1)
    slips = [
        PullSlipOut(
            request_id=row["id"],
            conditions=row["offer"].get("conditions", []),
            **{name: row["holding"].get(name) for name in ("library", "location", "call_number")},
            **{name: row[name] for name in _TOLD},
        )
        for row in rows[:most]
    ]
    return sorted(slips, key=place_of), len(rows) > most


async def batch(connection: Any, batch_id: UUID) -> dict[str, Any] | None:
    """A batch with all that is in it."""
    row = await connection.fetchrow(_BATCH, batch_id)
    return dict(row) if row is not None else None


_MAILS = """
SELECT recipient, state, attempts, error, CASE WHEN state = 'queued' THEN next_at END AS next_at, sent_at FROM mail
WHERE batch_id = $1 ORDER BY recipient
"""


async def mails(connection: Any, batch_id: UUID) -> list[dict[str, Any]]:
    """To whom a batch is mailed, and how far that is."""
    return [dict(row) for row in await connection.fetch(_MAILS, batch_id)]


async def batches(
    connection: Any, *, before: UUID | None, library: str | None, schedule: str | None, limit: int
) -> list[dict[str, Any]]:
    """Batches without what is in them, the newest first."""
    asked = {"library": library, "schedule": schedule}
    given = {name: value for name, value in asked.items() if value is not None}
    where = "".join(f" AND {name} = ${at}" for at, name in enumerate(given, 3))
    rows = await connection.fetch(_LISTED.format(where), before, limit, *given.values())
    return [dict(row) for row in rows]
