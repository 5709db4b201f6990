"""Titles are merged: nothing that hung on them is lost, and whoever knows an old id finds what has become of it."""

import asyncio
from typing import Any

import httpx
import pytest

from catalog.marc.iso2709 import loads
from chassis.ids import uuid7
from chassis.principal import ANONYMOUS
from contracts.catalog import (
    HoldingsDeleted,
    HoldingsMoved,
    ItemsAnnounced,
    TitleDeleted,
    TitleMerged,
    TitleUpdated,
)
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

MARC = "application/marc"


async def merge(
    catalog: Harness, to: dict[str, Any], *gone: dict[str, Any], version: int = 1, **more: Any
) -> httpx.Response:
    body = {"merged": [{"title_id": each["id"]} for each in gone]} | more
    return await catalog.post(
        f"/v1/titles/{to['id']}/merges", json=body, headers={"If-Match": f'"{version}"'}
    )


async def items_of(catalog: Harness, title: dict[str, Any]) -> dict[str, dict[str, Any]]:
    answer = await catalog.get("/v1/items", params={"title_id": title["id"], "limit": 1000})
    return {item["id"]: item for item in answer.json()["items"]}


async def test_everything_goes_to_the_one_that_stays(catalog: Harness, shelves: Shelves) -> None:
    here, gone, third = [await shelves.title(record(number)) for number in ("a", "b", "c")]
    law = await shelves.location("LAW")
    kept = await shelves.item(here, call_number="PS1", barcode="1")
    joined = await shelves.item(gone, call_number="PS1", barcode="2")
    moved = await shelves.item(gone, call_number="PS1", location_id=law)
    bound = await shelves.item(third, bound_with=[gone["id"], here["id"]])
    binder = await shelves.item(here, location_id=law, call_number="X", bound_with=[gone["id"]])

    answer = await merge(catalog, here, gone)

    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["holdings_moved"], told["holdings_joined"], told["items_moved"]) == (1, 1, 4)
    found = await items_of(catalog, here)
    assert set(found) == {each["id"] for each in (kept, joined, moved, bound, binder)}
    assert found[joined["id"]]["holdings_id"] == kept["holdings_id"]
    assert found[moved["id"]]["holdings_id"] == moved["holdings_id"]
    assert found[bound["id"]]["title_ids"] == [third["id"], here["id"]]
    assert found[binder["id"]]["title_ids"] == [here["id"]]
    assert await items_of(catalog, gone) == {}

    (merged,) = await catalog.announced(TitleMerged)
    assert (str(merged.title_id), [*map(str, merged.merged_ids)]) == (here["id"], [gone["id"]])
    assert [str(each.merged_into) for each in await catalog.announced(TitleDeleted)] == [here["id"]]
    assert [str(each.from_title_id) for each in await catalog.announced(HoldingsMoved)] == [gone["id"]]
    assert [str(each.merged_into) for each in await catalog.announced(HoldingsDeleted)] == [
        kept["holdings_id"]
    ]
    (states,) = await catalog.announced(ItemsAnnounced)
    assert {str(item.item_id) for item in states.items} == set(found) - {kept["id"]}
    versions = [each.version for each in await catalog.announced(TitleUpdated)] + [merged.version]
    assert versions == [2, 3]


async def test_old_ids_lead_to_the_title_that_stays(catalog: Harness, shelves: Shelves) -> None:
    here, gone, older = [await shelves.title(record(number)) for number in ("a", "b", "c")]
    item = await shelves.item(older)
    assert (await merge(catalog, gone, older)).status_code == 201
    assert (await merge(catalog, here, gone)).status_code == 201

    with catalog.asking(ANONYMOUS):
        led = await catalog.get(f"/v1/titles/{older['id']}")
        lost = await catalog.get(f"/v1/titles/{older['id']}/holdings")
    before = await catalog.get(f"/v1/titles/{older['id']}?version=1", headers={"Accept": MARC})
    now = await catalog.get(f"/v1/titles/{here['id']}", headers={"Accept": MARC})
    changed = await catalog.put(
        f"/v1/titles/{gone['id']}", content=now.content, headers={"Content-Type": MARC, "If-Match": '"4"'}
    )

    assert (led.status_code, led.headers["location"]) == (308, f"/v1/titles/{here['id']}")
    assert (lost.status_code, lost.json()["title_id"]) == (404, here["id"])
    old = loads(before.content).record
    assert old is not None
    assert old.control("001") == "c"
    record_now = loads(now.content).record
    assert record_now is not None
    assert [field.get("a") for field in record_now.fields("035")] == ["c", "b"]
    assert (changed.status_code, changed.json()["code"]) == (409, "title-deleted")
    assert set(await items_of(catalog, here)) == {item["id"]}


