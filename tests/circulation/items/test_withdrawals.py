"""Circulation's side of a withdrawal: cleared so that no loan slips in, or refused with reasons."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.ids import uuid7
from contracts.catalog import ItemBase, ItemState, ItemWithdrawalRequested, ItemWithdrawn
from contracts.circulation import (
    HoldCancelled,
    HoldRequeued,
    ItemAvailabilityChanged,
    ItemWithdrawalCleared,
    ItemWithdrawalRefused,
)
from support.desk import NOW, Make, codes
from support.harness import Harness


def wish(item_id: UUID, withdrawal_id: UUID | None = None) -> ItemWithdrawalRequested:
    return ItemWithdrawalRequested(
        version=1,
        occurred_at=NOW,
        withdrawal_id=withdrawal_id or uuid7(),
        item_id=item_id,
        reason="worn out",
    )


def gone(item: ItemState, *, version: int = 2) -> ItemWithdrawn:
    state = item.model_copy(update={"version": version, "base_state": ItemBase.WITHDRAWN})
    return ItemWithdrawn(
        version=version,
        occurred_at=NOW,
        item_id=item.item_id,
        withdrawal_id=uuid7(),
        reason="worn out",
        item=state,
    )


async def ask(circulation: Harness, item: ItemState) -> tuple[str, ...] | None:
    """The reasons against it; None when it is cleared."""
    event = wish(item.item_id)
    await circulation.deliver(event, source="catalog")
    for refused in await circulation.announced(ItemWithdrawalRefused):
        if refused.withdrawal_id == event.withdrawal_id:
            return refused.reasons
    cleared = await circulation.announced(ItemWithdrawalCleared)
    assert event.withdrawal_id in [told.withdrawal_id for told in cleared]
    return None


async def test_a_cleared_item_is_neither_lent_nor_held_nor_renewed(circulation: Harness, make: Make) -> None:
    item = await make.item()

    assert await ask(circulation, item) is None

    assert (await make.state(item))["state"] == "withdrawing"
    assert codes(await make.lend(await make.patron(), item)) == ["item-withdrawing"]
    held = await make.place(await make.patron(), title_id=str(item.title_ids[0]))
    assert codes(held) == ["nothing-to-hold"]
    assert (await make.take_back(item))["next_step"]["step"] == "put-aside"


async def test_a_withdrawal_ends_in_an_item_that_is_gone(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await ask(circulation, item)

    await circulation.deliver(gone(item), source="catalog")

    states = [e.availability.state for e in await circulation.announced(ItemAvailabilityChanged)]
    assert states == ["withdrawing", "unavailable"]
    versions = [e.version for e in await circulation.announced(ItemAvailabilityChanged)]
    assert versions == [1, 2]
    answer = await circulation.get(f"/v1/titles/{item.title_ids[0]}/availability")
    assert answer.status_code == 404


async def test_every_reason_against_a_withdrawal_is_told(circulation: Harness, make: Make) -> None:
    lent, shelved, travelling, wanted, unheard = [await make.item() for _ in range(5)]
    await make.loan(await make.patron(), lent)
    await make.place(await make.patron(), item_id=str(lent.item_id))
    await make.loan(await make.patron(), shelved)
    await make.hold(await make.patron(), shelved)
    await make.take_back(shelved)
    await make.loan(await make.patron(), travelling)
    await make.hold(await make.patron(), travelling, at="law-desk")
    await make.take_back(travelling)
    await make.hold(await make.patron(), wanted)

    assert await ask(circulation, lent) == ("on-loan", "held-itself")
    assert await ask(circulation, shelved) == ("on-hold-shelf",)
    assert await ask(circulation, travelling) == ("in-transit-for-hold",)
    assert await ask(circulation, wanted) == ("only-copy-for-holds",)
    assert await ask(circulation, unheard.model_copy(update={"item_id": uuid7()})) == ("item-unknown",)
    assert (await make.state(lent))["state"] == "on-loan"


async def test_another_copy_lets_the_paged_one_go(circulation: Harness, make: Make) -> None:
    item = await make.item()
    hold = await make.hold(await make.patron(), item)
    other = await make.item(title_ids=item.title_ids)

    assert await ask(circulation, item) is None

    assert len(await circulation.announced(HoldRequeued)) == 1
    assert (await make.take_back(other))["next_step"]["hold"]["hold_id"] == hold["id"]


async def test_a_second_withdrawal_under_way_is_refused_and_the_first_repeated_is_not_answered_twice(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    first = wish(item.item_id)
    await circulation.deliver(first, source="catalog")

    await circulation.deliver(first, source="catalog")

    assert await ask(circulation, item) == ("withdrawal-under-way",)
    assert len(await circulation.announced(ItemWithdrawalCleared)) == 1


async def test_what_was_told_late_of_an_item_taken_back_ends_no_hold(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    placed = (await make.place(await make.patron(), item_id=str(item.item_id))).json()
    await make.tell(item.model_copy(update={"version": 6}), call_number="back again")

    await circulation.deliver(gone(item, version=5), source="catalog")

    assert (await make.hold_of(placed))["state"] == "waiting"


async def test_an_item_that_is_gone_unasked_leaves_its_title_to_other_copies(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    other = await make.item(title_ids=item.title_ids)
    for each in (item, other):
        await make.loan(await make.patron(), each)
    first = await make.hold(await make.patron(), item)
    itself = (await make.place(await make.patron(), item_id=str(item.item_id))).json()
    await make.take_back(item)

    await circulation.deliver(gone(item), source="catalog")

    told = await make.hold_of(first)
    assert (told["state"], told["position"], told["item_id"]) == ("waiting", 1, None)
    assert (await make.hold_of(itself))["state"] == "cancelled"
    assert [event.reason for event in await circulation.announced(HoldCancelled)] == ["item-withdrawn"]
    assert (await make.take_back(other))["next_step"]["hold"]["hold_id"] == first["id"]


@pytest.mark.parametrize("rival", ["check-out", "hold", "return"])
@pytest.mark.parametrize("seed", [0, 1, 2])
async def test_a_withdrawal_and_a_desk_never_both_have_their_way(
    circulation: Harness, make: Make, rival: str, seed: int
) -> None:
    item, patron = await make.item(), await make.patron()
    if rival == "return":
        await make.loan(patron, item)
    hands: dict[str, Any] = {
        "check-out": make.lend(patron, item) if rival == "check-out" else None,
        "hold": make.place(patron, title_id=str(item.title_ids[0])) if rival == "hold" else None,
        "return": make.take_back(item) if rival == "return" else None,
    }
    racing = [ask(circulation, item), hands[rival]]

    answers = await asyncio.gather(*(racing if seed % 2 else racing[::-1]))

    reasons, told = answers if seed % 2 else answers[::-1]
    row = await circulation.resources.pool.fetchrow("SELECT * FROM item WHERE id = $1", item.item_id)
    assert row is not None
    if reasons is None:
        assert row["withdrawal_id"] is not None
        assert row["loan_id"] is row["hold_id"] is None
        assert rival == "return" or told.status_code == 409
    else:
        assert row["withdrawal_id"] is None
        assert rival == "return" or told.status_code == 201
