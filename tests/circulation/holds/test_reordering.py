"""The queue of a title: read in order, put into another, and who moves in it by themselves."""

import asyncio
from typing import Any
from uuid import uuid4

from chassis.principal import Principal
from contracts.circulation import HoldQueueReordered
from support.desk import Make, codes, themselves
from support.harness import Harness


async def waiting(make: Make, count: int) -> tuple[Any, list[dict[str, Any]]]:
    """A lent item, and so many who wait for its title."""
    item = await make.item()
    await make.loan(await make.patron(), item)
    return item, [await make.hold(await make.patron(), item) for _ in range(count)]


async def queue_of(circulation: Harness, item: Any) -> Any:
    return await circulation.get(f"/v1/holds/queues/{item.title_ids[0]}")


async def put(circulation: Harness, item: Any, holds: list[Any], *, tag: str | None, **headers: str) -> Any:
    sent = {"Idempotency-Key": str(uuid4())} | ({"If-Match": tag} if tag else {}) | headers
    ids = [hold["id"] if isinstance(hold, dict) else hold for hold in holds]
    return await circulation.put(
        f"/v1/holds/queues/{item.title_ids[0]}", json={"hold_ids": ids}, headers=sent
    )


def ids(answer: Any) -> list[str]:
    return [queued["hold"]["id"] for queued in answer.json()["holds"]]


async def test_staff_put_a_queue_into_another_order_and_everybody_is_told(
    circulation: Harness, make: Make
) -> None:
    item, (first, second, third) = await waiting(make, 3)
    before = await queue_of(circulation, item)

    answer = await put(circulation, item, [third, first, second], tag=before.headers["etag"])

    assert answer.status_code == 200, answer.text
    assert ids(answer) == [third["id"], first["id"], second["id"]]
    assert [queued["hold"]["position"] for queued in answer.json()["holds"]] == [1, 2, 3]
    assert answer.headers["etag"] == (await queue_of(circulation, item)).headers["etag"]
    assert answer.headers["etag"] != before.headers["etag"]
    (event,) = await circulation.announced(HoldQueueReordered)
    assert [str(each) for each in event.hold_ids] == ids(answer)
    assert [str(each) for each in event.previous_hold_ids] == ids(before)
    assert (await make.take_back(item))["next_step"]["hold"]["hold_id"] == third["id"]


async def test_order_is_queue_position_and_not_the_day_of_asking(circulation: Harness, make: Make) -> None:
    item, (first, second) = await waiting(make, 2)
    tag = (await queue_of(circulation, item)).headers["etag"]
    await put(circulation, item, [second, first], tag=tag)

    back = await make.take_back(item)

    assert back["next_step"]["hold"]["hold_id"] == second["id"]


async def test_a_wished_order_that_is_none_changes_nothing_and_says_all_that_is_wrong(
    circulation: Harness, make: Make
) -> None:
    item, (first, _) = await waiting(make, 2)
    before = await queue_of(circulation, item)
    stranger = str(uuid4())

    answer = await put(circulation, item, [first, first, stranger], tag=before.headers["etag"])

    assert answer.status_code == 422
    assert codes(answer) == ["hold-repeated", "hold-not-in-queue", "hold-missing"]
    assert all(reason["mend"] for reason in answer.json()["reasons"])
    assert ids(await queue_of(circulation, item)) == ids(before)
    assert await circulation.announced(HoldQueueReordered) == []


async def test_an_order_is_put_against_the_queue_that_was_read(circulation: Harness, make: Make) -> None:
    item, (first, second) = await waiting(make, 2)
    tag = (await queue_of(circulation, item)).headers["etag"]
    third = await make.hold(await make.patron(), item)

    stale = await put(circulation, item, [second, first, third], tag=tag)
    untagged = await put(circulation, item, [second, first, third], tag=None)

    assert (stale.status_code, untagged.status_code) == (412, 428)
    assert ids(await queue_of(circulation, item)) == [first["id"], second["id"], third["id"]]


