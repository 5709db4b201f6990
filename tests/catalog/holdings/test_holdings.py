"""Holdings and items go to other titles, are hidden, are taken out and come back."""

import asyncio
from typing import Any

import httpx

from chassis.ids import uuid7
from chassis.principal import ANONYMOUS
from contracts.catalog import HoldingsCreated, HoldingsDeleted, HoldingsMoved, HoldingsUpdated, ItemsAnnounced
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items


def if_match(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


def codes(answer: httpx.Response) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


async def read(catalog: Harness, item: dict[str, Any]) -> dict[str, Any]:
    return dict((await catalog.get(f"/v1/items/{item['id']}")).json())


async def withdraw_by_hand(catalog: Harness, item: dict[str, Any]) -> None:
    await catalog.resources.pool.execute(
        "UPDATE item SET base_state = 'withdrawn' WHERE id = CAST($1::text AS uuid)", item["id"]
    )


async def test_holdings_go_to_another_title_with_their_items(catalog: Harness, shelves: Shelves) -> None:
    one, other = [await shelves.title(record(number)) for number in ("a", "b")]
    item = await shelves.item(one, bound_with=[other["id"]])

    answer = await catalog.post(
        f"/v1/holdings/{item['holdings_id']}/moves", json={"title_id": other["id"]}, headers=if_match(1)
    )

    assert (answer.status_code, answer.json()["title_id"]) == (200, other["id"])
    assert (await read(catalog, item))["title_ids"] == [other["id"]]
    (moved,) = await catalog.announced(HoldingsMoved)
    assert (str(moved.from_title_id), moved.items) == (one["id"], 1)
    (told,) = await catalog.announced(ItemsAnnounced)
    assert [str(each) for each in told.items[0].title_ids] == [other["id"]]


async def test_holdings_that_stand_there_already_are_named(catalog: Harness, shelves: Shelves) -> None:
    one, other = [await shelves.title(record(number)) for number in ("a", "b")]
    item, there = await shelves.item(one), await shelves.item(other)

    taken = await catalog.post(
        f"/v1/holdings/{item['holdings_id']}/moves", json={"title_id": other["id"]}, headers=if_match(1)
    )
    unknown = await catalog.post(
        f"/v1/holdings/{item['holdings_id']}/moves", json={"title_id": str(uuid7())}, headers=if_match(1)
    )

    assert (taken.status_code, taken.json()["holdings_id"]) == (409, there["holdings_id"])
    assert (unknown.status_code, codes(unknown)) == (422, ["title-unknown"])


async def test_items_go_to_other_holdings_all_or_none(catalog: Harness, shelves: Shelves) -> None:
    one, other = [await shelves.title(record(number)) for number in ("a", "b")]
    law = await shelves.location("LAW")
    first, second = await shelves.item(one, call_number="PS1"), await shelves.item(one, call_number="PS2")
    body = {
        "item_ids": [first["id"], second["id"]],
        "title_id": other["id"],
        "location_id": law,
        "call_number": "QA1",
    }

    wrong = await catalog.post("/v1/items:move", json=body | {"item_ids": [first["id"], str(uuid7())]})
    answer = await catalog.post("/v1/items:move", json=body)
    again = await catalog.post(
        "/v1/items:move", json={"item_ids": body["item_ids"], "holdings_id": answer.json()["holdings_id"]}
    )

    assert (wrong.status_code, codes(wrong)) == (422, ["item-unknown"])
    assert (answer.status_code, answer.json()["moved"]) == (200, 2)
    assert again.json()["moved"] == 0
    for item in (first, second):
        now = await read(catalog, item)
        assert (now["title_id"], now["location"], now["call_number"], now["version"]) == (
            other["id"],
            "STACKS",
            "QA1",
            2,
        )
        assert now["location_id"] == law


async def test_hidden_holdings_hide_their_items_everywhere(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    item = await shelves.item(title, call_number="PS1", barcode="B-1")
    path = f"/v1/holdings/{item['holdings_id']}"

    async with shelves.indexed() as indexer:
        answer = await catalog.patch(path, json={"suppressed": True}, headers=if_match(1))
        while await indexer.follow():
            pass
        with catalog.asking(ANONYMOUS):
            seen = [
                (await catalog.get(f"/v1/items/{item['id']}")).status_code,
                (await catalog.get(path)).status_code,
                (await catalog.get(f"/v1/titles/{title['id']}/holdings")).json()["items"],
                (await catalog.get("/v1/items", params={"title_id": title["id"]})).json()["items"],
                (await catalog.get("/v1/shelf", params={"near": "PS1"})).json()["items"],
                (await catalog.get("/v1/titles", params={"query": "barcode:B-1"})).json()["items"],
            ]

    assert (answer.status_code, answer.json()["suppressed"]) == (200, True)
    assert seen == [404, 404, [], [], [], []]
    (told,) = await catalog.announced(ItemsAnnounced)
    assert [state.suppressed for state in told.items] == [True]
    shown = await catalog.patch(path, json={"suppressed": False}, headers=if_match(2))
    assert shown.status_code == 200
    with catalog.asking(ANONYMOUS):
        assert (await catalog.get(f"/v1/items/{item['id']}")).status_code == 200


async def test_holdings_move_house_with_the_items_that_stand_there(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    law, reading = await shelves.location("LAW"), await shelves.location("MAIN", "READING")
    here = await shelves.item(title, call_number="PS1")
    away = await shelves.item(title, call_number="PS1")
    lent_out = await catalog.patch(
        f"/v1/items/{away['id']}", json={"location_id": reading}, headers=if_match(1)
    )
    assert lent_out.status_code == 200
    path = f"/v1/holdings/{here['holdings_id']}"

    answer = await catalog.patch(
        path, json={"location_id": law, "call_number": "QA9 .B1"}, headers=if_match(1)
    )
    nowhere = await catalog.patch(path, json={"location_id": str(uuid7())}, headers=if_match(2))
    stale = await catalog.patch(path, json={"call_number": "X"}, headers=if_match(1))
    cleared = await catalog.patch(path, json={"suppressed": None}, headers=if_match(2))

    assert (answer.status_code, answer.json()["library"]) == (200, "LAW")
    assert [(await read(catalog, item))["location_id"] for item in (here, away)] == [law, reading]
    assert [each.status_code for each in (nowhere, stale, cleared)] == [422, 412, 422]
    shelf = (await catalog.get("/v1/shelf", params={"near": "QA9"})).json()
    assert [each["call_number"] for each in shelf["items"]] == ["QA9 .B1"]
    assert len(await catalog.announced(HoldingsUpdated)) == 1


async def test_holdings_with_items_stay_and_empty_ones_go_and_come_back(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    item = await shelves.item(title)
    path = f"/v1/holdings/{item['holdings_id']}"

    kept = await catalog.delete(path, headers=if_match(1))
    await withdraw_by_hand(catalog, item)
    gone = await catalog.delete(path, headers=if_match(1))
    listed = (await catalog.get(f"/v1/titles/{title['id']}/holdings")).json()["items"]
    deleted = (await catalog.get(f"/v1/titles/{title['id']}/holdings?deleted=true")).json()["items"]
    with catalog.asking(ANONYMOUS):
        strange = await catalog.get(path)
    back = await catalog.post(f"{path}/undeletions", json={}, headers=if_match(2))
    twice = await catalog.post(f"{path}/undeletions", json={}, headers=if_match(3))

    assert (kept.status_code, codes(kept)) == (409, ["items-left"])
    assert (gone.status_code, strange.status_code) == (204, 404)
    assert (listed, [each["id"] for each in deleted]) == ([], [item["holdings_id"]])
    assert (back.status_code, back.json()["deleted_at"]) == (200, None)
    assert twice.status_code == 409
    assert len(await catalog.announced(HoldingsDeleted)) == 1


async def test_deleted_holdings_come_back_when_something_is_to_stand_there(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    place = await shelves.location()
    body = {"title_id": title["id"], "location_id": place, "call_number": "PS1"}
    first = (await catalog.post("/v1/holdings", json=body)).json()
    await catalog.delete(f"/v1/holdings/{first['id']}", headers=if_match(1))

    again = await catalog.post("/v1/holdings", json=body)
    await catalog.delete(f"/v1/holdings/{first['id']}", headers=if_match(3))
    item = await shelves.item(title, call_number="PS1")

    assert (again.status_code, again.json()["id"], again.json()["version"]) == (201, first["id"], 3)
    assert item["holdings_id"] == first["id"]
    found = await catalog.get(f"/v1/holdings/{first['id']}")
    assert (found.json()["deleted_at"], found.json()["version"]) == (None, 5)
    assert len(await catalog.announced(HoldingsCreated)) == 1


async def test_a_title_goes_when_nothing_hangs_on_it_and_comes_back(
    catalog: Harness, shelves: Shelves
) -> None:
    title, other = await shelves.title(record("a", title="Walden")), await shelves.title(record("b"))
    item = await shelves.item(title)
    binder = await shelves.item(other, bound_with=[title["id"]])
    path = f"/v1/titles/{title['id']}"

    kept = await catalog.delete(path, headers=if_match(1))
    await withdraw_by_hand(catalog, item)
    await catalog.patch(f"/v1/items/{binder['id']}", json={"bound_with": []}, headers=if_match(1))
    async with shelves.indexed() as indexer:
        gone = await catalog.delete(path, headers=if_match(1))
        while await indexer.follow():
            pass
        found = (await catalog.get("/v1/titles", params={"query": "title:walden"})).json()["items"]
    with catalog.asking(ANONYMOUS):
        strange = await catalog.get(path)
    staff = await catalog.get(path)
    refused = await catalog.post(
        "/v1/items", json={"title_id": title["id"], "location_id": item["location_id"]}
    )
    listed = (await catalog.get("/v1/titles:deleted")).json()["items"]
    back = await catalog.post(f"{path}/undeletions", json={}, headers=if_match(2))
    twice = await catalog.post(f"{path}/undeletions", json={}, headers=if_match(3))

    assert (kept.status_code, codes(kept)) == (409, ["items-left", "bound-with"])
    assert (gone.status_code, strange.status_code, staff.status_code) == (204, 404, 200)
    assert staff.json()["deleted_at"] is not None
    assert [hit["id"] for hit in found] == [other["id"]]
    assert (refused.status_code, codes(refused)) == (422, ["title-unknown"])
    assert [each["id"] for each in listed] == [title["id"]]
    assert (back.status_code, back.json()["suppressed"], back.json()["deleted_at"]) == (200, False, None)
    assert (twice.status_code, twice.json()["code"]) == (409, "title-not-deleted")


async def test_a_deleted_title_that_is_imported_again_is_back(catalog: Harness, shelves: Shelves) -> None:
    made = with_items(record("a"), ("1", "MAIN", "STACKS"))
    await shelves.imported(file_of(record("a")))
    title_id = await catalog.resources.pool.fetchval("SELECT id FROM title")
    await catalog.delete(f"/v1/titles/{title_id}", headers=if_match(1))

    job = await shelves.imported(file_of(made), profile="local-999")

    assert (job["counts"]["updated"], job["items"]["created"]) == (1, 1)
    with catalog.asking(ANONYMOUS):
        assert (await catalog.get(f"/v1/titles/{title_id}")).status_code == 200


async def test_nothing_is_put_on_holdings_that_go_meanwhile(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()
    place = await shelves.location()
    holdings = (
        await catalog.post("/v1/holdings", json={"title_id": title["id"], "location_id": place})
    ).json()

    gone, added = await asyncio.gather(
        catalog.delete(f"/v1/holdings/{holdings['id']}", headers=if_match(1)),
        catalog.post("/v1/items", json={"holdings_id": holdings["id"]}),
    )

    assert (gone.status_code, added.status_code) in ((204, 422), (409, 201)), (gone.text, added.text)
