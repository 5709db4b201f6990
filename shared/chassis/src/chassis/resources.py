"""What a process of a service holds while it runs: settings, pools, sessions, transport, clock."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from fastapi import FastAPI

from chassis import outbox
from chassis.clock import Clock, system_clock
from chassis.database import Connection, Sessions, make_engine, make_sessions, open_pool
from chassis.outbox import Origin
from chassis.principal import Principal
from chassis.settings import ServiceSettings
from chassis.transport import EventTransport, transport_for
from contracts.events import Actor, Event


@dataclass(slots=True)
class Resources:
    """Opened once per process and service, handed to everything as an argument."""

    name: str
    settings: Any
    pool: asyncpg.Pool
    sessions: Sessions
    transport: EventTransport
    epoch: int
    clock: Clock = system_clock
    own: dict[str, Any] = field(default_factory=dict)
    """What the service itself opens for the life of the process (an index, a cache), by name."""
    shown: "Shown | None" = None
    """Which of its events somebody may see; none: all of them."""

    def origin(self, actor: Actor, traceparent: str | None = None) -> Origin:
        """What surrounds the events that this actor causes."""
        return Origin(self.name, self.epoch, actor, traceparent)


Shown = Callable[[asyncpg.Pool, Principal, Sequence[str]], Awaitable[list[bool]]]
"""Of each envelope, whether whoever reads the change feed may see it."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as a handler gets it: opened, with the attributes that order it."""

    event: Event
    id: Any
    source: str
    sequence: int
    epoch: int
    time: datetime


Handler = Callable[[Connection, Sequence[Heard]], Awaitable[None]]
"""Reacts to a batch of events inside one transaction. Twice, late and out of order must be dull."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """A handler for the few events of a type that concern a service: of the others nothing is written, not even that
    they were heard. `concerns` tells their ids by one look at what is known here, in the same transaction.
    """

    handler: Handler
    concerns: Callable[[Connection, Sequence[Heard]], Awaitable[Collection[Any]]]

    async def __call__(self, connection: Connection, batch: Sequence[Heard]) -> None:
        """React to those that concern us."""
        await self.handler(connection, batch)


Tick = Callable[[Resources, datetime], Awaitable[None]]
Worker = Callable[[Resources, Any], Awaitable[None]]
"""Long-lived work: `async def run(resources, stop: asyncio.Event)`; several processes may run it at once."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something done every so often, by one process at a time (under a lease)."""

    name: str
    every: timedelta
    tick: Tick


@dataclass(frozen=True, slots=True)
class Service:
    """All that a launcher has to know of a service."""

    name: str
    settings: type[ServiceSettings]
    create_app: Callable[..., FastAPI]
    """`create_app(settings)`: an app whose lifespan opens its own resources."""
    migrations: Path
    document: Path | None = None
    """Where its OpenAPI document is written down (`describing`); None: it is made from the app when asked for."""
    subscriptions: Mapping[type[Event], Handler] = field(default_factory=dict)
    timers: Sequence[Timer] = ()
    workers: Sequence[Worker] = ()
    listeners: Mapping[str, Worker] = field(default_factory=dict)
    """Roles that this service has besides those of all, by name: what answers at a port of its own."""
    shown: Shown | None = None
    """Which of its events somebody with `changes:read` may see; none: all of them."""
    opening: Callable[[Resources], Any] | None = None
    """An async context manager that fills `resources.own`, in every role but migrate and relay."""


@asynccontextmanager
async def open_resources(
    service: Service,
    settings: ServiceSettings,
    *,
    role: str,
    pool_size: int | None = None,
    session_pool_size: int | None = None,
    clock: Clock = system_clock,
    transport: EventTransport | None = None,
    niceness: int = 0,
) -> AsyncIterator[Resources]:
    """Open what one role of a service needs; everything is closed again in reverse order."""
    async with AsyncExitStack() as stack:
        label = f"carrel {service.name} {role}"
        pool = await stack.enter_async_context(
            open_pool(
                settings.database_url, size=pool_size or settings.pool_size, name=label, niceness=niceness
            )
        )
        engine = make_engine(
            settings.database_url, size=session_pool_size or settings.session_pool_size, name=label
        )
        stack.push_async_callback(engine.dispose)
        resources = Resources(
            name=service.name,
            settings=settings,
            pool=pool,
            sessions=make_sessions(engine),
            transport=transport or transport_for(settings.transport_url),
            epoch=await outbox.read_epoch(pool),
            clock=clock,
            shown=service.shown,
        )
        if transport is None:
            stack.push_async_callback(resources.transport.close)
        if service.opening is not None and role not in ("relay", "migrate"):
            await stack.enter_async_context(service.opening(resources))
        yield resources
