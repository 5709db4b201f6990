"""Items: one barcode each, told of whole, changed only by who read them last."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from catalog.marc.generate import generate
from chassis.principal import ANONYMOUS, Principal
from contracts.catalog import ItemBase, ItemCreated, ItemsAnnounced, ItemUpdated
from support.harness import Harness
from support.shelves import Shelves, record

READER = Principal("staff", "desk", frozenset({"items:read"}))


async def test_an_item_is_added_at_a_location_and_told_of_whole(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()

    item = await shelves.item(title, barcode="3100", call_number="PS 1", copy_number="1")

    (event,) = await catalog.announced(ItemCreated)
    assert event.item.model_dump(mode="json") == {
        "item_id": item["id"],
        "version": 1,
        "barcode": "3100",
        "holdings_id": item["holdings_id"],
        "title_ids": [title["id"]],
        "location_id": item["location_id"],
        "material_type": "unspecified",
        "loan_type": "standard",
        "base_state": "active",
        "call_number": "PS 1",
        "volume": None,
        "copy_number": "1",
        "short_title": "Walden",
        "short_author": "Thoreau, Henry David",
        "suppressed": False,
        "pieces": None,
        "pieces_text": None,
        "purchase_price": None,
        "replacement_price": None,
        "accession_number": None,
        "enumeration": None,
        "chronology": None,
        "year_caption": None,
        "missing_pieces": None,
        "missing_pieces_text": None,
        "missing_pieces_on": None,
        "damaged_status": None,
        "damaged_on": None,
        "statistical_codes": [],
        "check_out_notes": [],
        "check_in_notes": [],
        "tags": [],
        "custom": {},
        "intellectual": False,
        "created_at": item["created_at"],
        "permanent_location_id": None,
        "temporary_location_id": None,
        "permanent_loan_type": None,
        "temporary_loan_type": None,
        "temporary_location_ends_at": None,
        "temporary_loan_type_ends_at": None,
        "record_number": item["record_number"],
        "other_call_numbers": [],
    }
    found = await catalog.get("/v1/items", params={"barcode": "3100"})
    assert [each["id"] for each in found.json()["items"]] == [item["id"]]
    (holdings,) = (await catalog.get(f"/v1/titles/{title['id']}/holdings")).json()["items"]
    assert (holdings["id"], holdings["call_number"], holdings["items"]) == (item["holdings_id"], "PS 1", 1)


async def test_items_of_one_shelf_share_their_holdings(shelves: Shelves) -> None:
    title = await shelves.title()

    first = await shelves.item(title, call_number="PS 1")
    second = await shelves.item(title, call_number="PS 1")
    third = await shelves.item(title, call_number="PS 2")

    assert first["holdings_id"] == second["holdings_id"] != third["holdings_id"]


async def test_a_barcode_is_given_once_even_in_a_race(catalog: Harness, shelves: Shelves) -> None:
    title, place = await shelves.title(), await shelves.location()
    body = {"title_id": title["id"], "location_id": place, "barcode": "3100"}

    answers = await asyncio.gather(*(catalog.post("/v1/items", json=body) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"barcode-taken"}
    assert len(await catalog.announced(ItemCreated)) == 1


async def test_a_change_keeps_what_it_does_not_name(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="3100", volume="1", note="for staff")

    answer = await catalog.patch(
        f"/v1/items/{item['id']}",
        json={"volume": None, "base_state": "damaged", "barcode": "3101"},
        headers={"If-Match": '"1"'},
    )

    told = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert (told["volume"], told["note"], told["base_state"]) == (None, "for staff", "damaged")
    (event,) = await catalog.announced(ItemUpdated)
    assert (event.version, event.item.version, event.item.base_state) == (2, 2, ItemBase.DAMAGED)
    assert (await catalog.get("/v1/items", params={"barcode": "3100"})).json()["items"] == []


async def test_nothing_changed_is_nothing_told(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(barcode="3100")

    answer = await catalog.patch(
        f"/v1/items/{item['id']}", json={"barcode": "3100"}, headers={"If-Match": '"1"'}
    )

    assert answer.headers["etag"] == '"1"'
    assert await catalog.announced(ItemUpdated) == []


@pytest.mark.parametrize(
    ("change", "headers", "status", "code"),
    [
        ({"volume": "2"}, {}, 428, "if-match-required"),
        ({"volume": "2"}, {"If-Match": '"9"'}, 412, "stale"),
        ({"base_state": "withdrawn"}, {"If-Match": '"1"'}, 409, "base-state-refused"),
        ({"barcode": "3999"}, {"If-Match": '"1"'}, 409, "barcode-taken"),
        ({"material_type": "nonsense"}, {"If-Match": '"1"'}, 422, "invalid"),
        ({"location_id": str(uuid4())}, {"If-Match": '"1"'}, 422, "invalid"),
        ({"bound_with": [str(uuid4())]}, {"If-Match": '"1"'}, 422, "invalid"),
        ({"location_id": None}, {"If-Match": '"1"'}, 422, "invalid"),
        ({"unheard": "of"}, {"If-Match": '"1"'}, 422, "invalid"),
        ({"barcode": " "}, {"If-Match": '"1"'}, 422, "invalid"),
        ({"note": "a\u0000b"}, {"If-Match": '"1"'}, 422, "invalid"),
    ],
)
async def test_a_change_that_cannot_be_is_refused(
    catalog: Harness,
    shelves: Shelves,
    change: dict[str, Any],
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    await shelves.item(barcode="3999")
    item = await shelves.item(await shelves.title(record("b")), barcode="3100")

    answer = await catalog.patch(f"/v1/items/{item['id']}", json=change, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await catalog.announced(ItemUpdated) == []


async def test_everything_unknown_is_told_at_once(catalog: Harness, shelves: Shelves) -> None:
    title = await shelves.title()

    answer = await catalog.post(
        "/v1/items",
        json={
            "title_id": title["id"],
            "location_id": await shelves.location(),
            "material_type": "x",
            "loan_type": "y",
            "bound_with": [str(uuid4())],
        },
    )

    assert {reason["code"] for reason in answer.json()["reasons"]} == {
        "material-type-unknown",
        "loan-type-unknown",
        "title-unknown",
    }


async def test_an_item_bound_with_others_belongs_to_each(catalog: Harness, shelves: Shelves) -> None:
    first, second = await shelves.title(record("a")), await shelves.title(record("b"))

    item = await shelves.item(first, bound_with=[second["id"], first["id"]])

    assert item["title_ids"] == [first["id"], second["id"]]
    found = await catalog.get("/v1/items", params={"title_id": second["id"]})
    assert [each["id"] for each in found.json()["items"]] == [item["id"]]


async def test_strangers_see_items_but_no_notes_and_no_hidden_ones(
    catalog: Harness, shelves: Shelves
) -> None:
    title = await shelves.title()
    seen = await shelves.item(title, barcode="1", note="between us")
    await shelves.item(title, barcode="2", suppressed=True)

    with catalog.asking(ANONYMOUS):
        listed = (await catalog.get("/v1/items", params={"title_id": title["id"]})).json()["items"]
        hidden = (await catalog.get("/v1/items", params={"barcode": "2"})).json()["items"]
    with catalog.asking(READER):
        desk = (await catalog.get("/v1/items", params={"title_id": title["id"]})).json()["items"]

    assert [(each["id"], each["note"]) for each in listed] == [(seen["id"], None)]
    assert hidden == []
    assert [each["note"] for each in desk] == ["between us", None]


async def test_holdings_are_added_once(catalog: Harness, shelves: Shelves) -> None:
    body = {"title_id": (await shelves.title())["id"], "location_id": await shelves.location()}

    first = await catalog.post("/v1/holdings", json=body)
    again = await catalog.post("/v1/holdings", json=body)
    item = await catalog.post("/v1/items", json={"holdings_id": first.json()["id"], "barcode": "1"})

    assert (first.status_code, again.status_code) == (201, 409)
    assert (item.status_code, item.json()["location_id"]) == (201, body["location_id"])
    assert (await catalog.get(f"/v1/holdings/{first.json()['id']}")).json()["items"] == 1


class Counting:
    """A pool that remembers what it was asked."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.asked: list[str] = []

    async def fetch(self, query: str, *arguments: Any) -> Any:
        """Ask, and remember."""
        self.asked.append(query)
        return await self.pool.fetch(query, *arguments)


