"""Who waits, and what a scan or a loan at the desk means to them."""

from datetime import timedelta

from contracts.catalog import ItemBase
from contracts.circulation import HoldFilled, HoldReady
from support.desk import NOW, Make, codes, pointers
from support.harness import Harness

DAY = timedelta(days=1)


async def test_what_is_on_order_goes_to_whoever_waits_for_it_as_soon_as_it_lies_on_the_desk(
    circulation: Harness, make: Make
) -> None:
    item, waiting = await make.item(base_state=ItemBase.ON_ORDER), await make.patron()
    hold = await make.hold(waiting, item)

    kept = await make.take_back(item)
    another = await make.lend(await make.patron(), item)
    lent = await make.lend(waiting, item)

    assert kept["next_step"]["hold"]["hold_id"] == hold["id"]
    assert codes(another) == ["item-held-for-another"]
    assert lent.status_code == 201
    assert [str(event.hold_id) for event in await circulation.announced(HoldFilled)] == [hold["id"]]


async def test_a_wish_for_another_copy_or_another_title_keeps_nothing_back_at_the_desk(
    circulation: Harness, make: Make
) -> None:
    wanted, waiting = await make.item(), await make.patron()
    sibling = await make.item(title_ids=wanted.title_ids)
    stranger = await make.item()
    await make.place(waiting, item_id=str(wanted.item_id))
    await make.hold(waiting, await make.item())

    back = [await make.take_back(item) for item in (sibling, stranger)]
    lent = [(await make.lend(await make.patron(), item)).status_code for item in (sibling, stranger)]

    assert [each["next_step"]["step"] for each in back] == ["reshelve", "reshelve"]
    assert lent == [201, 201]


async def test_any_copy_that_comes_in_fills_a_recall_of_the_title_and_a_second_scan_tells_nobody_again(
    circulation: Harness, make: Make
) -> None:
    first, waiting = await make.item(), await make.patron()
    second = await make.item(title_ids=first.title_ids)
    for item in (first, second):
        await make.loan(await make.patron(), item)
    recall = (await make.place(waiting, title_id=str(first.title_ids[0]), kind="recall")).json()

    steps = [(await make.take_back(second))["next_step"] for _ in range(3)]

    assert {step["hold"]["hold_id"] for step in steps} == {recall["id"]}
    assert {step["step"] for step in steps} == {"hold-shelf"}
    (ready,) = await circulation.announced(HoldReady)
    # Whoever is told that it waits is told until when.
    assert ready.hold.state == "ready"
    assert ready.hold.shelf_expires_at is not None
    assert (await make.take_back(first))["next_step"]["step"] == "reshelve"


async def test_when_an_item_was_last_seen_is_never_dated_back(circulation: Harness, make: Make) -> None:
    item = await make.item()
    circulation.at(NOW + 2 * DAY)

    back = await make.take_back(item, returned_at=NOW.isoformat())

    row = await circulation.resources.pool.fetchrow("SELECT * FROM item WHERE id = $1", item.item_id)
    assert row is not None
    assert (row["last_seen_at"], str(row["last_seen_by"])) == (NOW + 2 * DAY, make.desk)
    assert back["loan"] is None


async def test_a_check_in_needs_a_desk(circulation: Harness, make: Make) -> None:
    item = await make.item()

    answer = await circulation.post("/v1/returns", json={"item_id": str(item.item_id)})

    assert (answer.status_code, pointers(answer)) == (422, ["/service_point_id"])
