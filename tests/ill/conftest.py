"""Interlibrary loan, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from ill.app import SERVICE
from support.harness import Harness, migrated, running
from support.lending import Make, furnished
from support.otherlibrary import World

SETTINGS = {
    "sealing_key": "a key of the tests' own",
    "lookup_networks": "127.0.0.0/8",
    "host_networks": "127.0.0.0/8",
}


@pytest.fixture
async def ill(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a database of its own."""
    dsn = await database("ill", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn, settings=SETTINGS) as harness:
        yield harness


@pytest.fixture
async def make(ill: Harness) -> Make:
    """A library that takes part, and what tests are about."""
    return await furnished(ill)


@pytest.fixture
def world(make: Make) -> World:
    """Libraries that play along."""
    return World(make)
