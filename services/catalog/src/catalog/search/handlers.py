"""Circulation tells of items: kept beside our own facts, so that a search can say what is to be had."""

from collections.abc import Iterator, Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.circulation import AvailabilityAnnounced, ItemAvailability

_NOTE = """
WITH told AS (
    SELECT DISTINCT ON (t.item_id) t.* FROM jsonb_to_recordset($1::jsonb) AS t (
        item_id uuid, epoch int, version bigint, state text, lendable boolean, due_at timestamptz,
        as_of timestamptz, titles uuid[])
    ORDER BY t.item_id, t.epoch DESC, t.version DESC
), kept AS (
    INSERT INTO item_availability AS a (item_id, epoch, version, state, lendable, due_at, as_of)
    SELECT item_id, epoch, version, state, lendable, due_at, as_of FROM told ORDER BY item_id
    ON CONFLICT (item_id) DO UPDATE SET epoch = excluded.epoch, version = excluded.version,
        state = excluded.state, lendable = excluded.lendable, due_at = excluded.due_at, as_of = excluded.as_of
    WHERE (a.epoch, a.version) < (excluded.epoch, excluded.version)
    RETURNING a.item_id
)
INSERT INTO title_change (title_id)
SELECT DISTINCT title FROM kept JOIN told USING (item_id), unnest(told.titles) AS title
"""


async def note_availability(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep the newest that is told of each item; its titles are searched anew within a moment."""
    rows = [
        {
            "item_id": told.item_id,
            "epoch": heard.epoch,
            "version": told.version,
            "state": told.state,
            "lendable": told.lendable,
            "due_at": told.due_at,
            "as_of": told.as_of,
            "titles": told.title_ids,
        }
        for heard in batch
        for told in _told(heard)
    ]
    if rows:
        await connection.execute(_NOTE, rows)
        await connection.execute("SELECT pg_notify('title_change', '')")


def _told(heard: Heard) -> Iterator[ItemAvailability]:
    event = heard.event
    if isinstance(event, AvailabilityAnnounced):
        yield from event.items
    else:
        told = getattr(event, "availability", None)
        assert isinstance(told, ItemAvailability), f"{event.type} tells no availability"
        yield told
