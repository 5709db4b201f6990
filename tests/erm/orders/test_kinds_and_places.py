"""What is bought year after year, and funds that pay for some locations only, through the front door."""

from typing import Any
from uuid import uuid4

import pytest

from support.acquiring import Make
from support.desk import codes, pointers
from support.harness import Harness

HERE, THERE = str(uuid4()), str(uuid4())


async def limited(make: Make, *places: str) -> dict[str, Any]:
    """A budget of a fund that pays for these locations only."""
    budget = await make.budget()
    path = f"/v1/funds/{budget['fund_id']}"
    read = await make.erm.get(path)
    body = {"code": read.json()["code"], "name": "x", "location_ids": list(places)}
    answer = await make.erm.put(path, json=body, headers={"If-Match": read.headers["etag"]})
    assert (answer.status_code, answer.json()["location_ids"]) == (200, list(places))
    return budget


async def test_a_subscription_goes_on_however_often_it_comes_and_is_paid(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "100.00"), order_type="subscription")
    line = order["lines"][0]

    for last in (False, True, False):
        await make.receive(line, 5)
        invoice = await make.invoice(make.charge(line, "40.00", 3, last=last))
        await make.handle(invoice, "approve")
        await make.handle(invoice, "pay")

    told = await make.get(f"/v1/orders/{order['id']}")
    assert (told["state"], told["order_type"]) == ("open", "subscription")
    assert (told["lines"][0]["receipt_state"], told["lines"][0]["payment_state"]) == ("ongoing", "ongoing")
    assert await make.sums(fund) == ("0.00", "0.00", "120.00", "880.00")
    ended = await make.act(order, "cancel", reason="ceased")
    assert (ended["state"], ended["lines"][0]["receipt_state"]) == ("closed", "cancelled")


async def test_an_order_hears_of_every_fund_that_does_not_pay_for_where_it_goes(
    erm: Harness, make: Make
) -> None:
    here, anywhere = await limited(make, HERE), await make.budget()
    shares = [
        {"fund_id": here["fund_id"], "percent": "50"},
        {"fund_id": anywhere["fund_id"], "percent": "50"},
    ]
    body = {"vendor_id": make.vendor["id"], "currency": "EUR"}
    lines = [
        make.line(here, location_id=THERE),
        make.line(here, shares=shares),
        make.line(here, location_id=HERE),
        make.line(anywhere, location_id=THERE),
    ]

    refused = await erm.post("/v1/orders", json=body | {"lines": lines})
    order = await make.order(*lines[2:])

    assert (refused.status_code, codes(refused)) == (409, ["fund-of-other-locations"] * 2)
    assert pointers(refused) == ["/lines/0/shares/0/fund_id", "/lines/1/shares/0/fund_id"]
    replaced = await erm.put(
        f"/v1/orders/{order['id']}",
        json=body | {"lines": lines[:1]},
        headers={"If-Match": f'"{order["version"]}"'},
    )
    assert codes(replaced) == ["fund-of-other-locations"]


@pytest.mark.parametrize("change", ["place", "fund"])
async def test_a_line_is_not_moved_out_of_its_funds_locations(erm: Harness, make: Make, change: str) -> None:
    here, there = await limited(make, HERE), await limited(make, THERE)
    order = await make.approved(make.line(here, location_id=HERE))
    line = make.line(here if change == "place" else there, location_id=THERE if change == "place" else HERE)
    path = f"/v1/order-lines/{order['lines'][0]['id']}"

    refused = await erm.put(path, json=line, headers={"If-Match": f'"{order["version"]}"'})
    both = make.line(there, location_id=THERE)
    moved = await erm.put(path, json=both, headers={"If-Match": f'"{order["version"]}"'})

    assert (refused.status_code, codes(refused)) == (409, ["fund-of-other-locations"])
    assert moved.status_code == 200, moved.text


async def test_a_fund_that_is_limited_later_is_so_for_orders_that_are_not_approved(make: Make) -> None:
    fund = await make.budget()
    order = await make.order(make.line(fund, location_id=THERE))
    path = f"/v1/funds/{fund['fund_id']}"
    tag = (await make.erm.get(path)).headers["etag"]
    await make.erm.put(
        path, json={"code": "H", "name": "x", "location_ids": [HERE]}, headers={"If-Match": tag}
    )

    answer = await make.try_to(order, "approve")

    assert (codes(answer), pointers(answer)) == (["fund-of-other-locations"], ["/lines/0/shares/0/fund_id"])
    assert (await make.sums(fund))[0] == "0.00"


async def test_orders_are_numbered_as_the_library_numbers_them(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    usual = await make.order(make.line(fund))
    numbers = {"order_prefix": "B-", "order_suffix": "-X", "order_digits": 1}
    assert (await erm.put("/v1/configuration/erm", json=numbers)).status_code == 200

    told = await make.order(make.line(fund))
    refused = await erm.put(
        "/v1/configuration/erm", json=numbers | {"order_suffix": "a b", "order_digits": 0}
    )

    assert (usual["number"], told["number"]) == ("PO-000001", "B-2-X")
    assert (await make.get("/v1/orders?number=B-2-X"))["items"][0]["id"] == told["id"]
    assert (refused.status_code, pointers(refused)) == (422, ["/order_suffix", "/order_digits"])
