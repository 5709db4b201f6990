"""One service under test: a migrated database of its own, its app in process, events in and out."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

import asyncpg
import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from chassis import migrations, outbox
from chassis.clock import Clock, system_clock
from chassis.consuming import Consumer
from chassis.ids import uuid7
from chassis.leases import run_if_due
from chassis.outbox import Origin
from chassis.principal import SCOPE_KEY, Principal
from chassis.resources import Resources, Service, open_resources
from chassis.settings import ServiceSettings
from chassis.transport import EventTransport, Message
from chassis.transport.memory import MemoryTransport
from contracts.events import Actor, Envelope, Event

STAFF = Principal("staff", "test-desk", frozenset({"*"}))
"""Whoever asks unless a test says otherwise: may do everything."""

E = TypeVar("E", bound=Event)


AS_PATRON: Final = "x-patron"
"""A header by which a request is a patron's own, whoever else is asking meanwhile."""


def asker_of(scope: Scope, usual: Principal | None) -> Principal | None:
    """The patron whom a request names, else whoever usually asks."""
    named = dict(scope["headers"]).get(AS_PATRON.encode())
    if named is None:
        return usual
    return Principal("patron", named.decode(), frozenset({"account:own"}), patron_id=UUID(named.decode()))


class _Asked:
    """Sets the principal as the gateway does, in the ASGI scope."""

    def __init__(self, app: ASGIApp, harness: "Harness") -> None:
        self.app, self.harness = app, harness

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (asker := asker_of(scope, self.harness.principal)) is not None:
            scope[SCOPE_KEY] = asker
        await self.app(scope, receive, send)


@dataclass
class Harness:
    """A running service and its doors."""

    service: Service
    dsn: str
    app: FastAPI
    resources: Resources
    client: httpx.AsyncClient = field(init=False)
    principal: Principal | None = STAFF

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(app=_Asked(self.app, self), raise_app_exceptions=False)
        self.client = httpx.AsyncClient(transport=transport, base_url="http://carrel.test")

    @contextmanager
    def asking(self, principal: Principal | None) -> Iterator[None]:
        """Ask as somebody else; None sends no principal at all, so that headers decide."""
        before, self.principal = self.principal, principal
        try:
            yield
        finally:
            self.principal = before

    async def get(self, path: str, **more: Any) -> httpx.Response:
        """GET."""
        return await self.client.get(path, **more)

    async def post(self, path: str, *, key: str | None = None, **more: Any) -> httpx.Response:
        """POST, with a fresh Idempotency-Key unless one is given (an empty one: none at all)."""
        headers = dict(more.pop("headers", {}))
        if key != "":
            headers["Idempotency-Key"] = key or str(uuid7())
        return await self.client.post(path, headers=headers, **more)

    async def put(self, path: str, **more: Any) -> httpx.Response:
        """PUT."""
        return await self.client.put(path, **more)

    async def patch(self, path: str, **more: Any) -> httpx.Response:
        """PATCH."""
        return await self.client.patch(path, **more)

    async def delete(self, path: str, **more: Any) -> httpx.Response:
        """DELETE."""
        return await self.client.delete(path, **more)

    def message(self, event: Event, *, source: str = "elsewhere", epoch: int = 1) -> Message:
        """An event as another service would send it."""
        row = outbox.sealed(event, around=Origin(source, epoch, Actor("system", source)))
        return Message(row.id, row.type, row.key, row.envelope.encode())

    async def deliver(self, *events: Event, source: str = "elsewhere", epoch: int = 1) -> None:
        """Hand events to the service's handlers, as its consumer does."""
        await self.deliver_messages(*(self.message(e, source=source, epoch=epoch) for e in events))

    async def deliver_messages(self, *messages: Message) -> None:
        """The same, for messages kept by the test (to deliver one twice, say)."""
        await Consumer(self.resources, self.service.subscriptions).react(messages)

    async def envelopes(self, kind: type[Event] | None = None) -> list[Envelope]:
        """Everything the service has written to its outbox, oldest first."""
        rows = await self.resources.pool.fetch(
            "SELECT envelope FROM outbox WHERE $1::text IS NULL OR type = $1 ORDER BY seq",
            kind.type if kind else None,
        )
        return [Envelope.model_validate(json.loads(row["envelope"])) for row in rows]

    async def announced(self, kind: type[E]) -> list[E]:
        """The events of one type that the service has written, oldest first."""
        return [kind.model_validate(envelope.data) for envelope in await self.envelopes(kind)]

    async def tick(self, timer: str) -> None:
        """Let a timer run now."""
        found = next(t for t in self.service.timers if t.name == timer)
        await run_if_due(self.resources, replace(found, every=found.every * 0))

    def at(self, moment: datetime) -> None:
        """Set the clock."""
        self.resources.clock = lambda: moment


_idle_apps: defaultdict[str, list[FastAPI]] = defaultdict(list)


@contextmanager
def _lent_app(service: Service, settings: ServiceSettings) -> Iterator[FastAPI]:
    """An app for one test. One that is done with serves the next: its routes are built at its first request,
    which costs more than most tests. Only an app that verifies tokens itself keeps anything of its settings.
    """
    if settings.jwks_url is not None:
        yield service.create_app(settings)
        return
    idle = _idle_apps[service.name]
    app = idle.pop() if idle else service.create_app(settings)
    yield app
    idle.append(app)


@asynccontextmanager
async def running(
    service: Service,
    dsn: str,
    *,
    clock: Clock = system_clock,
    transport: EventTransport | None = None,
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Harness]:
    """Open a service over a migrated database."""
    async with AsyncExitStack() as stack:
        chosen = service.settings(
            database_url=dsn, transport_url="postgresql://nowhere/bus", _env_file=None, **dict(settings or {})
        )
        app = stack.enter_context(_lent_app(service, chosen))
        resources = await stack.enter_async_context(
            open_resources(
                service, chosen, role="serve", clock=clock, transport=transport or MemoryTransport()
            )
        )
        app.state.resources = resources
        harness = Harness(service, dsn, app, resources)
        stack.push_async_callback(harness.client.aclose)
        async with resources.pool.acquire() as connection:
            await outbox.keep_partitions(connection, today=clock().date())
        yield harness


async def migrated(service: Service, dsn: str) -> None:
    """Bring a template database to the service's newest revision, today's room for events included."""
    await migrations.migrate(service.migrations, dsn)
    connection = await asyncpg.connect(dsn)
    try:
        await outbox.keep_partitions(connection, today=system_clock().date())
    finally:
        await connection.close()


__all__ = ["STAFF", "Harness", "migrated", "running"]
