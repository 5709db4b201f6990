"""What is done with fees at the desk: charged by hand, paid, waived, cancelled, transferred, given back."""

import asyncio
import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from contracts.circulation import (
    FeeCancelled,
    FeeCharged,
    FeeClosed,
    FeePaid,
    FeeRefunded,
    FeeTransferred,
    FeeWaived,
)
from support.desk import Make
from support.harness import STAFF, Harness
from support.money import charged, configured, money_is_whole, owed

pytestmark = pytest.mark.usefixtures("_with_fee_types")


@pytest.fixture
async def _with_fee_types(circulation: Harness, make: Make) -> None:
    await configured(circulation)


async def settle(circulation: Harness, fee: dict[str, Any], how: str, **body: Any) -> Any:
    return await circulation.post(f"/v1/fees/{fee['id']}/{how}", json=body)


def codes(answer: Any) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


async def test_a_lost_card_is_charged_by_hand_at_its_usual_price(circulation: Harness, make: Make) -> None:
    patron = await make.patron()

    answer = await circulation.post(
        "/v1/fees",
        json={
            "patron_id": patron["id"],
            "type": "lost-card",
            "service_point_id": make.desk,
            "comment": "left on the bus",
        },
    )

    told = answer.json()
    assert (answer.status_code, told["kind"], told["amount"], told["remaining"]) == (
        201,
        "lost-card",
        500,
        500,
    )
    assert (told["owner"], told["note"], told["status"]) == ("MAIN", "left on the bus", None)
    assert told["shown"] == {"amount": "5.00", "remaining": "5.00"}
    assert await owed(make, patron) == 500
    assert [event.fee.kind for event in await circulation.announced(FeeCharged)] == ["lost-card"]
    await money_is_whole(circulation)


@pytest.mark.parametrize(("currency", "shown"), [("JPY", "1250"), ("EUR", "12.50"), ("BHD", "1.250")])
async def test_amounts_are_shown_with_the_places_their_currency_has(
    circulation: Harness, make: Make, currency: str, shown: str
) -> None:
    await configured(circulation, currency=currency)

    fee = await charged(make, await make.patron(), 1250)

    assert fee["shown"]["amount"] == shown


async def test_what_cannot_be_charged_by_hand_is_refused_with_what_would_mend_it(
    circulation: Harness, make: Make
) -> None:
    patron, other = await make.patron(), await make.patron()
    item = await make.item()
    loan = await make.loan(other, item)

    unknown = await circulation.post("/v1/fees", json={"patron_id": patron["id"], "type": "overdue"})
    priceless = await circulation.post("/v1/fees", json={"patron_id": patron["id"], "type": "damage"})
    nobody = await circulation.post(
        "/v1/fees",
        json={"patron_id": str(uuid7()), "type": "lost-card", "loan_id": loan["id"]},
    )

    assert (unknown.status_code, codes(unknown)) == (422, ["fee-type-unknown"])
    assert (priceless.status_code, codes(priceless)) == (422, ["amount-missing"])
    assert (nobody.status_code, codes(nobody)) == (404, ["patron-unknown", "loan-unknown"])
    assert await circulation.announced(FeeCharged) == []


async def test_no_fee_type_takes_the_name_of_what_the_rules_charge(circulation: Harness, make: Make) -> None:
    answer = await circulation.put(
        "/v1/configuration/circulation",
        json={"fee_types": [{"code": "overdue", "name": "By hand"}], "rules": []},
    )

    assert "code-reserved" in codes(answer)


async def test_a_fee_is_waived_in_part_and_then_wholly(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 1000)

    part = await settle(circulation, fee, "waivers", amount=300, comment="first offence")
    rest = await settle(circulation, fee, "waivers", comment="and the rest")

    assert (part.status_code, part.json()["fee"]["status"], part.json()["fee"]["remaining"]) == (
        201,
        "waived-partly",
        700,
    )
    assert (rest.json()["fee"]["state"], rest.json()["fee"]["status"]) == ("closed", "waived-fully")
    assert await owed(make, patron) == 0
    assert [event.waived.minor for event in await circulation.announced(FeeWaived)] == [300, 700]
    assert [event.status for event in await circulation.announced(FeeClosed)] == ["waived-fully"]
    await money_is_whole(circulation)


