"""Long lists of ids by job: whole, resumable, and nobody else's."""

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from catalog.idlists import worker
from catalog.idlists.commands import ListUnknown
from catalog.idlists.rules import LINE, MOST_KEPT, line
from catalog.idlists.worker import place, sweep_id_lists, work_once
from catalog.search.engine import Reader, SearchRequest, Walked
from catalog.search.indexer import Indexer
from chassis.principal import ANONYMOUS, Principal
from support.harness import Harness
from support.shelves import Shelves, file_of, record

COUNT = 23


@pytest.fixture
async def indexer(catalog: Harness, shelves: Shelves) -> AsyncIterator[Indexer]:
    """Twenty-three titles in the index, and slices of five."""
    await shelves.imported(
        file_of(*(record(f"r{number}", title=f"Rome {number}") for number in range(COUNT)))
    )
    async with shelves.indexed() as indexer:
        yield indexer


@pytest.fixture(autouse=True)
def slices_of_five(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "SLICE", 5)


async def asked(catalog: Harness, **body: Any) -> dict[str, Any]:
    answer = await catalog.post("/v1/title-id-lists", json=body)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/v1/title-id-lists/{answer.json()['id']}"
    told: dict[str, Any] = answer.json()
    return told


async def read(catalog: Harness, list_id: str) -> dict[str, Any]:
    told: dict[str, Any] = (await catalog.get(f"/v1/title-id-lists/{list_id}")).json()
    return told


async def ids(catalog: Harness, list_id: str) -> list[str]:
    answer = await catalog.get(f"/v1/title-id-lists/{list_id}/ids")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [orjson.loads(each)["id"] for each in answer.text.splitlines()]


async def all_ids(catalog: Harness, condition: str = "true") -> list[str]:
    rows = await catalog.resources.pool.fetch(f"SELECT id FROM title WHERE {condition} ORDER BY hrid")
    return [str(row["id"]) for row in rows]


async def test_a_list_has_every_title_that_answers_in_the_catalogues_order(
    catalog: Harness, indexer: Indexer
) -> None:
    whole, some = (
        await asked(catalog),
        await asked(catalog, query="title:1 OR title:22", filters={"format": ["book"]}),
    )
    unfinished = await catalog.get(f"/v1/title-id-lists/{whole['id']}/ids")
    while await work_once(catalog.resources, asyncio.Event()):
        pass

    told = await read(catalog, whole["id"])
    assert (unfinished.status_code, unfinished.json()["code"]) == (409, "id-list-unfinished")
    assert (told["state"], told["written"], told["size"]) == ("done", COUNT, COUNT * LINE)
    assert told["index_position"] > 0
    assert await ids(catalog, whole["id"]) == await all_ids(catalog)
    assert await ids(catalog, some["id"]) == await all_ids(catalog, "title IN ('Rome 1', 'Rome 22')")


async def test_who_was_cut_off_goes_on_by_range(catalog: Harness, indexer: Indexer) -> None:
    told = await asked(catalog)
    await work_once(catalog.resources, asyncio.Event())
    where = f"/v1/title-id-lists/{told['id']}/ids"
    first = await catalog.get(where, headers={"Range": f"bytes=0-{7 * LINE - 1}"})

    rest = await catalog.get(where, headers={"Range": f"bytes={7 * LINE}-"})

    assert (first.status_code, rest.status_code) == (206, 206)
    assert (first.content + rest.content).splitlines(keepends=True) == [
        line(each) for each in await all_ids(catalog)
    ]


