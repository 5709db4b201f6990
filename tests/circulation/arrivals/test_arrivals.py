"""Scans at check-in, through the front door: used in the house, found, refused, reshelved, complete or not."""

import asyncio
from datetime import timedelta
from typing import Any

from contracts.catalog import ItemBase, ItemState
from contracts.circulation import (
    HoldReady,
    ItemAvailability,
    ItemCheckedIn,
    ItemFound,
    ItemUsedInHouse,
    LoanReturned,
)
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness

MINUTE = timedelta(minutes=1)


async def scanned(circulation: Harness, make: Make, item: ItemState, **more: Any) -> Any:
    """A return, whatever comes of it."""
    body = {"item_id": str(item.item_id), "service_point_id": make.desk} | more
    return await circulation.post("/v1/returns", json=body)


async def test_what_was_read_in_the_house_is_counted_where_it_is_at_home(
    circulation: Harness, make: Make
) -> None:
    read, lent, away = await make.item(), await make.item(), await make.item()
    waited_for = await make.item()
    await make.hold(await make.patron(), waited_for)
    await make.loan(await make.patron(), lent)

    first = await make.take_back(read)
    circulation.at(NOW + timedelta(days=40))
    again = await make.take_back(read)
    returned = [await make.take_back(lent), await make.take_back(away, at="law-desk")]
    returned += [await make.take_back(away), await make.take_back(waited_for)]

    assert first["used_in_house"] is again["used_in_house"] is True
    assert [back["used_in_house"] for back in returned] == [False] * 4
    uses = await circulation.announced(ItemUsedInHouse)
    assert [(use.item_id, use.version) for use in uses] == [(read.item_id, 1)] * 2
    listed = (await circulation.get(f"/v1/in-house-uses?item_id={read.item_id}")).json()["items"]
    assert [use["used_at"] for use in listed] == ["2027-03-01T09:00:00Z", "2027-04-10T09:00:00Z"]
    assert {use["location"] for use in listed} == {"MAIN-STACKS"}
    period = "since=2027-03-01T00:00:00Z&until=2027-05-01T00:00:00Z"
    months = (await circulation.get(f"/v1/in-house-uses/counts?{period}&by=month")).json()
    assert months == {
        "total": 2,
        "groups": [{"key": "2027-03", "uses": 1}, {"key": "2027-04", "uses": 1}],
        "more": False,
    }
    items = (await circulation.get(f"/v1/in-house-uses/counts?{period}")).json()
    assert items["groups"] == [{"key": str(read.item_id), "uses": 2}]
    backwards = "since=2027-05-01T00:00:00Z&until=2027-03-01T00:00:00Z"
    wrong = await circulation.get(f"/v1/in-house-uses/counts?{backwards}")
    assert (wrong.status_code, codes(wrong)) == (422, ["period-wrong"])
    await make.configure(desk={"in_house_use": False})
    assert (await make.take_back(read))["used_in_house"] is False


