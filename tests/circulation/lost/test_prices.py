"""What the catalogue says an item costs, where it is charged or caps a fine."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.money import Amount
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness
from support.losing import DAY, DUE, codes, fees_of, lose, losing, whole
from support.money import configured

NEW = Amount(minor=4200, currency="EUR")
BOUGHT = Amount(minor=2490, currency="EUR")
GIFT = Amount(minor=0, currency="EUR")
DOLLARS = Amount(minor=5000, currency="USD")


@pytest.mark.parametrize(
    ("prices", "charged"),
    [
        (
            {"replacement_price": NEW, "purchase_price": BOUGHT},
            [("lost-item", 4200), ("lost-processing", 500)],
        ),
        ({"purchase_price": BOUGHT}, [("lost-item", 2490), ("lost-processing", 500)]),
        (
            {"replacement_price": GIFT, "purchase_price": BOUGHT},
            [("lost-item", 2490), ("lost-processing", 500)],
        ),
        ({"purchase_price": GIFT}, [("lost-item", 3000), ("lost-processing", 500)]),
        ({"replacement_price": DOLLARS}, [("lost-item", 3000), ("lost-processing", 500)]),
        ({}, [("lost-item", 3000), ("lost-processing", 500)]),
    ],
    ids=["a-new-copy", "as-bought", "a-price-of-nothing", "a-gift", "another-currency", "no-price"],
)
async def test_a_lost_item_costs_its_price_or_what_the_policy_sets_for_items_without_one(
    circulation: Harness, make: Make, prices: dict[str, Any], charged: list[tuple[str, int]]
) -> None:
    await losing(circulation, cost="price")
    patron, item = await make.patron(), await make.item(**prices)
    loan = await make.loan(patron, item)

    told = (await lose(circulation, loan)).json()

    assert [(fee["kind"], fee["amount"]) for fee in told["fees"]] == charged
    priced = charged[0][1] != 3000
    assert told["fees"][0]["note"] == ("The item's price, as the catalogue has it." if priced else None)


async def test_an_item_without_a_price_waits_for_staff_to_name_its_cost_and_ages_by_its_price_later(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, cost="price", amount=None)
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)

    awaited = (await lose(circulation, loan)).json()
    door = f"/v1/loans/{loan['id']}/costs"
    unknown = await circulation.post(door, json={"comment": "as the catalogue says"})
    await make.tell(item, replacement_price=NEW)
    by_price = await circulation.post(door, json={"comment": "as the catalogue says"})

    assert (awaited["cost_awaited"], awaited["item_price_minor"]) == (True, None)
    assert (unknown.status_code, codes(unknown)) == (409, ["price-unknown"])
    assert by_price.json()["item_price_minor"] == 4200
    assert [(fee["kind"], fee["amount"]) for fee in by_price.json()["fees"]] == [
        ("lost-processing", 500),
        ("lost-item", 4200),
    ]
    await whole(circulation)


async def test_an_item_that_ages_to_lost_is_billed_at_its_price_of_that_day(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, cost="price")
    patron, item = await make.patron(), await make.item(purchase_price=BOUGHT)
    await make.loan(patron, item)
    circulation.at(DUE + 43 * DAY)
    await circulation.tick("lost-items")
    await make.tell(item, replacement_price=NEW)

    circulation.at(DUE + 47 * DAY)
    await circulation.tick("lost-items")

    assert [(fee["kind"], fee["amount"]) for fee in await fees_of(circulation, patron)] == [
        ("lost-item", 4200),
        ("lost-processing", 700),
    ]


@pytest.mark.parametrize(
    ("policy", "price", "fine"),
    [
        ({}, Amount(minor=150, currency="EUR"), 150),
        ({"cap": 100}, Amount(minor=150, currency="EUR"), 100),
        ({"replacement_cost": 120}, Amount(minor=150, currency="EUR"), 150),
        ({"replacement_cost": 120}, None, 120),
        ({}, None, 200),
        ({"cap_at_cost": False}, Amount(minor=150, currency="EUR"), 200),
        ({}, Amount(minor=150, currency="USD"), 200),
    ],
    ids=["capped", "lower-cap", "its-own", "usual-cost", "unknown", "not-asked-for", "other-currency"],
)
async def test_no_fine_is_higher_than_the_items_price_where_the_policy_says_so(
    circulation: Harness, make: Make, policy: dict[str, Any], price: Amount | None, fine: int
) -> None:
    told = {"code": "daily", "name": "Daily", "amount": 20, "cap_at_cost": True} | policy
    await configured(circulation, fine_policies=[told, *CONFIGURATION["fine_policies"][1:]])
    patron, item = await make.patron(), await make.item(purchase_price=price)
    await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=38))
    account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()

    back = await make.take_back(item)

    assert (account["loans"][0]["accruing_minor"], back["fine_minor"]) == (fine, fine)
