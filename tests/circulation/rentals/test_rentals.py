"""Rentals and deposits at the desk, and in the ledger."""

import asyncio
from typing import Any

from contracts.circulation import FeeCancelled, FeeCharged, FeeRefunded
from support.desk import CONFIGURATION, LATER, NOW, Make
from support.harness import Harness
from support.money import money_is_whole, owed


async def lends_for(make: Make, **policy: Any) -> None:
    policies = [CONFIGURATION["loan_policies"][0] | policy, *CONFIGURATION["loan_policies"][1:]]
    answer = await make.configure(loan_policies=policies)
    assert answer.status_code == 200, answer.text


async def test_a_rental_is_charged_with_the_loan_and_for_what_a_renewal_adds(
    circulation: Harness, make: Make
) -> None:
    await lends_for(make, rental={"amount": 10, "per": "day"})
    patron, item = await make.patron(), await make.item()

    dry = await make.lend(patron, item)
    loan = dry.json()
    circulation.at(NOW + LATER)
    would = await circulation.post(f"/v1/loans/{loan['id']}/renewals?dry_run=true")
    first = await circulation.post(f"/v1/loans/{loan['id']}/renewals", key="once")
    again = await circulation.post(f"/v1/loans/{loan['id']}/renewals", key="once")

    assert loan["charges"] == [{"kind": "rental", "amount_minor": 280, "currency": "EUR"}]
    assert would.json()["charges"] == first.json()["charges"]
    assert (again.json(), first.json()["charges"][0]["amount_minor"]) == (first.json(), 10)
    assert await owed(make, patron) == 290
    assert [event.fee.kind for event in await circulation.announced(FeeCharged)] == ["rental"] * 2
    await money_is_whole(circulation)


async def test_a_deposit_that_was_paid_goes_back_with_the_item(circulation: Harness, make: Make) -> None:
    await lends_for(make, deposit=2000)
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    fee = (await make.account(patron))["fees"][0]
    paid = await circulation.post(
        f"/v1/fees/{fee['id']}/payments",
        json={"amount": 1500, "currency": "EUR", "method": "card", "service_point_id": make.desk},
    )

    back = await make.take_back(item)
    again = await make.take_back(item)

    assert loan["charges"] == [{"kind": "deposit", "amount_minor": 2000, "currency": "EUR"}]
    assert paid.status_code == 201, paid.text
    assert (back["deposit_minor"], again["deposit_minor"]) == (1500, 0)
    assert [event.refunded.minor for event in await circulation.announced(FeeRefunded)] == [1500]
    assert [event.cancelled.minor for event in await circulation.announced(FeeCancelled)] == [500]
    assert await owed(make, patron) == 0
    await money_is_whole(circulation)


async def test_two_scans_at_once_give_a_deposit_back_once(circulation: Harness, make: Make) -> None:
    await lends_for(make, deposit=2000)
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    fee = (await make.account(patron))["fees"][0]
    await circulation.post(
        f"/v1/fees/{fee['id']}/payments", json={"amount": 2000, "currency": "EUR", "method": "card"}
    )

    told = await asyncio.gather(make.take_back(item), make.take_back(item))

    assert sorted(back["deposit_minor"] for back in told) == [0, 2000]
    assert len(await circulation.announced(FeeRefunded)) == 1
    await money_is_whole(circulation)


async def test_a_dry_run_tells_what_a_loan_would_cost_and_charges_nothing(
    circulation: Harness, make: Make
) -> None:
    await lends_for(make, rental={"amount": 150}, deposit=500)
    patron, item = await make.patron(), await make.item()
    body = {"patron_id": patron["id"], "item_id": str(item.item_id), "service_point_id": make.desk}

    told = (await circulation.post("/v1/loans?dry_run=true", json=body)).json()

    assert [(each["kind"], each["amount_minor"]) for each in told["charges"]] == [
        ("rental", 150),
        ("deposit", 500),
    ]
    assert await owed(make, patron) == 0
