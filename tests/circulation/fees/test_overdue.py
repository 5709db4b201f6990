"""Late returns at the desk: fines by their policies, suspensions instead of money."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from contracts.circulation import FeeCharged, PatronSuspended
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness
from support.money import configured, money_is_whole, owed

BACK = NOW + timedelta(days=38)
"""Ten days after a loan of four weeks is due."""


async def fined(circulation: Harness, **policy: Any) -> None:
    """Configure one fine policy for everything."""
    told = {"code": "daily", "name": "The fine", "amount": 20} | policy
    await configured(circulation, fine_policies=[told, CONFIGURATION["fine_policies"][1]])


async def test_a_late_return_suspends_the_patron_instead_of_costing_money(
    circulation: Harness, make: Make
) -> None:
    await fined(circulation, amount=0, suspension={"days": 2, "skip_closed": False})
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    circulation.at(BACK)

    tried = await circulation.post(
        "/v1/returns?dry_run=true", json={"item_id": str(item.item_id), "service_point_id": make.desk}
    )
    back = await make.take_back(item)

    until = datetime.fromisoformat(back["suspended_until"])
    assert until.date() == (BACK + timedelta(days=20)).date()
    assert (back["fee_id"], back["fine_minor"]) == (None, 0)
    assert tried.json()["suspended_until"] == back["suspended_until"]
    refused = await make.lend(patron, await make.item())
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "patron-blocked")
    circulation.at(until + timedelta(seconds=1))
    assert (await make.lend(patron, await make.item())).status_code == 201
    [event] = await circulation.announced(PatronSuspended)
    assert (str(event.patron_ref), event.until, event.version) == (patron["id"], until, 1)
    assert await circulation.announced(FeeCharged) == []


@pytest.mark.parametrize(("cumulative", "days", "versions"), [(False, 10, [1]), (True, 20, [1, 2])])
async def test_a_second_late_return_adds_to_the_suspension_only_where_the_policy_says_so(
    circulation: Harness, make: Make, cumulative: bool, days: int, versions: list[int]
) -> None:
    told = {"days": 1, "skip_closed": False, "cumulative": cumulative}
    await fined(circulation, amount=0, suspension=told)
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    for item in items:
        await make.loan(patron, item)
    circulation.at(BACK)

    ends = [(await make.take_back(item))["suspended_until"] for item in items]

    assert datetime.fromisoformat(ends[-1]).date() == (BACK + timedelta(days=days)).date()
    blocks = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()["blocks"]
    assert [block["expires_at"] for block in blocks] == [ends[-1]]
    assert [event.version for event in await circulation.announced(PatronSuspended)] == versions


@pytest.mark.parametrize(("forgives", "times"), [(False, 1), (True, 0)])
async def test_a_late_renewal_is_fined_and_suspends_unless_the_policy_forgives(
    circulation: Harness, make: Make, forgives: bool, times: int
) -> None:
    await fined(circulation, forgive_on_renewal=forgives, suspension={"days": 1})
    patron = await make.patron()
    loan = await make.loan(patron, await make.item())
    circulation.at(BACK)

    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})

    assert renewed.status_code == 201
    assert len(await circulation.announced(PatronSuspended)) == times
    assert len(await circulation.announced(FeeCharged)) == times


async def test_the_account_shows_the_fine_growing_and_the_return_makes_it_final(
    circulation: Harness, make: Make
) -> None:
    await fined(circulation, grace_units=4, grace_deducted=True, minimum=50)
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    grown = []
    for days in (32, 33, 38):
        circulation.at(NOW + timedelta(days=days))
        account = (await circulation.get(f"/v1/patrons/{patron['id']}/account")).json()
        grown.append(account["accruing"])

    back = await make.take_back(item)

    assert grown == [0, 50, 120]
    assert back["fine_minor"] == 120
    fee = (await circulation.get(f"/v1/fees/{back['fee_id']}")).json()
    assert (fee["kind"], fee["amount"], fee["owner"]) == ("overdue", 120, "MAIN")
    await money_is_whole(circulation)


async def test_a_fine_of_nothing_leaves_no_fee(circulation: Harness, make: Make) -> None:
    await fined(circulation, grace_units=30)
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    circulation.at(BACK)

    back = await make.take_back(item)

    assert back["fee_id"] is None
    assert (await circulation.get(f"/v1/fees?patron_id={patron['id']}")).json()["items"] == []


async def test_a_recalled_item_is_fined_at_its_own_rate(circulation: Harness, make: Make) -> None:
    await fined(circulation, cap=100, recall_amount=50, recall_cap=10_000)
    borrower, reader = await make.patron(), await make.patron()
    item = await make.item()
    await make.loan(borrower, item)
    recall = await make.place(reader, item_id=str(item.item_id), kind="recall")
    assert recall.status_code == 201, recall.text
    due = (await circulation.get(f"/v1/loans?item_id={item.item_id}")).json()["items"][0]["due_at"]
    circulation.at(datetime.fromisoformat(due) + timedelta(days=4))

    back = await make.take_back(item)

    assert back["fine_minor"] == 200


@pytest.mark.parametrize(
    ("policy", "pointer"),
    [
        ({"cap": 50, "minimum": 60}, "/fine_policies/0/minimum"),
    ],
)
async def test_a_fine_policy_that_contradicts_itself_is_not_saved(
    circulation: Harness, make: Make, policy: dict[str, Any], pointer: str
) -> None:
    told = {"code": "daily", "name": "The fine", "amount": 20} | policy
    body = CONFIGURATION | {"fine_policies": [told, CONFIGURATION["fine_policies"][1]]}

    answer = await circulation.put("/v1/configuration/circulation", json=body)

    assert answer.status_code == 422
    assert pointer in [reason.get("pointer") for reason in answer.json()["reasons"]]


SCHEDULE = [{"after_days": 3, "amount": 100}, {"after_days": 10, "amount": 300}]


async def test_reminders_cost_something_each_once_for_a_due_date(circulation: Harness, make: Make) -> None:
    await fined(circulation, amount=0, reminders=SCHEDULE)
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    owing = []
    for days in (30, 31, 32, 37, 38, 39):
        circulation.at(NOW + timedelta(days=days))
        await circulation.tick("lost-items")
        await circulation.tick("lost-items")
        owing.append(await owed(make, patron))
    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})
    circulation.at(NOW + timedelta(days=39 + 32))
    await circulation.tick("lost-items")

    assert owing == [0, 100, 100, 100, 400, 400]
    assert renewed.status_code == 201
    assert await owed(make, patron) == 500
    told = [event.fee.kind for event in await circulation.announced(FeeCharged)]
    assert told == ["reminder"] * 3
    await money_is_whole(circulation)


async def test_the_reminders_begin_anew_with_a_recall_and_with_a_due_date_set_by_hand(
    circulation: Harness, make: Make
) -> None:
    """Each due date has its own first reminder, whichever way it came."""
    fine = {"code": "daily", "name": "The fine", "amount": 0, "reminders": SCHEDULE}
    await make.configure(
        fine_policies=[fine, CONFIGURATION["fine_policies"][1]],
        hold_policies=[
            CONFIGURATION["hold_policies"][0]
            | {"recall_may_extend": True, "recall_overdue_days": 3, "recall_minimum_days": 0}
        ],
    )
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    recalled, moved = [await make.loan(patron, item) for item in items]
    circulation.at(NOW + timedelta(days=31))
    await circulation.tick("lost-items")
    first = await owed(make, patron)
    await make.hold(await make.patron(), items[0], kind="recall")
    await circulation.patch(
        f"/v1/loans/{moved['id']}",
        json={"due_at": "2027-04-04T12:00:00Z", "reason": "illness"},
        headers={"If-Match": '"1"', "Idempotency-Key": "by-hand"},
    )
    due = (await circulation.get(f"/v1/loans/{recalled['id']}")).json()["due_at"]
    circulation.at(NOW + timedelta(days=37))
    await circulation.tick("lost-items")

    assert (first, due) == (200, "2027-04-04T21:59:59Z")
    assert await owed(make, patron) == 400


async def test_a_reminder_that_was_missed_costs_nothing_and_returned_items_get_none(
    circulation: Harness, make: Make
) -> None:
    await fined(circulation, amount=0, reminders=SCHEDULE)
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    for item in items:
        await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=29))
    await make.take_back(items[0])

    circulation.at(NOW + timedelta(days=60))
    await circulation.tick("lost-items")

    assert await owed(make, patron) == 300


async def test_a_schedule_of_reminders_that_goes_backwards_is_not_saved(
    circulation: Harness, make: Make
) -> None:
    told = {"code": "daily", "name": "The fine", "amount": 20, "reminders": SCHEDULE[::-1]}
    body = CONFIGURATION | {"fine_policies": [told, CONFIGURATION["fine_policies"][1]]}

    answer = await circulation.put("/v1/configuration/circulation", json=body)

    assert answer.status_code == 422
    assert "/fine_policies/0/reminders" in [each.get("pointer") for each in answer.json()["reasons"]]
