"""A book that nobody has catalogued is lent today and catalogued tomorrow."""

import asyncio
from typing import Any

import httpx

from catalog.marc.iso2709 import dumps
from chassis.principal import ANONYMOUS, Principal
from contracts.catalog import ItemCreated, TitleCreated
from support.harness import Harness
from support.shelves import Shelves, record

DESK = Principal("staff", "desk", frozenset({"fast-additions:create"}))
MARC = {"Content-Type": "application/marc"}


async def add(catalog: Harness, shelves: Shelves, *, key: str | None = None, **more: Any) -> httpx.Response:
    body = {"title": "Walden", "barcode": "B-1", "location_id": await shelves.location()} | more
    return await catalog.post("/v1/fast-additions", json=body, key=key)


async def waiting(catalog: Harness) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await catalog.get("/v1/fast-additions")).json()["items"]
    return told


async def test_title_and_item_are_there_at_once_and_hidden(catalog: Harness, shelves: Shelves) -> None:
    place = await shelves.location()
    with catalog.asking(DESK):
        answer = await catalog.post(
            "/v1/fast-additions",
            json={"title": "Walden", "barcode": "B-1", "location_id": place, "volume": "2"},
        )
        listing = await catalog.get("/v1/fast-additions")

    assert (answer.status_code, listing.status_code) == (201, 403), answer.text
    told = answer.json()
    assert (told["item"]["barcode"], told["item"]["volume"], told["item"]["title_id"]) == (
        "B-1",
        "2",
        told["title_id"],
    )
    assert len(await catalog.announced(TitleCreated)) == len(await catalog.announced(ItemCreated)) == 1
    with catalog.asking(ANONYMOUS):
        assert (await catalog.get(f"/v1/titles/{told['title_id']}")).status_code == 404
    (brief,) = await waiting(catalog)
    assert (brief["title"], brief["barcodes"]) == ("Walden", ["B-1"])


async def test_a_whole_record_completes_it_and_the_item_stays(catalog: Harness, shelves: Shelves) -> None:
    told = (await add(catalog, shelves)).json()
    path = f"/v1/titles/{told['title_id']}"

    answer = await catalog.put(path, content=dumps(record("w1")), headers={**MARC, "If-Match": '"1"'})

    assert answer.status_code == 200
    assert await waiting(catalog) == []
    item = (await catalog.get(f"/v1/items/{told['item']['id']}")).json()
    assert (item["title_id"], item["barcode"]) == (told["title_id"], "B-1")
    back = await catalog.post(f"{path}/restorations", json={"version": 1}, headers={"If-Match": '"2"'})
    assert back.status_code == 200


async def test_it_is_merged_into_the_title_that_comes(catalog: Harness, shelves: Shelves) -> None:
    told = (await add(catalog, shelves)).json()
    whole = await shelves.title(record("w1"))

    answer = await catalog.post(
        f"/v1/titles/{whole['id']}/merges",
        json={"merged": [{"title_id": told["title_id"]}]},
        headers={"If-Match": '"1"'},
    )

    assert answer.status_code == 201, answer.text
    assert await waiting(catalog) == []
    assert (await catalog.get(f"/v1/items/{told['item']['id']}")).json()["title_id"] == whole["id"]


async def test_the_next_copy_is_added_too_and_a_barcode_is_taken_once(
    catalog: Harness, shelves: Shelves
) -> None:
    first, second = await asyncio.gather(*(add(catalog, shelves) for _ in range(2)))
    other = await add(catalog, shelves, barcode="B-2")
    again = await add(catalog, shelves, barcode="B-3", key="k")
    replayed = await add(catalog, shelves, barcode="B-3", key="k")

    assert sorted([first.status_code, second.status_code]) == [201, 409]
    assert (other.status_code, again.status_code) == (201, 201)
    assert replayed.json() == again.json()
    assert len(await waiting(catalog)) == 3


async def test_what_cannot_be_is_told_with_every_reason(catalog: Harness, shelves: Shelves) -> None:
    nowhere = await add(
        catalog, shelves, location_id="01890000-0000-7000-8000-00000000dead", loan_type="none"
    )
    wrong: list[dict[str, Any]] = [
        {"title": ""},
        {"barcode": None},
        {"year": 0},
        {"kind": "scroll"},
        {"more": 1},
        {"title": "a\0"},
    ]

    assert nowhere.status_code == 422
    assert sorted(each["code"] for each in nowhere.json()["reasons"]) in (
        ["loan-type-unknown", "location-unknown"],
        ["location-unknown"],
    )
    assert [(await add(catalog, shelves, **each)).status_code for each in wrong] == [422] * len(wrong)
    assert (await add(catalog, shelves, key="")).status_code == 400
    assert await waiting(catalog) == []
