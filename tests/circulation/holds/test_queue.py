"""A title's queue: it closes up, it runs out, and what was kept for one goes to the next."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts.catalog import ItemBase, ItemState
from contracts.circulation import HoldExpired, HoldReady, ItemAvailabilityChanged
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness

DAY = timedelta(days=1)


async def positions(circulation: Harness, item: ItemState) -> list[str]:
    """The open holds on the item's title, first first."""
    rows = await circulation.resources.pool.fetch(
        "SELECT id, position FROM hold WHERE title_id = $1 AND position IS NOT NULL ORDER BY position",
        item.title_ids[0],
    )
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    return [str(row["id"]) for row in rows]


async def queue(make: Make, length: int) -> tuple[ItemState, list[dict[str, Any]]]:
    """A title on loan, and so many who wait for it."""
    item = await make.item()
    await make.loan(await make.patron(), item)
    return item, [await make.hold(await make.patron(), item) for _ in range(length)]


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_the_queue_closes_up_behind_whoever_gives_up(
    circulation: Harness, make: Make, gone: int
) -> None:
    item, holds = await queue(make, 3)

    cancelled = await make.cancel(holds[gone])
    again = await circulation.post(f"/v1/holds/{holds[gone]['id']}/cancellations", json={})

    left = [hold["id"] for place, hold in enumerate(holds) if place != gone]
    assert await positions(circulation, item) == left
    assert (cancelled["state"], cancelled["position"], cancelled["reason"]) == (
        "cancelled",
        None,
        "patron-wish",
    )
    assert (again.status_code, codes(again)) == (409, ["hold-closed"])


async def test_a_page_that_is_given_up_frees_the_copy(circulation: Harness, make: Make) -> None:
    item = await make.item()
    hold = await make.hold(await make.patron(), item)

    await make.cancel(hold)

    assert (await make.state(item))["state"] == "available"
    assert [event.version for event in await circulation.announced(ItemAvailabilityChanged)] == [1, 2]
    assert (await make.lend(await make.patron(), item)).status_code == 201


async def test_what_waits_on_the_shelf_goes_to_the_next_who_picks_up_there(
    circulation: Harness, make: Make
) -> None:
    item, (first, second) = await queue(make, 2)
    await make.take_back(item)

    await make.cancel(first)

    told = await make.hold_of(second)
    assert (told["state"], told["item_id"], told["position"]) == ("ready", str(item.item_id), 1)
    assert (await make.state(item))["state"] == "on-hold-shelf"
    assert [str(event.hold_id) for event in await circulation.announced(HoldReady)] == [
        first["id"],
        second["id"],
    ]


async def test_what_waits_on_the_shelf_for_nobody_more_is_wanted_by_its_own_shelf(
    circulation: Harness, make: Make
) -> None:
    item, (only,) = await queue(make, 1)
    await make.take_back(item)

    await make.cancel(only)

    assert (await make.state(item))["state"] == "reshelving"


async def test_what_went_missing_on_the_shelf_goes_to_nobody(circulation: Harness, make: Make) -> None:
    item, (first, second) = await queue(make, 2)
    await make.take_back(item)
    await make.tell(item, base_state=ItemBase.MISSING)

    await make.cancel(first)

    assert (await make.hold_of(second))["state"] == "waiting"
    assert (await make.state(item))["state"] == "unavailable"


async def test_a_hold_nobody_could_fill_runs_out(circulation: Harness, make: Make) -> None:
    _, (first, second) = await queue(make, 2)
    circulation.at(NOW + 364 * DAY)
    await circulation.tick("expire-holds")
    assert (await make.hold_of(first))["state"] == "waiting"
    circulation.at(NOW + 365 * DAY)

    await circulation.tick("expire-holds")

    assert (await make.hold_of(first))["state"] == (await make.hold_of(second))["state"] == "expired"
    assert len(await circulation.announced(HoldExpired)) == 2


async def test_what_is_not_fetched_goes_to_the_next_in_line(circulation: Harness, make: Make) -> None:
    item, (first, second) = await queue(make, 2)
    await make.take_back(item)
    circulation.at(NOW + 6 * DAY)

    await circulation.tick("expire-holds")
    await circulation.tick("expire-holds")

    told = await make.hold_of(second)
    assert (await make.hold_of(first))["state"] == "shelf-expired"
    assert (told["state"], told["shelf_expires_at"]) == ("ready", "2027-03-12T22:59:59Z")
    assert [event.reason for event in await circulation.announced(HoldExpired)] == ["shelf-expired"]


async def test_one_who_takes_another_copy_leaves_the_one_on_the_shelf_to_the_next(
    circulation: Harness, make: Make
) -> None:
    item, (first, second) = await queue(make, 2)
    other = await make.item(title_ids=item.title_ids)
    await make.take_back(item)

    await make.loan({"id": first["patron_id"]}, other)

    assert (await make.hold_of(first))["item_id"] == str(other.item_id)
    told = await make.hold_of(second)
    assert (told["state"], told["item_id"]) == ("ready", str(item.item_id))
    assert (await make.state(item))["state"] == "on-hold-shelf"


