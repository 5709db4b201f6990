"""The gateway before the real services, all in this process; what happens in one is told to the others when asked."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from chassis.transport import Message
from contracts.events import event_type
from support.front import Front
from support.harness import Harness

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
"""When it is there: the clock stands still."""


@dataclass
class Library:
    """The whole library in this process, its clock standing still; events are carried when the story pauses."""

    front: Front
    services: dict[str, Harness]
    carried: dict[str, int] = field(default_factory=dict)

    async def settle(self) -> None:
        """Hand what happened to whoever listens, until nothing more happens."""
        while True:
            rows = [
                (name, row)
                for name, service in self.services.items()
                for row in await service.resources.pool.fetch(
                    "SELECT seq, id, type, key, envelope FROM outbox WHERE seq > $1 ORDER BY seq",
                    self.carried.get(name, 0),
                )
            ]
            if not rows:
                return
            for name, row in rows:
                self.carried[name] = row["seq"]
                for service in self.services.values():
                    if event_type(row["type"]) in service.service.subscriptions:
                        told = Message(row["id"], row["type"], row["key"], row["envelope"].encode())
                        await service.deliver_messages(told)
