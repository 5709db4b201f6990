"""The smallest service, open for a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from chassis.transport.memory import MemoryTransport
from support import tiny as smallest
from support.harness import Harness, running


@pytest.fixture
def bus() -> MemoryTransport:
    """Where events travel."""
    return MemoryTransport()


@pytest.fixture
async def tiny_dsn(database: Callable[..., Awaitable[str]]) -> str:
    """A migrated database of this test's own."""
    return await database("tiny", smallest.migrate)


@pytest.fixture
def tiny_events() -> Iterator[None]:
    """The tiny service's events are known."""
    with smallest.known():
        yield


@pytest.fixture
async def tiny(tiny_dsn: str, bus: MemoryTransport, tiny_events: None) -> AsyncIterator[Harness]:
    """The service."""
    async with running(smallest.SERVICE, tiny_dsn, transport=bus) as harness:
        yield harness


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits for what another process will soon have done; half a minute means never."""

    async def wait(true: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(600):
            if await true():
                return
            await asyncio.sleep(0.05)
        pytest.fail("that never came true")

    return wait
