"""Issues come, one of them is lent; the volume waits for it, is bound by a bindery, and taken apart again."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from support.acquiring import Make
from support.buying import House, buying
from support.desk import codes

pytestmark = pytest.mark.journey


@pytest.fixture
async def house(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[House]:
    """All three, configured."""
    async with buying(database, tmp_path) as made:
        yield made


async def act(make: Make, told: dict[str, Any], action: str) -> Any:
    now = await make.get(f"/v1/bindings/{told['id']}")
    return await make.erm.post(
        f"/v1/bindings/{told['id']}/actions",
        json={"action": action},
        headers={"If-Match": f'"{now["version"]}"'},
    )


async def test_a_volume_waits_for_what_is_lent_is_bound_and_taken_apart(house: House) -> None:
    house.twice = True
    make, books, desk = house.make, house.services["catalog"], house.services["circulation"]
    reader = (
        await desk.post("/v1/patrons", json={"group": "student", "family_name": "R", "barcode": "R1"})
    ).json()
    order = await make.approved(
        make.line(await make.budget(), quantity=4, receipt="items", location_id=await house.location())
    )
    (line,) = order["lines"]
    receipts = [await make.receive(line, barcodes=[f"B{n}"]) for n in range(3)]
    await house.carry()
    pieces = [await house.piece(each) for each in receipts]
    assert (await house.lend("B1", reader)).status_code == 201
    await house.carry()

    # asked: two items go, the lent one stays, and the volume waits
    body = {
        "piece_ids": [each["id"] for each in pieces],
        "enumeration": "12, 1-3",
        "chronology": "2027 Jan-Mar",
        "barcode": "V1",
    }
    asked = await make.post(f"/v1/order-lines/{line['id']}/bindings", body)
    await house.carry()
    waits = await make.get(f"/v1/bindings/{asked['id']}")
    states = [(await books.get(f"/v1/items/{each['item_id']}")).json()["base_state"] for each in pieces]
    undo = await make.erm.post(f"/v1/receipts/{receipts[0]['id']}/actions", json={"action": "undo"})
    assert (waits["state"], waits["reasons"], waits["item_id"]) == ("waiting", ["on-loan"], None)
    assert states == ["withdrawn", "in-process", "withdrawn"]
    assert codes(undo) == ["piece-bound"]
    assert (
        codes(await make.erm.post(f"/v1/order-lines/{line['id']}/bindings", json=body)) == ["piece-bound"] * 3
    )

    # returned, asked again: the volume is an item of its own
    (point, *_) = (await desk.get("/v1/service-points")).json()["items"]
    returned = await desk.post("/v1/returns", json={"item_barcode": "B1", "service_point_id": point["id"]})
    assert returned.status_code in (200, 201), returned.text
    await house.carry()
    assert (await act(make, asked, "ask-again")).status_code == 200
    await house.carry()
    ready = await make.get(f"/v1/bindings/{asked['id']}")
    volume = (await books.get(f"/v1/items/{ready['item_id']}")).json()
    assert (ready["state"], ready["reasons"]) == ("ready", [])
    assert (volume["volume"], volume["base_state"], volume["barcode"]) == (
        "12, 1-3 (2027 Jan-Mar)",
        "in-process",
        "V1",
    )
    assert (await house.lend("B0", reader)).status_code == 409

    # at the bindery, while the next issue comes as ever
    shipment = await make.post(
        "/v1/bindery-shipments",
        {"bindery_id": make.vendor["id"], "binding_ids": [asked["id"]], "sent_on": "2027-03-02"},
    )
    early = await act(make, asked, "undo")
    await make.receive(line)
    back = await make.erm.post(
        f"/v1/bindery-shipments/{shipment['id']}/returns",
        json={"binding_ids": [asked["id"]], "returned_on": "2027-03-20"},
        headers={"If-Match": '"1"'},
    )
    bound = await make.get(f"/v1/bindings/{asked['id']}")
    assert (shipment["away"], codes(early)) == (1, ["binding-state"])
    assert (back.json()["state"], back.json()["away"], bound["state"], bound["returned_on"]) == (
        "returned",
        0,
        "bound",
        "2027-03-20",
    )

    # taken apart: the volume's item goes, the issues are items again
    await act(make, asked, "undo")
    await house.carry()
    undone = await make.get(f"/v1/bindings/{asked['id']}")
    now = [await house.piece(each) for each in receipts]
    items = [(await books.get(f"/v1/items/{each['item_id']}")).json() for each in now]
    gone = (await books.get(f"/v1/items/{volume['id']}")).json()
    assert (undone["state"], gone["base_state"]) == ("undone", "withdrawn")
    assert [each["binding_id"] for each in now] == [None] * 3
    assert [each["reasons"] for each in now] == [["barcode-needed"]] * 3
    assert {each["base_state"] for each in items} == {"in-process"}
    assert not {each["item_id"] for each in now} & {each["item_id"] for each in pieces}
    await make.post(f"/v1/receipts/{receipts[0]['id']}/actions", {"action": "undo"}, expect=200)
    await house.carry()
    assert (await house.piece(receipts[0]))["state"] == "undone"
