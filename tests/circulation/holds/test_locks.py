"""What is done with one hold waits for nobody who is busy with another copy of its title, and is exact all the same."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from chassis.database import Connection
from circulation.holds import queue
from contracts.catalog import ItemState
from contracts.circulation import LoanRecalled
from support.desk import Make, held_up
from support.harness import Harness


@asynccontextmanager
async def busy_with(circulation: Harness, *items: ItemState) -> AsyncIterator[Connection]:
    """Somebody has these items on the desk, and takes their time."""
    ids = [item.item_id for item in items]
    async with circulation.resources.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM item WHERE id = ANY ($1::uuid[]) FOR UPDATE", ids)
        yield connection


async def act(circulation: Harness, hold: dict[str, Any], what: str, **body: Any) -> dict[str, Any]:
    answer = await asyncio.wait_for(circulation.post(f"/v1/holds/{hold['id']}/{what}", json=body), 3)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def copies(make: Make, count: int) -> list[ItemState]:
    """So many of one title, the first one made first."""
    first = await make.item()
    return [first, *[await make.item(title_ids=first.title_ids) for _ in range(count - 1)]]


async def test_whoever_waits_is_not_kept_waiting_by_other_copies(circulation: Harness, make: Make) -> None:
    lent, first, second, bystander = await copies(make, 4)
    await make.loan(await make.patron(), lent)
    page = await make.hold(await make.patron(), first)
    assert (await make.state(first))["state"] == "paged"

    async with busy_with(circulation, lent, bystander):
        moved = await act(circulation, page, "moves", item_id=str(second.item_id))
        elsewhere = await asyncio.wait_for(
            circulation.patch(
                f"/v1/holds/{page['id']}",
                json={"pickup_id": str(make.desks["law-desk"])},
                headers={"If-Match": f'"{moved["version"]}"', "Idempotency-Key": "elsewhere"},
            ),
            3,
        )
        suspended = await act(circulation, page, "suspensions")
        freed = [(await make.state(copy))["state"] for copy in (first, second)]
    async with busy_with(circulation, second, bystander):
        resumed = await act(circulation, page, "resumptions")
    async with busy_with(circulation, lent, second, bystander):
        ended = await act(circulation, page, "cancellations")

    assert elsewhere.status_code == 200, elsewhere.text
    assert suspended["suspended_at"] is not None
    assert freed == ["available", "available"]
    assert (resumed["kind"], ended["state"]) == ("page", "cancelled")
    assert [(await make.state(copy))["state"] for copy in (first, second)] == ["available", "available"]


async def test_a_recall_waits_for_no_copy_that_is_on_its_shelf(circulation: Harness, make: Make) -> None:
    lent, shelved = await copies(make, 2)
    await make.loan(await make.patron(), lent)

    async with busy_with(circulation, shelved):
        recall = await asyncio.wait_for(
            make.place(await make.patron(), item_id=str(lent.item_id), kind="recall"), 3
        )

    assert (recall.status_code, recall.json()["kind"]) == (201, "recall")
    assert [event.item_id for event in await circulation.announced(LoanRecalled)] == [lent.item_id]


async def until_it_waits(circulation: Harness, task: "asyncio.Task[Any]") -> None:
    """Until what was asked waits for a lock; it is wrong that it does not."""
    while not await circulation.resources.pool.fetchval(
        "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        assert not task.done(), "it waited for nobody"


async def test_a_copy_that_goes_just_then_is_not_fetched_for_whom_it_was_chosen(
    circulation: Harness, make: Make
) -> None:
    first, second = await copies(make, 2)
    hold = await make.hold(await make.patron(), first)
    await act(circulation, hold, "suspensions")

    async with busy_with(circulation, first) as desk:
        resuming = asyncio.create_task(act(circulation, hold, "resumptions"))
        await until_it_waits(circulation, resuming)
        await desk.execute(
            "UPDATE item SET base = 'missing', state = 'unavailable', guard = guard + 1 WHERE id = $1",
            first.item_id,
        )
    resumed = await resuming

    assert resumed["kind"] == "page"
    assert [(await make.state(copy))["state"] for copy in (first, second)] == ["unavailable", "paged"]


async def test_a_hold_moved_to_a_copy_that_is_being_returned_is_not_lost(
    circulation: Harness, make: Make
) -> None:
    for _ in range(2):
        one, other = await copies(make, 2)
        for copy in (one, other):
            await make.loan(await make.patron(), copy)
        hold = (await make.place(await make.patron(), item_id=str(one.item_id))).json()

        async with held_up(circulation, "loan"):
            both = asyncio.gather(
                act(circulation, hold, "moves", item_id=str(other.item_id)), make.take_back(other)
            )
        moved, _ = await both

        told, state = await make.hold_of(moved), (await make.state(other))["state"]
        assert (told["state"], told["kind"], state) in [
            ("ready", "hold", "on-hold-shelf"),  # moved first
            ("waiting", "page", "paged"),  # returned first: it is fetched from the shelf
        ]


async def test_who_suspends_a_hold_while_its_copy_comes_in_either_has_it_waiting_or_is_passed_over(
    circulation: Harness, make: Make
) -> None:
    for _ in range(2):
        item = await make.item()
        await make.loan(await make.patron(), item)
        hold = await make.hold(await make.patron(), item)

        async with held_up(circulation, "loan"):
            both = asyncio.gather(
                circulation.post(f"/v1/holds/{hold['id']}/suspensions", json={}), make.take_back(item)
            )
        suspended, _ = await both

        told, state = await make.hold_of(hold), (await make.state(item))["state"]
        assert (suspended.status_code, told["state"], state) in [
            (201, "waiting", "available"),
            (409, "ready", "on-hold-shelf"),
        ]


async def test_a_copy_of_two_titles_that_is_given_up_goes_to_whoever_waits_for_the_other_in_an_orderly_queue(
    circulation: Harness, make: Make
) -> None:
    one, two = await make.item(), await make.item()
    both = await make.item(title_ids=(one.title_ids[0], two.title_ids[0]))
    await make.loan(await make.patron(), two)
    first = (await make.place(await make.patron(), item_id=str(both.item_id))).json()
    await make.take_back(both)
    waits = await make.hold(await make.patron(), two)

    async with circulation.resources.pool.acquire() as connection, connection.transaction():
        await queue.lock_title(connection, [two.title_ids[0]])
        ending = asyncio.create_task(act(circulation, first, "cancellations"))
        await until_it_waits(circulation, ending)
    await ending

    assert (await make.hold_of(waits))["state"] == "ready"
    assert (await make.state(both))["state"] == "on-hold-shelf"


async def test_who_loses_a_hold_to_another_is_held_before_the_item(circulation: Harness, make: Make) -> None:
    """Whoever lends to them something else has them first, and the item after that: both go on."""
    item, waits = await make.item(), await make.patron()
    hold = await make.hold(waits, item)
    wish = {"blocks": ["item-held-for-another"], "comment": "the author is here", "hold": "cancel"}
    pool = circulation.resources.pool

    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM patron WHERE id = $1::uuid FOR NO KEY UPDATE", waits["id"])
        lending = asyncio.create_task(make.lend(await make.patron(), item, override=wish))
        await until_it_waits(circulation, lending)
        await connection.execute("SELECT FROM item WHERE id = $1 FOR NO KEY UPDATE NOWAIT", item.item_id)
    lent = await lending

    assert lent.status_code == 201, lent.text
    assert (await make.hold_of(hold))["state"] == "cancelled"
