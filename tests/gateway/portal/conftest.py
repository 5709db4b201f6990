"""People who write programs for the library, their browsers, and the library whose API they ask."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from catalog.app import SERVICE as CATALOGUE
from circulation.app import SERVICE as LENDING
from erm.app import SERVICE as ACQUISITIONS
from ill.app import SERVICE as INTERLIBRARY
from support.front import OPERATOR, Front, bearer, fronting
from support.harness import Harness, migrated, running
from support.house import House
from support.university import CATALOG, CIRCULATION
from support.whole import NOW, Library


@pytest.fixture
async def house(gateway: Front) -> AsyncIterator[House]:
    async with AsyncExitStack() as stack:
        yield House(gateway, stack)


@pytest.fixture
async def library(
    database: Callable[..., Awaitable[str]], gateway_dsn: str, tmp_path: Path
) -> AsyncIterator[Library]:
    async with AsyncExitStack() as stack:
        services: dict[str, Harness] = {}
        for service, settings in (
            (CATALOGUE, {"data_dir": tmp_path}),
            (LENDING, {}),
            (INTERLIBRARY, {}),
            (ACQUISITIONS, {}),
        ):
            dsn = await database(service.name, lambda dsn, service=service: migrated(service, dsn))
            services[service.name] = await stack.enter_async_context(
                running(service, dsn, settings=settings, clock=lambda: NOW)
            )
        apps = {name: harness.app for name, harness in services.items()}
        front = await stack.enter_async_context(fronting(gateway_dsn, apps=apps, clock=lambda: NOW))
        library = Library(front, services)
        lends = CIRCULATION | {"fee_types": [{"code": "lost-card", "name": "A new card", "amount": 500}]}
        for name, told in (("catalog", CATALOG), ("circulation", lends)):
            answer = await front.put(f"/v1/configuration/{name}", json=told, headers=bearer(OPERATOR))
            assert answer.status_code == 200, answer.text
        await library.settle()
        yield library