async def test_a_writer_that_was_killed_is_followed_by_one_that_goes_on(
    catalog: Harness, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = await asked(catalog)
    walk = Reader.walk
    asks: list[int] = []

    def breaking(self: Reader, request: SearchRequest, *, after: int, most: int) -> Walked:
        asks.append(after)
        if len(asks) == 3:
            raise OSError("killed")
        return walk(self, request, after=after, most=most)

    monkeypatch.setattr(Reader, "walk", breaking)
    with pytest.raises(OSError, match="killed"):
        await work_once(catalog.resources, asyncio.Event())
    path = place(catalog.resources.settings.data_dir, UUID(told["id"]))
    with path.open("ab") as file:
        file.write(b'{"id":"written but not committed')
    halfway = await read(catalog, told["id"])

    await work_once(catalog.resources, asyncio.Event())

    assert (halfway["state"], halfway["written"]) == ("running", 10)
    assert asks[2] == asks[3] > 0
    assert await ids(catalog, told["id"]) == await all_ids(catalog)


async def test_what_is_written_meanwhile_makes_no_id_come_twice(
    catalog: Harness, shelves: Shelves, indexer: Indexer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await all_ids(catalog)
    told = await asked(catalog, query="rome")
    walk = Reader.walk
    loop = asyncio.get_running_loop()
    count = iter(range(100))

    async def write() -> None:
        number = next(count)
        await shelves.title(record(f"new{number}", title=f"Rome Rome {number}"))
        await catalog.resources.pool.execute(
            "INSERT INTO title_change (title_id) SELECT id FROM title ORDER BY random() LIMIT 5"
        )
        while await indexer.follow():
            pass

    def writing(self: Reader, request: SearchRequest, *, after: int, most: int) -> Walked:
        if next(count) < 6:
            asyncio.run_coroutine_threadsafe(write(), loop).result(30)
        return walk(self, request, after=after, most=most)

    monkeypatch.setattr(Reader, "walk", writing)
    await work_once(catalog.resources, asyncio.Event())

    found = await ids(catalog, told["id"])
    assert len(found) == len(set(found))
    assert set(before) < set(found)


async def test_a_list_is_its_askers_alone_and_hides_what_the_asker_may_not_see(
    catalog: Harness, shelves: Shelves, indexer: Indexer
) -> None:
    await catalog.resources.pool.execute("UPDATE title SET suppressed = true WHERE title = 'Rome 3'")
    await catalog.resources.pool.execute(
        "INSERT INTO title_change (title_id) SELECT id FROM title WHERE suppressed"
    )
    while await indexer.follow():
        pass
    discovery = Principal(kind="client", ref="vufind", scopes=frozenset({"titles:read"}))
    full = await asked(catalog)
    with catalog.asking(discovery):
        public = await asked(catalog)
        others = await catalog.get(f"/v1/title-id-lists/{full['id']}")
        deleted = await catalog.delete(f"/v1/title-id-lists/{full['id']}")
        listed = (await catalog.get("/v1/title-id-lists")).json()["items"]
    with catalog.asking(ANONYMOUS):
        stranger = await catalog.post("/v1/title-id-lists", json={})
    while await work_once(catalog.resources, asyncio.Event()):
        pass
    with catalog.asking(discovery):
        shown = await ids(catalog, public["id"])

    assert (others.status_code, deleted.status_code, stranger.status_code) == (404, 404, 401)
    assert [each["id"] for each in listed] == [public["id"]]
    assert len(await ids(catalog, full["id"])) == COUNT
    assert shown == await all_ids(catalog, "NOT suppressed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": 'title:"rome'}, "quote-unclosed"),
        ({"filters": {"colour": ["red"]}}, "filter-unknown"),
        ({"filters": {"year": ["soon"]}}, "year-wrong"),
    ],
)
async def test_what_cannot_be_listed_is_said_with_a_code(
    catalog: Harness, shelves: Shelves, body: dict[str, Any], code: str
) -> None:
    answer = await catalog.post("/v1/title-id-lists", json=body)

    assert answer.status_code == 422
    assert [(each["code"], each["pointer"]) for each in answer.json()["reasons"]] == [(code, "body/query")]


async def test_lists_are_bounded_given_back_and_swept(catalog: Harness, indexer: Indexer) -> None:
    answers = await asyncio.gather(
        *(catalog.post("/v1/title-id-lists", json={}) for _ in range(MOST_KEPT + 3))
    )
    kept = [answer.json()["id"] for answer in answers if answer.status_code == 202]
    refused = [answer.json() for answer in answers if answer.status_code == 409]
    await work_once(catalog.resources, asyncio.Event())
    folder = place(catalog.resources.settings.data_dir, UUID(int=0)).parent
    (written,) = os.listdir(folder)

    gone = await catalog.delete(f"/v1/title-id-lists/{written.removesuffix('.ndjson')}")
    again = await catalog.post("/v1/title-id-lists", json={})
    await work_once(catalog.resources, asyncio.Event())
    left = os.listdir(folder)
    await sweep_id_lists(catalog.resources, catalog.resources.clock() + timedelta(hours=25))
    late = await catalog.get(f"/v1/title-id-lists/{kept[-1]}/ids")

    assert (len(kept), {each["code"] for each in refused}) == (MOST_KEPT, {"too-many-id-lists"})
    assert (gone.status_code, again.status_code) == (204, 202)
    assert left != [written]
    assert len(left) == 1
    assert os.listdir(folder) == []
    assert (late.status_code, late.json()["code"]) == (404, ListUnknown.code)
