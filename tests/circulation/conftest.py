"""Circulation, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from circulation.app import SERVICE
from support.desk import Make, furnished
from support.harness import Harness, migrated, running


@pytest.fixture
async def circulation(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a database of its own."""
    dsn = await database("circulation", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn) as harness:
        yield harness


@pytest.fixture
async def make(circulation: Harness) -> Make:
    """A configured library, and what tests are about."""
    return await furnished(circulation)
