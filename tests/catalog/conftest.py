"""The catalogue, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from catalog.app import SERVICE
from support.harness import Harness, migrated, running
from support.shelves import Shelves, configured


@pytest.fixture
async def catalog_dsn(request: pytest.FixtureRequest, database: Callable[..., Awaitable[str]]) -> str:
    """A database: empty, or configured for whoever asks for shelves."""
    if "shelves" in request.fixturenames:
        return await database("catalog_configured", configured)
    return await database("catalog", lambda dsn: migrated(SERVICE, dsn))


@pytest.fixture
async def catalog(catalog_dsn: str, tmp_path: Path) -> AsyncIterator[Harness]:
    """The service over a database and a folder of its own."""
    async with running(
        SERVICE, catalog_dsn, settings={"data_dir": tmp_path, "import_niceness": 0}
    ) as harness:
        yield harness


@pytest.fixture
async def shelves(catalog: Harness) -> Shelves:
    """A configured catalogue."""
    return Shelves(catalog)
