"""The lists as SQL: each from an index that holds only what is on its way somewhere."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import asyncpg

from chassis.database import Connection
from circulation.items.tables import LEFT

_ITEM = """
    i.id, i.barcode, i.short_title, i.short_author, i.call_number, i.volume, i.copy_number, i.location, i.library,
    i.base, i.state, i.hold_id, i.transit_to, i.withdrawal_id, i.last_seen_at, i.last_seen_by,
    i.transit_from, i.transit_since, i.material_type, i.loan_type,
    h.kind AS hold_kind, h.fulfilment, h.delivery_address_type, h.shelf_expires_at, h.pickup_id, h.patron_id,
    h.placed_at
"""
_LIES = f"""
CASE WHEN coalesce(i.{LEFT}, false) THEN i.last_seen_by = $2 ELSE i.library = ANY ($1::text[]) END
"""
"""Whether it stands on a shelf of these libraries, or was left on this desk's hold shelf."""
_PICKS = f"""
SELECT {_ITEM} FROM item i JOIN hold h ON h.id = i.hold_id
WHERE i.state = 'paged' AND {_LIES} LIMIT $3
"""  # noqa: S608 - our own text
_LEFT = f"""
SELECT DISTINCT ON (i.id) {_ITEM}, c.id AS ended_id, c.state AS ended_state, c.closed_at
FROM hold c JOIN item i ON i.id = c.item_id LEFT JOIN hold h ON h.id = i.hold_id
WHERE c.pickup_id = $1 AND c.state IN ('cancelled', 'shelf-expired') AND c.ready_at IS NOT NULL AND c.closed_at >= $2
  AND i.last_seen_at <= c.closed_at AND i.loan_id IS NULL AND NOT i.hold_shelf
ORDER BY i.id, c.closed_at DESC LIMIT $3
"""  # noqa: S608 - our own text
"""Whatever was scanned since is no longer there."""

_SLIP = f"""
{_ITEM}, p.barcode AS patron_barcode,
    concat_ws(', ', nullif(p.family_name, ''), nullif(p.given_name, '')) AS patron_name
"""
_NEW = """
({again} OR NOT EXISTS (SELECT FROM slip_printed s WHERE s.hold_id = h.id AND s.item_id = i.id AND s.kind = '{kind}'))
"""
_PICK_SLIPS = f"""
SELECT {_SLIP} FROM item i JOIN hold h ON h.id = i.hold_id JOIN patron p ON p.id = h.patron_id
WHERE i.state = 'paged' AND {_LIES} AND {_NEW.format(kind="pick", again="$3")} LIMIT $4
"""  # noqa: S608 - our own text
_HOLD_SLIPS = f"""
SELECT {_SLIP} FROM hold h JOIN item i ON i.id = h.item_id AND i.hold_id = h.id JOIN patron p ON p.id = h.patron_id
WHERE h.pickup_id = $2 AND h.state = 'ready' AND {_NEW.format(kind="hold", again="$1")} LIMIT $3
"""  # noqa: S608 - our own text
_SLIPS_OF = f"""
SELECT {_SLIP.replace("i.hold_id", "h.id AS hold_id")}
FROM slip_printed s JOIN item i ON i.id = s.item_id JOIN hold h ON h.id = s.hold_id JOIN patron p ON p.id = h.patron_id
WHERE s.print_id = $1
"""  # noqa: S608 - our own text

_INCOMING = f"""
SELECT {_ITEM} FROM item i LEFT JOIN hold h ON h.id = i.hold_id
WHERE i.transit_to = $1 AND (i.transit_since, i.id) > ($2::timestamptz, $3::uuid)
  AND ($5::uuid IS NULL OR i.transit_from = $5) AND ($6::timestamptz IS NULL OR i.transit_since < $6)
ORDER BY i.transit_since, i.id LIMIT $4
"""  # noqa: S608 - our own text
_OUTGOING = f"""
SELECT {_ITEM} FROM item i LEFT JOIN hold h ON h.id = i.hold_id
WHERE i.transit_to IS NOT NULL AND i.transit_from = $1 AND (i.transit_since, i.id) > ($2::timestamptz, $3::uuid)
  AND ($5::uuid IS NULL OR i.transit_to = $5) AND ($6::timestamptz IS NULL OR i.transit_since < $6)
ORDER BY i.transit_since, i.id LIMIT $4
"""  # noqa: S608 - our own text

MOST = 5000
"""More than a library fetches or clears in a day."""


async def picks(pool: asyncpg.Pool, libraries: Collection[str], desk_id: UUID) -> list[asyncpg.Record]:
    """Items of these libraries that are to be fetched from their shelves, and those left on this hold shelf."""
    return list(await pool.fetch(_PICKS, sorted(libraries), desk_id, MOST))


async def left_on_shelf(pool: asyncpg.Pool, desk_id: UUID, since: datetime) -> list[asyncpg.Record]:
    """Items on a hold shelf for which nobody comes any more."""
    return list(await pool.fetch(_LEFT, desk_id, since, MOST))


async def transits(
    pool: asyncpg.Pool,
    desk_id: UUID,
    *,
    incoming: bool,
    after: tuple[datetime, UUID],
    limit: int,
    other_end: UUID | None = None,
    before: datetime | None = None,
) -> list[asyncpg.Record]:
    """Items on their way to a service point, or sent off by it; the longest under way first.

    Only those from or to the `other_end`, only those sent off `before` a moment, where these are given.
    """
    statement = _INCOMING if incoming else _OUTGOING
    return list(await pool.fetch(statement, desk_id, *after, limit, other_end, before))


async def pick_slips(
    connection: Connection, libraries: Collection[str], desk_id: UUID, *, again: bool
) -> list[asyncpg.Record]:
    """The same; those whose slip was not printed yet, or all."""
    return list(await connection.fetch(_PICK_SLIPS, sorted(libraries), desk_id, again, MOST))


async def hold_slips(connection: Connection, desk_id: UUID, *, again: bool) -> list[asyncpg.Record]:
    """Items that wait at a service point; those whose slip was not printed yet, or all."""
    return list(await connection.fetch(_HOLD_SLIPS, again, desk_id, MOST))


async def slips_of(pool: asyncpg.Pool, print_id: UUID) -> list[asyncpg.Record]:
    """The slips of one print."""
    return list(await pool.fetch(_SLIPS_OF, print_id))
