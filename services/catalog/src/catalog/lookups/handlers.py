"""Interlibrary loan asks for a title: kept for the worker, who has the index."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.ill import ItemSought

_KEEP = """
INSERT INTO lookup (request_id, asked, sought, asked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (request_id) DO UPDATE SET asked = excluded.asked, sought = excluded.sought, asked_at = excluded.asked_at
WHERE lookup.asked < excluded.asked
"""


async def seek(connection: Connection, batch: Sequence[Heard]) -> None:
    """Keep the question; asked again, the newer one."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ItemSought)
        sought = event.model_dump(
            mode="json", include={"record_id", "isbn", "issn", "oclc", "title", "author"}
        )
        await connection.execute(_KEEP, event.request_id, event.version, sought, heard.time)
