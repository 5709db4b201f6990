"""Lost and claimed items that turn up: refunds, fines, the next reader, claims and their ends."""

import asyncio

import pytest

from contracts.circulation import (
    FeeCancelled,
    FeeRefunded,
    ItemClaimedReturned,
    ItemClaimResolved,
    LoanReturned,
)
from support.desk import CONFIGURATION, Make
from support.harness import Harness
from support.losing import DAY, DUE, claim, codes, fees_of, lent, lose, losing, whole
from support.money import configured, owed


@pytest.fixture(autouse=True)
async def _usual(circulation: Harness, make: Make) -> None:
    await losing(circulation)


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
    assert {told.actor for told in await circulation.envelopes(ItemClaimResolved)} == {"staff:test-desk"}
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
