"""Patrons who have subscribed get holds on what is new by themselves."""

import asyncio
from typing import Any

from circulation.hold_groups.ordering import work_orders
from contracts.catalog import ItemCreated
from contracts.circulation import HoldPlaced
from support.desk import CONFIGURATION, NOW, Make, codes, held_up
from support.harness import Harness

GROUPS = "/v1/hold-groups"


async def group_of(circulation: Harness, make: Make, patrons: list[dict[str, Any]], **more: Any) -> str:
    answer = await circulation.post(GROUPS, json={"name": "Crime, new"} | more)
    assert answer.status_code == 201, answer.text
    group: str = answer.json()["id"]
    for patron in patrons:
        path = f"{GROUPS}/{group}/members/{patron['id']}"
        assert (await circulation.put(path, json={"pickup_id": make.desk})).status_code == 200
    return group


async def order(circulation: Harness, group: str, item: Any, **more: Any) -> Any:
    body = {"title_id": str(item.title_ids[0])} | more
    return await circulation.post(f"{GROUPS}/{group}/orders", json=body)


async def results(circulation: Harness, group: str, order_id: str) -> dict[str, tuple[bool, list[str]]]:
    told = (await circulation.get(f"{GROUPS}/{group}/orders/{order_id}/results")).json()["items"]
    return {each["patron_id"]: (each["hold_id"] is not None, each["refusals"]) for each in told}


async def test_everybody_in_the_group_gets_a_hold_once_as_far_as_their_limits_go(
    circulation: Harness, make: Make
) -> None:
    anna, bela, late = [await make.patron() for _ in range(3)]
    gone = await make.patron(expires_at="2027-01-01T00:00:00Z")
    group = await group_of(circulation, make, [anna, bela, gone])
    item = await make.item()
    await make.hold(bela, item)

    ordered = [await order(circulation, group, item) for _ in range(2)]
    await asyncio.gather(circulation.tick("hold-groups"), circulation.tick("hold-groups"))
    await circulation.put(f"{GROUPS}/{group}/members/{late['id']}", json={"pickup_id": make.desk})
    await circulation.tick("hold-groups")

    assert [answer.status_code for answer in ordered] == [202, 202]
    first, again = [answer.json()["id"] for answer in ordered]
    assert first == again
    assert await results(circulation, group, first) == {
        anna["id"]: (True, []),
        bela["id"]: (False, ["already-held"]),
        gone["id"]: (False, ["card-expired"]),
    }
    (told,) = (await circulation.get(f"{GROUPS}/{group}/orders")).json()["items"]
    assert (told["placed"], told["refused"], told["done_at"]) == (1, 2, "2027-03-01T09:00:00Z")
    assert len(await circulation.announced(HoldPlaced)) == 2  # Bela's own, and Anna's


async def test_two_who_work_one_order_off_place_each_hold_once(circulation: Harness, make: Make) -> None:
    twice = CONFIGURATION["hold_policies"][0] | {"max_holds_per_title": 2}
    await make.configure(hold_policies=[twice])
    group = await group_of(circulation, make, [await make.patron(), await make.patron()])
    await order(circulation, group, await make.item())

    async with held_up(circulation, "hold"):
        working = [asyncio.create_task(work_orders(circulation.resources, NOW)) for _ in range(2)]
    await asyncio.gather(*working)

    assert len(await circulation.announced(HoldPlaced)) == 2
    (told,) = (await circulation.get(f"{GROUPS}/{group}/orders")).json()["items"]
    assert (told["placed"], told["refused"]) == (2, 0)


async def test_a_serials_new_issue_is_held_for_its_subscribers_when_it_arrives(
    circulation: Harness, make: Make
) -> None:
    apart = CONFIGURATION["hold_policies"][0] | {"volumes_apart": True}
    await make.configure(hold_policies=[apart])
    anna, bela = await make.patron(), await make.patron()
    old = await make.item(volume="no. 1")
    await group_of(circulation, make, [anna, bela], serial_title_id=str(old.title_ids[0]))

    # Another copy of an old issue is nothing new; two copies of the new one are one issue.
    await make.item(title_ids=old.title_ids, volume="Nr. 1")
    new = [make.item_state(title_ids=old.title_ids, volume=label) for label in ("no. 2", "Heft 2")]
    messages = [
        circulation.message(
            ItemCreated(version=1, occurred_at=NOW, item_id=item.item_id, item=item), source="catalog"
        )
        for item in new
    ]
    await circulation.deliver_messages(*messages)
    await circulation.deliver_messages(*messages)
    await circulation.tick("hold-groups")
    await make.tell(new[0], copy_number="2")
    await circulation.tick("hold-groups")

    placed = await circulation.announced(HoldPlaced)
    assert [(str(event.hold.patron_ref), event.hold.level, event.hold.volume) for event in placed] == [
        (anna["id"], "volume", "no. 2"),
        (bela["id"], "volume", "no. 2"),
    ]


async def test_a_group_that_rests_and_a_patron_who_has_left_get_nothing(
    circulation: Harness, make: Make
) -> None:
    anna, bela = await make.patron(), await make.patron()
    group = await group_of(circulation, make, [anna, bela])
    item, other = await make.item(), await make.item()
    await circulation.delete(f"{GROUPS}/{group}/members/{bela['id']}")

    await order(circulation, group, item)
    await circulation.tick("hold-groups")
    headers = {"If-Match": '"1"', "Idempotency-Key": "rest"}
    rested = await circulation.patch(f"{GROUPS}/{group}", json={"active": False}, headers=headers)
    await order(circulation, group, other)
    await circulation.tick("hold-groups")

    assert (rested.status_code, rested.json()["active"]) == (200, False)
    assert [str(event.hold.patron_ref) for event in await circulation.announced(HoldPlaced)] == [anna["id"]]


async def test_what_is_unknown_is_told(circulation: Harness, make: Make) -> None:
    anna, item = await make.patron(), await make.item(volume="v.1")
    group = await group_of(circulation, make, [anna])
    nothing = item.model_copy(update={"title_ids": (item.holdings_id,)})

    title = await order(circulation, group, nothing)
    volume = await order(circulation, group, item, volume="v.7")
    member = await circulation.put(f"{GROUPS}/{group}/members/{group}", json={"pickup_id": group})

    assert [codes(answer) for answer in (title, volume, member)] == [
        ["title-unknown"],
        ["volume-unknown"],
        ["pickup-unknown", "patron-unknown"],
    ]
