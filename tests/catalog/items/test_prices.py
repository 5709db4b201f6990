"""What an item cost and what a new copy would: told by staff and by records, and passed on to circulation."""

from typing import Any

import pytest

from catalog.marc.record import Field
from contracts.catalog import ItemCreated, ItemsAnnounced, ItemUpdated
from contracts.money import Amount
from support.harness import Harness
from support.shelves import Shelves, file_of, record

BOUGHT = {"minor": 2490, "currency": "EUR"}
NEW = {"minor": 3990, "currency": "EUR"}


async def test_an_items_prices_are_kept_changed_cleared_and_told(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(purchase_price=BOUGHT)
    door = f"/v1/items/{item['id']}"

    changed = await catalog.patch(door, json={"replacement_price": NEW}, headers={"If-Match": '"1"'})
    cleared = await catalog.patch(door, json={"purchase_price": None}, headers={"If-Match": '"2"'})

    assert (item["purchase_price"], item["replacement_price"]) == (BOUGHT, None)
    assert (changed.json()["purchase_price"], changed.json()["replacement_price"]) == (BOUGHT, NEW)
    assert (cleared.json()["purchase_price"], cleared.json()["replacement_price"]) == (None, NEW)
    (created,) = await catalog.announced(ItemCreated)
    assert created.item.purchase_price == Amount(minor=2490, currency="EUR")
    assert [event.item.purchase_price for event in await catalog.announced(ItemUpdated)] == [
        Amount(minor=2490, currency="EUR"),
        None,
    ]


async def test_prices_are_for_staff(catalog: Harness, shelves: Shelves) -> None:
    item = await shelves.item(purchase_price=BOUGHT, replacement_price=NEW)

    with catalog.asking(None):
        seen = (await catalog.get(f"/v1/items/{item['id']}")).json()

    assert (seen["purchase_price"], seen["replacement_price"]) == (None, None)


@pytest.mark.parametrize(
    "price",
    [
        {"minor": -1, "currency": "EUR"},
        {"minor": 10**13, "currency": "EUR"},
        {"minor": 5, "currency": "eur"},
        5,
    ],
    ids=["below-nothing", "beyond-measure", "no-currency", "a-bare-number"],
)
async def test_a_price_that_is_none_is_refused(catalog: Harness, shelves: Shelves, price: Any) -> None:
    item = await shelves.item()

    answer = await catalog.patch(
        f"/v1/items/{item['id']}", json={"purchase_price": price}, headers={"If-Match": '"1"'}
    )

    assert answer.status_code == 422, answer.text


async def test_records_tell_prices_in_their_own_fields(catalog: Harness, shelves: Shelves) -> None:
    koha = Field.data(
        "952", "  ", ("a", "MAIN"), ("c", "STACKS"), ("p", "31"), ("g", "24.90"), ("v", "USD 40.00")
    )
    shelf = Field.data("852", "  ", ("8", "1"), ("b", "MAIN"), ("c", "STACKS"))
    bought = Field.data("876", "  ", ("8", "1.1"), ("p", "32"), ("c", "EUR 12,00"), ("z", "signed"))
    job = await shelves.imported(file_of(record("a").having(koha)), profile="local-952")

    await shelves.imported(file_of(record("b").having(shelf, bought)), profile="standard")

    assert job["items"]["created"] == 1
    first = await by_barcode(catalog, "31")
    assert (first["purchase_price"], first["replacement_price"]) == (
        BOUGHT,
        {"minor": 4000, "currency": "USD"},
    )
    second = await by_barcode(catalog, "32")
    assert (second["purchase_price"], second["note"]) == ({"minor": 1200, "currency": "EUR"}, "signed")
    assert (await catalog.announced(ItemsAnnounced))[0].items[0].replacement_price == Amount(
        minor=4000, currency="USD"
    )


async def test_a_price_that_nobody_can_read_is_told_and_the_item_taken_without_it(
    catalog: Harness, shelves: Shelves
) -> None:
    field = Field.data("952", "  ", ("a", "MAIN"), ("c", "STACKS"), ("p", "31"), ("g", "a gift"))

    job = await shelves.imported(file_of(record("a").having(field)), profile="local-952")

    (told,) = await shelves.outcomes(job, with_reasons=True)
    assert [reason["code"] for reason in told["reasons"]] == ["price-unreadable"]
    assert (await by_barcode(catalog, "31"))["purchase_price"] is None


async def test_a_record_that_tells_no_price_leaves_the_one_that_staff_gave(
    catalog: Harness, shelves: Shelves
) -> None:
    fields = [("a", "MAIN"), ("c", "STACKS"), ("p", "31"), ("t", "1")]
    await shelves.imported(file_of(record("a").having(Field.data("952", "  ", *fields))), profile="local-952")
    item = await by_barcode(catalog, "31")
    await catalog.patch(
        f"/v1/items/{item['id']}", json={"purchase_price": BOUGHT}, headers={"If-Match": '"1"'}
    )

    again = Field.data("952", "  ", *fields, ("h", "v. 2"), ("v", "39.90"))
    await shelves.imported(file_of(record("a").having(again)), profile="local-952")

    item = await by_barcode(catalog, "31")
    assert (item["volume"], item["purchase_price"], item["replacement_price"]) == ("v. 2", BOUGHT, NEW)


async def by_barcode(catalog: Harness, barcode: str) -> dict[str, Any]:
    (item,) = (await catalog.get("/v1/items", params={"barcode": barcode})).json()["items"]
    found: dict[str, Any] = item
    return found
