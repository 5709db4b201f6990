"""Holds on a volume stand in the title's queue, and any copy of that volume fills them."""

import asyncio
from typing import Any

from contracts.circulation import HoldPlaced
from support.desk import CONFIGURATION, Make, codes, pointers
from support.harness import Harness

WITH_VOLUMES = {"code": "usual", "name": "Usual", "shelf_days": 5}


async def work(make: Make, *labels: str | None) -> list[Any]:
    """Copies of one title, with these labels."""
    first = await make.item(volume=labels[0])
    return [first] + [await make.item(title_ids=first.title_ids, volume=label) for label in labels[1:]]


async def on_volume(make: Make, item: Any, volume: str, **more: Any) -> Any:
    return await make.place(await make.patron(), title_id=str(item.title_ids[0]), volume=volume, **more)


async def test_any_copy_of_the_volume_is_fetched_and_no_other(circulation: Harness, make: Make) -> None:
    _, second, third = await work(make, "v.1", "Vol. 2", "v.2")

    first, then, last = [await on_volume(make, second, "Bd. 2") for _ in range(3)]

    assert first.status_code == 201, first.text
    told = first.json()
    assert (told["level"], told["kind"], told["volume"], told["item_id"]) == (
        "volume",
        "page",
        "Vol. 2",
        None,
    )
    assert [each.json()["kind"] for each in (then, last)] == ["page", "hold"]
    assert [(await make.state(item))["state"] for item in (second, third)] == ["paged", "paged"]
    assert (await circulation.announced(HoldPlaced))[0].hold.volume == "Vol. 2"


async def test_one_queue_whatever_the_level_and_each_item_fills_the_first_it_can(
    circulation: Harness, make: Make
) -> None:
    first, second = await work(make, "v.1", "v.2")
    for item in (first, second):
        await make.loan(await make.patron(), item)
    of_one, of_two = [(await on_volume(make, first, label)).json() for label in ("v.1", "v.2")]
    of_any = await make.hold(await make.patron(), first)
    of_item = (await make.place(await make.patron(), item_id=str(second.item_id))).json()
    assert [hold["position"] for hold in (of_one, of_two, of_any, of_item)] == [1, 2, 3, 4]

    back = await make.take_back(second)

    assert back["next_step"]["hold"]["hold_id"] == of_two["id"]
    # Its patron takes it, gives it back, and it goes to the title's hold before the item's own.
    other = await make.lend({"id": of_two["patron_id"]}, second)
    assert other.status_code == 201
    assert (await make.hold_of(of_two))["state"] == "filled"
    assert (await make.take_back(second))["next_step"]["hold"]["hold_id"] == of_any["id"]
    assert (await make.hold_of(of_one))["state"] == "waiting"


async def test_a_title_with_volumes_wants_one_named_where_the_policy_says_so(
    circulation: Harness, make: Make
) -> None:
    await make.configure(hold_policies=[WITH_VOLUMES | {"volume_required": True}])
    first, _ = await work(make, "v.1", "v.2")
    (alone,) = await work(make, "v.1")

    bare = await make.place(await make.patron(), title_id=str(first.title_ids[0]))
    unknown = await on_volume(make, first, "v.9")

    assert (bare.status_code, codes(bare)) == (409, ["volume-required"])
    assert (unknown.status_code, codes(unknown), pointers(unknown)) == (404, ["volume-unknown"], ["/volume"])
    assert "'v.1', 'v.2'" in unknown.text
    assert (await on_volume(make, first, "v.2")).status_code == 201
    assert (await make.place(await make.patron(), item_id=str(first.item_id))).status_code == 201
    assert (await make.place(await make.patron(), title_id=str(alone.title_ids[0]))).status_code == 201


async def test_which_levels_there_are_is_the_policys_to_say(circulation: Harness, make: Make) -> None:
    await make.configure(hold_policies=[WITH_VOLUMES | {"levels": ["volume"]}])
    first, second = await work(make, "v.1", "v.2")

    for_item = await make.place(await make.patron(), item_id=str(second.item_id))
    for_title = await make.place(await make.patron(), title_id=str(first.title_ids[0]))

    assert [codes(answer) for answer in (for_item, for_title)] == [["level-not-allowed"]] * 2
    assert (await on_volume(make, first, "v.1")).status_code == 201