async def test_a_merged_title_that_is_imported_again_brings_its_items_to_the_survivor(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.imported(
        file_of(record("a"), with_items(record("b"), ("1", "MAIN", "STACKS"))), profile="local-999"
    )
    rows = await catalog.resources.pool.fetch("SELECT id FROM title ORDER BY control_number")
    here, gone = ({"id": str(row["id"])} for row in rows)
    assert (await merge(catalog, here, gone)).status_code == 201

    again = with_items(record("b"), ("1", "MAIN", "STACKS"), ("2", "MAIN", "STACKS"))
    job = await shelves.imported(file_of(again), profile="local-999")

    assert job["counts"]["duplicate"] == 1
    assert (job["items"]["created"], job["items"]["unchanged"]) == (1, 1)
    assert sorted(item["barcode"] for item in (await items_of(catalog, here)).values()) == ["1", "2"]
    assert [outcome["title_id"] for outcome in await shelves.outcomes(job)] == [here["id"]]


async def test_the_index_follows(catalog: Harness, shelves: Shelves) -> None:
    here = await shelves.title(record("a", title="Walden"))
    gone = await shelves.title(record("b", title="Walden again"))
    await shelves.item(gone, barcode="B-2")
    async with shelves.indexed() as indexer:
        await merge(catalog, here, gone)
        while await indexer.follow():
            pass
        hits = (await catalog.get("/v1/titles", params={"query": "walden"})).json()
        by_barcode = (await catalog.get("/v1/titles", params={"query": "barcode:B-2"})).json()
        by_number = (await catalog.get("/v1/titles", params={"query": "identifier:b"})).json()

    assert [hit["id"] for hit in hits["items"]] == [here["id"]]
    assert [hit["id"] for hit in by_barcode["items"]] == [here["id"]]
    assert [hit["id"] for hit in by_number["items"]] == [here["id"]]


async def test_what_stands_against_a_merge_is_told_at_once(catalog: Harness, shelves: Shelves) -> None:
    here, gone, other = [await shelves.title(record(number)) for number in ("a", "b", "c")]
    await merge(catalog, other, gone)
    nobody = {"id": str(uuid7())}

    unknown = await merge(catalog, here, nobody, here)
    again = await merge(catalog, here, gone)
    into_gone = await merge(catalog, gone, here, version=2)
    stale = await merge(catalog, here, other, version=7)
    changed = await catalog.post(
        f"/v1/titles/{here['id']}/merges",
        json={"merged": [{"title_id": other["id"], "version": 1}, {"title_id": gone["id"]}]},
        headers={"If-Match": '"1"'},
    )

    assert unknown.status_code == 422
    assert [each["code"] for each in unknown.json()["reasons"]] == ["title-unknown", "title-itself"]
    assert [each["code"] for each in again.json()["reasons"]] == ["title-merged"]
    assert into_gone.status_code == 409
    assert stale.status_code == 412
    assert [each["code"] for each in changed.json()["reasons"]] == ["title-changed", "title-merged"]


async def test_two_who_merge_at_once_do_not_lose_an_item(catalog: Harness, shelves: Shelves) -> None:
    one, other = [await shelves.title(record(number)) for number in ("a", "b")]
    items = {(await shelves.item(title))["id"] for title in (one, other)}
    place = await shelves.location()

    answers = await asyncio.gather(
        merge(catalog, one, other),
        merge(catalog, other, one),
        *(
            catalog.post(
                "/v1/items", json={"title_id": title["id"], "location_id": place, "barcode": f"n{n}"}
            )
            for n, title in enumerate([one, other] * 2)
        ),
    )

    merges, added = answers[:2], answers[2:]
    assert sorted(answer.status_code for answer in merges) in ([201, 409], [201, 412]), [
        a.text for a in merges
    ]
    assert all(answer.status_code in (201, 409, 422) for answer in added), [a.text for a in added]
    items |= {answer.json()["id"] for answer in added if answer.status_code == 201}
    stays = one if merges[0].status_code == 201 else other
    assert set(await items_of(catalog, stays)) == items


@pytest.mark.parametrize(
    "body",
    [
        {"merged": []},
        {"merged": [{"title_id": "x"}]},
        {"merged": [{"title_id": str(uuid7()), "version": 2**63}]},
        {},
    ],
    ids=["nothing", "no-id", "huge-version", "empty"],
)
async def test_a_wrong_wish_is_told_so(catalog: Harness, shelves: Shelves, body: dict[str, Any]) -> None:
    here = await shelves.title()

    answer = await catalog.post(f"/v1/titles/{here['id']}/merges", json=body, headers={"If-Match": '"1"'})

    assert answer.status_code == 422


async def test_tags_and_own_facts_of_both_are_kept_and_what_differs_is_told(
    catalog: Harness, shelves: Shelves
) -> None:
    fields = [{"code": code, "name": code, "of": ["titles"]} for code in ("donor", "shelf")]
    await shelves.configure(custom_fields=fields)
    here, gone = [await shelves.title(record(number)) for number in ("a", "b")]
    for title, facts in (
        (here, {"tags": ["x"], "custom": {"donor": "Curie"}}),
        (gone, {"tags": ["y"], "custom": {"donor": "Bohr", "shelf": "red"}}),
    ):
        answer = await catalog.patch(f"/v1/titles/{title['id']}", json=facts, headers={"If-Match": '"1"'})
        assert answer.status_code == 200, answer.text

    answer = await merge(catalog, here, gone, version=2)
    now = (await catalog.get(f"/v1/titles/{here['id']}")).json()

    assert answer.json()["conflicts"] == [
        {"code": "donor", "kept": "Curie", "given_up": "Bohr", "title_id": gone["id"]}
    ]
    assert (now["tags"], now["custom"]) == (["x", "y"], {"donor": "Curie", "shelf": "red"})
    (merged,) = await catalog.announced(TitleMerged)
    assert (merged.title.tags, merged.title.custom) == (("x", "y"), {"donor": "Curie", "shelf": "red"})
