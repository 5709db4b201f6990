"""The catalogue answers what has become of issues and volumes."""

from collections.abc import Sequence

from chassis.database import Connection
from chassis.resources import Heard
from contracts.catalog import BindingAnswered
from erm.binding import commands
from erm.binding.rules import Answer


async def answered(connection: Connection, batch: Sequence[Heard]) -> None:
    """A volume is ready, waits for what is lent, or is issues again."""
    for heard in batch:
        event = heard.event
        assert isinstance(event, BindingAnswered)
        await commands.answered(
            connection,
            event.binding_id,
            Answer(event.what),
            item_id=event.volume_item_id,
            reasons=event.reasons,
            pieces=event.pieces,
        )
