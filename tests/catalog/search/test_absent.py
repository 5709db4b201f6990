"""While no index serves that this release can search, nobody is told that nothing was found."""

from typing import Any

import pytest

from catalog.search.indexer import Indexer
from support.harness import Harness
from support.shelves import Shelves, file_of, record


async def asked(catalog: Harness) -> list[Any]:
    """Every door behind which the index stands."""
    titles = await catalog.get("/v1/titles", params={"query": "walden"})
    page = await catalog.get("/search", params={"query": "walden", "lang": "de"})
    browsed = await catalog.get("/browse", params={"kind": "title", "lang": "fr"})
    headings = await catalog.get("/v1/headings/title", params={"near": "walden"})
    sru = await catalog.get(
        "/sru", params={"version": "1.2", "operation": "searchRetrieve", "query": "walden"}
    )
    return [titles, page, browsed, headings, sru]


def assert_told(answers: list[Any]) -> None:
    titles, page, browsed, headings, sru = answers
    assert [each.status_code for each in answers] == [503, 503, 503, 503, 200]
    assert {each.headers["retry-after"] for each in answers[:4]} == {"10"}
    assert titles.json()["code"] == headings.json()["code"] == "index-being-made"
    assert "Index wird gerade aufgebaut" in page.text
    assert "en cours de création" in browsed.text
    assert "info:srw/diagnostic/1/2" in sru.text


async def test_an_index_of_an_earlier_release_is_not_taken_for_an_empty_one(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = catalog.resources.settings.data_dir / "index"
    await shelves.imported(file_of(record("walden", title="Walden")))
    async with shelves.indexed():
        found = await catalog.get("/v1/titles", params={"query": "walden"})
    (folder / "CURRENT").write_text("v1-earlier")
    upgraded = await asked(catalog)
    state = (await catalog.get("/v1/search-index")).json()
    filled, meanwhile = Indexer._fill, []

    async def then_asked(indexer: Indexer, writer: Any) -> int:
        meanwhile.extend(await asked(catalog))
        return await filled(indexer, writer)

    monkeypatch.setattr(Indexer, "_fill", then_asked)
    async with shelves.indexed():
        again = await catalog.get("/v1/titles", params={"query": "walden"})

    assert_told(upgraded)
    assert_told(meanwhile)
    assert (state["name"], state["count"]) == (None, 0)
    assert [each.json()["total"] for each in (found, again)] == [1, 1]


async def test_a_lost_folder_is_not_taken_for_an_empty_catalogue_while_the_index_is_made(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = await catalog.get("/v1/titles", params={"query": "walden"})
    await shelves.imported(file_of(record("walden", title="Walden")))
    filled, meanwhile = Indexer._fill, []

    async def then_asked(indexer: Indexer, writer: Any) -> int:
        meanwhile.extend(await asked(catalog))
        return await filled(indexer, writer)

    monkeypatch.setattr(Indexer, "_fill", then_asked)
    async with shelves.indexed():
        found = await catalog.get("/v1/titles", params={"query": "walden"})

    assert (new.status_code, new.json()["total"]) == (200, 0)
    assert_told(meanwhile)
    assert (found.status_code, found.json()["total"]) == (200, 1)
