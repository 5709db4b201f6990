"""A knowledge base that may ask on this machine, and another one that says what a test wants."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from chassis.guard import Guard
from erm.app import SERVICE
from erm.feeds.harvesting import begin_due
from support.harness import Harness, migrated, running
from support.knowing import Knowledge, knowing
from support.providing import Provider


@pytest.fixture
async def erm(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a database of its own."""
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn, settings={"list_networks": "127.0.0.0/8"}) as harness:
        yield harness


@pytest.fixture
async def kb(erm: Harness) -> Knowledge:
    """A knowledge base with a platform."""
    return await knowing(erm)


@pytest.fixture
async def provider() -> AsyncIterator[Provider]:
    """On this machine."""
    told, app = Provider(), web.Application()
    app.router.add_route("*", "/{tail:.*}", told.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    told.port = runner.addresses[0][1]
    yield told
    await runner.cleanup()


@pytest.fixture
async def begin(erm: Harness) -> AsyncIterator[Callable[[], Awaitable[set[asyncio.Task[None]]]]]:
    """Begin a turn of every feed that is due."""
    guard = Guard(erm.resources.settings.networks)
    async with guard.session(seconds=5) as session:

        async def once() -> set[asyncio.Task[None]]:
            return await begin_due(erm.resources, guard, session)

        yield once
