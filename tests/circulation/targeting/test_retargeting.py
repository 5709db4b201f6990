"""A copy that is not found, or is gone: another one is fetched, and the hold keeps its place."""

import asyncio
from datetime import timedelta
from typing import Any

from contracts.catalog import ItemBase, ItemWithdrawalRequested
from contracts.circulation import HoldMoved
from support.desk import CONFIGURATION, NOW, Make
from support.harness import Harness

DAY = timedelta(days=1)
SOON = {"copy_choice": {"retarget_after_days": 2}}


async def copies(make: Make, *libraries: str) -> list[Any]:
    first = await make.item(location_id=make.locations[libraries[0]])
    return [first] + [
        await make.item(title_ids=first.title_ids, location_id=make.locations[library])
        for library in libraries[1:]
    ]


async def states(make: Make, items: list[Any]) -> list[str]:
    return [(await make.state(item))["state"] for item in items]


async def after(circulation: Harness, days: int) -> None:
    circulation.at(NOW + days * DAY)
    await circulation.tick("retarget-holds")


async def test_what_is_not_found_in_time_is_fetched_from_another_shelf(
    circulation: Harness, make: Make
) -> None:
    await make.configure(**SOON)
    items = await copies(make, "MAIN", "LAW")
    hold = await make.hold(await make.patron(), items[0])

    await after(circulation, 2)
    early = await states(make, items)
    await after(circulation, 3)

    assert (early, await states(make, items)) == (["paged", "available"], ["available", "paged"])
    (event,) = await circulation.announced(HoldMoved)
    assert (event.previous_item_id, event.to_item_id, event.reason) == (
        items[0].item_id,
        items[1].item_id,
        "not-found",
    )
    # Neither is on its shelf: the first is not tried again, and the second goes on being looked for.
    await after(circulation, 6)
    assert await states(make, items) == ["available", "paged"]
    assert ((await make.hold_of(hold))["kind"], len(await circulation.announced(HoldMoved))) == ("page", 1)


async def test_a_copy_that_was_given_up_goes_to_the_next_who_waits(circulation: Harness, make: Make) -> None:
    await make.configure(**SOON)
    items = await copies(make, "MAIN", "LAW")
    first = await make.hold(await make.patron(), items[0])
    await make.configure(copy_choice={})
    of_it = (await make.place(await make.patron(), item_id=str(items[0].item_id))).json()

    await after(circulation, 3)

    assert await states(make, items) == ["paged", "paged"]
    assert (await make.take_back(items[1], at="law-desk"))["next_step"]["hold"]["hold_id"] == first["id"]
    assert (await make.take_back(items[0]))["next_step"]["hold"]["hold_id"] == of_it["id"]


async def test_a_hold_for_one_item_waits_for_that_item(circulation: Harness, make: Make) -> None:
    await make.configure(**SOON)
    items = await copies(make, "MAIN", "LAW")
    await make.place(await make.patron(), item_id=str(items[0].item_id))

    await after(circulation, 3)

    assert await states(make, items) == ["paged", "available"]


async def test_when_a_copy_is_withdrawn_or_goes_missing_another_is_fetched(
    circulation: Harness, make: Make
) -> None:
    items = await copies(make, "MAIN", "LAW", "LAW")
    hold = await make.hold(await make.patron(), items[0])

    wish = ItemWithdrawalRequested(
        version=1, occurred_at=NOW, withdrawal_id=items[0].item_id, item_id=items[0].item_id, reason="worn"
    )
    await circulation.deliver(wish, source="catalog")
    await circulation.tick("retarget-holds")
    withdrawn = await states(make, items)
    await make.tell(items[1], base_state=ItemBase.MISSING)
    await circulation.tick("retarget-holds")

    assert withdrawn == ["withdrawing", "paged", "available"]
    assert await states(make, items) == ["withdrawing", "unavailable", "paged"]
    assert ((await make.hold_of(hold))["position"], (await make.hold_of(hold))["state"]) == (1, "waiting")
    (picked,) = (await circulation.get(f"/v1/service-points/{make.desks['law-desk']}/pick-list")).json()[
        "items"
    ]
    assert picked["item_id"] == str(items[2].item_id)


async def test_a_copy_found_at_the_very_moment_is_fetched_once(circulation: Harness, make: Make) -> None:
    await make.configure(**SOON)
    items = await copies(make, "MAIN", "LAW")
    hold = await make.hold(await make.patron(), items[0])
    circulation.at(NOW + 3 * DAY)

    back, _ = await asyncio.gather(make.take_back(items[0]), circulation.tick("retarget-holds"))

    told = await make.hold_of(hold)
    if back["next_step"]["hold"] is None:  # the timer was first: the copy goes back, the other is fetched
        assert (told["state"], await states(make, items)) == ("waiting", ["available", "paged"])
    else:
        assert (told["state"], await states(make, items)) == ("ready", ["on-hold-shelf", "available"])


async def test_the_ranking_is_told_with_the_reasons(circulation: Harness, make: Make) -> None:
    shut = {"zone": "Europe/Berlin", "weekly": {}}
    points = [CONFIGURATION["service_points"][0], CONFIGURATION["service_points"][1] | {"calendar": shut}]
    choice = {"first": "weight", "weights": {"libraries": {"LAW": 7}}, "open_within_days": 1}
    assert (await make.configure(service_points=points, copy_choice=choice)).status_code == 200
    items = await copies(make, "LAW", "MAIN")
    body = {
        "patron_id": (await make.patron())["id"],
        "title_id": str(items[0].title_ids[0]),
        "pickup_id": make.desk,
    }

    told = await circulation.post("/v1/holds?dry_run=true&explain=true", json=body)

    assert told.json()["explanation"]["ranking"] == [
        {
            "item_id": str(item.item_id),
            "distance": near,
            "weight": weight,
            "closed": closed,
            "missed": False,
            "cost": 0,
        }
        for item, near, weight, closed in (
            (items[1], "pickup-point", 0, False),
            (items[0], "campus", 7, True),
        )
    ]
