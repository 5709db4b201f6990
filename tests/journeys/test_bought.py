"""A book is ordered, comes, is catalogued, lent, invoiced in two parts; one copy goes back, for a credit."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from contracts.erm import OrderLineReceived, ReceiptUndone
from support.buying import House, buying
from support.desk import codes

pytestmark = pytest.mark.journey


@pytest.fixture
async def house(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[House]:
    """All three, configured."""
    async with buying(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("twice", [False, True], ids=["once", "every event twice"])
async def test_a_book_is_bought_lent_paid_for_and_a_copy_goes_back(house: House, twice: bool) -> None:
    house.twice = twice
    make, books, desk = house.make, house.services["catalog"], house.services["circulation"]
    reader = (
        await desk.post("/v1/patrons", json={"group": "student", "family_name": "R", "barcode": "R1"})
    ).json()
    fund = await make.budget()
    order = await make.approved(
        make.line(
            fund,
            "40.00",
            quantity=2,
            receipt="items",
            location_id=await house.location(),
            author="Okafor, Adaeze",
            isbn="978-0-306-40615-7",
            year="2026",
            call_number="GB1203.2 .O43 2026",
        )
    )
    (line,) = order["lines"]
    assert (await make.sums(fund))[0] == "80.00"

    # the first copy comes: the catalogue enters the title, and an item that is in process
    first = await make.receive(line, barcodes=["B1"])
    assert (await house.piece(first))["state"] == "asked"
    await house.carry()
    piece = await house.piece(first)
    item = (await books.get(f"/v1/items/{piece['item_id']}")).json()
    title = (await books.get(f"/v1/titles/{item['title_id']}")).json()
    told = await make.get(f"/v1/order-lines/{line['id']}")
    assert (piece["state"], item["base_state"], item["barcode"], item["call_number"]) == (
        "in-process",
        "in-process",
        "B1",
        "GB1203.2 .O43 2026",
    )
    assert (title["title"], title["author"], title["identifiers"]["isbn"]) == (
        "Rivers of the Northern Plain",
        "Okafor, Adaeze",
        ["9780306406157"],
    )
    assert (told["title_id"], told["receipt_state"]) == (title["id"], "partly-received")

    # catalogued, and lent
    changed = await books.patch(
        f"/v1/items/{item['id']}", json={"base_state": "active"}, headers={"If-Match": f'"{item["version"]}"'}
    )
    assert changed.status_code == 200, changed.text
    await house.carry()
    assert (await house.lend("B1", reader)).status_code == 201

    # invoiced in two parts; with the second, all has come and is paid
    one = await make.invoice(
        make.charge(line, "40.00"),
        adjustments=[{"kind": "shipping", "description": "Freight", "amount": "3.00"}],
    )
    await make.handle(await make.handle(one, "approve"), "pay")
    assert await make.sums(fund) == ("37.00", "0.00", "43.00", "920.00")
    second = await make.receive(line, barcodes=["B2"])
    await house.carry()
    two = await make.invoice(make.charge(line, "42.00"))
    await make.handle(await make.handle(two, "approve"), "pay")
    assert await make.sums(fund) == ("0.00", "0.00", "85.00", "915.00")
    assert (await make.get(f"/v1/orders/{order['id']}"))["close_reason"] == "complete"

    # the second copy goes back: its item is withdrawn, the money comes back
    await make.post(f"/v1/receipts/{second['id']}/actions", {"action": "undo"}, expect=200)
    assert (await house.piece(second))["state"] == "undoing"
    await house.carry()
    gone = await house.piece(second)
    assert gone["state"] == "undone"
    assert (await books.get(f"/v1/items/{gone['item_id']}")).json()["base_state"] == "withdrawn"
    assert (await house.lend("B2", reader)).status_code in (404, 409)
    back = await make.invoice(make.charge(line, "-42.00", -1))
    await make.handle(await make.handle(back, "approve"), "pay")
    assert await make.sums(fund) == ("0.00", "0.00", "85.00", "957.00")
    assert (await make.get(f"/v1/orders/{order['id']}"))["state"] == "open"
    done = await make.post(
        f"/v1/order-lines/{line['id']}/actions", {"action": "cancel", "reason": "x"}, expect=200
    )
    assert (done["state"], done["lines"][0]["received"], done["lines"][0]["paid"]) == ("closed", 1, 1)

    # nothing twice, and the books are right
    titles = await books.resources.pool.fetchval("SELECT count(*) FROM title")
    items = await books.resources.pool.fetchval("SELECT count(*) FROM item")
    assert (titles, items, (await make.rebuilt())["differences"]) == (1, 2, [])


@pytest.mark.parametrize("lent", [False, True], ids=["catalogued", "lent"])
async def test_an_item_that_somebody_works_with_or_has_is_not_taken_away(house: House, lent: bool) -> None:
    make, books, desk = house.make, house.services["catalog"], house.services["circulation"]
    body = {"group": "student", "family_name": "R", "barcode": "R1"}
    reader = (await desk.post("/v1/patrons", json=body)).json()
    fund = await make.budget()
    place = await house.location()
    order = await make.approved(make.line(fund, quantity=2, receipt="items", location_id=place))
    receipt = await make.receive(order["lines"][0], barcodes=["B1"])
    await house.carry()
    item = (await books.get(f"/v1/items/{(await house.piece(receipt))['item_id']}")).json()
    if lent:
        assert (await house.lend("B1", reader)).status_code == 201
    else:
        tag = {"If-Match": f'"{item["version"]}"'}
        await books.patch(f"/v1/items/{item['id']}", json={"base_state": "active"}, headers=tag)

    await make.post(f"/v1/receipts/{receipt['id']}/actions", {"action": "undo"}, expect=200)
    await house.carry()

    piece = await house.piece(receipt)
    line = await make.get(f"/v1/order-lines/{order['lines'][0]['id']}")
    assert (piece["state"], line["received"]) == ("in-process", 1)
    assert piece["reasons"] == (["on-loan"] if lent else ["item-catalogued"])


async def test_what_the_catalogue_misses_is_told_and_asked_for_again(house: House) -> None:
    make = house.make
    fund = await make.budget()
    line = make.line(fund, receipt="items", location_id=fund["id"], material_type="scroll", quantity=2)
    order = await make.approved(line)
    receipt = await make.receive(order["lines"][0], barcodes=["B1"])
    other = await make.receive(order["lines"][0], barcodes=["B1"])
    await house.carry()
    refused = await house.piece(receipt)
    path = f"/v1/order-lines/{order['lines'][0]['id']}"
    version = (await house.services["erm"].get(path)).headers["etag"]
    mended = line | {"location_id": await house.location(), "material_type": "BOOK"}
    told = await house.services["erm"].put(path, json=mended, headers={"If-Match": version})

    for each in (receipt, other):
        await make.post(f"/v1/receipts/{each['id']}/actions", {"action": "ask-again"}, expect=200)
    await house.carry()
    again = await house.services["erm"].post(
        f"/v1/receipts/{receipt['id']}/actions", json={"action": "ask-again"}
    )

    assert (refused["state"], refused["reasons"]) == (
        "refused",
        ["location-unknown", "material-type-unknown"],
    )
    assert told.status_code == 200, told.text
    assert ((await house.piece(receipt))["state"], (await house.piece(receipt))["reasons"]) == (
        "in-process",
        [],
    )
    assert ((await house.piece(other))["state"], (await house.piece(other))["reasons"]) == (
        "in-process",
        ["barcode-taken"],
    )
    assert codes(again) == ["nothing-refused"]


async def test_undone_before_the_catalogue_has_heard_of_it_nothing_stays(house: House) -> None:
    make = house.make
    fund = await make.budget()
    order = await make.approved(
        make.line(fund, quantity=1, receipt="items", location_id=await house.location())
    )
    receipt = await make.receive(order["lines"][0])
    await make.post(f"/v1/receipts/{receipt['id']}/actions", {"action": "undo"}, expect=200)

    await house.carry()

    (came,) = await make.erm.announced(OrderLineReceived)
    (went,) = await make.erm.announced(ReceiptUndone)
    assert (came.version, went.version) == (1, 2)
    assert (await house.piece(receipt))["state"] == "undone"
    line = await make.get(f"/v1/order-lines/{order['lines'][0]['id']}")
    assert (line["received"], line["receipt_state"]) == (0, "awaiting")
    states = await house.services["catalog"].resources.pool.fetch("SELECT base_state FROM item")
    assert [row["base_state"] for row in states] == ["withdrawn"]