async def test_a_hold_on_a_volume_moves_to_another_copy_of_it_and_waits_for_no_other(
    circulation: Harness, make: Make
) -> None:
    first, second, again = await work(make, "v.1", "v.2", "v. 2")
    patron = await make.patron()
    hold = (await make.place(patron, title_id=str(first.title_ids[0]), volume="v.2")).json()

    async def move(item: Any) -> Any:
        return await circulation.post(f"/v1/holds/{hold['id']}/moves", json={"item_id": str(item.item_id)})

    assert codes(await move(first)) == ["item-of-other-volume"]
    assert (await move(again)).status_code == 201
    assert [(await make.state(item))["state"] for item in (second, again)] == ["available", "paged"]
    told = (await make.account(patron))["holds"][0]
    assert (told["volume"], told["estimated_ready_at"]) == ("v.2", "2027-03-02T09:00:00Z")


async def test_a_title_tells_of_each_volume_what_there_is(circulation: Harness, make: Make) -> None:
    first, *_ = await work(make, "v.1", "v.2", "Vol. 2", None)
    await make.loan(await make.patron(), first)
    await on_volume(make, first, "v.1")
    title = f"/v1/titles/{first.title_ids[0]}/availability?detail=volumes&limit=1"

    page = (await circulation.get(title)).json()
    rest = (await circulation.get(f"{title}&cursor={page['next_cursor']}")).json()

    told = [
        (each["volume"], each["total"], each["available"], each["queue_length"]) for each in page["volumes"]
    ]
    told += [
        (each["volume"], each["total"], each["available"], each["queue_length"]) for each in rest["volumes"]
    ]
    assert told == [("v.1", 1, 0, 1), ("Vol. 2", 2, 2, 0)]
    assert (page["total"], rest["next_cursor"]) == (4, None)


async def test_labels_that_were_kept_before_are_read_by_the_timer(circulation: Harness, make: Make) -> None:
    await work(make, "v.1", "–")
    await circulation.resources.pool.execute("UPDATE item SET volume_key = NULL")

    await circulation.tick("read-volumes")

    rows = await circulation.resources.pool.fetch("SELECT volume_key FROM item ORDER BY id")
    assert [row["volume_key"] for row in rows] == ["v 1", ""]


async def test_a_patron_waits_for_as_many_of_a_title_as_the_policy_says(
    circulation: Harness, make: Make
) -> None:
    await make.configure(hold_policies=[WITH_VOLUMES | {"max_holds_per_title": 2}])
    first, *_ = await work(make, "v.1", "v.1", "v.1")
    anna = await make.patron()

    title = {"title_id": str(first.title_ids[0])}
    answers = await asyncio.gather(*(make.place(anna, **title) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409]
    assert {code for answer in answers if answer.status_code == 409 for code in codes(answer)} == {
        "already-held"
    }
    placed = [answer.json() for answer in answers if answer.status_code == 201]
    await make.cancel(placed[0])
    assert (await make.place(anna, **title)).status_code == 201


async def test_a_serials_issues_count_apart_where_the_policy_says_so(
    circulation: Harness, make: Make
) -> None:
    await make.configure(hold_policies=[CONFIGURATION["hold_policies"][0] | {"volumes_apart": True}])
    first, second = await work(make, "no.1", "no.2")
    anna, title = await make.patron(), str(first.title_ids[0])

    placed = [await make.place(anna, title_id=title, volume=label) for label in ("no.1", "no.2", "no.1")]
    of_item = await make.place(anna, item_id=str(second.item_id))
    of_title = await make.place(anna, title_id=title)

    assert [answer.status_code for answer in placed] == [201, 201, 409]
    assert [codes(answer)[0] for answer in (placed[2], of_item, of_title)] == ["already-held"] * 3
