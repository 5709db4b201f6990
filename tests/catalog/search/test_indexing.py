"""The index follows the catalogue: in order, whatever is killed, and while it is built anew."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from catalog.marc.generate import generate
from catalog.search.documents import SCHEMA_VERSION
from catalog.search.folders import serving
from catalog.search.indexer import Batch, Indexer
from catalog.search.ready import Ready
from support.box import until
from support.harness import Harness
from support.shelves import Shelves, file_of, record


def folder_of(catalog: Harness) -> Path:
    folder: Path = catalog.resources.settings.data_dir / "index"
    return folder


async def hits(catalog: Harness, query: str = "", **more: Any) -> dict[str, Any]:
    answer = await catalog.get("/v1/titles", params={"query": query, "limit": 200, **more})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def state(catalog: Harness) -> dict[str, Any]:
    told: dict[str, Any] = (await catalog.get("/v1/search-index")).json()
    return told


@asynccontextmanager
async def keeping(catalog: Harness) -> AsyncIterator[Indexer]:
    """The indexer as the worker runs it."""
    indexer = Indexer(catalog.resources.pool, folder_of(catalog), ready=catalog.resources.own["ready"])
    stop = asyncio.Event()
    running = asyncio.create_task(indexer.run(stop))
    try:
        yield indexer
    finally:
        stop.set()
        indexer.woken.set()
        await running


async def test_a_title_is_found_once_it_is_written_and_no_more_once_it_is_hidden(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title(record("a", title="Walden"))

    async with shelves.indexed() as indexer:
        before = await hits(catalog, "walden")
        hidden = await catalog.patch(
            f"/v1/titles/{title['id']}", json={"suppressed": True}, headers={"If-Match": '"1"'}
        )
        await indexer.follow()
        with catalog.asking(None):
            after = await catalog.get("/v1/titles", params={"query": "walden"})

    assert [hit["id"] for hit in before["items"]] == [title["id"]]
    assert hidden.status_code == 200, hidden.text
    assert after.json()["total"] == 0


async def test_a_transaction_that_takes_long_holds_the_index_back_and_nothing_is_passed_over(
    catalog: Harness, shelves: Shelves
) -> None:
    slow = await shelves.title(record("a", title="Slow"))
    async with shelves.indexed() as indexer:
        connection = await asyncpg.connect(catalog.dsn)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("UPDATE title SET suppressed = true WHERE id = $1", slow["id"])
        await connection.execute("INSERT INTO title_change (title_id) VALUES ($1)", slow["id"])
        await shelves.title(record("b", title="Quick"))

        while await indexer.follow():
            pass
        held, waiting = await hits(catalog), await state(catalog)
        await transaction.commit()
        await connection.close()
        while await indexer.follow():
            pass

        level = await hits(catalog)
        with catalog.asking(None):
            public = (await catalog.get("/v1/titles")).json()

    assert [hit["title"] for hit in held["items"]] == ["Slow"]
    assert waiting["waiting"] == 1
    assert waiting["lag_seconds"] > 0
    assert sorted(hit["title"] for hit in level["items"]) == ["Quick", "Slow"]
    assert [hit["title"] for hit in public["items"]] == ["Quick"]


async def test_changes_made_again_after_a_crash_leave_one_document_each(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.imported(b"".join(one.raw for one in generate(50)))
    async with shelves.indexed():
        pass
    name = serving(folder_of(catalog))
    assert name is not None
    position = folder_of(catalog) / name / "position"

    position.write_text(json.dumps({"position": 0}))  # as if killed between the commit and this file
    async with shelves.indexed():
        told = await state(catalog)

    assert (told["count"], told["waiting"]) == (50, 0)
    assert told["position"] > 0


async def test_a_writer_killed_again_and_again_loses_nothing_and_makes_nothing_twice(
    catalog: Harness, shelves: Shelves
) -> None:
    killed: set[int] = set()
    async with keeping(catalog) as indexer:

        async def another_writer() -> Any:
            writer = indexer.writer
            return writer if writer is not None and writer.apart.process.pid not in killed else None

        for turn in range(5):
            writer = await until(another_writer)
            await shelves.imported(b"".join(one.raw for one in generate(200, first=turn * 200 + 1)))
            killed.add(writer.apart.process.pid)
            os.kill(writer.apart.process.pid, signal.SIGKILL)

        async def level() -> bool:
            told = await state(catalog)
            return bool(told["waiting"] == 0 and told["count"] >= 1000)

        await until(level, seconds=30)
        told = await state(catalog)
        found = await hits(catalog, "identifier:made000000777")

    assert len(killed) == 5
    assert told["count"] == 1000
    assert found["total"] == 1


async def test_searches_are_answered_throughout_a_rebuild_and_changes_go_on_being_found(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.imported(b"".join(one.raw for one in generate(300)))
    async with keeping(catalog):

        async def level() -> bool:  # the first index is being made until then, and nobody is answered
            return bool((await state(catalog))["count"] >= 300)

        await until(level, seconds=30)
        before = await state(catalog)
        (folder_of(catalog) / f"v{SCHEMA_VERSION}-half-built").mkdir()

        asked = await catalog.post("/v1/search-index/rebuilds")
        await shelves.title(record("new", title="Zzyzx"))
        totals: set[int] = set()

        async def another() -> bool:
            totals.add((await hits(catalog))["total"])
            return bool((await state(catalog))["name"] != before["name"])

        await until(another, seconds=30)
        after, found = await state(catalog), await hits(catalog, "zzyzx")

    assert asked.status_code == 202
    assert totals <= {300, 301}
    assert after["count"] == 301
    assert found["total"] == 1
    assert [path.name for path in folder_of(catalog).glob("v*")] == [after["name"]]


class Hurried(Indexer):
    """Somebody writes again whenever it looks for changes, as an import does."""

    async def _next(self, after: int, ready: Ready | None = None) -> Batch | None:
        await self.pool.execute("INSERT INTO title_change (title_id) SELECT id FROM title LIMIT 1")
        return await super()._next(after, ready)


async def test_a_new_index_serves_though_somebody_writes_without_an_end(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.title(record("a", title="Walden"))
    indexer = Hurried(catalog.resources.pool, folder_of(catalog), ready=catalog.resources.own["ready"])
    try:
        async with asyncio.timeout(20):
            await indexer.rebuild()
        found = await hits(catalog, "walden")
    finally:
        await indexer.close()

    assert found["total"] == 1


async def test_an_index_is_one_indexers_from_its_first_building_on(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.title()
    one, other = (Indexer(catalog.resources.pool, folder_of(catalog)) for _ in range(2))

    opened = await asyncio.gather(one.open(), other.open())
    again = await other.open() if opened[0] else await one.open()
    await asyncio.gather(one.close(), other.close())
    afterwards = await other.open()
    await other.close()

    assert sorted(opened) == [False, True]
    assert not again
    assert afterwards


async def test_a_process_that_is_gone_lets_go_of_the_index(catalog: Harness, shelves: Shelves) -> None:
    await shelves.title()
    async with shelves.indexed() as indexer:
        assert indexer.writer is not None
        child = indexer.writer.apart.process

        indexer.writer.apart.pipe.close()  # what the death of its parent looks like to it

        assert await asyncio.to_thread(child.wait, 10) == 0


async def test_a_client_waits_for_what_it_has_written(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "catalog.search.routes.WAIT_SECONDS", 20.0
    )  # the writer of the index has yet to start
    async with shelves.indexed():
        pass
    async with keeping(catalog):
        await shelves.title(record("a", title="Walden"))
        written = await catalog.resources.pool.fetchval("SELECT max(xact) FROM title_change")

        found = await hits(catalog, "walden", at_least=written)

    assert found["total"] == 1
    assert found["index"]["position"] >= written


async def test_a_position_far_ahead_is_waited_for_a_moment_only(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.search.routes.WAIT_SECONDS", 0.05)
    await shelves.imported(file_of(record("a")))
    async with shelves.indexed():
        found = await hits(catalog, at_least=2**60)

    assert found["total"] == 1
    assert found["index"]["position"] < 2**60


async def test_another_order_is_built_beside_the_one_that_serves(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(
        file_of(*(record(str(number), title=title) for number, title in enumerate(("Älg", "Zebra", "Adam"))))
    )
    async with shelves.indexed():
        before = await hits(catalog, sort="title")
    indexer = Indexer(
        catalog.resources.pool, folder_of(catalog), filing="sv", ready=catalog.resources.own["ready"]
    )
    stop = asyncio.Event()
    running = asyncio.create_task(indexer.run(stop))

    async def filed() -> bool:
        told = await hits(catalog, sort="title")
        assert told["total"] == 3
        return [hit["title"] for hit in told["items"]] == ["Adam", "Zebra", "Älg"]

    try:
        await until(filed, seconds=30)
    finally:
        stop.set()
        indexer.woken.set()
        await running
    assert [hit["title"] for hit in before["items"]] == ["Adam", "Älg", "Zebra"]


async def test_a_part_of_the_index_is_made_again_and_nothing_beyond_what_was_told(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles = [await shelves.title(record(str(number), title=f"Rome {number}")) for number in range(6)]
    async with shelves.indexed() as indexer:
        await catalog.resources.pool.execute(
            "UPDATE title SET suppressed = true"
        )  # untold: the index is behind
        some = await catalog.post(
            "/v1/search-index/refreshes", json={"ids": [titles[0]["id"], titles[1]["id"]]}
        )
        numbers = {"from_number": titles[4]["hrid"], "to_number": titles[4]["hrid"]}
        one = await catalog.post("/v1/search-index/refreshes", json=numbers)
        waiting = (await state(catalog))["waiting"]
        while await indexer.follow():
            pass
        with catalog.asking(None):
            left = (await catalog.get("/v1/titles", params={"sort": "title"})).json()["items"]
        nothing = await catalog.post("/v1/search-index/refreshes", json={})
        monkeypatch.setattr("catalog.search.operating.MOST_REFRESHED", 3)
        many = await catalog.post("/v1/search-index/refreshes", json={"from_number": 1})
        after = (await state(catalog))["waiting"]

    assert (some.status_code, some.json(), one.json(), waiting) == (202, {"titles": 2}, {"titles": 1}, 3)
    assert [hit["title"] for hit in left] == ["Rome 2", "Rome 3", "Rome 5"]
    assert (nothing.status_code, nothing.json()["reasons"][0]["code"]) == (422, "titles-not-told")
    assert (many.status_code, many.json()["reasons"][0]["code"], after) == (422, "too-many-titles", 0)
