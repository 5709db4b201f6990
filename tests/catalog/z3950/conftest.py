"""One small catalogue for all that search it by Z39.50, and the port where it answers."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
import pytest_asyncio

from catalog.app import SERVICE
from catalog.marc.record import Field
from contracts.circulation import ItemAvailability, ItemAvailabilityChanged
from support import associated
from support.harness import running
from support.postgres import TestServer
from support.shelves import Shelves, configured, record

LONG = "n" * 8000


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shelf(server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shelves]:
    """Four titles by name: one with two copies of which one is out, one that is long, one hidden."""
    dsn = await server.lend(await server.template("catalog_configured", configured))
    folder = tmp_path_factory.mktemp("z3950")
    async with running(SERVICE, dsn, settings={"data_dir": folder, "z3950_port": 0}) as catalog:
        shelves = Shelves(catalog)
        await shelves.title(record("x0", title="Xylophone one", author="Zeller, Anna"))
        copied = await shelves.title(record("x1", title="Xylophone Brontë two", author="Zeller, Anna"))
        long = record("x2", title="Xylem & <pith>", author="Zeller, Anna")
        await shelves.title(long.having(*[Field.data("500", "  ", ("a", LONG))] * 3))
        await shelves.title(record("x9", title="Xylography"), suppressed="true")
        await shelves.item(copied, barcode="b9", suppressed=True)
        _, out = [await shelves.item(copied, barcode=f"b{n}", volume=f"v.{n}") for n in (1, 2)]
        lent = ItemAvailability(
            item_id=UUID(out["id"]),
            title_ids=(UUID(copied["id"]),),
            version=7,
            library="MAIN",
            location="STACKS",
            state="on-loan",
            lendable=False,
            due_at=datetime(2027, 5, 1, 22, tzinfo=UTC),
            as_of=datetime(2027, 4, 1, tzinfo=UTC),
        )
        await catalog.deliver(
            ItemAvailabilityChanged(
                item_id=lent.item_id, version=7, occurred_at=lent.as_of, availability=lent
            )
        )
        async with shelves.indexed():
            yield shelves
    await server.take_back(dsn)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def port(shelf: Shelves) -> AsyncIterator[int]:
    """Where it listens."""
    async with associated.listening(shelf.catalog) as listener:
        yield listener.port


@pytest.fixture
def changed(shelf: Shelves, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Other settings, while a test runs."""
    resources = shelf.catalog.resources

    def change(**told: object) -> None:
        monkeypatch.setattr(resources, "settings", resources.settings.model_copy(update=told))

    return change
