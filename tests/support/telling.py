"""The tiny service's events: written as a command would, and read where they have got to."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import orjson

from chassis import outbox
from chassis.transport import EventTransport, Message
from contracts.events import Actor, Event
from support.harness import Harness
from support.tiny import SERVICE, ThingMoved, ThingNoted

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
TYPES = [kind.type for kind in SERVICE.subscriptions]
"""What the tiny service subscribes to."""


def moved(thing: UUID, place: str, version: int = 1) -> ThingMoved:
    """The tiny service hears of it."""
    return ThingMoved(thing_id=thing, place=place, version=version, occurred_at=NOW)


def noted(thing: UUID, version: int = 1) -> ThingNoted:
    """Nobody relies on it."""
    return ThingNoted(thing_id=thing, version=version, occurred_at=NOW)


async def write(tiny: Harness, *events: Event) -> None:
    """Into the outbox, in one transaction of another process."""
    token = outbox.origin.set(tiny.resources.origin(Actor("system", "test")))
    connection = await asyncpg.connect(tiny.dsn)
    async with connection.transaction():
        await outbox.record(connection, events)
    await connection.close()
    outbox.origin.reset(token)


def place(message: Message) -> str:
    """The place that a message tells of."""
    return str(orjson.loads(message.body)["data"]["place"])


async def waiting(bus: EventTransport, queue: str = "tiny") -> list[str]:
    """The places that what waits in a queue tells of, in order; all of it is left there."""
    async with bus.subscribe(queue, prefetch=10_000) as subscription:
        return [place(delivery.message) for delivery in await subscription.receive(10_000, wait=0)]


async def unpublished(tiny: Harness) -> list[str]:
    """The types of what the relay has still to carry."""
    rows = await tiny.resources.pool.fetch("SELECT type FROM outbox WHERE published_at IS NULL ORDER BY seq")
    return [row["type"] for row in rows]


async def heard(tiny: Harness) -> list[str]:
    """The places the service has heard of, in order."""
    rows = await tiny.resources.pool.fetch("SELECT place FROM heard ORDER BY ctid")
    return [row["place"] for row in rows]


async def cut(tiny: Harness) -> None:
    """Every connection to the service's database is lost."""
    connection = await asyncpg.connect(tiny.dsn)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await connection.close()


def messages(tiny: Harness, events: Sequence[Event], *, epoch: int = 1) -> list[Message]:
    """Events as another service would send them."""
    return [tiny.message(event, epoch=epoch) for event in events]
