"""The first page pins the hits: what is written while somebody pages makes no title come twice or be skipped."""

import asyncio
import os
import time
from typing import Any

import pytest

from catalog.search import engine, routes
from catalog.search.engine import Reader
from catalog.search.hitlists import KEPT_SECONDS
from support.harness import Harness
from support.shelves import Shelves, file_of, record


async def page(catalog: Harness, **params: Any) -> dict[str, Any]:
    answer = await catalog.get("/v1/titles", params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def named(told: dict[str, Any]) -> list[str]:
    return [hit["title"] for hit in told["items"]]


async def test_pages_go_on_in_the_list_that_the_first_one_found(catalog: Harness, shelves: Shelves) -> None:
    for sort, query in (("relevance", "rome"), ("title", "rome"), ("-year,title", "")):
        await shelves.imported(
            file_of(*(record(f"{sort}{number}", title=f"Rome {number}") for number in range(1, 6)))
        )
        async with shelves.indexed() as indexer:
            asked = {"query": query, "sort": sort, "limit": 2}
            whole = named(await page(catalog, **asked | {"limit": 200}))
            first = await page(catalog, **asked)
            seen, told = named(first), first
            while (cursor := told["next_cursor"]) is not None:
                for title in ("Rome 0 Rome rome", "Rome 9 rome"):  # before and behind what was seen
                    await shelves.title(record(f"{title[5]}{sort}{len(seen)}", title=title))
                while await indexer.follow():
                    pass
                catalog.resources.own["reader"] = Reader(catalog.resources.settings.data_dir / "index")
                told = await page(catalog, **asked, cursor=cursor, facets="format")
                seen += named(told)
                assert told["total"] == first["total"]
            anew = await page(catalog, **asked)

        assert seen == whole
        assert anew["total"] > first["total"]


async def test_who_reads_on_beyond_what_was_pinned_neither_skips_nor_sees_twice(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "PINNED", 3)
    await shelves.imported(file_of(*(record(f"r{number}", title=f"Rome {number}") for number in range(9))))
    async with shelves.indexed() as indexer:
        told = await page(catalog, sort="title", limit=3)
        seen = named(told)
        for number, moved in ((1, "Rome 0 from behind"), (2, "Rome 7 from the front")):
            await catalog.resources.pool.execute(
                "INSERT INTO title_change (title_id) SELECT id FROM title WHERE title = $1", f"Rome {number}"
            )
            await shelves.title(record(f"new{number}", title=moved))
            while await indexer.follow():
                pass
            told = await page(catalog, sort="title", limit=3, cursor=told["next_cursor"])
            seen += named(told)
        while told["next_cursor"]:
            told = await page(catalog, sort="title", limit=3, cursor=told["next_cursor"])
            seen += named(told)

    assert len(seen) == len(set(seen)) == told["total"]
    assert {f"Rome {number}" for number in range(9)} <= set(seen)


async def test_what_is_hidden_or_gone_meanwhile_is_left_out_and_nothing_else(
    catalog: Harness, shelves: Shelves
) -> None:
    titles = [await shelves.title(record(f"r{number}", title=f"Rome {number}")) for number in range(6)]
    async with shelves.indexed() as indexer:
        with catalog.asking(None):
            first = await page(catalog, sort="title", limit=2)
        hidden = await catalog.patch(
            f"/v1/titles/{titles[3]['id']}", json={"suppressed": True}, headers={"If-Match": '"1"'}
        )
        assert hidden.status_code == 200
        await indexer.follow()
        with catalog.asking(None):
            second = await page(catalog, sort="title", limit=2, cursor=first["next_cursor"])
            third = await page(catalog, sort="title", limit=2, cursor=second["next_cursor"])

    assert [named(each) for each in (first, second, third)] == [
        ["Rome 0", "Rome 1"],
        ["Rome 2"],
        ["Rome 4", "Rome 5"],
    ]
    assert third["next_cursor"] is None


async def test_a_cursor_goes_on_in_its_own_search_alone_and_not_for_ever(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.imported(file_of(*(record(f"r{number}", title=f"Rome {number}") for number in range(4))))
    async with shelves.indexed():
        first = await page(catalog, query="rome", limit=2)
        cursor = first["next_cursor"]
        for other in (
            {"query": "walden"},
            {"query": "rome", "sort": "title"},
            {"query": "rome", "filter[format]": "map"},
        ):
            answer = await catalog.get("/v1/titles", params={**other, "cursor": cursor})
            assert (answer.status_code, answer.json()["code"]) == (410, "cursor-expired"), other
        folder = catalog.resources.settings.data_dir / "index" / "lists"
        (kept,) = folder.iterdir()
        old = time.time() - KEPT_SECONDS - 1
        os.utime(kept, (old, old))
        late = await catalog.get("/v1/titles", params={"query": "rome", "limit": 2, "cursor": cursor})
        again = await page(catalog, query="rome", limit=2)

    assert (late.status_code, late.json()["code"]) == (410, "cursor-expired")
    assert "15 minutes" in late.json()["detail"]
    assert again["items"] == first["items"]


async def test_who_asks_the_same_of_the_same_index_shares_a_list(catalog: Harness, shelves: Shelves) -> None:
    await shelves.imported(file_of(*(record(f"r{number}", title=f"Rome {number}") for number in range(4))))
    async with shelves.indexed():
        cursors = {(await page(catalog, query=query, limit=2))["next_cursor"] for query in ("rome", " rome ")}
        await page(catalog, query="rome", limit=50)

    assert len(cursors) == 1
    assert len(list((catalog.resources.settings.data_dir / "index" / "lists").iterdir())) == 1


async def test_who_has_just_written_asks_for_an_index_that_has_seen_it(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelves.indexed() as indexer:
        await shelves.title(record("a", title="Walden"))
        late = await page(catalog, query="walden")
        asked = asyncio.create_task(page(catalog, query="walden", at_least="now"))
        await asyncio.sleep(0)
        while await indexer.follow():
            pass
        told = await asked
        monkeypatch.setattr(routes, "WAIT_SECONDS", 0.1)
        never = await page(catalog, query="walden", at_least=str(10**17))

    assert (late["total"], told["total"], told["index"]["reached"]) == (0, 1, True)
    assert late["index"]["reached"]
    assert not never["index"]["reached"]
