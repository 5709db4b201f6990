"""What an import hands over to the index is what the index would have read, and is used once."""

import json
from typing import Any

import pytest

from catalog.marc.generate import generate
from catalog.search.apart import WriterApart
from catalog.search.documents import Copies
from catalog.search.indexer import Indexer
from catalog.search.loading import COLUMNS, documents, entry_document, row_document
from catalog.search.ready import Ready
from chassis.ids import uuid7
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

WALDEN = with_items(
    record("walden", title="Walden"), ("31000001", "MAIN", "STACKS"), ("31000002", "LAW", "STACKS")
)


def ready_of(catalog: Harness) -> Ready:
    told: Ready = catalog.resources.own["ready"]
    return told


async def total(catalog: Harness, query: str) -> int:
    answer = await catalog.get("/v1/titles", params={"query": query})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"])


async def followed(indexer: Indexer) -> None:
    while await indexer.follow():
        pass


async def test_an_entry_is_the_document_that_would_have_been_read(catalog: Harness, shelves: Shelves) -> None:
    async with shelves.indexed() as indexer:
        await shelves.imported(file_of(WALDEN, record("cape", title="Cape Cod")), profile="local-999")
        await shelves.imported(b"".join(one.raw for one in generate(40)), profile="standard")
        assert indexer.writer is not None
        batch = await indexer._next(indexer.writer.position(), ready_of(catalog))
        assert batch is not None
        rows = await documents(
            catalog.resources.pool,
            [row["id"] for row in await catalog.resources.pool.fetch("SELECT id FROM title")],
        )

    def comparable(document: str) -> dict[str, Any]:
        told = json.loads(document)
        return {name: sorted(each) if isinstance(each, list) else each for name, each in told.items()}

    handed = {copies.title_id: comparable(entry_document(entry, copies)) for entry, copies in batch.new}
    read = {str(row["id"]): comparable(row_document([row[name] for name in COLUMNS])) for row in rows}
    assert batch.rows == []
    assert len(handed) == 42
    assert handed == read


async def test_an_imported_title_is_found_without_being_read_again(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none_is_read(*_: Any) -> None:
        raise AssertionError("read again")

    async with shelves.indexed() as indexer:
        monkeypatch.setattr("catalog.search.indexer.documents", none_is_read)
        await shelves.imported(file_of(WALDEN), profile="local-999")
        await followed(indexer)

        found = (await catalog.get("/v1/titles", params={"query": "barcode:31000002"})).json()
        by_number = await total(catalog, f"identifier:{found['items'][0]['hrid']}")

    (hit,) = found["items"]
    assert (hit["title"], hit["availability"], hit["items_total"]) == ("Walden", "available", 2)
    assert by_number == 1


async def test_a_title_that_has_changed_since_it_was_handed_over_is_read(
    catalog: Harness, shelves: Shelves
) -> None:
    async with shelves.indexed() as indexer:
        await shelves.imported(file_of(WALDEN), profile="local-999")
        await shelves.imported(file_of(record("walden", title="Walden Pond")), profile="local-999")
        await followed(indexer)

        assert (await total(catalog, "walden"), await total(catalog, "pond")) == (1, 1)
        assert (await catalog.get("/v1/search-index")).json()["count"] == 1


async def test_what_was_handed_over_during_a_rebuild_is_not_taken_for_a_later_change(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = Indexer._fill

    async def then_imported(indexer: Indexer, writer: WriterApart) -> int:
        told = await filled(indexer, writer)
        await shelves.imported(file_of(WALDEN), profile="local-999")
        return told

    async with shelves.indexed() as indexer:
        monkeypatch.setattr(Indexer, "_fill", then_imported)
        await indexer.rebuild()
        title_id = await catalog.resources.pool.fetchval("SELECT id FROM title")
        hidden = await catalog.patch(
            f"/v1/titles/{title_id}", json={"suppressed": True}, headers={"If-Match": '"1"'}
        )
        await followed(indexer)

        told = (await catalog.get("/v1/titles", params={"query": "walden"})).json()

    assert hidden.status_code == 200, hidden.text
    assert [hit["suppressed"] for hit in told["items"]] == [True]


def test_a_slice_that_fails_hands_nothing_over() -> None:
    ready = Ready(wanted=True)
    title_id = uuid7()

    def fail() -> None:
        with ready.offering() as offered:
            offered[title_id] = (b"[]", Copies(str(title_id), 1, suppressed=False))
            ready.put(offered)
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert ready.take(title_id) is None
