"""Suspended holds: they keep their place, are passed over, and come back by themselves."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts.circulation import HoldResumed, HoldSuspended
from support.desk import CONFIGURATION, NOW, Make, codes, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def suspend(circulation: Harness, hold: dict[str, Any], **more: Any) -> Any:
    return await circulation.post(f"/v1/holds/{hold['id']}/suspensions", json=more)


async def resume(circulation: Harness, hold: dict[str, Any]) -> Any:
    return await circulation.post(f"/v1/holds/{hold['id']}/resumptions", json={})


async def test_a_suspended_hold_keeps_its_place_and_is_passed_over(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    away, next_one = [await make.hold(await make.patron(), item) for _ in range(2)]

    answer = await suspend(circulation, away, until=(NOW + 10 * DAY).isoformat())
    back = await make.take_back(item)

    assert answer.status_code == 201, answer.text
    assert answer.json()["suspended_until"] == "2027-03-11T09:00:00Z"
    assert answer.json()["position"] == 1
    assert back["next_step"]["hold"]["hold_id"] == next_one["id"]
    told = await make.hold_of(away)
    assert (told["state"], told["position"]) == ("waiting", 2)  # behind the one that has the copy
    (event,) = await circulation.announced(HoldSuspended)
    assert (event.hold.suspended, event.hold.suspended_until) == (True, NOW + 10 * DAY)


async def test_it_waits_again_at_its_day_and_the_date_is_gone(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    await make.hold(await make.patron(), item)
    await suspend(circulation, hold, until=(NOW + DAY).isoformat())

    circulation.at(NOW + DAY - timedelta(seconds=1))
    await circulation.tick("resume-holds")
    early = await make.hold_of(hold)
    circulation.at(NOW + DAY)
    await circulation.tick("resume-holds")
    await circulation.tick("resume-holds")
    told = await make.hold_of(hold)

    assert early["suspended_at"] is not None
    assert (told["suspended_at"], told["suspended_until"], told["position"]) == (None, None, 1)
    assert [event.reason for event in await circulation.announced(HoldResumed)] == ["suspension-ended"]
    assert (await make.take_back(item))["next_step"]["hold"]["hold_id"] == hold["id"]


async def test_nobody_waits_while_all_are_suspended_so_the_loan_may_be_renewed(
    circulation: Harness, make: Make
) -> None:
    borrower, item = await make.patron(), await make.item()
    loan = await make.loan(borrower, item)
    hold = await make.hold(await make.patron(), item)
    circulation.at(NOW + DAY)

    refused = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})
    await suspend(circulation, hold)
    shown = (await make.account(borrower))["loans"][0]["actions"]["renew"]["allowed"]
    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})

    assert codes(refused) == ["holds-wait"]
    assert shown
    assert renewed.status_code == 201


async def test_a_page_that_is_suspended_frees_its_copy_and_pages_one_again_when_it_is_resumed(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    hold = await make.hold(await make.patron(), item)
    assert (hold["kind"], (await make.state(item))["state"]) == ("page", "paged")

    await suspend(circulation, hold)
    free = await make.state(item)
    answer = await resume(circulation, hold)
    kept = await make.state(item)

    assert free["state"] == "available"
    assert (answer.status_code, answer.json()["kind"], kept["state"]) == (201, "page", "paged")
    assert (await make.take_back(item))["next_step"]["hold"]["hold_id"] == hold["id"]


async def test_a_page_whose_copy_was_lent_meanwhile_waits_as_a_hold(circulation: Harness, make: Make) -> None:
    item = await make.item()
    hold = await make.hold(await make.patron(), item)
    await suspend(circulation, hold)
    await make.loan(await make.patron(), item)

    answer = await resume(circulation, hold)

    assert answer.json()["kind"] == "hold"
    assert (await make.take_back(item))["next_step"]["hold"]["hold_id"] == hold["id"]


async def test_what_cannot_be_suspended_is_refused_with_every_reason(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)

    past = await suspend(circulation, hold, until=NOW.isoformat())
    beyond = await suspend(circulation, hold, until=(NOW + 400 * DAY).isoformat())
    awake = await resume(circulation, hold)
    await make.take_back(item)
    ready = await suspend(circulation, hold)
    await make.cancel(hold)
    closed = await suspend(circulation, hold)

    assert codes(past) == ["moment-not-ahead"]
    assert codes(beyond) == ["after-expiry"]
    assert codes(awake) == ["hold-not-suspended"]
    assert codes(ready) == ["hold-in-fulfilment"]
    assert codes(closed) == ["hold-closed"]
    assert await circulation.announced(HoldSuspended) == []


async def test_patrons_suspend_their_own_holds_and_nobody_elses(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    anna, bela = await make.patron(), await make.patron()
    hold = await make.hold(anna, item)

    with circulation.asking(themselves(bela)):
        others = [await suspend(circulation, hold), await resume(circulation, hold)]
    with circulation.asking(themselves(anna)):
        own = [await suspend(circulation, hold), await resume(circulation, hold)]

    assert [answer.status_code for answer in others] == [404, 404]
    assert [answer.status_code for answer in own] == [201, 201]


@pytest.mark.parametrize(("counted", "status"), [(True, 409), (False, 201)])
async def test_suspended_holds_count_towards_the_limit_as_the_policy_says(
    circulation: Harness, make: Make, counted: bool, status: int
) -> None:
    policy = {"code": "usual", "name": "Usual", "max_holds": 1, "count_suspended": counted}
    await make.configure(hold_policies=[policy])
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    hold = await make.hold(patron, items[0])
    await suspend(circulation, hold)

    answer = await make.place(patron, title_id=str(items[1].title_ids[0]))

    assert answer.status_code == status
    assert CONFIGURATION["hold_policies"] != [policy]


async def test_a_hold_resumed_while_its_copy_is_being_returned_is_not_lost(
    circulation: Harness, make: Make
) -> None:
    for _ in range(4):
        item = await make.item()
        await make.loan(await make.patron(), item)
        hold = await make.hold(await make.patron(), item)
        await suspend(circulation, hold)

        await asyncio.gather(resume(circulation, hold), make.take_back(item))

        told, state = await make.hold_of(hold), (await make.state(item))["state"]
        assert (told["state"], told["kind"], state) in [
            ("ready", "hold", "on-hold-shelf"),  # resumed first
            ("waiting", "page", "paged"),  # returned first: it is fetched from the shelf
        ]


async def test_a_suspension_repeated_with_its_key_is_one(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    path = f"/v1/holds/{hold['id']}/suspensions"

    answers = [await circulation.post(path, json={}, key="again") for _ in range(2)]
    keyless = await circulation.post(path, json={}, key="")

    assert [answer.json()["version"] for answer in answers] == [2, 2]
    assert keyless.status_code == 400
    assert len(await circulation.announced(HoldSuspended)) == 1
