"""Availability, single and in batches: for everybody, and of nobody."""

from uuid import uuid4

import pytest

from chassis.principal import ANONYMOUS
from support.desk import Make, pointers, statements
from support.harness import Harness


async def test_a_batch_answers_in_the_order_asked_and_one_unknown_spoils_no_other(
    circulation: Harness, make: Make
) -> None:
    one, two, unknown = await make.item(), await make.item(), str(uuid4())
    await make.loan(await make.patron(), two)
    first, second = str(one.title_ids[0]), str(two.title_ids[0])
    ids = [second, unknown, first, second]

    for detail in ("summary", "items"):
        answer = await circulation.post("/v1/availability:batch", json={"ids": ids, "detail": detail})
        titles = answer.json()["titles"]

        assert [title["title_id"] for title in titles] == ids
        assert titles[1] == {"title_id": unknown, "error": "title-unknown"}
        assert [titles[place]["available"] for place in (0, 2, 3)] == [0, 1, 0]
        assert titles[0]["next_due_at"] == "2027-03-29T21:59:59Z"


@pytest.mark.parametrize(
    ("ids", "pointer"),
    [
        ([], "/ids"),
        (["x"], "/ids/0"),
        ([str(uuid4()), None], "/ids/1"),
        ([str(uuid4())] * 201, "/ids"),
        ("x", "/ids"),
    ],
)
async def test_a_batch_that_is_no_batch_is_refused_where_it_is_wrong(
    circulation: Harness, ids: object, pointer: str
) -> None:
    answer = await circulation.post("/v1/availability:batch", json={"ids": ids})

    assert (answer.status_code, pointers(answer)) == (422, [pointer])


async def test_a_batch_costs_one_statement_however_long(circulation: Harness, make: Make) -> None:
    ids = []
    for _ in range(20):
        item = await make.item()
        await make.item(title_ids=item.title_ids)
        ids.append(str(item.title_ids[0]))

    for detail in ("summary", "items"):
        async with statements(circulation) as asked:
            answer = await circulation.post("/v1/availability:batch", json={"ids": ids, "detail": detail})

        assert [title["total"] for title in answer.json()["titles"]] == [2] * 20
        assert len(asked) == 1


async def test_strangers_learn_of_items_and_nothing_of_patrons(circulation: Harness, make: Make) -> None:
    item, patron, waiting = await make.item(), await make.patron(), await make.patron()
    loan = await make.loan(patron, item)
    hold = await make.hold(waiting, item)
    title = str(item.title_ids[0])

    with circulation.asking(ANONYMOUS):
        single = await circulation.get(f"/v1/titles/{title}/availability?detail=items")
        batch = await circulation.post("/v1/availability:batch", json={"ids": [title], "detail": "items"})

    assert single.json()["queue_length"] == 1
    for answer in (single, batch):
        assert answer.status_code == 200
        for secret in (patron["id"], waiting["id"], patron["family_name"], loan["id"], hold["id"]):
            assert secret not in answer.text


async def test_suppressed_and_withdrawn_items_are_not_there(circulation: Harness, make: Make) -> None:
    item = await make.item()
    hidden = await make.item(title_ids=item.title_ids, suppressed=True)

    told = (await circulation.get(f"/v1/titles/{item.title_ids[0]}/availability?detail=items")).json()

    assert [each["item_id"] for each in told["items"]] == [str(item.item_id)]
    assert str(hidden.item_id) not in str(told)


async def test_items_come_a_page_at_a_time_each_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    for _ in range(4):
        await make.item(title_ids=item.title_ids)
    path = f"/v1/titles/{item.title_ids[0]}/availability?detail=items&limit=2"

    seen, cursor = [], ""
    while cursor is not None:
        told = (await circulation.get(path + (f"&cursor={cursor}" if cursor else ""))).json()
        seen += [each["item_id"] for each in told["items"]]
        cursor = told["next_cursor"]

    assert len(seen) == len(set(seen)) == 5


async def test_a_volume_bound_of_two_titles_is_had_under_both(circulation: Harness, make: Make) -> None:
    one, two = uuid4(), uuid4()
    item = await make.item(title_ids=(one, two))
    await make.loan(await make.patron(), item)
    placed = await make.place(await make.patron(), title_id=str(two))

    answer = await circulation.post("/v1/availability:batch", json={"ids": [str(one), str(two)]})

    assert [title["available"] for title in answer.json()["titles"]] == [0, 0]
    assert (await make.take_back(item))["next_step"]["hold"]["hold_id"] == placed.json()["id"]
