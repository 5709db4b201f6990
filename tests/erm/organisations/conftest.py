"""Acquisitions with a key to seal with."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from erm.app import SERVICE
from support.harness import Harness, migrated, running


@pytest.fixture
async def erm(database: Callable[..., Awaitable[str]]) -> AsyncIterator[Harness]:
    """The service over a database of its own."""
    dsn = await database("erm", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn, settings={"sealing_key": "a key of the tests' own"}) as harness:
        yield harness