async def test_a_hold_that_has_ended_keeps_no_scan_from_counting(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.cancel(await make.hold(await make.patron(), item))

    assert (await make.take_back(item))["used_in_house"] is True


async def test_a_missing_item_that_is_scanned_is_found_and_goes_to_whoever_waits(
    circulation: Harness, make: Make
) -> None:
    item, waiting = await make.item(), await make.patron()
    hold = await make.hold(waiting, item)
    await make.tell(item, base_state=ItemBase.LONG_MISSING)
    dry = await circulation.post(
        "/v1/returns?dry_run=true", json={"item_id": str(item.item_id), "service_point_id": make.desk}
    )

    back = await make.take_back(item)

    assert dry.json()["found"] is True
    assert back["found"] is True
    assert dry.json()["next_step"] == back["next_step"]
    assert back["next_step"]["hold"]["hold_id"] == hold["id"]
    assert back["used_in_house"] is False
    (found,) = await circulation.announced(ItemFound)
    (scan,) = await circulation.announced(ItemCheckedIn)
    assert (found.base_before, scan.version) == ("long-missing", found.version + 1)
    assert len(await circulation.announced(HoldReady)) == 1


async def test_a_lent_item_that_was_thought_missing_ends_its_loan_and_is_found(
    circulation: Harness, make: Make
) -> None:
    item, patron = await make.item(), await make.patron()
    await make.loan(patron, item)
    await make.tell(item, base_state=ItemBase.MISSING)

    backs = await asyncio.gather(*(make.take_back(item) for _ in range(3)))

    assert {back["next_step"]["step"] for back in backs} == {"reshelve"}
    (back,) = [back for back in backs if back["found"]]
    assert back["loan"]["returned_at"] is not None
    assert len(await circulation.announced(ItemFound)) == 1
    assert (await make.state(item))["state"] == "available"


async def test_a_withdrawn_item_is_put_aside_refused_or_revived_as_the_library_says(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    item = await make.tell(item, base_state=ItemBase.WITHDRAWN)

    aside = await make.take_back(item)
    await make.configure(desk={"withdrawn": "refuse"})
    before = await circulation.envelopes()
    refused = await scanned(circulation, make, item)
    after = await circulation.envelopes()
    await make.configure(desk={"withdrawn": "revive"})
    revived = await make.take_back(item)

    assert (aside["next_step"]["step"], aside["found"]) == ("put-aside", False)
    assert (refused.status_code, codes(refused)) == (409, ["item-withdrawn"])
    assert refused.json()["reasons"][0]["mend"]
    assert after == before
    assert (revived["next_step"]["step"], revived["found"]) == ("reshelve", True)
    (found,) = await circulation.announced(ItemFound)
    assert found.base_before == "withdrawn"


async def test_a_lost_item_is_refused_where_the_library_says_so_and_nothing_is_changed(
    circulation: Harness, make: Make
) -> None:
    item, patron = await make.item(), await make.patron()
    loan = await make.loan(patron, item)
    path = f"/v1/loans/{loan['id']}"
    await circulation.post(f"{path}/losses", json={"comment": "left on a train"})
    await make.configure(desk={"lost": "refuse"})
    lost = (await circulation.get(path)).json()
    before = await circulation.envelopes()

    refused = await scanned(circulation, make, item)

    assert (refused.status_code, codes(refused)) == (409, ["item-lost"])
    assert await circulation.envelopes() == before
    assert (await circulation.get(path)).json() == lost


async def test_what_stands_for_no_single_thing_is_neither_taken_in_nor_lent_nor_held(
    circulation: Harness, make: Make
) -> None:
    item, patron = await make.item(intellectual=True), await make.patron()

    back = await scanned(circulation, make, item)
    lent = await make.lend(patron, item)
    held = await make.place(patron, title_id=str(item.title_ids[0]))

    assert (back.status_code, codes(back)) == (409, ["item-intellectual"])
    assert (lent.status_code, codes(lent)) == (409, ["item-intellectual"])
    assert (held.status_code, codes(held)) == (409, ["nothing-to-hold"])
    assert (await make.state(item))["state"] == "unavailable"


async def test_what_came_in_is_reshelving_for_a_while_and_can_be_had_meanwhile(
    circulation: Harness, make: Make
) -> None:
    points = [point | {"reshelving_minutes": 30} for point in CONFIGURATION["service_points"]]
    await make.configure(service_points=points)
    item = await make.item()
    title = f"/v1/titles/{item.title_ids[0]}/availability"
    await make.loan(await make.patron(), item)

    await make.take_back(item)
    twice = await make.take_back(item)
    moving, summary = await make.state(item), (await circulation.get(title)).json()
    batch = await circulation.post(
        "/v1/availability:batch", json={"ids": [str(item.title_ids[0])], "detail": "items"}
    )
    circulation.at(NOW + 30 * MINUTE)
    shelved = await make.state(item)
    circulation.at(NOW + 10 * MINUTE)
    lent = await make.lend(await make.patron(), item)

    assert (moving["state"], moving["lendable"]) == ("reshelving", True)
    assert moving["reshelving_until"] == "2027-03-01T09:30:00Z"
    assert batch.json()["titles"][0]["items"][0]["state"] == "reshelving"
    assert (summary["available"], summary["total"]) == (1, 1)
    assert twice["used_in_house"] is False
    assert (shelved["state"], shelved["reshelving_until"]) == ("available", None)
    assert lent.status_code == 201
    told: list[ItemAvailability] = [event.availability for event in await circulation.announced(LoanReturned)]
    assert [(each.state, each.lendable, each.reshelving_until) for each in told] == [
        ("available", True, NOW + 30 * MINUTE)
    ]


async def test_accompanying_pieces_are_confirmed_at_loan_and_return_and_what_is_missing_is_kept(
    circulation: Harness, make: Make
) -> None:
    await make.configure(desk={"confirm_pieces": ["check-out", "check-in"]})
    item = await make.item(pieces=3, pieces_text="book, disc, map")
    patron = await make.patron()
    single = await make.item(pieces=1)

    unseen = await make.lend(patron, item)
    lent = await make.lend(patron, item, confirm="pieces")
    unlooked = await scanned(circulation, make, item)
    back = await make.take_back(item, confirm="pieces", missing_pieces="the map")
    next_unseen = await make.lend(patron, item)
    again = await make.lend(patron, item, confirm="pieces", missing_pieces="the map and the disc")
    complete = await make.take_back(item, confirm="pieces")
    contradicting = await scanned(circulation, make, item, missing_pieces="the map")

    assert (unseen.status_code, codes(unseen)) == (409, ["pieces-unconfirmed"])
    assert unseen.json()["pieces"] == {"number": 3, "text": "book, disc, map", "missing": None}
    assert lent.status_code == again.status_code == 201
    assert (unlooked.status_code, codes(unlooked)) == (409, ["pieces-unconfirmed"])
    assert unlooked.json()["pieces"]["text"] == "book, disc, map"
    assert back["pieces"] == {"number": 3, "text": "book, disc, map", "missing": "the map"}
    assert next_unseen.json()["pieces"]["missing"] == "the map"
    assert complete["pieces"]["missing"] is None
    assert contradicting.status_code == 422
    assert (await make.lend(patron, single)).status_code == 201
    assert not [e for e in await circulation.envelopes() if "the map" in e.model_dump_json()]
