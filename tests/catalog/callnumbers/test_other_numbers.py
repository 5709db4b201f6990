"""Call numbers beside the one that something is shelved by."""

from typing import Any

from contracts.catalog import HoldingsCreated, ItemCreated
from support.harness import Harness
from support.shelves import Shelves, record

FORMER = {"call_number": "Phil 12.3", "scheme": None, "kind": "former"}
DEWEY = {"call_number": "818.303", "scheme": "dewey", "kind": "additional"}


async def found(catalog: Harness, number: str) -> list[str]:
    answer = await catalog.get("/v1/titles", params={"query": f'call_number:"{number}"'})
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["items"]]


async def test_what_has_further_numbers_is_found_by_each_and_shelved_by_one(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title(record("r1"))
    shelf = await catalog.post(
        "/v1/holdings",
        json={
            "title_id": title["id"],
            "location_id": await shelves.location(),
            "call_number": "PS3048 .A1",
            "other_call_numbers": [DEWEY],
        },
    )
    item = await catalog.post(
        "/v1/items", json={"holdings_id": shelf.json()["id"], "other_call_numbers": [FORMER]}
    )

    async with shelves.indexed() as indexer:
        for number in ("PS3048 .A1", "818.303", "Phil 12.3"):
            assert await found(catalog, number) == [title["id"]], number
        along = (await catalog.get("/v1/shelf")).json()["items"]
        other = await catalog.get("/v1/shelf", params={"scheme": "dewey"})
        door = f"/v1/items/{item.json()['id']}"
        cleared = await catalog.patch(door, json={"other_call_numbers": []}, headers={"If-Match": '"1"'})
        while await indexer.follow():
            pass
        assert await found(catalog, "Phil 12.3") == []

    assert (shelf.json()["other_call_numbers"], item.json()["other_call_numbers"]) == ([DEWEY], [FORMER])
    assert item.json()["call_number"] == "PS3048 .A1"
    assert [each["call_number"] for each in along] == ["PS3048 .A1"]
    assert other.json()["items"] == []
    assert cleared.json()["other_call_numbers"] == []
    (told,) = await catalog.announced(ItemCreated)
    assert [each.model_dump() for each in told.item.other_call_numbers] == [FORMER, DEWEY]
    (holdings,) = await catalog.announced(HoldingsCreated)
    assert [each.model_dump() for each in holdings.holdings.other_call_numbers] == [DEWEY]


async def test_lists_ask_for_further_numbers_and_what_is_wrong_is_told(
    catalog: Harness, shelves: Shelves
) -> None:
    await shelves.item(barcode="b1", other_call_numbers=[FORMER, DEWEY])
    await shelves.item(await shelves.title(record("r2")), barcode="b2")
    asked: dict[str, Any] = {
        "kind": "items",
        "condition": {"field": "item.other_call_numbers", "contains": "phil 12"},
        "columns": ["item.barcode", "item.other_call_numbers"],
    }

    seen = await catalog.post("/v1/queries:preview", json=asked)
    wrong = await catalog.post(
        "/v1/items",
        json={
            "title_id": (await shelves.title(record("r3")))["id"],
            "location_id": await shelves.location(),
            "other_call_numbers": [{"call_number": "", "scheme": "none", "kind": "odd"}],
        },
    )

    rows = [(each["item.barcode"], each["item.other_call_numbers"]) for each in seen.json()["rows"]]
    assert rows == [("b1", "Phil 12.3; 818.303")]
    assert (wrong.status_code, len(wrong.json()["reasons"])) == (422, 3)
