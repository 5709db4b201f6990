"""Lines whose copies go to several locations, printed or electronic, through the front door."""

from typing import Any
from uuid import uuid4

import pytest

from chassis.principal import Principal
from contracts.erm import OrderLineReceived
from support.acquiring import Make
from support.desk import codes, pointers
from support.harness import Harness

HERE, THERE, ONLINE = (str(uuid4()) for _ in range(3))


def places(*told: tuple[str, int, int]) -> list[dict[str, Any]]:
    """Locations of a line."""
    return [{"location_id": place, "physical": physical, "electronic": e} for place, physical, e in told]


SPREAD = places((HERE, 2, 0), (THERE, 1, 0), (ONLINE, 0, 3))


async def change(make: Make, order: dict[str, Any], line: dict[str, Any]) -> Any:
    """Another line in the place of the order's first; whatever comes of it."""
    path = f"/v1/orders/{order['id']}"
    tag = (await make.erm.get(path)).headers["etag"]
    return await make.erm.put(
        f"/v1/order-lines/{order['lines'][0]['id']}", json=line, headers={"If-Match": tag}
    )


def came(line: dict[str, Any]) -> list[tuple[int, int]]:
    """How many have come at each location."""
    return [(each["received_physical"], each["received_electronic"]) for each in line["locations"]]


async def test_a_line_is_the_sum_of_its_locations(make: Make) -> None:
    fund = await make.budget()

    order = await make.order(
        make.line(fund, "10.00", locations=SPREAD),
        make.line(fund, "10.00", locations=SPREAD, quantity=6, electronic=3, location_id=THERE),
        make.line(fund, "10.00", quantity=3, electronic=1, location_id=HERE),
        make.line(fund, "10.00", locations=places((HERE, 2, 0))),
        make.line(fund, "10.00", quantity=2),
    )

    assert [(line["quantity"], line["electronic"], line["total"]) for line in order["lines"]] == [
        (6, 3, "60.00"),
        (6, 3, "60.00"),
        (3, 1, "30.00"),
        (2, 0, "20.00"),
        (2, 0, "20.00"),
    ]
    told = [
        [(each["location_id"], each["physical"], each["electronic"]) for each in line["locations"]]
        for line in order["lines"]
    ]
    spread = [(HERE, 2, 0), (THERE, 1, 0), (ONLINE, 0, 3)]
    assert told == [spread, spread, [(HERE, 2, 1)], [(HERE, 2, 0)], []]
    assert [line["location_id"] for line in order["lines"]] == [HERE, HERE, HERE, HERE, None]