async def test_a_fee_charged_by_mistake_is_cancelled_and_what_was_paid_of_it_given_back(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 1000)
    await settle(circulation, fee, "payments", amount=400, method="card")

    cancelled = await settle(circulation, fee, "cancellations", comment="wrong patron")
    back = await settle(circulation, fee, "refunds", comment="wrong patron")

    assert cancelled.json()["done"][0]["amount"] == 600
    assert [(part["act"], part["method"], part["amount"]) for part in back.json()["done"]] == [
        ("refund", "card", 400)
    ]
    assert back.json()["fee"]["status"] == "refunded-fully"
    ledger = (await circulation.get(f"/v1/fees/{fee['id']}/ledger")).json()
    balances: dict[str, int] = {}
    for entry in ledger:
        balances[entry["account"]] = balances.get(entry["account"], 0) + entry["amount"]
    assert balances == {"receivable": 0, "income": 0, "cash": 0}
    assert [event.cancelled.minor for event in await circulation.announced(FeeCancelled)] == [600]
    await money_is_whole(circulation)


async def test_a_refund_goes_back_the_way_the_money_came(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 1000)
    await settle(circulation, fee, "payments", amount=300, method="cash")
    await settle(circulation, fee, "payments", amount=200, method="card")
    await settle(circulation, fee, "transfers", account="bursar")

    back = await settle(circulation, fee, "refunds", amount=850, comment="item found")
    rest = await settle(circulation, fee, "refunds", comment="item found")
    more = await settle(circulation, fee, "refunds", amount=1, comment="once more")

    parts = [
        (part["act"], part["method"], part["account"], part["amount"])
        for part in back.json()["done"] + rest.json()["done"]
    ]
    assert sorted(part[3] for part in parts) == [150, 150, 200, 500]
    assert {(act, method or account) for act, method, account, _ in parts} == {
        ("refund", "cash"),
        ("refund", "card"),
        ("credit", "bursar"),
    }
    assert (more.status_code, codes(more)) == (409, ["more-than-refundable"])
    assert sum(event.refunded.minor for event in await circulation.announced(FeeRefunded)) == 1000
    assert (await circulation.get(f"/v1/fees/{fee['id']}")).json()["state"] == "closed"
    await money_is_whole(circulation)


async def test_only_what_was_paid_in_cash_is_given_back_in_cash(circulation: Harness, make: Make) -> None:
    fee = await charged(make, await make.patron(), 500)
    await settle(circulation, fee, "payments", amount=100, method="cash")
    await settle(circulation, fee, "payments", amount=400, method="card")

    refused = await settle(circulation, fee, "refunds", amount=101, method="cash", comment="too much")
    back = await settle(circulation, fee, "refunds", method="cash", comment="as asked")

    assert codes(refused) == ["more-than-refundable"]
    assert [(part["method"], part["amount"]) for part in back.json()["done"]] == [("cash", 100)]
    await money_is_whole(circulation)


async def test_a_fee_is_handed_over_to_the_bursar(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 800)

    unknown = await settle(circulation, fee, "transfers", account="nobody")
    done = await settle(circulation, fee, "transfers", account="bursar", comment="end of term")

    assert (unknown.status_code, codes(unknown)) == (422, ["account-unknown"])
    assert done.json()["fee"]["status"] == "transferred-fully"
    assert await owed(make, patron) == 0
    assert [event.account for event in await circulation.announced(FeeTransferred)] == ["bursar"]
    await money_is_whole(circulation)


async def test_nothing_is_done_with_a_settled_fee_but_to_give_it_back(
    circulation: Harness, make: Make
) -> None:
    fee = await charged(make, await make.patron(), 200)
    await settle(circulation, fee, "payments")

    answers = [
        await settle(circulation, fee, "payments", amount=1),
        await settle(circulation, fee, "waivers", amount=1, comment="late"),
        await settle(circulation, fee, "cancellations", comment="late"),
        await settle(circulation, fee, "transfers", amount=1, account="bursar"),
    ]

    assert [answer.status_code for answer in answers] == [409] * 4
    assert [codes(answer)[0] for answer in answers] == ["fee-closed"] * 4
    await money_is_whole(circulation)


async def test_a_payment_sent_again_with_its_reference_takes_no_more_money(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 1000)
    body = {"amount": 250, "method": "terminal", "reference": "TX-1"}

    first = await settle(circulation, fee, "payments", **body)
    again = await settle(circulation, fee, "payments", **body)
    other = await settle(circulation, fee, "payments", **body | {"amount": 300})
    elsewhere = await settle(circulation, fee, "payments", **body | {"method": "online"})

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["id"] == first.json()["id"]
    assert (other.status_code, codes(other)) == (409, ["reference-used"])
    assert elsewhere.json()["remaining"] == 500
    assert await owed(make, patron) == 500
    await money_is_whole(circulation)


