"""A knowledge base that may ask on this machine, and a provider that says what a test wants."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from chassis.guard import Guard
from erm.app import SERVICE
from erm.sources.fetching import fetch_due
from support.harness import Harness, migrated, running
from support.knowing import Knowledge, knowing
from support.providing import Provider


@pytest.fixture
async def erm(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a database of its own."""
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    settings = {"sealing_key": "a key of the tests' own", "list_networks": "127.0.0.0/8"}
    async with running(SERVICE, dsn, settings=settings) as harness:
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
    await web.TCPSite(runner, "127.0.0.2", runner.addresses[0][1]).start()  # another host, for who is sent on
    told.port = runner.addresses[0][1]
    yield told
    await runner.cleanup()


@pytest.fixture
async def fetch(erm: Harness) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """Ask every source that is due."""
    guard = Guard(erm.resources.settings.networks)
    async with guard.session(seconds=5) as session:

        async def once() -> int:
            return await fetch_due(erm.resources, guard, session)

        yield once