async def test_quantities_that_do_not_agree_are_told_with_everything_else(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    lines = [
        make.line(fund, locations=SPREAD, quantity=7, electronic=4),
        make.line(fund, locations=places((HERE, 1, 0), (HERE, 1, 0), (THERE, 0, 0)), quantity=2),
        make.line(fund, quantity=1, electronic=2),
        make.line(fund, locations=SPREAD, location_id=str(uuid4())),
        make.line(fund, "1.00", discount_amount="1.01", discount_percent="5"),
    ]
    body = {"vendor_id": make.vendor["id"], "currency": "EUR", "lines": lines}

    refused = await erm.post("/v1/orders", json=body)

    assert (refused.status_code, list(zip(codes(refused), pointers(refused), strict=True))) == (
        422,
        [
            ("electronic-not-of-locations", "/lines/0/locations"),
            ("location-twice", "/lines/1/locations/1/location_id"),
            ("location-of-nothing", "/lines/1/locations/2"),
            ("electronic-above-quantity", "/lines/2/electronic"),
            ("location-not-of-locations", "/lines/3/location_id"),
            ("discount-twice", "/lines/4/discount_amount"),
            ("discount-above-price", "/lines/4/discount_amount"),
        ],
    )
    assert (await make.get("/v1/orders"))["items"] == []


async def test_a_discount_may_be_an_amount_off_the_line(make: Make) -> None:
    fund = await make.budget()
    line = make.line(fund, "10.00", quantity=3, discount_amount="2.50", additional="1.00", tax_percent="10")

    order = await make.approved(line)

    assert (order["lines"][0]["discount_amount"], order["total"]) == ("2.50", "31.35")
    assert (await make.sums(fund))[0] == "31.35"


async def test_copies_come_at_their_locations_and_become_items_there(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00", receipt="items", locations=SPREAD))
    (line,) = order["lines"]

    await make.receive(line, 2, location_id=HERE)
    printed = await make.receive(line, location_id=THERE)
    online = await make.receive(line, 3, location_id=ONLINE, electronic=True)

    told = await make.get(f"/v1/order-lines/{line['id']}")
    asked = [
        OrderLineReceived.model_validate(each.data)
        for each in await erm.envelopes()
        if each.type == OrderLineReceived.type
    ]
    assert [(str(each.location_id), len(each.pieces)) for each in asked] == [(HERE, 2), (THERE, 1)]
    assert (came(told), told["receipt_state"]) == ([(2, 0), (1, 0), (0, 3)], "fully-received")
    assert ({piece["state"] for piece in online["pieces"]}, online["electronic"]) == ({"counted"}, True)
    assert (printed["location_id"], printed["pieces"][0]["state"]) == (THERE, "asked")


async def test_what_comes_elsewhere_or_more_than_is_for_there_is_told(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, locations=SPREAD), make.line(fund, location_id=HERE))
    several, single = (f"/v1/order-lines/{line['id']}/receipts" for line in order["lines"])

    answers = [
        await erm.post(several, json={}),
        await erm.post(several, json={"location_id": str(uuid4())}),
        await erm.post(several, json={"location_id": THERE, "quantity": 2}),
        await erm.post(several, json={"location_id": HERE, "electronic": True}),
        await erm.post(single, json={"electronic": True}),
        await erm.post(several, json={"location_id": THERE, "quantity": 7}),
        await erm.post(several, json={"location_id": THERE, "quantity": 2, "over": True}),
    ]

    assert [codes(answer) for answer in answers[:-1]] == [
        ["location-missing"],
        ["location-not-of-line"],
        ["more-than-ordered-there"],
        ["more-than-ordered-there"],
        ["nothing-electronic"],
        ["more-than-ordered", "more-than-ordered-there"],
    ]
    assert pointers(answers[0]) == ["/location_id"]
    assert answers[-1].status_code == 201
    assert came(await make.get(f"/v1/order-lines/{order['lines'][0]['id']}"))[1] == (2, 0)


async def test_two_desks_that_receive_the_last_copy_for_a_location_do_not_both(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, locations=SPREAD))
    path = f"/v1/order-lines/{order['lines'][0]['id']}/receipts"

    answers = await make.at_once(*(make.erm.post(path, json={"location_id": THERE}) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_locations_of_an_open_order_change_as_far_as_nothing_has_come_there(make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00", location_id=HERE, quantity=3))
    (line,) = order["lines"]
    receipt = await make.receive(line, 2)

    as_before = "UPDATE receipt SET location_id = NULL"  # the release before wrote none
    await make.erm.resources.pool.execute(as_before)

    away = await change(make, order, make.line(fund, "10.00", locations=places((HERE, 1, 0), (THERE, 2, 0))))
    gone = await change(
        make, order, make.line(fund, "10.00", locations=places((THERE, 2, 0), (ONLINE, 1, 0)))
    )
    kind = await change(make, order, make.line(fund, "10.00", locations=places((HERE, 1, 2))))
    fine = await change(make, order, make.line(fund, "10.00", locations=places((THERE, 1, 0), (HERE, 2, 0))))
    merged = await change(make, order, make.line(fund, "10.00", quantity=3, location_id=THERE))
    await make.post(f"/v1/receipts/{receipt['id']}/actions", {"action": "undo"}, expect=200)
    afterwards = await change(make, order, make.line(fund, "10.00", quantity=3, location_id=THERE))

    for refused, pointer in ((away, "/locations/0"), (gone, "/locations"), (kind, "/locations/0"),
                             (merged, "/locations")):  # fmt: skip
        assert (codes(refused), pointers(refused)) == (["location-below-received"], [pointer]), refused.text
    assert (fine.status_code, came(fine.json())) == (200, [(0, 0), (2, 0)])
    assert (afterwards.status_code, came(afterwards.json())) == (200, [(0, 0)])


async def test_moving_copies_takes_no_approval_and_more_of_them_does(erm: Harness, make: Make) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, "10.00", locations=places((HERE, 1, 0), (THERE, 1, 0))))
    moved = make.line(fund, "10.00", locations=places((HERE, 2, 0)))
    more = make.line(fund, "10.00", locations=places((HERE, 2, 0), (THERE, 1, 0)))

    with erm.asking(Principal("staff", "clerk", frozenset({"orders:write"}))):
        refused = await change(make, order, more)
        allowed = await change(make, order, moved)
    await change(make, order, more)

    assert (refused.status_code, allowed.status_code) == (403, 200)
    assert (await make.sums(fund))[0] == "30.00"


async def test_a_copy_that_was_refused_there_is_asked_for_again_where_the_line_now_goes(
    erm: Harness, make: Make
) -> None:
    fund = await make.budget()
    order = await make.approved(make.line(fund, receipt="items", location_id=HERE))
    receipt = await make.receive(order["lines"][0])
    await erm.resources.pool.execute("UPDATE piece SET state = 'refused'")

    await change(make, order, make.line(fund, receipt="items", location_id=THERE))
    again = await make.post(f"/v1/receipts/{receipt['id']}/actions", {"action": "ask-again"}, expect=200)

    asked = [
        each.data["location_id"] for each in await erm.envelopes() if each.type == OrderLineReceived.type
    ]
    assert (asked, again["location_id"]) == ([HERE, THERE], THERE)


@pytest.mark.parametrize(
    ("limits", "found"),
    [
        (([HERE, THERE],), []),
        (([HERE],), ["/lines/0/locations/1"]),
        (([HERE], [THERE]), []),
        (([HERE], [ONLINE]), ["/lines/0/shares/1/fund_id"]),
        (([HERE], []), []),
    ],
    ids=["both", "one of them", "each its own", "elsewhere", "and one that pays for all"],
)
async def test_each_location_has_a_fund_that_pays_for_it(
    make: Make, limits: tuple[list[str], ...], found: list[str]
) -> None:
    funds = [await make.budget() for _ in limits]
    for fund, limited in zip(funds, limits, strict=True):
        await make.erm.resources.pool.execute(
            "UPDATE fund SET location_ids = $2 WHERE id = $1", fund["fund_id"], limited
        )
    shares = [{"fund_id": fund["fund_id"], "percent": str(100 // len(funds))} for fund in funds]
    line = make.line(funds[0], locations=places((HERE, 1, 0), (THERE, 1, 0)), shares=shares)
    body = {"vendor_id": make.vendor["id"], "currency": "EUR", "lines": [line]}

    answer = await make.erm.post("/v1/orders", json=body)

    assert (pointers(answer) if answer.status_code == 409 else []) == found, answer.text
