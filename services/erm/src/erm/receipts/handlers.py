"""The catalogue answers: which items it made of what came, and which it took away again."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import ReceivedItemsMade, ReceivedItemsRemoved
from erm.finance.commands import Books
from erm.receipts import commands

ACTOR = "system:catalog"


async def made(connection: Connection, batch: Sequence[Heard]) -> None:
    """Copies are in process, with their items; or refused, for staff to look at."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ReceivedItemsMade)
        books = Books(connection, ACTOR, heard.time)
        await commands.items_made(connection, event.receipt_id, event.title_id, event.items, books)


async def removed(connection: Connection, batch: Sequence[Heard]) -> None:
    """Copies are undone; or stay, since somebody uses them."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ReceivedItemsRemoved)
        books = Books(connection, ACTOR, heard.time)
        await commands.items_removed(connection, event.receipt_id, event.items, books)
