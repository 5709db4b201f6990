"""A whole shelf goes elsewhere for a time, and comes back."""

import asyncio
from typing import Any

from catalog.bulkedits.worker import work_once
from catalog.lists import worker as lists
from contracts.catalog import ItemsAnnounced
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items

LOANS = [{"code": "standard", "name": "Standard"}, {"code": "reserve", "name": "Course reserve"}]
BARCODES = ["b0", "b1", "b2"]


async def worked(catalog: Harness) -> None:
    for work in (lists.work_once, work_once):
        while await work(catalog.resources, asyncio.Event()):
            pass


async def edited(catalog: Harness, changes: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
    """The edit, previewed and carried out."""
    told = await catalog.post(
        "/v1/bulk-edits", json={"name": "Reserve", "changes": changes, "source": source}
    )
    assert told.status_code == 202, told.text
    await worked(catalog)
    door = f"/v1/bulk-edits/{told.json()['id']}"
    seen = await catalog.get(door)
    await catalog.post(f"{door}/confirmations", headers={"If-Match": seen.headers["etag"]})
    await worked(catalog)
    found: dict[str, Any] = (await catalog.get(door)).json()
    return found


async def standing(catalog: Harness) -> list[tuple[str, str, str]]:
    """Of each item where it belongs, where it stands, and what it is lent as."""
    told = []
    for barcode in BARCODES:
        (item,) = (await catalog.get("/v1/items", params={"barcode": barcode})).json()["items"]
        told.append((item["location_id"], item["effective_location_id"], item["effective_loan_type"]))
    return told


async def test_a_whole_shelf_stands_elsewhere_for_a_time_and_comes_back(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.configure(loan_types=LOANS)
    home, law = await shelves.location(), await shelves.location("LAW", "READING")
    await shelves.imported(
        file_of(*(with_items(record(each), (each, "MAIN", "STACKS")) for each in BARCODES)),
        profile="local-999",
    )

    there = {"temporary_location_id": law, "temporary_loan_type": "reserve"}
    edit = await edited(catalog, {"items": {"set": there}}, {"barcodes": BARCODES})
    away = await standing(catalog)
    events = [item for event in await catalog.announced(ItemsAnnounced) for item in event.items]
    elsewhere = {"condition": {"field": "item.temporary_location_id", "is": law}}
    back = await edited(catalog, {"items": {"set": dict.fromkeys(there)}}, elsewhere)
    home_again = await standing(catalog)
    await catalog.post(f"/v1/bulk-edits/{back['id']}/undoing")
    await worked(catalog)

    assert edit["counts"]["edited"] == back["counts"]["edited"] == 3, (edit, back)
    assert away == [(home, law, "reserve")] * 3
    assert {(str(each.location_id), each.loan_type) for each in events[-3:]} == {(law, "reserve")}
    assert home_again == [(home, home, "standard")] * 3
    assert await standing(catalog) == away

    shelf = {"condition": {"field": "holdings.location_id", "is": home}}
    science = await shelves.location("SCIENCE", "STACKS")
    moved = await edited(catalog, {"holdings": {"set": {"temporary_location_id": science}}}, shelf)
    await edited(catalog, {"items": {"set": dict.fromkeys(there)}}, {"barcodes": BARCODES})

    assert moved["counts"]["edited"] == 3
    assert await standing(catalog) == [(home, science, "standard")] * 3
    steps = (await catalog.get(f"/v1/items/{events[-1].item_id}/history")).json()["items"]
    assert [len(each["differences"]) for each in steps] == [2, 2, 2, 2]


async def test_what_many_cannot_stand_at_is_told_before_anything_is_done(
    catalog: Harness, shelves: Shelves
) -> None:
    nowhere = "01a21aab-7bf6-79aa-a118-723f32f565a8"
    sets = {"temporary_location_id": nowhere, "temporary_loan_type": "none"}

    unknown = await catalog.post(
        "/v1/bulk-edits",
        json={"name": "X", "changes": {"items": {"set": sets}}, "source": {"barcodes": BARCODES}},
    )
    alone = await catalog.post(
        "/v1/bulk-edits",
        json={
            "name": "X",
            "changes": {"items": {"set": {"other_call_numbers": []}}},
            "source": {"barcodes": BARCODES},
        },
    )

    assert [each["pointer"] for each in unknown.json()["reasons"]] == [
        f"/changes/items/set/{name}" for name in sets
    ]
    assert alone.status_code == 422
