"""The catalogue, open for a test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from catalog.app import SERVICE
from support.harness import Harness, migrated, running
from support.shelves import Shelves


@pytest.fixture
async def catalog(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Harness]:
    """The service over a database and a folder of its own."""
    dsn = await database("catalog", lambda dsn: migrated(SERVICE, dsn))
    async with running(SERVICE, dsn, settings={"data_dir": tmp_path, "import_niceness": 0}) as harness:
        yield harness


@pytest.fixture
async def shelves(catalog: Harness) -> Shelves:
    """A configured catalogue."""
    made = Shelves(catalog)
    await made.configure()
    return made
