"""Titles of the catalogue that become one: order lines name the one that stays."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import TitleMerged
from erm.orders import queries
from erm.orders.announcing import changed

_MERGED = "SELECT order_id FROM order_line WHERE title_id = ANY ($1::uuid[])"
_NAME = "UPDATE order_line SET title_id = $2 WHERE order_id = $1 AND title_id = ANY ($3::uuid[])"


async def follow(connection: Connection, batch: Sequence[Heard]) -> None:
    """Name the title that stays."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, TitleMerged)
        merged = list(event.merged_ids)
        ids = [row["order_id"] for row in await connection.fetch(_MERGED, merged)]
        for order in (await queries.orders(connection, ids, lock=True)).values():
            await connection.execute(_NAME, order.id, event.title_id, merged)
            await changed(connection, order, "title-merged", heard.time)
