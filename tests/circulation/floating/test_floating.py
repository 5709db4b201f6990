"""Floating collections at the desk: what is brought back elsewhere stays there."""

import asyncio
from typing import Any

import pytest

from contracts.circulation import ItemFloated, LoanReturned
from support.desk import Make, codes
from support.harness import Harness

PLACES = [{"library": "MAIN", "location": "MAIN-STACKS"}, {"library": "LAW", "location": "LAW-STACKS"}]
STACKS = {"code": "stacks", "name": "All stacks", "places": PLACES}


@pytest.fixture(autouse=True)
async def _floating(make: Make) -> None:
    await make.configure(floating=[STACKS])


async def test_what_is_brought_back_elsewhere_stays_there_and_is_told_of(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    body = {"item_id": str(item.item_id), "service_point_id": str(make.desks["law-desk"])}
    dry = (await circulation.post("/v1/returns?dry_run=true", json=body)).json()

    back = await make.take_back(item, at="law-desk")
    again = await make.take_back(item, at="law-desk")

    assert back["next_step"] == dry["next_step"] == again["next_step"]
    assert back["next_step"]["step"] == "reshelve"
    assert back["floated_to"] == dry["floated_to"] == {"library": "LAW", "location": "LAW-STACKS"}
    assert (again["floated_to"], again["used_in_house"]) == (None, True)
    state = await make.state(item)
    assert (state["state"], state["library"], state["location"]) == ("available", "LAW", "LAW-STACKS")
    (event,) = await circulation.announced(ItemFloated)
    assert (event.from_location_id, event.to_location_id) == (make.locations["MAIN"], make.locations["LAW"])
    (returned,) = await circulation.announced(LoanReturned)
    assert (returned.next_step, returned.availability.library) == ("reshelve", "LAW")
    # The catalogue has moved it, too: its word arrives, and says the same.
    await make.tell(item, location_id=make.locations["LAW"])
    assert (await make.take_back(item))["floated_to"] == {"library": "MAIN", "location": "MAIN-STACKS"}


async def test_several_scans_at_once_let_an_item_float_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)

    backs = await asyncio.gather(*(make.take_back(item, at="law-desk") for _ in range(4)))

    assert {back["next_step"]["step"] for back in backs} == {"reshelve"}
    assert sum(back["floated_to"] is not None for back in backs) == 1
    assert len(await circulation.announced(ItemFloated)) == 1


async def test_a_hold_elsewhere_goes_before_floating(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    await make.hold(await make.patron(), item)

    back = await make.take_back(item, at="law-desk")

    assert (back["next_step"]["step"], back["next_step"]["to_service_point"]) == ("transit", "Main desk")
    assert back["floated_to"] is None
    assert await circulation.announced(ItemFloated) == []


async def test_a_place_that_the_catalogue_has_not_told_of_lets_nothing_float(
    circulation: Harness, make: Make
) -> None:
    unknown: list[dict[str, Any]] = [PLACES[0], {"library": "LAW", "location": "NOWHERE"}]
    await make.configure(floating=[STACKS | {"places": unknown}])
    item = await make.item()
    await make.loan(await make.patron(), item)

    assert (await make.take_back(item, at="law-desk"))["next_step"]["step"] == "transit"
    assert await circulation.announced(ItemFloated) == []


async def test_collections_that_contradict_each_other_are_not_saved(make: Make) -> None:
    doubled = STACKS | {"code": "again", "places": [PLACES[0], {"library": "MAIN", "location": "FILMS"}]}

    answer = await make.configure(floating=[STACKS, doubled])
    nowhere = await make.configure(
        floating=[STACKS | {"places": [PLACES[0], {"library": "MOON", "location": "BASE"}]}]
    )

    told = [(warning["code"], warning["pointer"]) for warning in nowhere.json()["warnings"]]
    assert (nowhere.status_code, told) == (200, [("floats-nowhere", "/floating/0/places/1")])
    assert (answer.status_code, codes(answer)) == (422, ["floating-wrong", "floats-twice"])
