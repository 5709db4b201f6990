"""What a service point fetches, clears from its hold shelf, and has on its way."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from chassis.principal import Principal
from support.desk import CONFIGURATION, NOW, Make, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def listed(circulation: Harness, make: Make, name: str, *, at: str = "main-desk", **query: Any) -> Any:
    answer = await circulation.get(f"/v1/service-points/{make.desks[at]}/{name}", params=query)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    return told if isinstance(told, list) else told["items"]


async def on_shelf(make: Make, *, at: str = "main-desk", **item: Any) -> tuple[Any, dict[str, Any]]:
    """An item on the hold shelf, and the hold that it waits for."""
    lent = await make.item(**item)
    await make.loan(await make.patron(), lent)
    hold = await make.hold(await make.patron(), lent, at=at)
    await make.take_back(lent, at=at)
    return lent, hold


async def test_what_is_to_be_fetched_is_listed_as_it_stands_on_the_shelves(
    circulation: Harness, make: Make
) -> None:
    marks = ["QA 760", "QA 9", "QA 76 .A2", "QA 76 .A12"]
    patron, elsewhere = await make.patron(), await make.item(location_id=make.locations["LAW"])
    holds = {mark: await make.hold(patron, await make.item(call_number=mark)) for mark in marks}
    await make.hold(patron, elsewhere)
    await make.item(call_number="QA 1")  # on its shelf, for nobody

    picks = await listed(circulation, make, "pick-list")

    assert [pick["call_number"] for pick in picks] == ["QA 9", "QA 76 .A12", "QA 76 .A2", "QA 760"]
    assert [pick["hold_id"] for pick in picks] == [holds[pick["call_number"]]["id"] for pick in picks]
    assert {(pick["pickup"], pick["location"]) for pick in picks} == {("Main desk", "MAIN-STACKS")}
    law = await listed(circulation, make, "pick-list", at="law-desk")
    assert [pick["item_id"] for pick in law] == [str(elsewhere.item_id)]


async def test_what_was_fetched_or_given_up_is_no_longer_to_be_fetched(
    circulation: Harness, make: Make
) -> None:
    fetched, unwanted = await make.item(), await make.item()
    await make.hold(await make.patron(), fetched)
    hold = await make.hold(await make.patron(), unwanted)
    assert len(await listed(circulation, make, "pick-list")) == 2

    await make.take_back(fetched)
    await make.cancel(hold)

    assert await listed(circulation, make, "pick-list") == []


async def test_one_desk_fetches_what_several_serve(circulation: Harness, make: Make) -> None:
    kiosk = CONFIGURATION["service_points"][0] | {"code": "kiosk", "name": "Kiosk"}
    await make.configure(service_points=[*CONFIGURATION["service_points"], kiosk])
    points = (await circulation.get("/v1/service-points")).json()["items"]
    make.desks |= {point["code"]: point["id"] for point in points}
    await make.hold(await make.patron(), await make.item(), at="kiosk")

    main, at_kiosk = [await listed(circulation, make, "pick-list", at=at) for at in ("main-desk", "kiosk")]

    assert ([pick["pickup"] for pick in main], at_kiosk) == (["Kiosk"], [])


async def test_a_long_pick_list_is_read_in_pages(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    for number in range(5):
        await make.hold(patron, await make.item(call_number=f"A {number}"))

    path, seen = f"/v1/service-points/{make.desk}/pick-list?limit=2", []
    while path:
        answer = await circulation.get(path)
        seen += [pick["call_number"] for pick in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url", "")

    assert seen == [f"A {number}" for number in range(5)]


async def test_what_nobody_comes_for_is_cleared_from_the_shelf_until_it_is_scanned(
    circulation: Harness, make: Make
) -> None:
    expired, hold = await on_shelf(make)
    given_up, other = await on_shelf(make)
    waiting, _ = await on_shelf(make)
    circulation.at(NOW + DAY)
    await make.cancel(other)
    circulation.at(NOW + 6 * DAY)
    held = await circulation.resources.pool.fetchval(
        "UPDATE hold SET shelf_expires_at = $2 WHERE item_id = $1 AND state = 'ready' RETURNING true",
        waiting.item_id,
        NOW + 30 * DAY,
    )
    await circulation.tick("expire-holds")

    left = await listed(circulation, make, "shelf-clearance")
    circulation.at(NOW + 6 * DAY + timedelta(minutes=1))
    await make.take_back(expired)
    after = await listed(circulation, make, "shelf-clearance")
    await make.loan(await make.patron(), given_up)

    assert held
    assert [(each["item_id"], each["ended"], each["step"]) for each in left] == [
        (str(given_up.item_id), "cancelled", "reshelve"),
        (str(expired.item_id), "shelf-expired", "reshelve"),
    ]
    assert left[1]["hold_id"] == hold["id"]
    assert [each["item_id"] for each in after] == [str(given_up.item_id)]
    assert await listed(circulation, make, "shelf-clearance") == []


async def test_what_goes_to_the_next_patron_at_this_desk_stays_and_elsewhere_is_sent(
    circulation: Harness, make: Make
) -> None:
    here, first = await on_shelf(make)
    stays = await make.hold(await make.patron(), here)
    there, gone = await on_shelf(make)
    await make.hold(await make.patron(), there, at="law-desk")

    await make.cancel(first)
    await make.cancel(gone)

    assert (await make.hold_of(stays))["state"] == "ready"
    (left,) = await listed(circulation, make, "shelf-clearance")
    assert (left["item_id"], left["step"]) == (str(there.item_id), "transit")
    assert left["to_service_point"] == "Law desk"
    await make.cancel(stays)
    assert len(await listed(circulation, make, "shelf-clearance")) == 2


async def test_an_item_that_waited_away_from_home_is_sent_home(circulation: Harness, make: Make) -> None:
    _, hold = await on_shelf(make, at="law-desk")

    await make.cancel(hold)

    (left,) = await listed(circulation, make, "shelf-clearance", at="law-desk")
    assert (left["step"], left["to_service_point"]) == ("transit", "Main desk")
    assert await listed(circulation, make, "shelf-clearance") == []


async def test_what_is_on_its_way_is_listed_where_it_comes_from_and_where_it_goes(
    circulation: Harness, make: Make
) -> None:
    lent = await make.item()
    await make.loan(await make.patron(), lent)
    hold = await make.hold(await make.patron(), lent, at="law-desk")
    homeward = await make.item()
    await make.take_back(homeward, at="law-desk")
    circulation.at(NOW + DAY)
    await make.take_back(lent)

    to_law = await listed(circulation, make, "transits", at="law-desk")
    from_law = await listed(circulation, make, "transits", at="law-desk", direction="outgoing")
    await make.take_back(lent, at="law-desk")

    assert [(each["item_id"], each["hold_id"]) for each in to_law] == [(str(lent.item_id), hold["id"])]
    assert (to_law[0]["from_service_point"], to_law[0]["since"]) == ("Main desk", "2027-03-02T09:00:00Z")
    assert [(each["item_id"], each["to_service_point"]) for each in from_law] == [
        (str(homeward.item_id), "Main desk")
    ]
    assert await listed(circulation, make, "transits", at="law-desk") == []
    assert [each["item_id"] for each in await listed(circulation, make, "transits")] == [
        str(homeward.item_id)
    ]


async def test_transits_are_read_in_pages_the_longest_under_way_first(
    circulation: Harness, make: Make
) -> None:
    items = [await make.item() for _ in range(5)]
    for days, item in enumerate(items):
        circulation.at(NOW + (5 - days) * DAY)
        await make.take_back(item, at="law-desk")

    path, seen = f"/v1/service-points/{make.desk}/transits?limit=2", []
    while path:
        answer = await circulation.get(path)
        seen += [each["item_id"] for each in answer.json()["items"]]
        path = answer.links.get("next", {}).get("url", "")
    odd = await circulation.get(f"/v1/service-points/{make.desk}/transits?cursor=WzEsMl0")

    assert seen == [str(item.item_id) for item in reversed(items)]
    assert odd.status_code == 422


async def test_the_lists_are_the_staffs_of_that_library(circulation: Harness, make: Make) -> None:
    law = Principal("staff", "l", frozenset({"holds:read"}), libraries=frozenset({"LAW"}))
    lists = ("pick-list", "shelf-clearance", "transits")
    patron = await make.patron()

    with circulation.asking(law):
        own = [
            (await circulation.get(f"/v1/service-points/{make.desks['law-desk']}/{name}")) for name in lists
        ]
        others = [(await circulation.get(f"/v1/service-points/{make.desk}/{name}")) for name in lists]
    with circulation.asking(themselves(patron)):
        patrons = [(await circulation.get(f"/v1/service-points/{make.desk}/{name}")) for name in lists]
    unknown = [(await circulation.get(f"/v1/service-points/{uuid4()}/{name}")) for name in lists]

    assert [answer.status_code for answer in own] == [200] * 3
    assert [answer.status_code for answer in others + patrons] == [403] * 6
    assert [answer.status_code for answer in unknown] == [404] * 3
