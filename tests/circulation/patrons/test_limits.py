"""Limits of the group stop a patron by themselves, for one action and not for another."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness


async def limited(make: Make, **limits: dict[str, int]) -> None:
    """Students have these limits by action, and no others."""
    answer = await make.configure(
        patron_groups=[
            {"code": "student", "name": "Students", "limits": limits},
            CONFIGURATION["patron_groups"][1],
        ],
        lost_policies=[{"code": "lost", "name": "Lost", "cost": "set", "amount": 3000}],
        rules=[rule | {"lost": "lost"} for rule in CONFIGURATION["rules"]],
    )
    assert answer.status_code == 200, answer.text


async def renewed(circulation: Harness, loan: dict[str, Any], **body: Any) -> Any:
    return await circulation.post(f"/v1/loans/{loan['id']}/renewals", json=body)


async def test_overdue_items_stop_loans_and_the_desk_reads_how_many_there_are(
    circulation: Harness, make: Make
) -> None:
    await limited(make, borrow={"overdue_items": 1})
    patron = await make.patron()
    loans = [await make.loan(patron, await make.item()) for _ in range(2)]
    circulation.at(NOW + timedelta(days=29))

    refused = await make.lend(patron, await make.item())
    held = await make.place(patron, title_id=str((await make.item()).title_ids[0]))
    extended = await renewed(circulation, loans[0])
    lent = await make.lend(patron, await make.item())

    assert codes(refused) == ["overdue-items"]
    assert [(each["value"], each["limit"]) for each in refused.json()["reasons"]] == [(2, 1)]
    assert (held.status_code, extended.status_code) == (201, 201)
    assert lent.status_code == 201


async def test_an_overdue_recall_stops_everything_after_the_days_the_group_allows(
    circulation: Harness, make: Make
) -> None:
    late = {"recall_overdue_days": 2}
    await limited(make, borrow=late, renew=late, hold=late)
    patron, wanted, other = await make.patron(), await make.item(), await make.item()
    await make.loan(patron, wanted)
    kept = await make.loan(patron, other)
    await make.hold(await make.patron(), wanted, kind="recall")
    due = next(loan for loan in (await make.account(patron))["loans"] if loan["recalled"])["due_at"]
    elsewhere = str((await make.item()).title_ids[0])

    found = []
    for days in (2, 3):
        circulation.at(_moment(due) + timedelta(days=days))
        lent = await make.lend(patron, await make.item())
        held = await make.place(patron, title_id=elsewhere) if days == 3 else lent
        extended = await renewed(circulation, kept)
        found.append([answer.status_code for answer in (lent, held, extended)])

    assert found == [[201, 201, 201], [409, 409, 409]]
    assert codes(lent) == codes(held) == codes(extended) == ["recall-overdue-days"]
    assert [(each["value"], each["limit"]) for each in held.json()["reasons"]] == [(3, 2)]


def _moment(told: str) -> Any:
    return datetime.fromisoformat(told)


async def test_every_limit_that_is_passed_is_told_at_once_and_in_the_account(
    circulation: Harness, make: Make
) -> None:
    await limited(
        make, borrow={"items_out": 1, "overdue_items": 0, "overdue_recalls": 0}, renew={"overdue_recalls": 0}
    )
    patron, item = await make.patron(), await make.item()
    loan = await make.loan(patron, item)
    await make.hold(await make.patron(), item, kind="recall")
    circulation.at(NOW + timedelta(days=40))

    refused = await make.lend(patron, await make.item())
    dry = await circulation.post(
        "/v1/loans?dry_run=true",
        json={
            "patron_id": patron["id"],
            "item_id": str((await make.item()).item_id),
            "service_point_id": make.desk,
        },
    )
    account = await make.account(patron)

    wanted = ["group-loan-limit", "overdue-items", "overdue-recalls"]
    assert sorted(codes(refused)) == wanted
    assert sorted(each["code"] for each in dry.json()["blocks"]) == wanted
    assert all(each["limit"] is not None for each in dry.json()["blocks"])
    assert [(each["action"], each["code"], each["value"]) for each in account["limits"]] == [
        ("borrow", "group-loan-limit", 1),
        ("borrow", "overdue-items", 1),
        ("borrow", "overdue-recalls", 1),
        ("renew", "overdue-recalls", 1),
    ]
    told = next(each for each in account["loans"] if each["id"] == loan["id"])["actions"]["renew"]["reasons"]
    assert ("overdue-recalls", 1, 0) in [(each["code"], each["value"], each["limit"]) for each in told]


async def test_staff_may_override_manual_and_automatic_blocks_by_name(
    circulation: Harness, make: Make
) -> None:
    await limited(make, borrow={"overdue_items": 0})
    patron = await make.patron()
    await make.loan(patron, await make.item())
    await circulation.post(
        f"/v1/patrons/{patron['id']}/blocks", json={"actions": ["borrow"], "note": "Talk to them."}
    )
    circulation.at(NOW + timedelta(days=29))

    refused = await make.lend(patron, await make.item())
    half = await make.lend(
        patron, await make.item(), override={"blocks": ["overdue-items"], "comment": "Exam tomorrow."}
    )
    lent = await make.lend(
        patron,
        await make.item(),
        override={"blocks": ["overdue-items", "patron-blocked"], "comment": "Exam tomorrow."},
    )

    assert sorted(codes(refused)) == ["overdue-items", "patron-blocked"]
    assert codes(half) == ["patron-blocked"]
    assert lent.status_code == 201


async def test_a_debt_may_stop_holds_where_the_group_says_so(circulation: Harness, make: Make) -> None:
    await limited(make, hold={"balance": 20}, borrow={"balance": 1000})
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=30))
    await make.take_back(item)
    title = str((await make.item()).title_ids[0])

    held = await make.place(patron, title_id=title)
    dry = await circulation.post(
        "/v1/holds?dry_run=true",
        json={"patron_id": patron["id"], "title_id": title, "pickup_id": make.desk},
    )
    lent = await make.lend(patron, await make.item())

    assert codes(held) == ["fees-owed"]
    assert [(each["code"], each["value"], each["limit"]) for each in dry.json()["refusals"]] == [
        ("fees-owed", 40, 20)
    ]
    assert lent.status_code == 201


@pytest.mark.parametrize("action", ["borrow", "renew", "hold"])
async def test_a_limit_below_nothing_is_no_limit(circulation: Harness, make: Make, action: str) -> None:
    answer = await make.configure(
        patron_groups=[
            {"code": "student", "name": "Students", "limits": {action: {"items_out": -1}}},
            CONFIGURATION["patron_groups"][1],
        ]
    )

    assert answer.status_code == 422
    assert answer.json()["reasons"][0]["pointer"] == f"/patron_groups/0/limits/{action}/items_out"


async def test_lost_items_stop_loans_and_what_is_claimed_returned_counts_to_nothing(
    circulation: Harness, make: Make
) -> None:
    await limited(make, borrow={"lost_items": 0, "overdue_items": 0}, hold={"lost_items": 0})
    patron, claimant = await make.patron(), await make.patron()
    lost = await make.loan(patron, await make.item())
    claimed = await make.loan(claimant, await make.item())
    declared = await circulation.post(f"/v1/loans/{lost['id']}/losses", json={"comment": "On a train."})
    assert declared.status_code == 201, declared.text
    circulation.at(NOW + timedelta(days=29))
    late = await make.lend(claimant, await make.item())
    claim = await circulation.post(f"/v1/loans/{claimed['id']}/claims", json={"comment": "In the drop."})
    assert claim.status_code == 201, claim.text

    refused = await make.lend(patron, await make.item())
    held = await make.place(patron, title_id=str((await make.item()).title_ids[0]))
    lent = await make.lend(claimant, await make.item())

    assert "lost-items" in codes(refused)
    assert codes(held) == ["lost-items"]
    assert codes(late) == ["overdue-items"]
    assert lent.status_code == 201
    assert "lost-items" in [each["code"] for each in (await make.account(patron))["limits"]]
    assert (await make.account(claimant))["limits"] == []
