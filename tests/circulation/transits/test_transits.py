"""Items on their way: who sent them, since when, and what ends that besides an arrival."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

from chassis.principal import Principal
from contracts.catalog import ItemBase, ItemState
from contracts.circulation import HoldRequeued, ItemAvailabilityChanged, ItemTransitCancelled
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness

DAY = timedelta(days=1)
ANNEX = CONFIGURATION["service_points"][1] | {"code": "annex-desk", "name": "Annex desk", "serves": ["ANNEX"]}


async def cancelled(
    circulation: Harness, item: ItemState, reason: str = "not-sent", key: str | None = None
) -> Any:
    return await circulation.post(
        f"/v1/transits/{item.item_id}/cancellations", json={"reason": reason}, key=key
    )


async def listed(circulation: Harness, make: Make, at: str, **query: Any) -> list[dict[str, Any]]:
    answer = await circulation.get(f"/v1/service-points/{make.desks[at]}/transits", params=query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_a_third_desk_keeps_an_item_going_and_does_not_count_as_its_start(
    circulation: Harness, make: Make
) -> None:
    await make.configure(service_points=[*CONFIGURATION["service_points"], ANNEX])
    for point in (await circulation.get("/v1/service-points")).json()["items"]:
        make.desks[point["code"]] = point["id"]
    item, later = await make.item(), await make.item()
    await make.take_back(item, at="law-desk")
    circulation.at(NOW + 2 * DAY)

    on = await make.take_back(item, at="annex-desk")
    await make.take_back(later, at="annex-desk")

    assert (on["next_step"]["step"], on["next_step"]["to_service_point"]) == ("transit", "Main desk")
    told = await listed(circulation, make, "main-desk")
    assert [(each["item_id"], each["from_service_point"], each["since"]) for each in told] == [
        (str(item.item_id), "Law desk", "2027-03-01T09:00:00Z"),
        (str(later.item_id), "Annex desk", "2027-03-03T09:00:00Z"),
    ]
    from_annex = await listed(circulation, make, "main-desk", other_end=make.desks["annex-desk"])
    overdue = await listed(circulation, make, "main-desk", before="2027-03-02T00:00:00Z")
    from_law = await listed(circulation, make, "law-desk", direction="outgoing", other_end=make.desk)
    assert [each["item_id"] for each in from_annex] == [str(later.item_id)]
    assert [each["item_id"] for each in overdue] == [each["item_id"] for each in from_law]
    assert [each["item_id"] for each in overdue] == [str(item.item_id)]


async def test_a_transit_home_that_is_called_off_leaves_the_item_on_its_shelf(
    circulation: Harness, make: Make
) -> None:
    item, never = await make.item(), await make.item()
    await make.take_back(item, at="law-desk")

    off = await cancelled(circulation, item, key="one")
    again = await cancelled(circulation, item, key="one")
    twice = await cancelled(circulation, item)
    idle = await cancelled(circulation, never)

    assert (off.status_code, off.json()["state"]) == (201, "available")
    assert again.json() == off.json()
    assert (twice.status_code, codes(twice)) == (idle.status_code, codes(idle)) == (409, ["not-in-transit"])
    (event,) = await circulation.announced(ItemTransitCancelled)
    assert (str(event.to_service_point_id), event.reason, event.version) == (make.desk, "not-sent", 2)
    (told,) = await circulation.announced(ItemAvailabilityChanged)
    assert (told.availability.state, told.version) == ("available", 3)
    assert (await make.state(item))["lendable"] is True
    assert await listed(circulation, make, "main-desk") == []


async def test_a_hold_that_the_transit_was_for_waits_again_and_the_item_is_fetched_for_it(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item, at="law-desk")
    await make.take_back(item)

    off = await cancelled(circulation, item, reason="not-arrived")

    assert (off.json()["hold_id"], off.json()["state"]) == (hold["id"], "paged")
    waits = await make.hold_of(hold)
    assert (waits["state"], waits["item_id"]) == ("waiting", None)
    assert len(await circulation.announced(HoldRequeued)) == 1
    picks = (await circulation.get(f"/v1/service-points/{make.desk}/pick-list")).json()["items"]
    assert [(pick["item_id"], pick["hold_id"]) for pick in picks] == [(str(item.item_id), hold["id"])]
    assert (await make.take_back(item))["next_step"]["step"] == "transit"


async def test_calling_off_and_arriving_at_once_leave_one_truth(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item, at="law-desk")
    await make.take_back(item)

    answers = await asyncio.gather(
        *(cancelled(circulation, item) for _ in range(3)), make.take_back(item, at="law-desk")
    )

    off = [answer.status_code for answer in answers[:3]]
    assert sorted(off) in ([201, 409, 409], [409, 409, 409])
    assert (await make.hold_of(hold))["state"] == "ready"
    row = await circulation.resources.pool.fetchrow("SELECT * FROM item WHERE id = $1", item.item_id)
    assert row is not None
    assert (str(row["hold_id"]), row["hold_shelf"], row["transit_to"]) == (hold["id"], True, None)
    assert len(await circulation.announced(ItemTransitCancelled)) == off.count(201)


async def test_what_the_catalogue_gives_up_on_its_way_ends_its_transit_with_the_reason(
    circulation: Harness, make: Make
) -> None:
    item, home, gone = await make.item(), await make.item(), await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item, at="law-desk")
    await make.take_back(item)
    await make.take_back(home, at="law-desk")
    await make.take_back(home)
    await make.take_back(gone, at="law-desk")

    await make.tell(item, base_state=ItemBase.MISSING)
    await make.tell(home, base_state=ItemBase.MISSING)
    await make.tell(gone, base_state=ItemBase.WITHDRAWN)

    told = [
        (event.item_id, event.reason, event.hold_id)
        for event in await circulation.announced(ItemTransitCancelled)
    ]
    assert told == [
        (item.item_id, "missing", UUID(hold["id"])),
        (gone.item_id, "withdrawn", None),
    ]
    assert (await make.hold_of(hold))["state"] == "waiting"
    state = await circulation.resources.pool.fetchval("SELECT state FROM item WHERE id = $1", item.item_id)
    assert state == "unavailable"


async def test_a_transit_is_called_off_by_staff_of_either_end(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.take_back(item, at="law-desk")

    def of(library: str, *scopes: str) -> Principal:
        return Principal("staff", "s", frozenset(scopes), libraries=frozenset({library}))

    codes_ = []
    for who in (
        of("MEDICINE", "returns:create"),
        of("LAW", "holds:read"),
        of("LAW", "returns:create"),
    ):
        with circulation.asking(who):
            codes_.append((await cancelled(circulation, item)).status_code)

    assert codes_ == [403, 403, 201]
    unknown = await circulation.post(f"/v1/transits/{make.desk}/cancellations", json={"reason": "not-sent"})
    assert unknown.status_code == 404
