"""Lost items through the front door: declared, aged, billed, settled."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest

from circulation.lost import timers
from contracts.circulation import (
    FeeCancelled,
    ItemAvailabilityChanged,
    ItemDeclaredLost,
    ItemLostAndPaid,
    LoanAgedToLost,
    LoanRecalled,
)
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness
from support.losing import DAY, DUE, USUAL, claim, codes, fees_of, lent, lose, losing, whole
from support.money import charged, owed


@pytest.fixture(autouse=True)
async def _usual(circulation: Harness, make: Make) -> None:
    await losing(circulation)


async def test_what_is_declared_lost_is_billed_at_once_and_told_to_everybody(
    circulation: Harness, make: Make
) -> None:
    patron, item, loan = await lent(make)

    answer = await lose(circulation, loan)

    told = answer.json()
    assert (answer.status_code, told["state"], told["lost_policy"]) == (201, "declared-lost", "usual")
    assert [(fee["kind"], fee["amount"], fee["owner"]) for fee in told["fees"]] == [
        ("lost-item", 3000, "MAIN"),
        ("lost-processing", 500, "MAIN"),
    ]
    assert await owed(make, patron) == 3500
    assert (await make.state(item))["state"] == "lost"
    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json()["state"] == "declared-lost"
    assert [str(event.loan_id) for event in await circulation.announced(ItemDeclaredLost)] == [loan["id"]]
    assert [e.availability.state for e in await circulation.announced(ItemAvailabilityChanged)] == ["lost"]
    await whole(circulation)


async def test_nothing_is_declared_lost_twice_even_at_once(circulation: Harness, make: Make) -> None:
    patron, _, loan = await lent(make)

    answers = await asyncio.gather(*(lose(circulation, loan) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {code for answer in answers if answer.status_code == 409 for code in codes(answer)} == {
        "already-declared-lost"
    }
    assert await owed(make, patron) == 3500
    await whole(circulation)


async def test_what_has_been_returned_is_not_declared_lost(circulation: Harness, make: Make) -> None:
    _, item, loan = await lent(make)
    await make.take_back(item)

    answers = [
        await lose(circulation, loan),
        await claim(circulation, loan),
        await circulation.post(f"/v1/loans/{loan['id']}/claim-resolutions", json={"resolution": "missing"}),
        await circulation.post(f"/v1/loans/{loan['id']}/costs", json={"amount": 1, "comment": "x"}),
    ]
    unknown = await lose(circulation, {"id": str(uuid4())})

    assert [(answer.status_code, codes(answer)) for answer in answers] == [(409, ["loan-ended"])] * 4
    assert unknown.status_code == 404


async def test_a_policy_without_a_processing_fee_charges_none(circulation: Harness, make: Make) -> None:
    await losing(circulation, processing_fee={})
    _, _, loan = await lent(make)

    told = (await lose(circulation, loan)).json()

    assert [fee["kind"] for fee in told["fees"]] == ["lost-item"]


async def test_an_overdue_loan_ages_to_lost_and_is_billed_after_its_delay_each_once(
    circulation: Harness, make: Make
) -> None:
    patron, item, loan = await lent(make)
    states = []
    for at in (DUE + DAY, DUE + 41 * DAY, DUE + 43 * DAY, DUE + 44 * DAY, DUE + 47 * DAY, DUE + 60 * DAY):
        circulation.at(at)
        await circulation.tick("lost-items")
        await circulation.tick("lost-items")
        states.append(((await make.state(item))["state"], await owed(make, patron)))

    assert states == [
        ("on-loan", 0),
        ("on-loan", 0),
        ("lost", 0),
        ("lost", 0),
        ("lost", 3700),
        ("lost", 3700),
    ]
    assert len(await circulation.announced(LoanAgedToLost)) == 1
    account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
    assert [(told["state"], told["accruing_minor"]) for told in account["loans"]] == [("aged-to-lost", 0)]
    assert account["loans"][0]["id"] == loan["id"]
    await whole(circulation)


async def test_a_recalled_item_ages_to_lost_after_an_interval_of_its_own(
    circulation: Harness, make: Make
) -> None:
    borrower, reader = await make.patron(), await make.patron()
    recalled, other = await make.item(), await make.item()
    await make.loan(borrower, recalled)
    await make.loan(borrower, other)
    assert (await make.place(reader, item_id=str(recalled.item_id), kind="recall")).status_code == 201
    loans = (await circulation.get(f"/v1/loans?item_id={recalled.item_id}")).json()["items"]

    circulation.at(datetime.fromisoformat(loans[0]["due_at"]) + 8 * DAY)
    await circulation.tick("lost-items")

    assert (await make.state(recalled))["state"] == "lost"
    assert (await make.state(other))["state"] == "on-loan"


async def test_a_renewed_loan_does_not_age_by_its_old_due_date(circulation: Harness, make: Make) -> None:
    _, item, loan = await lent(make)
    circulation.at(DUE + DAY)
    await circulation.tick("lost-items")
    assert (await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})).status_code == 201

    circulation.at(DUE + 43 * DAY)
    await circulation.tick("lost-items")
    early = (await make.state(item))["state"]
    circulation.at(DUE + 75 * DAY)
    await circulation.tick("lost-items")

    assert (early, (await make.state(item))["state"]) == ("on-loan", "lost")


async def test_one_bill_that_fails_stops_no_other_and_is_tried_again(
    circulation: Harness, make: Make
) -> None:
    lost = [await lent(make) for _ in range(3)]
    circulation.at(DUE + 43 * DAY)
    await circulation.tick("lost-items")
    pool = circulation.resources.pool
    broken = lost[1][0]["id"]
    await pool.execute(
        f"ALTER TABLE fee ADD CONSTRAINT no_fee_for_one CHECK (patron_id <> '{broken}') NOT VALID"
    )

    circulation.at(DUE + 47 * DAY)
    await circulation.tick("lost-items")
    billed = [await owed(make, patron) for patron, _, _ in lost]
    await pool.execute("ALTER TABLE fee DROP CONSTRAINT no_fee_for_one")
    circulation.at(DUE + 48 * DAY)
    await circulation.tick("lost-items")

    assert billed == [3700, 0, 3700]
    assert [await owed(make, patron) for patron, _, _ in lost] == [3700, 3700, 3700]
    await whole(circulation)


async def test_what_ageing_billed_is_replaced_when_the_item_is_declared_lost(
    circulation: Harness, make: Make
) -> None:
    patron, _, loan = await lent(make)
    circulation.at(DUE + 50 * DAY)
    await circulation.tick("lost-items")
    circulation.at(DUE + 60 * DAY)
    await circulation.tick("lost-items")
    aged = await owed(make, patron)

    await lose(circulation, loan)

    assert (aged, await owed(make, patron)) == (3700, 3500)
    assert len(await circulation.announced(FeeCancelled)) == 2
    await whole(circulation)


async def test_a_fee_of_ageing_that_is_partly_paid_is_kept_and_not_charged_again(
    circulation: Harness, make: Make
) -> None:
    patron, _, loan = await lent(make)
    circulation.at(DUE + 50 * DAY)
    await circulation.tick("lost-items")
    circulation.at(DUE + 60 * DAY)
    await circulation.tick("lost-items")
    item_fee = next(fee for fee in await fees_of(circulation, patron) if fee["kind"] == "lost-item")
    await circulation.post(f"/v1/fees/{item_fee['id']}/payments", json={"amount": 1000})

    await lose(circulation, loan)

    assert await owed(make, patron) == 2000 + 500
    await whole(circulation)


async def test_a_lost_item_of_which_nothing_is_charged_ends_its_loan(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, cost="none", amount=None, processing_fee={})
    patron, item, loan = await lent(make)

    told = (await lose(circulation, loan)).json()

    assert (told["state"], told["fees"]) == ("lost-and-paid", [])
    assert (await make.state(item))["state"] == "lost-and-paid"
    assert (await circulation.get(f"/v1/patrons/{patron['id']}")).json()["open_loans"] == 0
    assert len(await circulation.announced(ItemLostAndPaid)) == 1
    await whole(circulation)


async def test_a_loan_of_which_nothing_is_charged_stays_open_as_long_as_its_policy_says(
    circulation: Harness, make: Make
) -> None:
    month = {"amount": 30, "unit": "day"}
    await losing(circulation, cost="none", amount=None, processing_fee={}, close_after=month)
    _, item, loan = await lent(make)
    await lose(circulation, loan)
    states = []
    for days in (29, 31):
        circulation.at(NOW + days * DAY)
        await circulation.tick("lost-items")
        states.append((await make.state(item))["state"])

    assert states == ["lost", "lost-and-paid"]
    await whole(circulation)


async def test_a_lost_item_that_is_paid_ends_its_loan_whatever_else_is_owed(
    circulation: Harness, make: Make
) -> None:
    patron, item, loan = await lent(make)
    await lose(circulation, loan)
    await charged(make, patron, 900, loan_id=loan["id"])
    item_fee, processing, _ = await fees_of(circulation, patron)

    await circulation.post(f"/v1/fees/{item_fee['id']}/payments", json={})
    half = (await make.state(item))["state"]
    await circulation.post(f"/v1/fees/{processing['id']}/waivers", json={"comment": "regular customer"})

    assert half == "lost"
    assert (await make.state(item))["state"] == "lost-and-paid"
    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json()["state"] == "lost-and-paid"
    assert await owed(make, patron) == 900
    assert len(await circulation.announced(ItemLostAndPaid)) == 1
    await whole(circulation)


async def test_settling_everything_at_once_by_two_hands_ends_the_loan_once(
    circulation: Harness, make: Make
) -> None:
    patron, _, loan = await lent(make)
    await lose(circulation, loan)

    answers = await asyncio.gather(
        *(circulation.post(f"/v1/patrons/{patron['id']}/payments", json={}) for _ in range(3))
    )

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert len(await circulation.announced(ItemLostAndPaid)) == 1
    await whole(circulation)


async def test_a_library_may_keep_the_loan_open_although_it_is_paid(circulation: Harness, make: Make) -> None:
    await losing(circulation, close_when_settled=False)
    patron, item, loan = await lent(make)
    await lose(circulation, loan)

    await circulation.post(f"/v1/patrons/{patron['id']}/payments", json={})

    assert (await make.state(item))["state"] == "lost"


async def test_the_actual_cost_is_named_by_staff_and_keeps_the_loan_open_until_then(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, cost="actual", amount=None)
    patron, item, loan = await lent(make)
    await lose(circulation, loan)
    door = f"/v1/loans/{loan['id']}/costs"

    await circulation.post(f"/v1/patrons/{patron['id']}/payments", json={})
    awaited = (await make.state(item))["state"]
    named = await circulation.post(door, json={"amount": 4250, "comment": "the publisher's price"})
    again = await circulation.post(door, json={"amount": 4250, "comment": "the publisher's price"})
    await circulation.post(f"/v1/patrons/{patron['id']}/payments", json={})

    assert awaited == "lost"
    assert [fee["amount"] for fee in named.json()["fees"]] == [500, 4250]
    assert (again.status_code, codes(again)) == (409, ["no-cost-awaited"])
    assert (await make.state(item))["state"] == "lost-and-paid"
    await whole(circulation)


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"cost": "set", "amount": None}, "/lost_policies/0/amount"),
        ({"cost": "none"}, "/lost_policies/0/amount"),
        ({"age_after": None}, "/lost_policies/0/age_after"),
        ({"age_after": {"amount": 0, "unit": "day"}}, "/lost_policies/0/age_after/amount"),
        ({"refund": False, "refund_within": {"amount": 1, "unit": "day"}}, "/lost_policies/0/refund_within"),
        ({"code": "another"}, "/rules/0/lost"),
    ],
)
async def test_a_lost_policy_that_contradicts_itself_is_not_saved(
    circulation: Harness, make: Make, policy: dict[str, Any], pointer: str
) -> None:
    body = CONFIGURATION | {
        "lost_policies": [USUAL | policy],
        "rules": [rule | {"lost": "usual"} for rule in CONFIGURATION["rules"]],
    }

    answer = await circulation.put("/v1/configuration/circulation", json=body)

    assert answer.status_code == 422
    assert pointer in [reason.get("pointer") for reason in answer.json()["reasons"]]


async def test_a_lost_policy_is_kept_while_a_lost_item_waits_to_be_settled(
    circulation: Harness, make: Make
) -> None:
    _, _, loan = await lent(make)
    await lose(circulation, loan)

    answer = await circulation.put("/v1/configuration/circulation", json=CONFIGURATION)

    assert (answer.status_code, codes(answer)) == (422, ["still-in-use"])


@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        (timers.OVERDUE, ["loan_to_age", "loan_to_age_later"]),
        (timers.REMINDERS, ["loan_to_remind"]),
        (timers.BILLS, ["loan_to_bill"]),
        (timers.ENDS, ["loan_to_close"]),
    ],
)
async def test_the_timers_find_what_is_due_by_an_index(
    circulation: Harness, make: Make, statement: str, indexes: list[str]
) -> None:
    query = statement.replace("$1", "now()").replace("$2", "500")
    async with circulation.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {query}"))

    assert all(f"using {index} " in plan for index in indexes)
    assert "Sort" not in plan


async def test_what_is_lost_or_claimed_is_recalled_by_nobody(circulation: Harness, make: Make) -> None:
    _, declared, of_declared = await lent(make)
    claimed, aged = [await make.item(title_ids=declared.title_ids) for _ in range(2)]
    of_claimed = await make.loan(await make.patron(), claimed)
    await make.loan(await make.patron(), aged)
    await lose(circulation, of_declared)
    await claim(circulation, of_claimed)
    title = str(declared.title_ids[0])
    while_one_is_out = await make.place(await make.patron(), title_id=title, kind="recall")
    circulation.at(DUE + 43 * DAY)
    await circulation.tick("lost-items")

    refused = [
        await make.place(await make.patron(), title_id=title, kind=kind) for kind in ("recall", "hold")
    ]

    assert while_one_is_out.status_code == 201
    assert [event.item_id for event in await circulation.announced(LoanRecalled)] == [aged.item_id]
    assert [(answer.status_code, codes(answer)) for answer in refused] == [(409, ["nothing-to-hold"])] * 2
