"""A desk that was cut off hands in what it did."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from chassis.principal import Principal
from contracts.catalog import ItemState
from contracts.circulation import FeeCharged, LoanCreated, LoanReturned
from support.desk import CONFIGURATION, NOW, Make, codes, pointers
from support.harness import Harness

HOUR = timedelta(hours=1)
TIMER = "apply-offline-actions"
CLERK = Principal("staff", "clerk", frozenset({"loans:backdate", "loans:create", "returns:create"}))


def lent(patron: dict[str, Any], item: ItemState, at: datetime, **more: Any) -> dict[str, Any]:
    """A check-out, as the desk noted it."""
    return {
        "id": str(uuid4()),
        "kind": "check-out",
        "at": at.isoformat(),
        "item_barcode": item.barcode,
        "patron_barcode": patron["barcode"],
    } | more


def back(item: ItemState, at: datetime) -> dict[str, Any]:
    """A check-in, as the desk noted it."""
    return {"id": str(uuid4()), "kind": "check-in", "at": at.isoformat(), "item_barcode": item.barcode}


async def upload(
    circulation: Harness, make: Make, *actions: dict[str, Any], key: str | None = None, **more: Any
) -> httpx.Response:
    """Hand actions in; whatever comes of it."""
    body = {"service_point_id": make.desk, "actions": list(actions)} | more
    return await circulation.post("/v1/offline-uploads", json=body, key=key)


async def outcomes(circulation: Harness, told: httpx.Response) -> dict[str, dict[str, Any]]:
    """What became of each action, by its id."""
    listed = await circulation.get(f"/v1/offline-uploads/{told.json()['id']}/actions")
    return {each["id"]: each for each in listed.json()["items"]}


async def test_what_was_done_offline_is_done_in_the_order_of_its_times(
    circulation: Harness, make: Make
) -> None:
    ada, ben, item = await make.patron(), await make.patron(), await make.item()
    circulation.at(NOW + 5 * HOUR)
    actions = [
        lent(ben, item, NOW + 3 * HOUR),
        back(item, NOW + 2 * HOUR),
        lent(ada, item, NOW + HOUR),
    ]

    with circulation.asking(CLERK):
        told = await upload(circulation, make, *actions)
        waiting = told.json()
        await circulation.tick(TIMER)
        done = (await circulation.get(told.headers["location"])).json()

    assert (told.status_code, waiting["waiting"], waiting["done"]) == (202, 3, False)
    assert (done["applied"], done["conflicts"], done["done"]) == (3, 0, True)
    first, second = await circulation.announced(LoanCreated)
    assert [str(event.loan.patron_ref) for event in (first, second)] == [ada["id"], ben["id"]]
    assert (first.loan.lent_at, second.loan.lent_at) == (NOW + HOUR, NOW + 3 * HOUR)
    (returned,) = await circulation.announced(LoanReturned)
    assert (returned.returned_at, returned.system_returned_at) == (NOW + 2 * HOUR, NOW + 5 * HOUR)
    assert {e.actor for e in await circulation.envelopes(LoanCreated)} == {"staff:clerk"}
    assert (await make.state(item))["state"] == "on-loan"


async def test_what_another_desk_did_since_is_not_undone(circulation: Harness, make: Make) -> None:
    ada, ben, item = await make.patron(), await make.patron(), await make.item()
    circulation.at(NOW + 2 * HOUR)
    await make.loan(ben, item)
    circulation.at(NOW + 3 * HOUR)
    late, early = back(item, NOW + HOUR), lent(ada, item, NOW + HOUR / 2)

    told = await upload(circulation, make, late, early)
    await circulation.tick(TIMER)

    found = await outcomes(circulation, told)
    assert [found[each["id"]]["outcome"] for each in (late, early)] == ["conflict", "conflict"]
    assert [found[each["id"]]["reasons"][0]["code"] for each in (late, early)] == ["newer-status"] * 2
    assert found[late["id"]]["reasons"][0]["mend"]
    assert (await make.state(item))["state"] == "on-loan"
    assert await circulation.announced(LoanReturned) == []


async def test_what_the_rules_refuse_is_listed_with_every_reason_and_tried_again(
    circulation: Harness, make: Make
) -> None:
    patron, item, other = await make.patron(), await make.item(loan_type="reference"), await make.item()
    block = {"actions": ["borrow"], "note": "owes a book"}
    await circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=block)
    circulation.at(NOW + HOUR)
    refused, unknown, fine = (
        lent(patron, item, NOW),
        lent(patron, other, NOW, item_barcode="no-such"),
        back(other, NOW),
    )

    told = await upload(circulation, make, refused, unknown, fine)
    await circulation.tick(TIMER)
    path = f"/v1/offline-uploads/{told.json()['id']}"
    conflicts = (await circulation.get(f"{path}/actions?outcome=conflict")).json()["items"]
    rules = [rule | {"loan": "four-weeks"} for rule in CONFIGURATION["rules"]]
    await make.configure(rules=rules)
    await circulation.resources.pool.execute("DELETE FROM patron_block")
    again = await circulation.post(f"{path}:retry")
    await circulation.tick(TIMER)

    by_id = {each["id"]: [reason["code"] for reason in each["reasons"]] for each in conflicts}
    assert by_id == {
        refused["id"]: ["item-not-loanable", "patron-blocked"],
        unknown["id"]: ["item-unknown"],
    }
    assert (again.status_code, again.json()["waiting"]) == (202, 2)
    found = await outcomes(circulation, told)
    assert found[refused["id"]]["outcome"] == "applied"
    assert found[refused["id"]]["loan_id"] is not None
    assert found[unknown["id"]]["outcome"] == "conflict"


async def test_an_override_lends_what_has_left_the_house_already(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    await circulation.post(
        f"/v1/patrons/{patron['id']}/blocks", json={"actions": ["borrow"], "note": "owes a book"}
    )
    circulation.at(NOW + HOUR)
    aside = {"blocks": ["patron-blocked"], "comment": "the line was down"}

    with circulation.asking(CLERK):
        unscoped = await upload(circulation, make, lent(patron, item, NOW), override=aside)
    never = await upload(
        circulation, make, lent(patron, item, NOW), override=aside | {"blocks": ["item-on-loan"]}
    )
    await upload(circulation, make, lent(patron, item, NOW), override=aside)
    await circulation.tick(TIMER)

    assert unscoped.status_code == 403
    assert (never.status_code, codes(never)) == (422, ["item-on-loan"])
    assert [event.overridden for event in await circulation.announced(LoanCreated)] == [("patron-blocked",)]


async def test_an_action_is_done_once_whichever_file_brings_it(circulation: Harness, make: Make) -> None:
    patron, item, more = await make.patron(), await make.item(), await make.item()
    circulation.at(NOW + HOUR)
    action, second = lent(patron, item, NOW), lent(patron, more, NOW)

    files = await asyncio.gather(*(upload(circulation, make, action, key="file") for _ in range(3)))
    await circulation.tick(TIMER)
    larger = await upload(circulation, make, action, second)
    await circulation.tick(TIMER)
    other = await upload(circulation, make, second | {"at": (NOW + HOUR / 2).isoformat()})

    assert len({told.text for told in files}) == 1
    assert (larger.json()["applied"], larger.json()["waiting"]) == (1, 1)
    assert len(await circulation.announced(LoanCreated)) == 2
    assert (other.status_code, codes(other), pointers(other)) == (
        422,
        ["action-id-reused"],
        ["/actions/0/id"],
    )


async def test_a_worker_that_was_killed_half_way_goes_on_and_does_nothing_twice(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=31))
    told = await upload(circulation, make, back(item, NOW + timedelta(days=30)))
    await circulation.tick(TIMER)
    await circulation.resources.pool.execute("UPDATE offline_action SET outcome = 'waiting', left_at = NULL")

    await circulation.tick(TIMER)

    (found,) = (await outcomes(circulation, told)).values()
    assert (found["outcome"], found["reasons"]) == ("applied", [])
    assert len(await circulation.announced(LoanReturned)) == 1
    assert len(await circulation.announced(FeeCharged)) == 1


async def test_the_card_is_forgotten_once_the_action_is_applied(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    circulation.at(NOW + HOUR)
    action = lent(patron, item, NOW)

    told = await upload(circulation, make, action)
    before = (await outcomes(circulation, told))[action["id"]]["patron_barcode"]
    await circulation.tick(TIMER)
    after = (await outcomes(circulation, told))[action["id"]]["patron_barcode"]

    assert (before, after) == (patron["barcode"], None)


async def test_a_file_that_is_wrong_is_not_taken_at_all(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    good, ahead = lent(patron, item, NOW), lent(patron, item, NOW + HOUR)

    wrong = await upload(circulation, make, good, ahead, back(item, NOW) | {"patron_barcode": "x"})
    odd = await upload(circulation, make, good | {"kind": "renewal"})
    nowhere = await upload(circulation, make, good, service_point_id=str(uuid4()))
    with circulation.asking(Principal("staff", "x", frozenset({"loans:backdate", "loans:create"}))):
        half = await upload(circulation, make, good)
    with circulation.asking(Principal("staff", "x", CLERK.scopes, libraries=frozenset({"LAW"}))):
        elsewhere = await upload(circulation, make, good)
        own = await upload(circulation, make, good, service_point_id=str(make.desks["law-desk"]))
    with circulation.asking(Principal("staff", "x", CLERK.scopes, libraries=frozenset({"MAIN"}))):
        peek = await circulation.get(f"/v1/offline-uploads/{own.json()['id']}")

    assert (wrong.status_code, pointers(wrong)) == (422, ["/actions/1/at", "/actions/2/patron_barcode"])
    assert (odd.status_code, pointers(odd)) == (422, ["/actions/0/kind"])
    assert (nowhere.status_code, half.status_code, elsewhere.status_code) == (422, 403, 403)
    assert (own.status_code, peek.status_code) == (202, 404)
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM offline_upload") == 1