async def test_lists_page_by_cursor_in_one_query(
    catalog: Harness, shelves: Shelves, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shelves.imported(
        b"".join(one.raw for one in generate(20, item_profile="local-999")), profile="local-999"
    )
    pool = catalog.resources.pool
    counting = Counting(pool)
    monkeypatch.setattr(catalog.resources, "pool", counting)
    seen: list[str] = []
    cursor, pages = None, 0
    while True:
        params = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        answer = await catalog.get("/v1/items", params=params)
        seen += [each["id"] for each in answer.json()["items"]]
        pages += 1
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            break
        assert f"cursor={cursor}" in answer.headers["link"]

    assert len(counting.asked) == pages
    assert len(seen) == len(set(seen)) == await pool.fetchval("SELECT count(*) FROM item")


async def test_all_items_can_be_told_of_again(catalog: Harness, shelves: Shelves) -> None:
    job = await shelves.imported(
        b"".join(one.raw for one in generate(400, item_profile="local-999")), profile="local-999"
    )
    before = len(await catalog.announced(ItemsAnnounced))

    first = (await catalog.post("/v1/items:announce", params={"limit": 100})).json()
    rest = (await catalog.post("/v1/items:announce", params={"cursor": first["next_cursor"]})).json()

    events = (await catalog.announced(ItemsAnnounced))[before:]
    ids = [state.item_id for event in events for state in event.items]
    assert first["announced"] + rest["announced"] == len(set(ids)) == len(ids) == job["items"]["created"]
    assert rest["next_cursor"] is None
    assert max(len(event.items) for event in events) <= 500
