"""Where items stand and what they are lent as, for good and for a time: the catalogue says which counts."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from catalog.holdings.embedding import embedded
from contracts.catalog import HoldingsUpdated, ItemCreated, ItemsAnnounced, ItemUpdated
from contracts.circulation import ItemFloated
from support.desk import NOW
from support.harness import Harness
from support.shelves import Shelves, file_of, record, with_items
from support.university import CATALOG

LOANS = [{"code": "standard", "name": "Standard"}, {"code": "reserve", "name": "Course reserve"}]


@pytest.fixture
async def places(shelves: Shelves) -> dict[str, str]:
    """Locations by what the tests call them, in a catalogue with two loan types."""
    await shelves.configure(loan_types=LOANS)
    return {
        "home": await shelves.location(),
        "law": await shelves.location("LAW", "READING"),
        "science": await shelves.location("SCIENCE", "STACKS"),
    }


async def change(catalog: Harness, door: str, **facts: Any) -> httpx.Response:
    tag = (await catalog.get(door)).headers["etag"]
    return await catalog.patch(door, json=facts, headers={"If-Match": tag})


async def stands(catalog: Harness, item: dict[str, Any]) -> tuple[str, str | None, str]:
    """Where it belongs, where it has been put, where it stands."""
    told = (await catalog.get(f"/v1/items/{item['id']}")).json()
    return told["location_id"], told["temporary_location_id"], told["effective_location_id"]


async def test_the_first_place_that_is_told_counts(
    catalog: Harness, shelves: Shelves, places: dict[str, str]
) -> None:
    home, law, science = places.values()
    item = await shelves.item()
    door, shelf = f"/v1/items/{item['id']}", f"/v1/holdings/{item['holdings_id']}"

    await change(catalog, shelf, temporary_location_id=law)
    with_the_shelf = await stands(catalog, item)
    await change(catalog, door, location_id=science)
    own = await stands(catalog, item)
    await change(catalog, door, temporary_location_id=home)
    put = await change(catalog, door, temporary_loan_type="reserve")

    assert (with_the_shelf, own) == ((home, None, law), (science, None, science))
    told = put.json()
    assert [told[name] for name in ("location_id", "temporary_location_id", "effective_location_id")] == [
        science,
        home,
        home,
    ]
    assert (told["library"], told["loan_type"], told["effective_loan_type"]) == (
        "MAIN",
        "standard",
        "reserve",
    )
    event = (await catalog.announced(ItemUpdated))[-1].item
    assert (str(event.location_id), str(event.permanent_location_id)) == (home, science)
    assert (event.loan_type, event.permanent_loan_type) == ("reserve", "standard")
    (moved,) = await catalog.announced(ItemsAnnounced)
    assert str(moved.items[0].location_id) == law
    assert str((await catalog.announced(HoldingsUpdated))[0].holdings.temporary_location_id) == law

    await change(catalog, door, temporary_location_id=None, temporary_loan_type=None, location_id=home)
    assert await stands(catalog, item) == (home, None, law)
    await change(catalog, shelf, temporary_location_id=None)
    assert await stands(catalog, item) == (home, None, home)
    event = (await catalog.announced(ItemsAnnounced))[-1].items[0]
    assert (str(event.location_id), event.permanent_location_id, event.permanent_loan_type) == (
        home,
        None,
        None,
    )


async def test_what_stands_elsewhere_is_told_everywhere_and_its_record_tells_where_it_belongs(
    catalog: Harness, shelves: Shelves, places: dict[str, str]
) -> None:
    item = await shelves.item(call_number="PS3048 .A1")
    shelf = f"/v1/holdings/{item['holdings_id']}"
    await change(catalog, shelf, temporary_location_id=places["law"])
    await change(catalog, f"/v1/items/{item['id']}", temporary_loan_type="reserve")
    accept = {"Accept": "application/marc+json"}

    fields = (await embedded(catalog.resources.pool, [UUID(item["title_id"])]))[UUID(item["title_id"])]
    seen = (await catalog.get(shelf)).json()
    described = await catalog.get(shelf, headers=accept)
    put_back = await catalog.put(
        shelf,
        content=described.content,
        headers={"Content-Type": "application/marc+json", "If-Match": described.headers["etag"]},
    )

    assert [(each.get("b"), each.get("c")) for each in fields if each.tag == "852"] == [("LAW", "READING")]
    assert [each.get("h") for each in fields if each.tag == "876"] == ["reserve"]
    assert (seen["library"], seen["location_id"]) == ("LAW", places["home"])
    assert (seen["temporary_location_id"], seen["effective_location_id"]) == (places["law"], places["law"])
    assert '"c":"STACKS"' in described.text.replace(" ", "")
    assert (put_back.status_code, put_back.json()["location_id"]) == (200, places["home"])
    assert await stands(catalog, item) == (places["home"], None, places["law"])
    for place, count in (("law", 1), ("home", 0)):
        along = await catalog.get("/v1/shelf", params={"location_id": places[place]})
        assert [each["library"] for each in along.json()["items"]] == ["LAW"] * count


async def test_whoever_comes_or_goes_stands_where_the_shelf_stands(
    catalog: Harness, shelves: Shelves, places: dict[str, str]
) -> None:
    home, law, science = places.values()
    first = record("r1")
    await shelves.imported(file_of(with_items(first, ("b1", "MAIN", "STACKS"))), profile="local-999")
    (item,) = (await catalog.get("/v1/items", params={"barcode": "b1"})).json()["items"]
    shelf = f"/v1/holdings/{item['holdings_id']}"
    await change(catalog, shelf, temporary_location_id=law)

    more = with_items(first, ("b1", "MAIN", "STACKS"), ("b2", "MAIN", "STACKS"))
    await shelves.imported(file_of(more), profile="local-999")
    added = await catalog.post("/v1/items", json={"holdings_id": item["holdings_id"]})
    (imported,) = (await catalog.get("/v1/items", params={"barcode": "b2"})).json()["items"]
    other = await shelves.item(await shelves.title(record("r2")))
    await catalog.post(
        "/v1/items:move", json={"item_ids": [imported["id"]], "holdings_id": other["holdings_id"]}
    )
    await catalog.post("/v1/items:move", json={"item_ids": [other["id"]], "holdings_id": item["holdings_id"]})
    await change(catalog, shelf, location_id=science)

    assert imported["effective_location_id"] == law
    assert await stands(catalog, imported) == (home, None, home)
    for each in (item, other, added.json()):
        assert await stands(catalog, each) == (science, None, law)
    assert str((await catalog.announced(ItemCreated))[-1].item.location_id) == home


async def test_an_item_that_floats_while_it_is_elsewhere_still_belongs_where_it_belonged(
    catalog: Harness, shelves: Shelves, places: dict[str, str]
) -> None:
    home, law, science = places.values()
    item = await shelves.item(temporary_location_id=law)

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

    assert await stands(catalog, item) == (home, science, science)


async def test_places_and_loan_types_for_a_time_are_known_ones_and_stay_while_they_are_told(
    catalog: Harness, shelves: Shelves, places: dict[str, str]
) -> None:
    item = await shelves.item()
    door, shelf = f"/v1/items/{item['id']}", f"/v1/holdings/{item['holdings_id']}"

    unknown = await change(catalog, door, temporary_location_id=str(uuid4()), temporary_loan_type="none")
    elsewhere = await change(catalog, shelf, temporary_location_id=str(uuid4()))
    await change(catalog, door, temporary_location_id=places["law"], temporary_loan_type="reserve")
    await change(catalog, shelf, temporary_location_id=places["science"])
    without = [
        each
        for each in CATALOG["locations"]
        if (each["library"], each["code"]) not in {("LAW", "READING"), ("SCIENCE", "STACKS")}
    ]
    gone = await catalog.put(
        "/v1/configuration/catalog", json=CATALOG | {"loan_types": LOANS[:1], "locations": without}
    )

    assert [each["pointer"] for each in unknown.json()["reasons"]] == [
        "/temporary_location_id",
        "/temporary_loan_type",
    ]
    assert elsewhere.status_code == 422
    assert sorted(each["text"] for each in gone.json()["reasons"]) == [
        f"{key!r} is still in use." for key in ("LAW/READING", "SCIENCE/STACKS", "reserve")
    ]
