"""Receipts through acquisitions' own door: in parts, too many, undone, at once."""

from typing import Any

import pytest

from support.acquiring import Make
from support.desk import codes
from support.harness import Harness


async def test_copies_come_in_parts_and_no_more_than_were_ordered_unless_somebody_says_so(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00", quantity=3))
    (line,) = order["lines"]

    await make.receive(line, 2)
    part = await make.get(f"/v1/order-lines/{line['id']}")
    refused = await make.erm.post(f"/v1/order-lines/{line['id']}/receipts", json={"quantity": 2})
    await make.receive(line, 2, over=True)

    told = await make.get(f"/v1/order-lines/{line['id']}")
    assert (part["received"], part["receipt_state"]) == (2, "partly-received")
    assert (refused.status_code, codes(refused)) == (409, ["more-than-ordered"])
    assert (told["received"], told["receipt_state"]) == (4, "fully-received")
    listed = (await make.get(f"/v1/order-lines/{line['id']}/receipts"))["items"]
    assert [each["quantity"] for each in listed] == [2, 2]
    assert {piece["state"] for each in listed for piece in each["pieces"]} == {"counted"}


async def test_a_receipt_is_undone_once(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00"))
    receipt = await make.receive(order["lines"][0])
    path = f"/v1/receipts/{receipt['id']}/actions"

    answers = await make.at_once(*(make.erm.post(path, json={"action": "undo"}) for _ in range(3)))

    assert sorted(each.status_code for each in answers) == [200, 409, 409]
    assert (await make.get(f"/v1/order-lines/{order['lines'][0]['id']}"))["received"] == 0


async def test_two_desks_that_receive_the_last_copy_at_once_do_not_both(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00"))
    path = f"/v1/order-lines/{order['lines'][0]['id']}/receipts"

    answers = await make.at_once(*(make.erm.post(path, json={}) for _ in range(3)))

    assert sorted(each.status_code for each in answers) == [201, 409, 409]


@pytest.mark.parametrize(
    ("body", "status", "found"),
    [
        ({"quantity": 0}, 422, ["greater-than-equal"]),
        ({"quantity": 1, "barcodes": ["A", "B"]}, 422, ["too-many-barcodes"]),
        ({"quantity": 2, "barcodes": ["A", "A"]}, 422, ["barcode-twice"]),
        ({"quantity": 1, "barcodes": [" "]}, 422, ["string-pattern-mismatch"]),
    ],
    ids=["none", "barcodes to spare", "a barcode twice", "blank"],
)
async def test_receipts_that_cannot_be(
    make: Make, body: dict[str, Any], status: int, found: list[str]
) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00", quantity=2))

    answer = await make.erm.post(f"/v1/order-lines/{order['lines'][0]['id']}/receipts", json=body)

    assert (answer.status_code, codes(answer)) == (status, found)


async def test_nothing_comes_of_an_order_that_is_not_open(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.order(make.line(fund, "10.00", receipt="none"))

    answer = await erm.post(f"/v1/order-lines/{order['lines'][0]['id']}/receipts", json={})
    nowhere = await erm.post(f"/v1/order-lines/{order['id']}/receipts", json={})

    assert (answer.status_code, codes(answer)) == (409, ["order-state", "nothing-comes"])
    assert nowhere.status_code == 404
