"""The catalogue has merged titles: what waits for them and what is lent of them is the surviving title's."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from chassis.database import Connection
from chassis.resources import Heard
from circulation.holds import queue
from circulation.items.handlers import tell_availability
from circulation.titles import moving
from contracts.catalog import TitleMerged

_ITEMS = """
SELECT id FROM item WHERE title_ids && $1::uuid[] ORDER BY id FOR NO KEY UPDATE
"""
_RENAME = """
UPDATE item SET title_ids = (
    SELECT array_agg(n.id ORDER BY n.place) FROM (
        SELECT CASE WHEN t.id = ANY ($2::uuid[]) THEN $1 ELSE t.id END AS id, min(t.place) AS place
        FROM unnest(title_ids) WITH ORDINALITY AS t (id, place) GROUP BY 1) n)
WHERE title_ids && $2::uuid[]
"""
_LENT = """
UPDATE loan SET title_id = $1 FROM item i
WHERE i.title_ids @> ARRAY[$1::uuid] AND loan.id = i.loan_id AND loan.title_id = ANY ($2::uuid[])
"""
_LEADS = """
INSERT INTO merged_title (id, title_id, merged_at) SELECT unnest($2::uuid[]), $1, $3
ON CONFLICT (id) DO UPDATE SET title_id = excluded.title_id, merged_at = excluded.merged_at
"""
_LEAD_ON = "UPDATE merged_title SET title_id = $1 WHERE title_id = ANY ($2::uuid[])"
_SERIALS = """
UPDATE hold_group SET serial_title_id = $1, version = version + 1 WHERE serial_title_id = ANY ($2::uuid[])
"""
_ORDERS = """
UPDATE hold_group_order o SET title_id = $1 WHERE title_id = ANY ($2::uuid[]) AND NOT EXISTS (
    SELECT FROM hold_group_order x WHERE x.group_id = o.group_id AND x.volume_key = o.volume_key AND x.id <> o.id
      AND (x.title_id = $1 OR x.title_id = ANY ($2::uuid[]) AND x.id < o.id))
"""
"""An order that a group has given for both stays as what was done, then."""
_CAREFUL = "UPDATE item SET guard = guard + 1 WHERE id = ANY ($1::uuid[])"
"""What a desk may have read of them is no longer so."""


async def merged(connection: Connection, batch: Sequence[Heard]) -> None:
    """One queue, one set of copies; old ids lead to the new one. Told twice, it finds nothing left to do."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, TitleMerged)
        await merge(connection, event.title_id, event.merged_ids, now=heard.time)


async def merge(connection: Connection, survivor: UUID, gone: Sequence[UUID], *, now: datetime) -> None:
    """Carry everything over."""
    titles = [survivor, *gone]
    await queue.lock_title(connection, titles)
    items = [row["id"] for row in await connection.fetch(_ITEMS, titles)]
    await connection.execute(_LEADS, survivor, gone, now)
    await connection.execute(_LEAD_ON, survivor, gone)
    await connection.execute(_RENAME, survivor, gone)
    await connection.execute(_LENT, survivor, gone)
    await connection.execute(_SERIALS, survivor, gone)
    await connection.execute(_ORDERS, survivor, gone)
    await moving.join(connection, survivor, gone, now=now)
    await connection.execute(_CAREFUL, items)
    await tell_availability(connection, items, now)
