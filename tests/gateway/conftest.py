"""The gateway, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from catalog.app import SERVICE as CATALOGUE
from circulation.app import SERVICE as LENDING
from erm.app import SERVICE as ACQUISITIONS
from gateway.app import SERVICE
from ill.app import SERVICE as INTERLIBRARY
from support.front import OPERATOR, Echo, Front, bearer, fronting
from support.harness import migrated, running
from support.university import CATALOG, CIRCULATION


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


@pytest.fixture
async def whole(
    database: Callable[..., Awaitable[str]], gateway_dsn: str, tmp_path: Path
) -> AsyncIterator[Front]:
    """The gateway before the real services, in one process."""
    async with AsyncExitStack() as stack:
        apps = {}
        for service, settings in (
            (CATALOGUE, {"data_dir": tmp_path}),
            (LENDING, {}),
            (INTERLIBRARY, {}),
            (ACQUISITIONS, {}),
        ):
            dsn = await database(service.name, lambda dsn, service=service: migrated(service, dsn))
            behind = await stack.enter_async_context(running(service, dsn, settings=settings))
            apps[service.name] = behind.app
        front = await stack.enter_async_context(fronting(gateway_dsn, apps=apps))
        for name, told in (("catalog", CATALOG), ("circulation", CIRCULATION)):
            answer = await front.put(f"/v1/configuration/{name}", json=told, headers=bearer(OPERATOR))
            assert answer.status_code == 200, answer.text
        yield front