async def test_terminals_that_repeat_themselves_at_once_take_the_money_once(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 1000)
    body = {"amount": 250, "method": "terminal", "reference": "TX-1"}

    answers = await asyncio.gather(*(settle(circulation, fee, "payments", **body) for _ in range(6)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await circulation.announced(FeePaid)) == 1
    assert await owed(make, patron) == 750
    await money_is_whole(circulation)


async def test_one_payment_settles_the_oldest_fees_first_under_one_receipt(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    fees = [await charged(make, patron, amount) for amount in (300, 200, 500)]

    answer = await circulation.post(
        f"/v1/patrons/{patron['id']}/payments", json={"amount": 600, "method": "card", "reference": "R-9"}
    )
    again = await circulation.post(
        f"/v1/patrons/{patron['id']}/payments", json={"amount": 600, "method": "card", "reference": "R-9"}
    )

    told = answer.json()
    assert (answer.status_code, told["amount"], told["reference"]) == (201, 600, "R-9")
    assert [(part["fee_id"], part["amount"]) for part in told["payments"]] == [
        (fees[0]["id"], 300),
        (fees[1]["id"], 200),
        (fees[2]["id"], 100),
    ]
    assert again.json()["receipt_id"] == told["receipt_id"]
    assert await owed(make, patron) == 400
    await money_is_whole(circulation)


async def test_a_payment_for_named_fees_is_taken_wholly_or_not_at_all(
    circulation: Harness, make: Make
) -> None:
    patron, other = await make.patron(), await make.patron()
    fees = [await charged(make, patron, 300) for _ in range(3)]
    foreign = await charged(make, other, 300)
    door = f"/v1/patrons/{patron['id']}/payments"

    too_much = await circulation.post(
        door,
        json={"fees": [{"fee_id": fees[0]["id"]}, {"fee_id": fees[1]["id"], "amount": 301}]},
    )
    strangers = await circulation.post(
        door, json={"fees": [{"fee_id": fees[0]["id"]}, {"fee_id": foreign["id"]}]}
    )
    over = await circulation.post(door, json={"amount": 901})
    both = await circulation.post(door, json={"amount": 9, "fees": [{"fee_id": fees[0]["id"]}]})
    untouched = await owed(make, patron)
    named = await circulation.post(
        door,
        json={"fees": [{"fee_id": fees[2]["id"]}, {"fee_id": fees[0]["id"], "amount": 100}]},
    )

    assert (too_much.status_code, codes(too_much)) == (409, ["more-than-owed"])
    assert too_much.json()["reasons"][0]["pointer"] == "/fees/1"
    assert (strangers.status_code, codes(strangers)) == (404, ["fee-unknown"])
    assert (over.status_code, codes(over)) == (409, ["more-than-owed"])
    assert both.status_code == 422
    assert untouched == 900
    assert named.json()["amount"] == 400
    assert await owed(make, patron) == 500
    await money_is_whole(circulation)


async def test_several_fees_are_waived_or_transferred_at_once(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fees = [await charged(make, patron, 100) for _ in range(3)]

    waived = await circulation.post(
        f"/v1/patrons/{patron['id']}/waivers",
        json={"fees": [{"fee_id": fees[1]["id"]}], "comment": "amnesty"},
    )
    moved = await circulation.post(f"/v1/patrons/{patron['id']}/transfers", json={"account": "bursar"})
    nothing = await circulation.post(f"/v1/patrons/{patron['id']}/transfers", json={"account": "bursar"})

    assert [item["fee"]["id"] for item in waived.json()["items"]] == [fees[1]["id"]]
    assert [item["fee"]["id"] for item in moved.json()["items"]] == [fees[0]["id"], fees[2]["id"]]
    assert (nothing.status_code, codes(nothing)) == (409, ["fee-closed"])
    assert await owed(make, patron) == 0
    await money_is_whole(circulation)


async def test_what_is_done_with_a_fee_is_tried_before_it_is_done(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    fee = await charged(make, patron, 1000)

    tried = await circulation.post(f"/v1/fees/{fee['id']}/payments?dry_run=true", json={"amount": 400})
    many = await circulation.post(f"/v1/patrons/{patron['id']}/payments?dry_run=true", json={})
    wrong = await circulation.post(f"/v1/fees/{fee['id']}/payments?dry_run=true", json={"amount": 1001})
    others = [
        await circulation.post(f"/v1/fees/{fee['id']}/{act}?dry_run=true", json=told)
        for act, told in (
            ("waivers", {"amount": 400, "comment": "hardship"}),
            ("cancellations", {"comment": "a mistake"}),
            ("transfers", {"amount": 400, "account": "bursar"}),
        )
    ]

    assert (tried.status_code, tried.json()["remaining"]) == (200, 600)
    assert many.json()["amount"] == 1000
    assert (wrong.status_code, codes(wrong)) == (409, ["more-than-owed"])
    assert [(answer.status_code, answer.json()["fee"]["remaining"]) for answer in others] == [
        (200, 600),
        (200, 0),
        (200, 600),
    ]
    assert await owed(make, patron) == 1000
    assert await circulation.announced(FeePaid) == []


async def test_what_was_done_with_a_fee_is_told_with_who_and_why(circulation: Harness, make: Make) -> None:
    fee = await charged(make, await make.patron(), 1000)
    await settle(circulation, fee, "payments", amount=100, reference="R-1", service_point_id=make.desk)
    await settle(circulation, fee, "waivers", amount=200, comment="hardship")

    told = (await circulation.get(f"/v1/fees/{fee['id']}/actions")).json()["items"]
    unknown = await circulation.get(f"/v1/fees/{uuid7()}/actions")

    assert [(each["act"], each["amount"], each["comment"]) for each in told] == [
        ("pay", 100, None),
        ("waive", 200, "hardship"),
    ]
    assert (told[0]["reference"], told[0]["service_point_id"]) == ("R-1", make.desk)
    assert {each["done_by"] for each in told} == {str(STAFF.actor)}
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("door", "scope", "body"),
    [
        ("/v1/fees", "fees:write", {"patron_id": str(UUID(int=1)), "type": "damage"}),
        ("/v1/fees/{}/payments", "fees:pay", {}),
        ("/v1/fees/{}/waivers", "fees:waive", {"comment": "x"}),
        ("/v1/fees/{}/cancellations", "fees:write", {"comment": "x"}),
        ("/v1/fees/{}/transfers", "fees:transfer", {"account": "bursar"}),
        ("/v1/fees/{}/refunds", "fees:refund", {"comment": "x"}),
    ],
)
async def test_each_act_on_a_fee_needs_its_own_scope(
    circulation: Harness, make: Make, door: str, scope: str, body: dict[str, Any]
) -> None:
    others = frozenset({"fees:write", "fees:pay", "fees:waive", "fees:transfer", "fees:refund"}) - {scope}
    path = door.format(uuid7())

    with circulation.asking(replace(STAFF, scopes=others)):
        refused = await circulation.post(path, json=body)
    with circulation.asking(replace(STAFF, scopes=frozenset({scope}))):
        let_in = await circulation.post(path, json=body)

    assert refused.status_code == 403
    assert let_in.status_code in (404, 422)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_many_hands_on_one_patrons_fees_leave_the_money_whole(
    circulation: Harness, make: Make, seed: int
) -> None:
    chance = random.Random(seed)
    patron = await make.patron()
    fees = [await charged(make, patron, 1000) for _ in range(3)]

    def hand() -> Any:
        fee, amount = chance.choice(fees), chance.randrange(1, 700)
        match chance.randrange(6):
            case 0:
                return settle(
                    circulation, fee, "payments", amount=amount, method=chance.choice(["cash", "card"])
                )
            case 1:
                return settle(circulation, fee, "waivers", amount=amount, comment="x")
            case 2:
                return settle(circulation, fee, "transfers", amount=amount, account="bursar")
            case 3:
                return settle(circulation, fee, "refunds", amount=amount, comment="x")
            case 4:
                return settle(circulation, fee, "cancellations", comment="x")
            case _:
                return circulation.post(f"/v1/patrons/{patron['id']}/payments", json={"amount": amount})

    for _ in range(6):
        answers = await asyncio.gather(*(hand() for _ in range(5)))
        assert {answer.status_code for answer in answers} <= {201, 409}, [a.text for a in answers]

    await money_is_whole(circulation)
