"""Payments: in part, in full, too much, twice, at once; the ledger sums to nothing throughout."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.circulation import FeePaid
from support.desk import CONFIGURATION, NOW, Make, codes, pointers, themselves
from support.harness import Harness


async def fined(circulation: Harness, make: Make, patron: dict[str, Any], days: int = 5) -> str:
    """A fee of twenty cents a day."""
    item = await make.item()
    circulation.at(NOW)
    await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=28 + days))
    fee: str = (await make.take_back(item))["fee_id"]
    return fee


async def balanced(circulation: Harness, fee: str, patron: dict[str, Any], left: int) -> None:
    """Fee, patron and ledger say the same."""
    entries = (await circulation.get(f"/v1/fees/{fee}/ledger")).json()
    assert sum(entry["amount"] for entry in entries) == 0
    assert sum(entry["amount"] for entry in entries if entry["account"] == "receivable") == left
    told = (await circulation.get(f"/v1/fees/{fee}")).json()
    assert (told["remaining"], told["state"]) == (left, "open" if left else "closed")
    assert (await account_of(circulation, patron))["owed"] == left


async def account_of(circulation: Harness, patron: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
    return told


async def test_a_fee_is_paid_in_parts_and_closes_with_the_last(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await fined(circulation, make, patron)

    part = await circulation.post(f"/v1/fees/{fee}/payments", json={"amount": 30, "method": "card"})
    await balanced(circulation, fee, patron, 70)
    rest = await circulation.post(f"/v1/fees/{fee}/payments", json={})
    await balanced(circulation, fee, patron, 0)
    after = await circulation.post(f"/v1/fees/{fee}/payments", json={})

    assert (part.json()["remaining"], part.json()["fee_state"]) == (70, "open")
    assert (rest.json()["amount"], rest.json()["fee_state"]) == (70, "closed")
    assert codes(after) == ["fee-closed", "not-positive"]
    events = await circulation.announced(FeePaid)
    assert [(event.version, event.paid.minor, event.method) for event in events] == [
        (2, 30, "card"),
        (3, 70, "cash"),
    ]


async def test_payments_at_once_take_what_is_owed_and_no_more(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await fined(circulation, make, patron)

    answers = await asyncio.gather(
        *(circulation.post(f"/v1/fees/{fee}/payments", json={"amount": 40}) for _ in range(6))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    await balanced(circulation, fee, patron, 20)


async def test_the_same_payment_at_once_is_taken_once(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await fined(circulation, make, patron)

    answers = await asyncio.gather(
        *(circulation.post(f"/v1/fees/{fee}/payments", json={"amount": 40}, key="one") for _ in range(4))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    await balanced(circulation, fee, patron, 60)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"amount": 101}, 409, "more-than-owed"),
        ({"amount": 10, "currency": "USD"}, 409, "other-currency"),
        ({"amount": 0}, 422, "/amount"),
        ({"amount": -1}, 422, "/amount"),
        ({"amount": 1.5}, 422, "/amount"),
        ({"amount": 10**30}, 422, "/amount"),
        ({"amount": 10, "currency": "eur"}, 422, "/currency"),
        ({"amount": 10, "method": ""}, 422, "/method"),
        ({"amount": 10, "tip": 1}, 422, "/tip"),
    ],
)
async def test_money_that_cannot_be_taken_is_not_taken(
    circulation: Harness, make: Make, body: dict[str, object], status: int, said: str
) -> None:
    patron = await make.patron()
    fee = await fined(circulation, make, patron)

    answer = await circulation.post(f"/v1/fees/{fee}/payments", json=body)

    assert answer.status_code == status
    assert said in [*codes(answer), *pointers(answer)]
    await balanced(circulation, fee, patron, 100)


async def test_a_fee_that_is_not_there_has_no_payments_and_no_ledger(circulation: Harness) -> None:
    fee = uuid4()

    answers = [
        await circulation.post(f"/v1/fees/{fee}/payments", json={}),
        await circulation.get(f"/v1/fees/{fee}"),
        await circulation.get(f"/v1/fees/{fee}/ledger"),
    ]

    assert [answer.status_code for answer in answers] == [404, 404, 404]


async def test_patrons_see_their_own_fees_and_take_no_money(circulation: Harness, make: Make) -> None:
    patron, other = await make.patron(), await make.patron()
    fee = await fined(circulation, make, patron)

    with circulation.asking(themselves(other)):
        foreign = await circulation.get(f"/v1/fees/{fee}")
    with circulation.asking(themselves(patron)):
        own = await circulation.get(f"/v1/fees/{fee}")
        paid = await circulation.post(f"/v1/fees/{fee}/payments", json={})
        listed = await circulation.get("/v1/fees")

    assert (foreign.status_code, own.status_code) == (404, 200)
    assert (paid.status_code, listed.status_code) == (403, 403)


async def test_who_owes_too_much_borrows_again_once_it_is_paid(circulation: Harness, make: Make) -> None:
    visitor = await make.patron(group="visitor")
    fee = await fined(circulation, make, visitor, days=30)
    item = await make.item()

    refused = await make.lend(visitor, item)
    await circulation.post(f"/v1/fees/{fee}/payments", json={"amount": 100})
    lent = await make.lend(visitor, item)

    assert codes(refused) == ["fees-owed"]
    assert lent.status_code == 201


async def test_the_currency_stays_while_anything_is_owed_in_it(circulation: Harness, make: Make) -> None:
    fee = await fined(circulation, make, await make.patron())

    refused = await make.configure(currency="USD")
    await circulation.post(f"/v1/fees/{fee}/payments", json={})
    changed = await make.configure(currency="USD")

    assert (refused.status_code, pointers(refused)) == (422, ["/currency"])
    assert changed.status_code == 200


async def test_a_cap_ends_a_fine_and_no_fine_is_no_fee(circulation: Harness, make: Make) -> None:
    free = [CONFIGURATION["fine_policies"][0], {"code": "none", "name": "No fines", "amount": 0}]
    rules = [*CONFIGURATION["rules"], {"when": {"material_type": ["map"]}, "loan": "four-weeks"}]
    rules[-1] |= {"fine": "none", "hold": "usual"}
    await make.configure(fine_policies=free, rules=rules)
    dear, gratis = await make.item(), await make.item(material_type="map")
    patron = await make.patron()
    for item in (dear, gratis):
        await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=500))

    backs = [await make.take_back(item) for item in (dear, gratis)]

    assert [(back["fine_minor"], back["fee_id"] is None) for back in backs] == [(1000, False), (0, True)]
