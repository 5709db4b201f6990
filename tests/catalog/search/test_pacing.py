"""When the index's writer commits while an import brings new titles, and that nothing is lost by waiting."""

import asyncio
import os
import signal

import pytest

from catalog.marc.generate import generate
from catalog.search.indexer import Indexer
from catalog.search.pacing import MOST_NEW, is_due
from catalog.search.ready import Ready
from support.box import until
from support.harness import Harness
from support.shelves import Shelves, file_of, record


@pytest.mark.parametrize(
    ("held", "others", "seconds", "goes_on", "awaited", "due"),
    [
        (0, False, 60.0, False, False, False),
        (0, False, 60.0, True, True, False),
        (1, False, 0.0, False, False, True),
        (1, True, 0.0, False, False, True),
        (1, False, 3.9, True, False, False),
        (1, False, 4.0, True, False, True),
        (1, True, 0.7, True, False, False),
        (1, True, 0.8, True, False, True),
        (1, True, 0.2, True, True, False),
        (1, False, 0.3, True, True, True),
        (MOST_NEW - 1, False, 0.1, True, False, False),
        (MOST_NEW, False, 0.1, True, False, True),
    ],
)
def test_new_titles_of_an_import_wait_for_others_and_whoever_changes_or_awaits_one_does_not(
    held: int, others: bool, seconds: float, goes_on: bool, awaited: bool, due: bool
) -> None:
    assert is_due(held=held, others=others, seconds=seconds, goes_on=goes_on, awaited=awaited) is due


def ready_of(catalog: Harness) -> Ready:
    told: Ready = catalog.resources.own["ready"]
    return told


async def total(catalog: Harness, query: str = "") -> int:
    answer = await catalog.get("/v1/titles", params={"query": query})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"])


async def held(indexer: Indexer) -> None:
    """Everything is handed to the writer, which may wait."""
    while await indexer.follow(holding=True):
        pass


async def test_what_an_import_brings_is_committed_with_what_comes_behind_it_once_it_ends(
    catalog: Harness, shelves: Shelves
) -> None:
    async with shelves.indexed() as indexer:
        before = (await catalog.get("/v1/search-index")).json()
        with ready_of(catalog).importing():
            for number in range(3):
                await shelves.imported(file_of(record(str(number), title=f"Walden {number}")))
                await held(indexer)
            meanwhile = (await catalog.get("/v1/search-index")).json()

        await indexer.follow(holding=True)

        after = (await catalog.get("/v1/search-index")).json()
        found = await total(catalog, "walden")

    assert (meanwhile["count"], meanwhile["position"], meanwhile["waiting"]) == (0, before["position"], 3)
    assert (after["count"], after["waiting"], found) == (3, 0, 3)


async def test_a_title_that_is_changed_while_it_waits_is_there_once_and_as_it_was_written_last(
    catalog: Harness, shelves: Shelves
) -> None:
    async with shelves.indexed() as indexer:
        with ready_of(catalog).importing():
            for title in ("Walden", "Walden Pond", "The Pond"):
                await shelves.imported(file_of(record("walden", title=title)), profile="local-999")
                await held(indexer)
        await indexer.follow()

        told = (await total(catalog), await total(catalog, "walden"), await total(catalog, "the pond"))

    assert told == (1, 0, 1)


async def test_what_waits_when_its_writer_dies_or_closes_is_neither_lost_nor_there_twice(
    catalog: Harness, shelves: Shelves
) -> None:
    indexer = Indexer(
        catalog.resources.pool,
        catalog.resources.settings.data_dir / "index",
        ready=catalog.resources.own["ready"],
    )
    stop = asyncio.Event()
    running = asyncio.create_task(indexer.run(stop))

    async def at_work() -> bool:
        return indexer.writer is not None

    await until(at_work)
    try:
        with ready_of(catalog).importing():
            await shelves.imported(b"".join(one.raw for one in generate(60)))
            assert indexer.writer is not None
            writer = indexer.writer

            async def handed_over() -> bool:
                return writer.reached > writer.position()

            await until(handed_over)
            os.kill(writer.apart.process.pid, signal.SIGKILL)

            async def another() -> bool:
                return indexer.writer is not None and indexer.writer is not writer

            await until(another)
            await shelves.imported(b"".join(one.raw for one in generate(20, first=61)))
            await until(lambda: _all_read(indexer, catalog))
    finally:
        stop.set()
        indexer.woken.set()
        await running

    told = (await catalog.get("/v1/search-index")).json()
    assert (told["count"], told["waiting"]) == (80, 0)


async def _all_read(indexer: Indexer, catalog: Harness) -> bool:
    last = await catalog.resources.pool.fetchval("SELECT max(xact) FROM title_change")
    return indexer.writer is not None and bool(indexer.writer.reached >= last)


async def test_who_waits_for_what_an_import_has_written_does_not_wait_for_its_end(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEW_SECONDS", "OTHERS_SECONDS"):
        monkeypatch.setattr(f"catalog.search.pacing.{name}", 3600.0)
    monkeypatch.setattr("catalog.search.routes.WAIT_SECONDS", 10.0)
    async with shelves.indexed():
        pass
    indexer = Indexer(
        catalog.resources.pool,
        catalog.resources.settings.data_dir / "index",
        ready=catalog.resources.own["ready"],
    )
    stop = asyncio.Event()
    running = asyncio.create_task(indexer.run(stop))
    try:
        with ready_of(catalog).importing():
            await shelves.imported(file_of(record("walden", title="Walden")))
            answer = await catalog.get("/v1/titles", params={"query": "walden", "at_least": "now"})
    finally:
        stop.set()
        indexer.woken.set()
        await running

    told = answer.json()
    assert (told["total"], told["index"]["reached"]) == (1, True)
