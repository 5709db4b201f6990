"""Circulation, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from circulation.app import SERVICE
from support.desk import Make, at_hand, furnished
from support.harness import Harness, migrated, running


@pytest.fixture
async def circulation(
    request: pytest.FixtureRequest, database: Callable[..., Awaitable[str]]
) -> AsyncIterator[Harness]:
    """The service over a database of its own: empty, or the small library's for whoever makes things in it."""
    if "make" in request.fixturenames:
        dsn = await database("circulation_furnished", _furnished)
    else:
        dsn = await database("circulation", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn) as harness:
        yield harness


@pytest.fixture
async def make(circulation: Harness) -> Make:
    """A configured library, and what tests are about."""
    return await at_hand(circulation)


async def _furnished(dsn: str) -> None:
    await migrated(SERVICE, dsn)
    async with running(SERVICE, dsn) as harness:
        await furnished(harness)
