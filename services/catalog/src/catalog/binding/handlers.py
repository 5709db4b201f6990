"""Acquisitions tell which issues are to be one volume, and which volume is to be issues again."""

from collections.abc import Sequence

from catalog.binding import commands
from chassis.database import Connection
from chassis.resources import Heard
from contracts.erm import BindingUndone, PiecesToBind


async def to_bind(connection: Connection, batch: Sequence[Heard]) -> None:
    """Issues are to be bound."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, PiecesToBind)
        await commands.bind(connection, event, heard.time)


async def undone(connection: Connection, batch: Sequence[Heard]) -> None:
    """A volume is to be issues again."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, BindingUndone)
        await commands.unbind(connection, event, heard.time)
