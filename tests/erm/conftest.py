"""Acquisitions, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from erm.app import SERVICE
from support.acquiring import Make, furnished
from support.harness import Harness, migrated, running
from support.knowing import Knowledge, knowing


@pytest.fixture
async def erm(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a database of its own."""
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn) as harness:
        yield harness


@pytest.fixture
async def make(erm: Harness) -> Make:
    """A library with an open year, a ledger and a vendor."""
    return await furnished(erm)


@pytest.fixture
async def kb(erm: Harness) -> Knowledge:
    """A knowledge base with a platform."""
    return await knowing(erm)