async def test_of_two_who_order_at_once_the_second_is_told_to_read_again(
    circulation: Harness, make: Make
) -> None:
    item, (first, second, third) = await waiting(make, 3)
    tag = (await queue_of(circulation, item)).headers["etag"]

    answers = await asyncio.gather(
        put(circulation, item, [third, second, first], tag=tag),
        put(circulation, item, [second, first, third], tag=tag),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert len(await circulation.announced(HoldQueueReordered)) == 1


async def test_the_same_order_twice_is_told_once_and_the_next_counts_on(
    circulation: Harness, make: Make
) -> None:
    item, (first, second) = await waiting(make, 2)
    tag = (await queue_of(circulation, item)).headers["etag"]
    key = {"Idempotency-Key": "once"}

    done = await put(circulation, item, [second, first], tag=tag, **key)
    again = await put(circulation, item, [second, first], tag=tag, **key)
    unchanged = await put(circulation, item, [second, first], tag=done.headers["etag"])
    back = await put(circulation, item, [first, second], tag=done.headers["etag"])

    assert [each.status_code for each in (done, again, unchanged, back)] == [200] * 4
    assert again.headers["idempotency-replayed"] == "true"
    assert [event.version for event in await circulation.announced(HoldQueueReordered)] == [1, 2]


async def test_a_hold_that_a_copy_is_on_its_way_to_stands_first_and_is_not_moved(
    circulation: Harness, make: Make
) -> None:
    item, (first, second) = await waiting(make, 2)
    copy = await make.item(title_ids=item.title_ids)
    await make.loan(await make.patron(), copy)
    itself = (await make.place(await make.patron(), item_id=str(copy.item_id), at="law-desk")).json()
    await make.take_back(copy, at="main-desk")
    moved_up = ids(await queue_of(circulation, item))
    # The copy was the first one's: it goes by the queue.
    assert moved_up[0] == first["id"]
    await make.take_back(item, at="main-desk")
    queue = await queue_of(circulation, item)

    answer = await put(circulation, item, [itself["id"], *ids(queue)[:2]], tag=queue.headers["etag"])

    assert [queued["pinned"] for queued in queue.json()["holds"]] == [True, True, False]
    assert answer.status_code == 422
    assert codes(answer) == ["hold-pinned", "hold-pinned"]
    assert second["id"] in ids(queue)[:2]


async def test_who_gets_a_copy_moves_up_and_who_loses_it_waits_first_of_the_rest(
    circulation: Harness, make: Make
) -> None:
    item, (first, second) = await waiting(make, 2)
    copy = await make.item(title_ids=item.title_ids)
    await make.loan(await make.patron(), copy)
    third = (await make.place(await make.patron(), item_id=str(copy.item_id))).json()
    for hold in (first, second):
        await circulation.post(f"/v1/holds/{hold['id']}/suspensions", json={})

    await make.take_back(copy)
    served = ids(await queue_of(circulation, item))
    await make.lend(
        await make.patron(), copy, override={"blocks": ["item-held-for-another"], "comment": "now"}
    )
    lost = await queue_of(circulation, item)

    assert served == [third["id"], first["id"], second["id"]]
    assert ids(lost) == [third["id"], first["id"], second["id"]]
    assert [queued["hold"]["state"] for queued in lost.json()["holds"]] == ["waiting"] * 3


async def test_a_queue_is_the_desks_business(circulation: Harness, make: Make) -> None:
    item, (first, second) = await waiting(make, 2)
    tag = (await queue_of(circulation, item)).headers["etag"]
    patron = await make.patron()

    with circulation.asking(themselves(patron)):
        read = await queue_of(circulation, item)
        ordered = await put(circulation, item, [second, first], tag=tag)
    with circulation.asking(Principal("staff", "s", frozenset({"holds:read"}))):
        only_read = await put(circulation, item, [second, first], tag=tag)

    assert [answer.status_code for answer in (read, ordered, only_read)] == [403, 403, 403]
    assert (await circulation.get(f"/v1/holds/queues/{uuid4()}")).status_code == 404
