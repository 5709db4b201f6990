"""SRU servers that are none of this service's: our own catalogue as a union catalogue, and Index Data's YAZ."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

import catalog.app
from catalog.marc.record import Field
from support.front import listening
from support.harness import Harness, migrated, running
from support.lending import BOOK, Make
from support.otherlibrary import World
from support.shelves import Shelves, record
from support.sources import Sources


@pytest.fixture
async def union(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[str]:
    """A catalogue in which a book is held by two libraries; where it listens."""
    dsn = await database("catalog", lambda dsn: migrated(catalog.app.SERVICE, dsn))
    settings = {"data_dir": tmp_path, "import_niceness": 0}
    async with running(catalog.app.SERVICE, dsn, settings=settings) as holds:
        shelves = Shelves(holds)
        await shelves.configure()
        isbn = Field.data("020", "  ", ("a", "9780306406157"))
        held = [Field.data("852", "  ", ("a", symbol)) for symbol in ("XX-TWO", "XX-NOBODY")]
        await shelves.title(record("u17", title=BOOK["title"]).having(isbn, *held))
        async with shelves.indexed(), listening(holds.app) as url:
            yield f"{url}/sru"


async def asked(ill: Harness, make: Make, index: dict[str, object]) -> list[tuple[str, str, str | None]]:
    """The rota of a request, once the index has told."""
    answer = await make.configure(lookups={"index": index})
    assert answer.status_code == 200, answer.text
    request = await make.request()
    await Sources("").work(ill)
    return await make.rota(request)


async def test_our_own_catalogue_names_the_suppliers(
    ill: Harness, world: World, make: Make, union: str
) -> None:
    await world.other("XX-ONE", rank=1)
    two = await world.other("XX-TWO", rank=2, catalogue_url=union, catalogue_version="2.0")

    rota = await asked(ill, make, {"url": union, "version": "1.2"})
    await world.deliver()

    assert rota == [("XX-ONE", "skipped", "not-in-index"), ("XX-TWO", "active", None)]
    assert two.last["bibliographicInfo"]["supplierUniqueRecordId"] == "u17"


@pytest.mark.skipif(shutil.which("yaz-ztest") is None, reason="needs Debian's yaz")
async def test_an_independent_server_is_understood(ill: Harness, world: World, make: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = await asyncio.create_subprocess_exec("yaz-ztest", "-v", "none", f"tcp:127.0.0.1:{port}")
    try:
        await _listens(port)
        await world.other("XX-ONE", rank=1)
        await world.other("DLC", rank=2)
        url = f"http://127.0.0.1:{port}/Default"
        rota = await asked(ill, make, {"url": url, "holders": ["040$a"], "version": "1.1"})
    finally:
        server.terminate()
        await server.wait()

    assert rota == [("XX-ONE", "skipped", "not-in-index"), ("DLC", "active", None)]


async def _listens(port: int) -> None:
    for _ in range(200):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            return
    raise AssertionError("yaz-ztest does not listen")
