"""A hold is placed by one look and one act, and what it was decided by still holds when it is written."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.circulation import HoldPlaced, ItemAvailabilityChanged
from support.desk import Make, codes, statements
from support.harness import Harness


async def positions(circulation: Harness) -> list[int]:
    """Of all open holds, in order."""
    rows = await circulation.resources.pool.fetch(
        "SELECT position FROM hold WHERE position IS NOT NULL ORDER BY title_id, position"
    )
    return [row["position"] for row in rows]


@pytest.mark.parametrize("wanted", ["title", "volume", "item"])
@pytest.mark.parametrize("state", ["on-loan", "available"])
async def test_a_hold_costs_two_round_trips(
    circulation: Harness, make: Make, wanted: str, state: str
) -> None:
    item = await make.item(volume="Vol. 2")
    title = {"title_id": str(item.title_ids[0])}
    if state == "on-loan":
        await make.loan(await make.patron(), item)
    patron = await make.patron()
    asked = {"title": title, "volume": title | {"volume": "Bd. 2"}, "item": {"item_id": str(item.item_id)}}

    async with statements(circulation) as told:
        answer = await make.place(patron, **asked[wanted])

    assert (answer.status_code, answer.json()["level"]) == (201, wanted)
    assert answer.json()["kind"] == ("hold" if state == "on-loan" else "page")
    assert answer.json()["volume"] == ("Vol. 2" if wanted == "volume" else None)
    assert len(told) == 2
    read = (await circulation.get(f"/v1/holds/{answer.json()['id']}")).json()
    read["ahead"] = read["estimated_ready_at"] = None
    assert read == answer.json(), "what was answered is what was written"
    assert len(await circulation.announced(ItemAvailabilityChanged)) == (state == "available")


async def test_a_refusal_costs_one_round_trip_and_a_repetition_too(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}
    first = await circulation.post("/v1/holds", json=body, key="again")

    async with statements(circulation) as told:
        again = await circulation.post("/v1/holds", json=body, key="again")
        refused = await circulation.post("/v1/holds", json=body)
        other = await circulation.post("/v1/holds", json=body | {"kind": "hold"}, key="again")

    assert (again.content, again.headers["Idempotency-Replayed"]) == (first.content, "true")
    assert (refused.status_code, codes(refused)) == (409, ["already-held"])
    assert (other.status_code, codes(other)) == (422, ["idempotency-key-reused"])
    assert len(told) == 3


async def test_the_same_request_many_times_at_once_places_one_hold(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}

    answers = await asyncio.gather(*(circulation.post("/v1/holds", json=body, key="one") for _ in range(5)))

    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert len(await circulation.announced(HoldPlaced)) == 1


async def test_a_key_that_another_path_is_using_places_nothing(circulation: Harness, make: Make) -> None:
    patron, item, other = await make.patron(), await make.item(), await make.item()
    hold = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}

    answers = await asyncio.gather(
        circulation.post("/v1/holds", json=hold, key="one"), make.lend(patron, other, key="one")
    )

    assert sorted(answer.status_code for answer in answers) == [201, 422]
    assert [codes(answer) for answer in answers if answer.is_error] == [["idempotency-key-reused"]]


@pytest.mark.parametrize("seed", range(4))
async def test_holds_placed_while_others_are_given_up_leave_no_gap(
    circulation: Harness, make: Make, seed: int
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    waiting = [await make.hold(await make.patron(), item) for _ in range(3)]
    patrons = [await make.patron() for _ in range(4)]
    hands: list[Any] = [make.cancel(hold) for hold in waiting]
    for place, patron in enumerate(patrons):
        hands.insert((place * 2 + seed) % (len(hands) + 1), make.hold(patron, item))

    await asyncio.gather(*hands)

    assert await positions(circulation) == [1, 2, 3, 4]
    told = await circulation.announced(HoldPlaced)
    assert len({event.hold_id for event in told}) == len(told) == 7


async def test_a_hold_waits_behind_one_that_a_process_of_the_previous_release_is_placing(
    circulation: Harness, make: Make
) -> None:
    item, patron, other = await make.item(), await make.patron(), await make.patron()
    await make.loan(await make.patron(), item)
    title_id = item.title_ids[0]

    async with circulation.resources.pool.acquire() as before, before.transaction():
        await before.execute("SELECT pg_advisory_xact_lock(hashtextextended($1::text, 0))", str(title_id))
        placing = asyncio.create_task(make.hold(patron, item))
        await make.patron()  # time enough to look
        await before.execute(
            "INSERT INTO hold (id, kind, level, title_id, patron_id, pickup_id, state, position, policy, placed_at) "
            "VALUES ($1, 'hold', 'title', $2, $3, $4, 'waiting', 1, 'usual', now())",
            uuid4(),
            title_id,
            UUID(other["id"]),
            UUID(make.desk),
        )

    assert (await placing)["position"] == 2
    assert await positions(circulation) == [1, 2]


CAME_BACK = """
WITH back AS (UPDATE loan SET returned_at = now() RETURNING id)
UPDATE item SET state = 'available', loan_id = NULL, due_at = NULL, guard = guard + 1 WHERE id = $1
"""
MEANWHILE = {
    "the copy that is out comes back": (True, "item", CAME_BACK, (201, "page", 1)),
    "the copy that is paged goes missing": (
        False,
        "item",
        "UPDATE item SET base = 'missing', state = 'unavailable', guard = guard + 1 WHERE id = $1",
        (201, "hold", 1),
    ),
    "the patron leaves": (
        True,
        "patron",
        "UPDATE patron SET active = false, guard = guard + 1 WHERE id = (SELECT max(id::text) FROM patron)::uuid "
        "AND EXISTS (SELECT FROM item WHERE id = $1)",
        (409, "patron-inactive", None),
    ),
    "the only one who waits gives up": (
        True,
        "hold_queue",
        "DELETE FROM hold WHERE title_id = (SELECT title_ids[1] FROM item WHERE id = $1)",
        (201, "hold", 1),
    ),
}
"""What is on loan or not; whose rows are held between look and act; what is done to them; what comes of it."""


@pytest.mark.parametrize("what", MEANWHILE)
async def test_nothing_is_written_by_a_look_that_is_no_longer_true(
    circulation: Harness, make: Make, what: str
) -> None:
    lent, table, change, (status, told, position) = MEANWHILE[what]
    item = await make.item()
    if lent:
        await make.loan(await make.patron(), item)
    if table == "hold_queue":
        await make.hold(await make.patron(), item)
    patron = await make.patron()

    async with circulation.resources.pool.acquire() as faster, faster.transaction():
        await faster.execute(f"UPDATE {table} SET guard = guard + 1")
        placing = asyncio.create_task(make.place(patron, title_id=str(item.title_ids[0])))
        while not await faster.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not placing.done()
        await faster.execute(change, item.item_id)
    answer = await placing

    assert answer.status_code == status
    if status == 201:
        assert (answer.json()["kind"], answer.json()["position"]) == (told, position)
    else:
        assert codes(answer) == [told]


@pytest.mark.parametrize("seed", range(3))
async def test_a_copy_that_is_lent_while_it_is_wanted_is_lent_or_kept(
    circulation: Harness, make: Make, seed: int
) -> None:
    item = await make.item()
    hands: list[Any] = [
        make.place(await make.patron(), title_id=str(item.title_ids[0])),
        make.lend(await make.patron(), item),
    ]

    answers = await asyncio.gather(*(hands if seed % 2 else reversed(hands)))

    placed, lent = answers if seed % 2 else list(reversed(answers))
    state = (await make.state(item))["state"]
    assert (placed.status_code, lent.status_code, state, placed.json()["kind"]) in (
        (201, 201, "on-loan", "hold"),
        (201, 409, "paged", "page"),
    )


async def test_a_copy_that_stands_in_two_queues_is_told_of_with_both(
    circulation: Harness, make: Make
) -> None:
    bound = await make.item(title_ids=(uuid4(), uuid4()))
    other = await make.item(title_ids=(bound.title_ids[1],))
    await make.loan(await make.patron(), other)
    for _ in range(2):
        await make.place(await make.patron(), item_id=str(other.item_id))

    hold = await make.hold(await make.patron(), bound)

    (told,) = await circulation.announced(ItemAvailabilityChanged)
    assert (hold["kind"], told.availability.state, told.availability.queue_length) == ("page", "paged", 3)


async def test_of_copies_that_are_alike_the_first_made_is_fetched(circulation: Harness, make: Make) -> None:
    copies = [await make.item()]
    copies += [await make.item(title_ids=copies[0].title_ids) for _ in range(3)]
    body = {"title_id": str(copies[0].title_ids[0])}

    together = await make.hold(await make.patron(), copies[0])
    apart = await circulation.post(
        "/v1/holds?explain=true",
        json=body | {"patron_id": (await make.patron())["id"], "pickup_id": make.desk},
    )

    states = [(await make.state(copy))["state"] for copy in copies]
    assert (together["kind"], apart.json()["kind"]) == ("page", "page")
    assert states == ["paged", "paged", "available", "available"]
    assert len(apart.json()["explanation"]["copies"]) == 4