async def test_one_who_takes_another_copy_frees_the_one_that_was_paged(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    patron = await make.patron()
    await make.hold(patron, item)
    other = await make.item(title_ids=item.title_ids)

    await make.loan(patron, other)

    assert (await make.state(item))["state"] == "available"
    assert [e.availability.state for e in await circulation.announced(ItemAvailabilityChanged)] == [
        "paged",
        "available",
    ]


async def test_copies_that_were_paged_are_fetched_in_any_order(circulation: Harness, make: Make) -> None:
    item = await make.item()
    other = await make.item(title_ids=item.title_ids)
    first = await make.hold(await make.patron(), item)
    second = await make.hold(await make.patron(), item)

    await make.take_back(other)
    await make.cancel(first)

    holds = [await make.hold_of(hold) for hold in (first, second)]
    assert [hold["state"] for hold in holds] == ["cancelled", "ready"]
    assert holds[1]["item_id"] == str(other.item_id)
    assert (await make.state(item))["state"] == "available"
    assert (await make.state(other))["state"] == "on-hold-shelf"


async def test_an_item_wanted_for_itself_fills_no_wish_for_another_volume(
    circulation: Harness, make: Make
) -> None:
    first = await make.item(volume="1")
    second = await make.item(title_ids=first.title_ids, volume="2")
    patron = await make.patron()
    await make.loan(await make.patron(), second)
    placed = (await make.place(patron, item_id=str(second.item_id))).json()

    await make.loan(patron, first)

    assert (await make.hold_of(placed))["state"] == "waiting"
    assert (await make.take_back(second))["next_step"]["hold"]["hold_id"] == placed["id"]


async def test_a_hold_passed_over_by_override_waits_again(circulation: Harness, make: Make) -> None:
    item, (first, _) = await queue(make, 2)
    await make.take_back(item)
    override = {"blocks": ["item-held-for-another"], "comment": "the dean"}

    await make.loan(await make.patron(), item, override=override)

    told = await make.hold_of(first)
    assert (told["state"], told["position"], told["item_id"], told["shelf_expires_at"]) == (
        "waiting",
        1,
        None,
        None,
    )


async def test_the_one_for_whom_it_travels_may_take_it_anywhere(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    waiting = await make.patron()
    hold = await make.hold(waiting, item, at="law-desk")
    await make.take_back(item)

    other = await make.lend(await make.patron(), item)
    own = await make.lend(waiting, item)

    assert codes(other) == ["item-held-for-another"]
    assert own.status_code == 201
    assert (await make.hold_of(hold))["state"] == "filled"


async def test_a_hold_outlives_the_policy_it_was_placed_under(circulation: Harness, make: Make) -> None:
    item, (hold,) = await queue(make, 1)
    pool = circulation.resources.pool
    await pool.execute("UPDATE hold SET policy = 'of-old'")

    back = await make.take_back(item)

    assert back["next_step"]["hold"]["hold_id"] == hold["id"]
    assert (await make.hold_of(hold))["state"] == "ready"


@pytest.mark.parametrize("seed", range(6))
async def test_a_hold_placed_while_the_item_comes_back_is_neither_lost_nor_filled_twice(
    circulation: Harness, make: Make, seed: int
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    patrons = [await make.patron() for _ in range(3)]
    hands = [make.place(patron, title_id=str(item.title_ids[0])) for patron in patrons]
    hands.insert(seed % 4, make.take_back(item))

    answers = await asyncio.gather(*hands)

    assert sorted(a.status_code for a in answers if not isinstance(a, dict)) == [201] * 3
    (row,) = await circulation.resources.pool.fetch("SELECT * FROM item WHERE id = $1", item.item_id)
    first = (await positions(circulation, item))[0]
    assert (row["loan_id"], str(row["hold_id"])) == (None, first)
    assert row["state"] in ("paged", "on-hold-shelf")
    ready = await circulation.announced(HoldReady)
    assert len(ready) == (row["state"] == "on-hold-shelf")


async def test_removed_policies_and_pickup_points_are_kept_while_somebody_waits(
    circulation: Harness, make: Make
) -> None:
    await queue(make, 1)
    renamed = [CONFIGURATION["hold_policies"][0] | {"code": "new"}]
    rules = [rule | {"hold": "new"} for rule in CONFIGURATION["rules"]]

    answer = await make.configure(
        hold_policies=renamed, rules=rules, service_points=CONFIGURATION["service_points"][1:]
    )

    assert answer.status_code == 422
    assert {reason["pointer"] for reason in answer.json()["reasons"]} == {"/hold_policies", "/service_points"}
