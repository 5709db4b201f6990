"""Items and holdings remember who changed what, and can be as they were."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx

from chassis.principal import Principal
from contracts.circulation import ItemFloated, ItemWithdrawalCleared
from support.desk import NOW
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

OTHER = Principal("staff", "other", frozenset({"items:write"}))
PRICE = {"minor": 1200, "currency": "EUR"}


def tag(version: int) -> dict[str, str]:
    return {"If-Match": f'"{version}"'}


async def steps(catalog: Harness, door: str, **params: Any) -> list[dict[str, Any]]:
    answer = await catalog.get(f"{door}/history", params=params)
    assert answer.status_code == 200, answer.text
    told: list[dict[str, Any]] = answer.json()["items"]
    return told


def told(step: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["before"], each["after"]) for each in step["differences"]}


async def restored(catalog: Harness, door: str, version: int, now: int) -> httpx.Response:
    return await catalog.post(f"{door}/restorations", json={"version": version}, headers=tag(now))


async def test_an_item_remembers_who_changed_which_fact_and_is_as_it_was_again(
    catalog: Harness, shelves: Shelves
) -> None:
    law = await shelves.location("LAW", "READING")
    item = await shelves.item(barcode="1", note="old", purchase_price=PRICE)
    door = f"/v1/items/{item['id']}"
    await catalog.patch(door, json={"note": "new", "purchase_price": None}, headers=tag(1))
    with catalog.asking(OTHER):
        await catalog.patch(door, json={"barcode": "2", "temporary_location_id": law}, headers=tag(2))
    await catalog.patch(door, json={"note": "newest"}, headers=tag(3))
    await catalog.patch(door, json={"note": "newest"}, headers=tag(4))  # nothing, and no step

    history = await steps(catalog, door)
    first = await catalog.get(f"{door}/history", params={"limit": 2})
    rest = await steps(catalog, door, cursor=first.json()["next_cursor"])

    assert [each["version"] for each in history] == [4, 3, 2]
    assert [each["by"] for each in history][1] == "staff:other"
    assert told(history[0]) == {"note": ("new", "newest")}
    assert told(history[1]) == {"barcode": ("1", "2"), "temporary_location_id": (None, law)}
    assert told(history[2]) == {"note": ("old", "new"), "purchase_price": (PRICE, None)}
    assert first.json()["items"] + rest == history

    stale = await restored(catalog, door, 1, 3)
    unknown = await restored(catalog, door, 7, 4)
    answer = await restored(catalog, door, 1, 4)

    assert (stale.status_code, unknown.status_code, unknown.json()["code"]) == (412, 404, "facts-unknown")
    assert answer.status_code == 200, answer.text
    back = answer.json()
    assert {name: back[name] for name in item if name not in ("version", "updated_at")} == {
        name: item[name] for name in item if name not in ("version", "updated_at")
    }
    assert told((await steps(catalog, door))[0])["note"] == ("newest", "old")


async def test_what_cannot_be_again_is_told_and_of_two_who_restore_one_looks_again(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    item = await shelves.item(title, barcode="1")
    door = f"/v1/items/{item['id']}"
    await catalog.patch(door, json={"barcode": "2"}, headers=tag(1))
    other = await shelves.item(title, barcode="1")

    taken = await restored(catalog, door, 1, 2)
    await catalog.patch(f"/v1/items/{other['id']}", json={"barcode": None}, headers=tag(1))
    answers = await asyncio.gather(*(restored(catalog, door, 1, 2) for _ in range(3)))

    assert (taken.status_code, taken.json()["code"]) == (409, "barcode-taken")
    assert sorted(each.status_code for each in answers) == [200, 412, 412]
    assert [each["version"] for each in await steps(catalog, door)] == [3, 2]
    with catalog.asking(Principal("staff", "reader", frozenset({"items:read"}))):
        assert (await catalog.get(f"{door}/history")).status_code == 403
    assert (await catalog.get(f"/v1/items/{uuid4()}/history")).status_code == 404


async def test_whatever_changes_an_item_leaves_a_step(catalog: Harness, shelves: Shelves) -> None:
    law, science = [await shelves.location(*each) for each in (("LAW", "READING"), ("SCIENCE", "STACKS"))]
    first = record("r1")
    await shelves.imported(file_of(with_items(first, ("b1", "MAIN", "STACKS"))), profile="local-999")
    (item,) = (await catalog.get("/v1/items", params={"barcode": "b1"})).json()["items"]
    door, home = f"/v1/items/{item['id']}", item["location_id"]
    await shelves.imported(file_of(with_items(first, ("b1", "LAW", "READING"))), profile="local-999")
    await catalog.deliver(
        ItemFloated(
            version=1,
            occurred_at=NOW,
            item_id=UUID(item["id"]),
            from_location_id=UUID(law),
            to_location_id=UUID(science),
            service_point_id=uuid4(),
        ),
        source="circulation",
    )
    other, stays = await shelves.title(record("r2")), await shelves.title(record("r3"))
    shelf = await catalog.post("/v1/holdings", json={"title_id": other["id"], "location_id": home})
    await catalog.post("/v1/items:move", json={"item_ids": [item["id"]], "holdings_id": shelf.json()["id"]})
    version = (await catalog.get(door)).json()["version"]
    await catalog.patch(door, json={"bound_with": [stays["id"]]}, headers=tag(version))
    merged = await catalog.post(
        f"/v1/titles/{stays['id']}/merges",
        json={"merged": [{"title_id": other["id"]}]},
        headers=tag(1),
    )
    assert merged.status_code == 201, merged.text
    asked = await catalog.post(f"{door}/withdrawals", json={"reason": "worn out"})
    await catalog.deliver(
        ItemWithdrawalCleared(
            version=1, occurred_at=NOW, item_id=UUID(item["id"]), withdrawal_id=UUID(asked.json()["id"])
        ),
        source="circulation",
    )

    history = [told(each) for each in await steps(catalog, door)]

    assert history[0] == {"base_state": ("active", "withdrawn")}
    assert history[1] == {"title_id": (other["id"], stays["id"]), "bound_with": ([stays["id"]], [])}
    assert history[2] == {"bound_with": ([], [stays["id"]])}
    assert history[3]["holdings_id"][1] == shelf.json()["id"]
    assert history[4] == {"location_id": (law, science)}
    assert history[5]["location_id"] == (home, law)
    now = (await catalog.get(door)).json()["version"]
    refused = await restored(catalog, door, now - 1, now)
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "item-withdrawn")


async def test_holdings_remember_and_are_as_they_were_with_their_items(
    catalog: Harness, shelves: Shelves
) -> None:
    law = await shelves.location("LAW", "READING")
    item = await shelves.item(call_number="PS3048 .A1")
    shelf, home = f"/v1/holdings/{item['holdings_id']}", item["location_id"]
    await catalog.patch(shelf, json={"location_id": law, "call_number": "PS3048 .A2"}, headers=tag(1))
    await catalog.patch(shelf, json={"suppressed": True}, headers=tag(2))

    history = await steps(catalog, shelf)
    back = await restored(catalog, shelf, 1, 3)

    assert [told(each) for each in history] == [
        {"suppressed": (False, True)},
        {"location_id": (home, law), "call_number": ("PS3048 .A1", "PS3048 .A2")},
    ]
    assert (back.status_code, back.json()["location_id"], back.json()["suppressed"]) == (200, home, False)
    assert (await catalog.get(f"/v1/items/{item['id']}")).json()["effective_location_id"] == home
    mine = await steps(catalog, f"/v1/items/{item['id']}")
    assert told(mine[0]) == {"location_id": (law, home)}
