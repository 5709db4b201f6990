"""The places a transport can live in, each with a way to look like a lost broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest

from chassis.ids import uuid7
from chassis.transport import EventTransport, Message, transport_for
from chassis.transport.memory import MemoryTransport
from support.postgres import TestServer
from support.rabbitmq import Broker


@dataclass
class Place:
    """Where one test's events travel."""

    name: str
    url: str
    broker: Broker | None = None
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    _memory: MemoryTransport = field(default_factory=MemoryTransport)
    _mark: str = field(default_factory=lambda: uuid7().hex[-10:])
    _queues: set[str] = field(default_factory=set)

    async def transport(self) -> EventTransport:
        """A transport of its own connections, opened, and closed when the test ends."""
        transport = self._memory if self.name == "memory" else transport_for(self.url)
        await transport.open()
        self._stack.push_async_callback(transport.close)
        return transport

    def queue(self, name: str = "desk") -> str:
        """A queue name of this test's own."""
        self._queues.add(f"{name}{self._mark}")
        return f"{name}{self._mark}"

    def type(self, name: str = "lent") -> str:
        """An event type of this test's own."""
        return f"test{self._mark}.{name}.v1"

    def message(
        self,
        key: str = "k",
        body: bytes = b"{}",
        *,
        kind: str = "lent",
        mandatory: bool = False,
        replay: bool = False,
    ) -> Message:
        """A message with an id of its own."""
        return Message(uuid7(), self.type(kind), key, body, mandatory=mandatory, replay=replay)

    async def break_down(self) -> None:
        """The broker is killed, with every connection to it, and comes back."""
        if self.broker is not None:
            self.broker.kill()
            await asyncio.sleep(1)
            # From this thread: the node ends with the one that started it.
            self.broker.start()
        elif self.name == "postgres":
            connection = await asyncpg.connect(self.url)
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            await connection.close()

    async def close(self) -> None:
        """Close what was opened, and clear up at a broker that is not ours alone."""
        await self._stack.aclose()
        if self.broker is not None and self.broker.given is not None:
            import aio_pika

            async with await aio_pika.connect(self.url) as connection:
                channel = await connection.channel()
                for queue in self._queues:
                    for name in (f"carrel.{queue}", f"carrel.{queue}.dead", f"carrel.{queue}.bindings"):
                        await channel.queue_delete(name)


@pytest.fixture(
    params=[
        "memory",
        "postgres",
        pytest.param("rabbitmq", marks=[pytest.mark.rabbitmq, pytest.mark.xdist_group("rabbitmq")]),
    ]
)
def home(request: pytest.FixtureRequest) -> tuple[str, Any]:
    """Which adapter, and what it needs to be there."""
    needs = {"postgres": "server", "rabbitmq": "broker"}.get(request.param)
    return request.param, request.getfixturevalue(needs) if needs else None


@pytest.fixture
async def place(home: tuple[str, Any]) -> AsyncIterator[Place]:
    """Every adapter in turn."""
    name, there = home
    if isinstance(there, TestServer):
        url = await there.lend()
        made = Place(name, url)
    elif isinstance(there, Broker):
        made = Place(name, there.url(), there)
    else:
        made = Place(name, "")
    yield made
    await made.close()
    if isinstance(there, TestServer):
        await there.take_back(made.url)
