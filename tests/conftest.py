"""What every test may ask for."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from hypothesis import settings

from support import uncompiled
from support.postgres import Migrate, TestServer
from support.rabbitmq import Broker

if os.environ.get("CARREL_UNCOMPILED") == "1":
    uncompiled.everywhere()

settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CARREL_CI") == "1" else "here")
"""In continuous integration the examples are the same each time; whoever works here draws new ones."""


LONG = ("tests/journeys/", "tests/onebox/", "tests/deploy/")
"""Run first: one of them begun last would leave the other worker without work."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests with a broker carry its mark and run in one worker: a node is dear, and some of them stop it."""
    for item in items:
        if {"broker", "amqp_url"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.rabbitmq)
            item.add_marker(pytest.mark.xdist_group("rabbitmq"))
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a pytest that pytest-xdist keeps no groups together with: each worker would have a box and a broker."""
    if not getattr(session.config.option, "loadgroup", False):
        return
    astray = [
        item.nodeid
        for item in session.items
        if item.get_closest_marker("xdist_group") and "@" not in item.nodeid
    ]
    if astray:
        raise pytest.UsageError(f"pytest-xdist keeps no groups together with this pytest: {astray[0]}")


@pytest.fixture(scope="session")
def server() -> Iterator[TestServer]:
    """One PostgreSQL per worker of the run; it lives in an event loop of its own."""
    with asyncio.Runner() as runner:
        started = runner.run(TestServer.start())
        yield started
        runner.run(started.stop())


@pytest.fixture
async def database(server: TestServer) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Makes databases for one test: `await database()` empty, `await database("catalog", migrate)` migrated."""
    made: list[str] = []

    async def make(name: str | None = None, migrate: Migrate | None = None) -> str:
        template = await server.template(name, migrate) if name and migrate else None
        made.append(await server.lend(template))
        return made[-1]

    yield make
    for dsn in made:
        await server.take_back(dsn)


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """RabbitMQ: `broker.stop()`, `kill()` and `start()` when it is our own."""
    found = Broker.find()
    yield found
    found.close()


@pytest.fixture
def amqp_url(broker: Broker) -> str:
    """A virtual host of this test's own."""
    return broker.url()
