"""The gateway, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.app import SERVICE
from support.front import Echo, Front, fronting
from support.harness import migrated


@pytest.fixture
async def gateway_dsn(database: Callable[..., Awaitable[str]]) -> str:
    """A migrated database of this test's own."""
    return await database("gateway", lambda dsn: migrated(SERVICE, dsn))


@pytest.fixture
def circulation() -> Echo:
    """What stands behind the gateway and tells what reached it."""
    return Echo()


@pytest.fixture
async def gateway(gateway_dsn: str, circulation: Echo) -> AsyncIterator[Front]:
    """The gateway with a service in the same process."""
    async with fronting(gateway_dsn, apps={"circulation": circulation}) as front:
        yield front
