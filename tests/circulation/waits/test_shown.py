"""The same estimate on the hold, in the account and in availability."""

from datetime import timedelta
from typing import Any

from support.desk import NOW, Make, statements
from support.harness import Harness

DAY = timedelta(days=1)
DUE = "2027-03-29T21:59:59Z"  # four weeks, at the end of the day in Berlin


async def availability(circulation: Harness, item: Any) -> Any:
    return (await circulation.get(f"/v1/titles/{item.title_ids[0]}/availability")).json()


async def test_a_patron_reads_the_same_on_the_hold_and_in_the_account(
    circulation: Harness, make: Make
) -> None:
    item, anna, bela = await make.item(), await make.patron(), await make.patron()
    await make.loan(await make.patron(), item)
    first, second = await make.hold(anna, item), await make.hold(bela, item)

    holds = [await make.hold_of(hold) for hold in (first, second)]
    accounts = [(await make.account(patron))["holds"][0] for patron in (anna, bela)]
    next_one = (await availability(circulation, item))["estimated_ready_at"]

    for told in (holds, accounts):
        assert [each["ahead"] for each in told] == [0, 1]
        assert [each["position"] for each in told] == [1, 2]
        # Due, and a day of handling; the second after a loan of four weeks and its handling.
        assert [each["estimated_ready_at"] for each in told] == [
            "2027-03-30T21:59:59Z",
            "2027-04-28T21:59:59Z",
        ]
    assert next_one == "2027-05-27T21:59:59Z"
    assert accounts[1]["queue_length"] == 2


async def test_a_suspended_hold_is_not_ahead_and_its_own_wait_ends_no_sooner(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    first, second = [await make.hold(await make.patron(), item) for _ in range(2)]
    until = (NOW + 200 * DAY).isoformat()
    await circulation.post(f"/v1/holds/{first['id']}/suspensions", json={"until": until})

    suspended, behind = await make.hold_of(first), await make.hold_of(second)

    assert (behind["ahead"], behind["estimated_ready_at"]) == (0, "2027-03-30T21:59:59Z")
    assert suspended["estimated_ready_at"] == "2027-09-17T09:00:00Z"


async def test_a_copy_that_nobody_can_tell_of_promises_nothing(circulation: Harness, make: Make) -> None:
    reading_room = await make.item(loan_type="reference")
    hold = await make.hold(await make.patron(), reading_room)

    told = await make.hold_of(hold)

    assert (told["state"], told["ahead"], told["estimated_ready_at"]) == ("waiting", 0, None)


async def test_what_is_on_the_hold_shelf_is_ready_since_then_and_what_has_ended_waits_for_nothing(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    await make.take_back(item)
    circulation.at(NOW + DAY)

    ready = await make.hold_of(hold)
    await make.cancel(hold)
    ended = await make.hold_of(hold)

    assert ready["estimated_ready_at"] == NOW.isoformat().replace("+00:00", "Z")
    assert (ended["ahead"], ended["estimated_ready_at"]) == (None, None)


async def test_who_can_walk_to_the_shelf_is_told_no_wait(circulation: Harness, make: Make) -> None:
    item = await make.item()

    told = await availability(circulation, item)

    assert (told["available"], told.get("estimated_ready_at")) == (1, None)


async def test_an_account_with_many_holds_asks_no_more_often_than_one_with_few(
    circulation: Harness, make: Make
) -> None:
    few, many = await make.patron(), await make.patron()
    for count, patron in ((1, few), (6, many)):
        for _ in range(count):
            await make.hold(patron, await make.item())
    await make.account(few)  # a connection learns once what an account is made of

    counts = []
    for patron in (few, many):
        async with statements(circulation) as asked:
            await make.account(patron)
        counts.append(len(asked))

    assert counts[0] == counts[1]
