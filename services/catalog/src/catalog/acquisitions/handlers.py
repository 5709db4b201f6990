"""Acquisitions tell what came and what goes back."""

from collections.abc import Sequence

from catalog.acquisitions import commands
from chassis.database import Connection
from chassis.resources import Heard
from contracts.erm import OrderLineReceived, ReceiptUndone


async def received(connection: Connection, batch: Sequence[Heard]) -> None:
    """Copies have come."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, OrderLineReceived)
        await commands.take_in(connection, event, heard.time)


async def undone(connection: Connection, batch: Sequence[Heard]) -> None:
    """Copies go back."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, ReceiptUndone)
        await commands.give_back(connection, event, heard.time)
