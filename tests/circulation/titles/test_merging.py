"""The catalogue merges titles, and moves items: loans, holds and groups follow, whatever comes first, and twice."""

from typing import Any
from uuid import UUID

from chassis.ids import uuid7
from contracts.catalog import ItemState, TitleMerged, TitleSummary
from contracts.circulation import HoldUpdated
from support.desk import NOW, Make
from support.harness import Harness
from support.invariants import Watch


def merged(survivor: ItemState, *gone: ItemState, version: int = 2) -> TitleMerged:
    title = survivor.title_ids[0]
    return TitleMerged(
        version=version,
        occurred_at=NOW,
        title_id=title,
        merged_ids=tuple(item.title_ids[0] for item in gone),
        title=TitleSummary(title_id=title, version=version, title="Walden"),
        holdings_moved=1,
        items_moved=len(gone),
    )


async def queue_of(circulation: Harness, title: UUID) -> list[str]:
    rows = await circulation.resources.pool.fetch(
        "SELECT id FROM hold WHERE title_id = $1 AND position IS NOT NULL ORDER BY position", title
    )
    return [str(row["id"]) for row in rows]


async def waiting(make: Make) -> tuple[ItemState, ItemState, list[dict[str, Any]], list[dict[str, Any]]]:
    """Two titles with a copy each, both lent, and holds on both; one patron waits for either."""
    one, other = await make.item(), await make.item()
    reader, both = await make.patron(), await make.patron()
    await make.loan(reader, one)
    await make.loan(reader, other)
    here = [await make.hold(await make.patron(), one), await make.hold(both, one)]
    there = [await make.hold(both, other), await make.hold(await make.patron(), other)]
    return one, other, here, there


async def test_two_queues_become_one_and_the_loan_follows(circulation: Harness, make: Make) -> None:
    one, other, here, there = await waiting(make)
    message = circulation.message(merged(one, other), source="catalog")

    await circulation.deliver_messages(message)
    await circulation.deliver_messages(message)

    ids = [hold["id"] for hold in (*here, *there)]
    assert await queue_of(circulation, one.title_ids[0]) == ids
    assert await queue_of(circulation, other.title_ids[0]) == []
    loans = await circulation.resources.pool.fetch("SELECT title_id FROM loan")
    assert {row["title_id"] for row in loans} == {one.title_ids[0]}
    told = await circulation.announced(HoldUpdated)
    assert sorted(str(event.hold_id) for event in told) == sorted(hold["id"] for hold in there)
    assert {event.changed for event in told} == {("title_id",)}
    await Watch(circulation).check()


async def test_a_copy_that_comes_back_goes_to_the_first_of_the_one_queue(
    circulation: Harness, make: Make
) -> None:
    one, other, here, _ = await waiting(make)
    await circulation.deliver(merged(one, other), source="catalog")

    told = await make.take_back(other)

    assert told["next_step"]["hold"]["hold_id"] == here[0]["id"]
    await Watch(circulation).check()


async def test_an_old_id_leads_to_the_title_it_was_merged_into(circulation: Harness, make: Make) -> None:
    one, other, *_ = await waiting(make)
    third = await make.item()
    await circulation.deliver(merged(one, other), source="catalog")
    await circulation.deliver(merged(third, one), source="catalog")
    old = str(other.title_ids[0])

    placed = await make.place(await make.patron(), title_id=old)
    single = await circulation.get(f"/v1/titles/{old}/availability")
    several = await circulation.post("/v1/availability:batch", json={"ids": [old, str(uuid7())]})

    assert (placed.status_code, placed.json()["title_id"]) == (201, str(third.title_ids[0]))
    assert (single.json()["title_id"], single.json()["total"]) == (str(third.title_ids[0]), 3)
    first, second = several.json()["titles"]
    assert (first["title_id"], first["total"], second["error"]) == (old, 3, "title-unknown")


async def test_news_from_before_the_merge_does_not_bring_the_old_title_back(
    circulation: Harness, make: Make
) -> None:
    one, other, here, there = await waiting(make)
    await circulation.deliver(merged(one, other), source="catalog")

    late = await make.tell(other, call_number="PS3048")
    await make.tell(late, title_ids=one.title_ids)

    assert len(await queue_of(circulation, one.title_ids[0])) == len(here) + len(there)
    assert (await make.state(one.model_copy(update={"item_id": other.item_id})))["call_number"] == "PS3048"
    await Watch(circulation).check()


async def test_an_item_that_moves_takes_its_own_holds_along(circulation: Harness, make: Make) -> None:
    one, other = await make.item(), await make.item()
    second = await make.item(title_ids=one.title_ids)
    reader = await make.patron()
    await make.loan(reader, one)
    await make.loan(await make.patron(), second)
    of_title = await make.hold(await make.patron(), one)
    of_item = (await make.place(await make.patron(), item_id=str(one.item_id))).json()

    await make.tell(one, title_ids=other.title_ids)

    assert await queue_of(circulation, one.title_ids[0]) == [of_title["id"]]
    assert await queue_of(circulation, other.title_ids[0]) == [of_item["id"]]
    lent = await circulation.resources.pool.fetchval(
        "SELECT title_id FROM loan WHERE item_id = $1", one.item_id
    )
    assert lent == other.title_ids[0]
    await Watch(circulation).check()
    told = await make.take_back(one)
    assert told["next_step"]["hold"]["hold_id"] == of_item["id"]


async def test_a_serials_group_follows(circulation: Harness, make: Make) -> None:
    one, other = await make.item(), await make.item()
    answer = await circulation.post(
        "/v1/hold-groups", json={"name": "Readers", "serial_title_id": str(other.title_ids[0])}
    )

    await circulation.deliver(merged(one, other), source="catalog")

    group = (await circulation.get(f"/v1/hold-groups/{answer.json()['id']}")).json()
    assert group["serial_title_id"] == str(one.title_ids[0])
