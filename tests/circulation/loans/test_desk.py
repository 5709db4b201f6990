"""The desk's main line, through its front door."""

import asyncio
from datetime import timedelta

from contracts.circulation import FeeCharged, HoldFilled, HoldReady, LoanCreated, LoanReturned
from support.desk import NOW, Make
from support.harness import Harness


async def test_an_item_goes_out_and_comes_back(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    loan = await make.loan(patron, item)

    assert loan["due_at"] == "2027-03-29T21:59:59Z"
    assert (await make.state(item))["state"] == "on-loan"
    back = await make.take_back(item)
    assert back["next_step"]["step"] == "reshelve"
    assert (await make.state(item))["lendable"] is True
    assert [event.version for event in await circulation.announced(LoanCreated)] == [1]
    assert [event.version for event in await circulation.announced(LoanReturned)] == [2]


async def test_a_repetition_with_the_same_key_changes_nothing(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    first = await make.lend(patron, item, key="one")
    again = await make.lend(patron, item, key="one")
    other = await make.lend(patron, await make.item(), key="one")

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency-key-reused"
    assert len(await circulation.announced(LoanCreated)) == 1


async def test_two_desks_and_one_item(circulation: Harness, make: Make) -> None:
    item = await make.item()
    patrons = [await make.patron() for _ in range(8)]

    answers = await asyncio.gather(*(make.lend(patron, item) for patron in patrons))

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["item-on-loan"]
    assert len(await circulation.announced(LoanCreated)) == 1


async def test_the_limit_of_a_policy_is_exact_under_a_race(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    items = [await make.item(material_type="video") for _ in range(8)]

    answers = await asyncio.gather(*(make.lend(patron, item) for item in items))

    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
    assert len(account["loans"]) == 3


async def test_the_desk_hears_every_reason_at_once(circulation: Harness, make: Make) -> None:
    patron = await make.patron(expires_at="2027-02-01T00:00:00Z")
    await circulation.post(
        f"/v1/patrons/{patron['id']}/blocks", json={"actions": ["borrow"], "note": "lost a book"}
    )
    item = await make.item(loan_type="reference")

    answer = await make.lend(patron, item)

    assert answer.status_code == 409
    assert {reason["code"] for reason in answer.json()["reasons"]} == {
        "item-not-loanable",
        "card-expired",
        "patron-blocked",
        "due-not-ahead",
    }
    assert all(reason["mend"] for reason in answer.json()["reasons"])


async def test_lending_again_to_the_holder_renews(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=3))

    again = await make.lend(patron, item)

    assert again.status_code == 201
    assert again.json()["id"] == loan["id"]
    assert again.json()["renewals"] == 1


async def test_renewals_end_at_the_policys_limit(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)

    codes = []
    for day in (1, 2, 3):
        circulation.at(NOW + timedelta(days=day))
        answer = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
        codes.append(answer.status_code)

    assert codes == [201, 201, 409]
    assert [reason["code"] for reason in answer.json()["reasons"]] == ["renewal-limit"]


async def test_a_late_return_is_fined_and_the_payment_is_taken_once(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=33))
    accruing = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()["loans"][0][
        "accruing_minor"
    ]

    back = await make.take_back(item)

    assert back["fine_minor"] == accruing == 100
    assert back["loan"]["id"] == loan["id"]
    paid = [
        await circulation.post(f"/v1/fees/{back['fee_id']}/payments", json={"amount": 60}, key="pay")
        for _ in range(2)
    ]
    assert [answer.json()["remaining"] for answer in paid] == [40, 40]
    too_much = await circulation.post(f"/v1/fees/{back['fee_id']}/payments", json={"amount": 41})
    assert [reason["code"] for reason in too_much.json()["reasons"]] == ["more-than-owed"]
    ledger = (await circulation.get(f"/v1/fees/{back['fee_id']}/ledger")).json()
    assert sum(entry["amount"] for entry in ledger) == 0
    assert sum(entry["amount"] for entry in ledger if entry["account"] == "receivable") == 40
    assert [event.version for event in await circulation.announced(FeeCharged)] == [1]


async def test_a_returned_item_waits_for_the_next_patron(circulation: Harness, make: Make) -> None:
    first, second, third = [await make.patron() for _ in range(3)]
    item = await make.item()
    await make.loan(first, item)
    hold = await make.hold(second, item)

    back = await make.take_back(item)

    assert back["next_step"]["step"] == "hold-shelf"
    assert back["next_step"]["hold"]["hold_id"] == hold["id"]
    assert (await make.state(item))["state"] == "on-hold-shelf"
    refused = await make.lend(third, item)
    assert [reason["code"] for reason in refused.json()["reasons"]] == ["item-held-for-another"]
    await make.loan(second, item)
    assert (await circulation.get(f"/v1/holds/{hold['id']}")).json()["state"] == "filled"
    assert len(await circulation.announced(HoldReady)) == 1
    assert len(await circulation.announced(HoldFilled)) == 1


async def test_a_dry_run_writes_nothing_and_explains(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item(material_type="video")
    body = {"patron_id": patron["id"], "item_id": str(item.item_id), "service_point_id": make.desk}

    answer = await circulation.post("/v1/loans?dry_run=true&explain=true", json=body)

    told = answer.json()
    assert told["allowed"] is True
    assert told["policy"] == "one-week"
    assert told["explanation"]["rules"][0]["line"] == 2
    assert (await make.state(item))["state"] == "available"


async def test_a_loan_without_a_key_is_not_taken(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    answer = await make.lend(patron, item, key="")

    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency-key-required"
