"""Reminders that block: from the reminder on until the item comes back or is due anew."""

from datetime import timedelta
from typing import Any

import pytest

from contracts.circulation import FeeCharged, PatronBlockAdded, PatronBlockRemoved
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness

TEMPLATE = {
    "code": "reminded",
    "name": "Reminded twice",
    "actions": ["borrow", "renew"],
    "note": "A second reminder went out.",
    "message": "Please bring back what is overdue.",
}
SCHEDULE: list[dict[str, Any]] = [
    {"after_days": 3, "amount": 100},
    {"after_days": 10, "amount": 0, "block": "reminded"},
]


def documents(reminders: list[dict[str, Any]]) -> dict[str, Any]:
    """The configuration's parts that matter here."""
    fine = {"code": "daily", "name": "The fine", "amount": 0, "reminders": reminders}
    return {
        "fine_policies": [fine, CONFIGURATION["fine_policies"][1]],
        "block_templates": [TEMPLATE],
    }


async def reminded(circulation: Harness, make: Make, **more: Any) -> tuple[Any, Any, Any]:
    """A patron with a loan whose second reminder went out, which costs nothing and blocks."""
    await make.configure(**documents(SCHEDULE) | more)
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=39))
    await circulation.tick("lost-items")
    return patron, item, loan


async def blocks_of(circulation: Harness, patron: Any, *, past: bool = False) -> list[dict[str, Any]]:
    """The patron's blocks, as staff see them."""
    answer = await circulation.get(f"/v1/patrons/{patron['id']}/blocks?past={str(past).lower()}")
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_reminder_blocks_until_the_book_is_back(circulation: Harness, make: Make) -> None:
    patron, item, loan = await reminded(circulation, make)
    await circulation.tick("lost-items")

    [block] = await blocks_of(circulation, patron)
    refused = await make.lend(patron, await make.item())
    await make.take_back(item)

    assert (block["template"], block["loan_id"], block["created_by"]) == ("reminded", loan["id"], "system")
    assert (refused.status_code, refused.json()["reasons"][0]["code"]) == (409, "patron-blocked")
    assert (await make.lend(patron, await make.item())).status_code == 201
    [kept] = await blocks_of(circulation, patron, past=True)
    assert (kept["id"], kept["loan_id"], kept["lifted_by"]) == (block["id"], loan["id"], "system")
    assert [e.template for e in await circulation.announced(PatronBlockAdded)] == ["reminded"]
    assert [str(e.block_id) for e in await circulation.announced(PatronBlockRemoved)] == [block["id"]]
    assert await circulation.announced(FeeCharged) == []


async def test_a_reminder_that_costs_nothing_and_blocks_nobody_or_by_an_unknown_template_is_not_saved(
    circulation: Harness,
) -> None:
    body = CONFIGURATION | documents(
        [{"after_days": 3, "amount": 0}, {"after_days": 4, "amount": 1, "block": "nowhere"}]
    )

    answer = await circulation.put("/v1/configuration/circulation", json=body)

    assert answer.status_code == 422
    assert {(each["code"], each.get("pointer")) for each in answer.json()["reasons"]} >= {
        ("policy-contradicts-itself", "/fine_policies/0/reminders/0/amount"),
        ("block-template-unknown", "/fine_policies/0/reminders/1/block"),
    }


async def test_a_renewal_past_the_block_lifts_it_and_the_next_due_date_blocks_anew(
    circulation: Harness, make: Make
) -> None:
    patron, _, loan = await reminded(circulation, make)
    told = {"override": {"blocks": ["patron-blocked"], "comment": "She is ill"}}

    renewed = await circulation.post(f"/v1/loans/{loan['id']}/renewals", json=told)
    lifted = await blocks_of(circulation, patron)
    circulation.at(NOW + timedelta(days=39 + 28 + 11))
    await circulation.tick("lost-items")

    assert renewed.status_code == 201, renewed.json()
    assert lifted == []
    assert len(await blocks_of(circulation, patron)) == 1


async def test_another_due_date_by_hand_lifts_it(circulation: Harness, make: Make) -> None:
    patron, _, loan = await reminded(circulation, make)
    moved = await circulation.patch(
        f"/v1/loans/{loan['id']}",
        json={"due_at": "2027-06-04T12:00:00Z", "reason": "illness"},
        headers={"If-Match": '"1"', "Idempotency-Key": "by-hand"},
    )

    assert moved.status_code == 200
    assert await blocks_of(circulation, patron) == []


async def test_it_stands_while_another_reminded_book_is_out(circulation: Harness, make: Make) -> None:
    await make.configure(**documents(SCHEDULE))
    patron, items = await make.patron(), [await make.item() for _ in range(2)]
    loans = [await make.loan(patron, item) for item in items]
    circulation.at(NOW + timedelta(days=39))
    await circulation.tick("lost-items")
    await make.take_back(items[0])

    assert [each["loan_id"] for each in await blocks_of(circulation, patron)] == [loans[1]["id"]]
    assert (await make.lend(patron, await make.item())).status_code == 409


async def test_a_template_with_days_ends_by_itself(circulation: Harness, make: Make) -> None:
    patron, *_ = await reminded(circulation, make, block_templates=[TEMPLATE | {"days": 5}])
    circulation.at(NOW + timedelta(days=45))

    assert await blocks_of(circulation, patron) == []
    assert (await make.lend(patron, await make.item())).status_code == 201


@pytest.mark.parametrize("then", ["returned", "renewed"])
async def test_a_loan_whose_reminder_only_cost_something_ends_as_ever(
    circulation: Harness, make: Make, then: str
) -> None:
    await make.configure(**documents(SCHEDULE[:1]))
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=39))
    await circulation.tick("lost-items")

    if then == "returned":
        await make.take_back(item)
    else:
        assert (await circulation.post(f"/v1/loans/{loan['id']}/renewals", json={})).status_code == 201

    assert await blocks_of(circulation, patron, past=True) == []
