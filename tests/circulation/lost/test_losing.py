"""Lost and claimed items through the front door: declared, aged, billed, settled, found."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from circulation.lost import timers
from contracts.catalog import ItemState
from contracts.circulation import (
    FeeCancelled,
    FeeRefunded,
    ItemAvailabilityChanged,
    ItemClaimedReturned,
    ItemClaimResolved,
    ItemDeclaredLost,
    ItemLostAndPaid,
    LoanAgedToLost,
    LoanReturned,
)
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness
from support.money import charged, configured, money_is_whole, owed

DAY = timedelta(days=1)
DUE = NOW + 28 * DAY
USUAL: dict[str, Any] = {
    "code": "usual",
    "name": "Usual",
    "age_after": {"amount": 42, "unit": "day"},
    "age_recalled_after": {"amount": 7, "unit": "day"},
    "bill_after": {"amount": 3, "unit": "day"},
    "cost": "set",
    "amount": 3000,
    "processing_fee": {"declared": 500, "aged": 700},
}
CARELESS = {"code": "careless", "name": "Nothing is charged"}


async def losing(circulation: Harness, *, claim_resolution: str = "found-by-library", **policy: Any) -> None:
    """Configure one lost-item policy for every loan."""
    told = USUAL | policy
    await configured(
        circulation,
        lost_policies=[told],
        rules=[rule | {"lost": told["code"]} for rule in CONFIGURATION["rules"]],
        claim_resolution=claim_resolution,
    )


@pytest.fixture(autouse=True)
async def _usual(circulation: Harness, make: Make) -> None:
    await losing(circulation)


async def lose(circulation: Harness, loan: dict[str, Any], **more: Any) -> Any:
    return await circulation.post(
        f"/v1/loans/{loan['id']}/losses", json={"comment": "left on a train"} | more
    )


async def claim(circulation: Harness, loan: dict[str, Any]) -> Any:
    return await circulation.post(f"/v1/loans/{loan['id']}/claims", json={"comment": "in the drop, Tuesday"})


async def lent(make: Make) -> tuple[dict[str, Any], ItemState, dict[str, Any]]:
    patron, item = await make.patron(), await make.item()
    return patron, item, await make.loan(patron, item)


async def fees_of(circulation: Harness, patron: dict[str, Any]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = (await circulation.get(f"/v1/fees?patron_id={patron['id']}")).json()["items"]
    return told


async def whole(circulation: Harness) -> None:
    """The money, and what is counted of loans and claims; every event of a loan and an item, without a gap."""
    await money_is_whole(circulation)
    pool = circulation.resources.pool
    assert (
        await pool.fetch(
            "SELECT id FROM patron p WHERE (open_loans, claims_open) <> (SELECT count(*), count(claimed_at) "
            "FROM loan WHERE patron_id = p.id AND returned_at IS NULL)"
        )
        == []
    )
    told: dict[str, list[int]] = {}
    for envelope in await circulation.envelopes():
        if envelope.type.startswith("circulation.loan-") or "loan" in envelope.data:
            told.setdefault(envelope.subject, []).append(envelope.sequence)
    for row in await pool.fetch("SELECT id, version FROM loan"):
        assert told[str(row["id"])] == list(range(1, row["version"] + 1))


def codes(answer: Any) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


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


async def test_a_found_item_is_refunded_where_the_money_came_from_and_the_rest_is_cancelled(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, overdue_when_found="drop")
    patron, item, loan = await lent(make)
    await lose(circulation, loan)
    item_fee, processing = await fees_of(circulation, patron)
    await circulation.post(f"/v1/fees/{item_fee['id']}/payments", json={"amount": 1000, "method": "card"})
    await circulation.post(f"/v1/fees/{item_fee['id']}/transfers", json={"amount": 500, "account": "bursar"})

    back = await make.take_back(item)

    assert back["loan"]["state"] == "returned"
    assert back["next_step"]["step"] == "reshelve"
    assert sum(event.cancelled.minor for event in await circulation.announced(FeeCancelled)) == 1500 + 500
    refunds = await circulation.announced(FeeRefunded)
    assert sorted((event.method or event.account, event.refunded.minor) for event in refunds) == [
        ("bursar", 500),
        ("card", 1000),
    ]
    assert await owed(make, patron) == 0
    assert (await make.state(item))["state"] == "available"
    assert processing["id"] != item_fee["id"]
    await whole(circulation)


async def test_a_found_item_keeps_its_processing_fee_and_gets_its_overdue_fine_where_the_policy_says_so(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, keep_processing_fee=True)
    patron, item, loan = await lent(make)
    circulation.at(DUE + 10 * DAY)
    await lose(circulation, loan)
    circulation.at(DUE + 20 * DAY)

    back = await make.take_back(item)

    assert back["fine_minor"] == 20 * 20
    assert await owed(make, patron) == 500 + 400
    await whole(circulation)


async def test_what_comes_back_after_the_time_for_refunds_stays_charged_and_gets_no_fine_on_top(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, refund_within={"amount": 10, "unit": "day"})
    patron, item, loan = await lent(make)
    circulation.at(DUE + 10 * DAY)
    await lose(circulation, loan)
    circulation.at(DUE + 30 * DAY)

    back = await make.take_back(item)

    assert (back["fee_id"], await owed(make, patron)) == (None, 3500)
    assert await circulation.announced(FeeCancelled) == []
    await whole(circulation)


async def test_an_item_that_was_lost_and_paid_is_refunded_when_it_turns_up(
    circulation: Harness, make: Make
) -> None:
    patron, item, loan = await lent(make)
    await lose(circulation, loan)
    await circulation.post(f"/v1/patrons/{patron['id']}/payments", json={"method": "card"})
    lend = await make.lend(await make.patron(), item)

    back = await make.take_back(item)
    again = await make.take_back(item)

    assert (lend.status_code, codes(lend)) == (409, ["item-lost"])
    assert back["loan"] is None
    assert sum(event.refunded.minor for event in await circulation.announced(FeeRefunded)) == 3500
    assert again["next_step"]["step"] == "reshelve"
    assert (await make.state(item))["state"] == "available"
    assert (await make.lend(await make.patron(), item)).status_code == 201
    await whole(circulation)


async def test_a_found_item_goes_to_whoever_waits_for_it(circulation: Harness, make: Make) -> None:
    _, item, loan = await lent(make)
    await make.hold(await make.patron(), item)
    await lose(circulation, loan)

    back = await make.take_back(item)

    assert back["next_step"]["step"] == "hold-shelf"
    assert (await make.state(item))["state"] == "on-hold-shelf"
    await whole(circulation)


async def test_a_returning_and_a_paying_hand_at_once_leave_the_money_whole(
    circulation: Harness, make: Make
) -> None:
    for _ in range(4):
        patron, item, loan = await lent(make)
        await lose(circulation, loan)
        back = {"item_id": str(item.item_id), "service_point_id": make.desk}

        answers = await asyncio.gather(
            circulation.post(f"/v1/patrons/{patron['id']}/payments", json={}),
            circulation.post("/v1/returns", json=back),
        )

        assert {answer.status_code for answer in answers} <= {200, 201, 409}
        assert (await make.state(item))["state"] == "available"
        assert await owed(make, patron) == 0
    await whole(circulation)


@pytest.mark.parametrize(("how", "block"), [("declared", "declared-lost"), ("aged", "aged-to-lost")])
async def test_a_lost_item_is_renewed_only_by_an_override_which_finds_it(
    circulation: Harness, make: Make, how: str, block: str
) -> None:
    await losing(circulation, overdue_when_found="drop")
    patron, item, loan = await lent(make)
    circulation.at(DUE + 50 * DAY)
    if how == "aged":
        await circulation.tick("lost-items")
    else:
        await lose(circulation, loan)
    door = f"/v1/loans/{loan['id']}/renewals"

    refused = await circulation.post(door, json={})
    override = {"blocks": [block, "fees-owed"], "comment": "it lies before me"}
    renewed = await circulation.post(door, json={"override": override})

    assert (refused.status_code, block in codes(refused)) == (409, True)
    assert (renewed.status_code, renewed.json()["renewals"]) == (201, 1)
    assert (await make.state(item))["state"] == "on-loan"
    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json()["state"] == "open"
    kinds = {fee["kind"] for fee in await fees_of(circulation, patron) if fee["remaining"]}
    assert kinds <= {"overdue"}
    await whole(circulation)


async def test_what_the_patron_says_was_brought_back_counts_to_no_limit_and_costs_nothing_more(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron(group="visitor")
    items = [await make.item() for _ in range(3)]
    loans = [await make.loan(patron, item) for item in items[:2]]
    full = await make.lend(patron, items[2])

    answer = await claim(circulation, loans[0])
    twice = await claim(circulation, loans[0])
    room = await make.lend(patron, items[2])
    circulation.at(DUE + 60 * DAY)
    await circulation.tick("lost-items")

    assert codes(full) == ["group-loan-limit"]
    assert (answer.status_code, answer.json()["state"]) == (201, "claimed-returned")
    assert (twice.status_code, codes(twice)) == (409, ["already-claimed"])
    assert room.status_code == 201
    assert (await make.state(items[0]))["state"] == "claimed-returned"
    registered = (await circulation.get(f"/v1/patrons/{patron['id']}")).json()
    assert (registered["claims"], registered["open_loans"]) == (1, 3)
    account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
    assert {told["state"]: told["accruing_minor"] for told in account["loans"]}["claimed-returned"] == 0
    assert len(await circulation.announced(ItemClaimedReturned)) == 1
    await whole(circulation)


async def test_what_is_claimed_returned_is_not_held_against_the_patron_as_overdue(
    circulation: Harness, make: Make
) -> None:
    student = CONFIGURATION["patron_groups"][0] | {"limits": {"borrow": {"overdue_items": 0}}}
    await configured(circulation, patron_groups=[student, CONFIGURATION["patron_groups"][1]])
    patron, _, loan = await lent(make)
    circulation.at(DUE + DAY)
    before = await make.lend(patron, await make.item())

    await claim(circulation, loan)

    account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
    assert before.status_code == 409
    assert account["limits"] == []
    assert (await make.lend(patron, await make.item())).status_code == 201


async def test_a_claimed_item_cannot_be_renewed_by_anybody(circulation: Harness, make: Make) -> None:
    _, _, loan = await lent(make)
    await claim(circulation, loan)

    refused = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})
    override = {"blocks": ["claimed-returned"], "comment": "please"}
    forced = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={"override": override})
    lost = await lose(circulation, loan)

    assert "claimed-returned" in codes(refused)
    assert forced.status_code == 422
    assert (lost.status_code, codes(lost)) == (409, ["already-claimed"])


@pytest.mark.parametrize(
    ("configured_as", "said", "resolution", "fined"),
    [
        ("found-by-library", None, "found-by-library", False),
        ("returned-by-patron", None, "returned-by-patron", True),
        ("returned-by-patron", "found-by-library", "found-by-library", False),
        ("found-by-library", "returned-by-patron", "returned-by-patron", True),
    ],
)
async def test_scanning_a_claimed_item_resolves_the_claim_and_what_the_library_finds_is_not_fined(
    circulation: Harness, make: Make, configured_as: str, said: str | None, resolution: str, fined: bool
) -> None:
    await losing(circulation, claim_resolution=configured_as)
    patron, item, loan = await lent(make)
    await claim(circulation, loan)
    circulation.at(DUE + 5 * DAY)

    back = await make.take_back(item, **({"claim_resolution": said} if said else {}))

    assert back["fine_minor"] == (100 if fined else 0)
    assert [event.resolution for event in await circulation.announced(ItemClaimResolved)] == [resolution]
    assert len(await circulation.announced(LoanReturned)) == 1
    assert (await circulation.get(f"/v1/patrons/{patron['id']}")).json()["claims"] == 1
    assert (await make.state(item))["state"] == "available"
    await whole(circulation)


async def test_what_was_lost_and_claimed_and_is_found_by_the_library_costs_nothing(
    circulation: Harness, make: Make
) -> None:
    await losing(circulation, keep_processing_fee=True)
    patron, item, loan = await lent(make)
    await lose(circulation, loan)
    await circulation.post(f"/v1/patrons/{patron['id']}/payments", json={"amount": 700})
    await claim(circulation, loan)

    await make.take_back(item)

    assert await owed(make, patron) == 0
    assert sum(event.refunded.minor for event in await circulation.announced(FeeRefunded)) == 700
    await whole(circulation)


async def test_a_claim_that_nobody_can_settle_ends_as_missing_and_nobody_pays(
    circulation: Harness, make: Make
) -> None:
    patron, item, loan = await lent(make)
    await claim(circulation, loan)
    door = f"/v1/loans/{loan['id']}/claim-resolutions"

    ended = await circulation.post(door, json={"resolution": "missing"})
    twice = await circulation.post(door, json={"resolution": "missing"})
    missing = (await make.state(item))["state"]
    lend = await make.lend(await make.patron(), item)
    await make.take_back(item)

    assert (ended.status_code, ended.json()["state"]) == (201, "missing")
    assert (twice.status_code, codes(twice)) == (409, ["loan-ended"])
    assert (missing, codes(lend)) == ("unavailable", ["item-lost"])
    assert (await make.state(item))["state"] == "available"
    assert await owed(make, patron) == 0
    await whole(circulation)


async def test_a_patron_who_finds_it_at_home_takes_the_claim_back(circulation: Harness, make: Make) -> None:
    patron, item, loan = await lent(make)
    door = f"/v1/loans/{loan['id']}/claim-resolutions"
    early = await circulation.post(door, json={"resolution": "withdrawn"})
    await claim(circulation, loan)

    answer = await circulation.post(door, json={"resolution": "withdrawn"})

    assert (early.status_code, codes(early)) == (409, ["not-claimed"])
    assert (answer.status_code, answer.json()["state"]) == (201, "open")
    assert (await make.state(item))["state"] == "on-loan"
    assert (await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})).status_code in (201, 409)
    registered = (await circulation.get(f"/v1/patrons/{patron['id']}")).json()
    assert registered["claims"] == 1
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
