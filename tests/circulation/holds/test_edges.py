"""Holds at the edges where others have stumbled: nothing half done, nothing told that is nobody's business."""

from datetime import timedelta
from typing import Any

import pytest

from chassis.ids import uuid7
from circulation.items.rules import UNTIL_SCANNED
from contracts.catalog import ItemBase, ItemState, ItemWithdrawn
from contracts.circulation import HoldRequeued, ItemAvailabilityChanged, LoanCreated, LoanRecalled
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness


async def row_of(circulation: Harness, item: ItemState) -> dict[str, Any]:
    row = await circulation.resources.pool.fetchrow("SELECT * FROM item WHERE id = $1", item.item_id)
    assert row is not None
    return dict(row)


async def test_what_was_overridden_is_told_of_the_loan_and_stands_in_no_hold(
    circulation: Harness, make: Make
) -> None:
    """FOLIO keeps what a request was forced with on the request itself, where its patron reads it."""
    item = await make.item()
    held = await make.hold(await make.patron(), item)
    await make.take_back(item)
    wish = {"blocks": ["item-held-for-another"], "comment": "the author is at the desk"}

    lent = await make.lend(await make.patron(), item, override=wish)

    assert lent.status_code == 201, lent.text
    (loan,) = await circulation.announced(LoanCreated)
    assert loan.overridden == ("item-held-for-another",)
    (requeued,) = await circulation.announced(HoldRequeued)
    told = await make.hold_of(held)
    assert "author" not in str(told) + requeued.model_dump_json()


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"expires_at": "yesterday"}, 422),
        ({"kind": "borrow"}, 422),
        ({"fulfilment": "delivery"}, 422),
        ({"pickup_id": str(uuid7())}, 409),
        ({"kind": "recall"}, 409),
        ({"kind": "page", "pickup_id": "nowhere"}, 422),
    ],
    ids=["unknown-field", "unknown-kind", "no-address", "unknown-desk", "nothing-to-recall", "no-desk"],
)
async def test_a_hold_that_cannot_be_placed_leaves_the_item_as_it_was(
    circulation: Harness, make: Make, wish: dict[str, Any], status: int
) -> None:
    patron, item = await make.patron(), await make.item()
    before = await row_of(circulation, item)

    answer = await make.place(patron, title_id=str(item.title_ids[0]), **wish)

    assert answer.status_code == status, answer.text
    assert await row_of(circulation, item) == before
    assert await circulation.announced(ItemAvailabilityChanged) == []
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM hold") == 0


async def test_an_item_whose_hold_is_given_up_stays_on_the_shelf_where_it_waits_until_it_is_scanned(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    hold = await make.hold(await make.patron(), item, at="law-desk")
    await make.take_back(item)
    await make.take_back(item, at="law-desk")

    await make.cancel(hold)

    row = await row_of(circulation, item)
    law = f"/v1/service-points/{make.desks['law-desk']}/shelf-clearance"
    (listed,) = (await circulation.get(law)).json()
    assert (row["transit_to"], str(row["last_seen_by"])) == (None, str(make.desks["law-desk"]))
    assert listed["item_id"] == str(item.item_id)
    told = await make.state(item)
    assert (told["state"], told["lendable"], told["reshelving_until"]) == ("reshelving", True, None)
    event = (await circulation.announced(ItemAvailabilityChanged))[-1].availability
    assert (event.state, event.reshelving_until) == ("available", UNTIL_SCANNED)
    circulation.at(NOW + timedelta(days=80))
    assert (await make.state(item))["state"] == "reshelving"
    assert (await make.take_back(item, at="law-desk"))["next_step"]["step"] == "transit"
    assert (await circulation.get(law)).json() == []
    await make.take_back(item)
    assert (await make.state(item))["state"] == "available"


async def test_what_was_left_on_a_hold_shelf_is_fetched_from_there_and_by_nobody_else(
    circulation: Harness, make: Make
) -> None:
    """For whoever waits already, or asks later: the shelf at home is not where it stands."""
    kept, wanted = await make.item(), await make.item()
    for item in (kept, wanted):
        first = await make.hold(await make.patron(), item, at="law-desk")
        await make.take_back(item, at="law-desk")
        if item is kept:
            await make.hold(await make.patron(), item)
        await make.cancel(first)
    later = await make.hold(await make.patron(), wanted)

    async def picks(desk: str) -> tuple[set[str], set[str]]:
        path = f"/v1/service-points/{make.desks[desk]}"
        rows = (await circulation.get(f"{path}/pick-list")).json()["items"]
        slips = (await circulation.post(f"{path}/slip-prints", json={"kind": "pick"})).json()["entries"]
        return {row["item_id"] for row in rows}, {slip["item_id"] for slip in slips}

    both = {str(kept.item_id), str(wanted.item_id)}
    assert later["kind"] == "page"
    assert await picks("law-desk") == (both, both)
    assert await picks("main-desk") == (set(), set())
    assert {(await make.state(item))["state"] for item in (kept, wanted)} == {"paged"}
    assert (await make.take_back(wanted, at="law-desk"))["next_step"]["step"] == "transit"
    assert (await make.take_back(wanted))["next_step"]["step"] == "hold-shelf"


async def test_what_was_left_on_a_hold_shelf_and_put_on_its_own_without_a_scan_is_said_to_stand_there(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    hold = await make.hold(await make.patron(), item)
    await make.take_back(item)
    await make.cancel(hold)
    main = f"/v1/service-points/{make.desks['main-desk']}"
    cart = (await circulation.get(f"{main}/shelving-cart")).json()["items"]
    circulation.at(NOW + timedelta(minutes=5))

    answer = await circulation.post(f"{main}/shelvings", json={"item_id": str(item.item_id)})

    assert cart == []  # it lies on the hold shelf, and is listed for clearance
    assert (answer.json()["shelved"], answer.json()["state"]) == (True, "available")
    assert (await circulation.get(f"{main}/shelf-clearance")).json() == []


async def test_nobody_is_sent_to_a_shelf_where_a_copy_does_not_stand(
    circulation: Harness, make: Make
) -> None:
    usual = CONFIGURATION["hold_policies"][0] | {"refuse_on_shelf_at_pickup": True}
    await make.configure(hold_policies=[usual, *CONFIGURATION["hold_policies"][1:]])
    item = await make.item()
    hold = await make.hold(await make.patron(), item, at="law-desk")
    await make.take_back(item, at="law-desk")
    await make.cancel(hold)

    answer = await make.place(await make.patron(), title_id=str(item.title_ids[0]))

    assert answer.status_code == 201, answer.text


async def test_a_page_can_be_read_and_given_up_after_its_item_has_been_withdrawn(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    of_title = await make.hold(await make.patron(), item)
    other = await make.item()
    of_item = (await make.place(await make.patron(), item_id=str(other.item_id))).json()
    for each in (item, other):
        state = each.model_copy(update={"version": 2, "base_state": ItemBase.WITHDRAWN})
        event = ItemWithdrawn(
            version=2,
            occurred_at=NOW,
            item_id=each.item_id,
            withdrawal_id=uuid7(),
            reason="worn out",
            item=state,
        )
        await circulation.deliver(event, source="catalog")

    given_up = await make.cancel(of_title)
    again = await circulation.post(f"/v1/holds/{of_item['id']}/cancellations", json={})

    assert given_up["state"] == "cancelled"
    assert (await make.hold_of(of_item))["reason"] == "item-withdrawn"
    assert (again.status_code, codes(again)) == (409, ["hold-closed"])
    queue = (await circulation.get(f"/v1/holds/queues/{item.title_ids[0]}")).json()
    assert queue["holds"] == []


async def test_a_recall_that_is_changed_recalls_no_other_loan(circulation: Harness, make: Make) -> None:
    item = await make.item()
    other = await make.item(title_ids=item.title_ids)
    for each in (item, other):
        await make.loan(await make.patron(), each)
    hold = await make.hold(await make.patron(), item, kind="recall")
    due = [(await make.state(each))["due_at"] for each in (item, other)]

    changed = await change(circulation, hold, pickup_id=str(make.desks["law-desk"]))

    assert changed.status_code == 200, changed.text
    assert [(await make.state(each))["due_at"] for each in (item, other)] == due
    assert len(await circulation.announced(LoanRecalled)) == 1


async def test_the_hold_of_a_patron_who_is_no_longer_active_may_still_be_changed(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(patron, item)
    await circulation.patch(
        f"/v1/patrons/{patron['id']}", json={"active": False}, headers={"If-Match": '"1"'}
    )

    changed = await change(circulation, hold, pickup_id=str(make.desks["law-desk"]))

    assert changed.status_code == 200, changed.text
    assert changed.json()["pickup_id"] == str(make.desks["law-desk"])


async def test_what_a_patron_once_said_is_not_rewritten_for_them(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)

    answers = [
        await change(circulation, hold, **{field: "other"})
        for field in ("patron_id", "title_id", "reason", "comment", "patron_comments")
    ]

    assert [answer.status_code for answer in answers] == [422] * 5
    assert (await make.hold_of(hold))["version"] == hold["version"]


async def change(circulation: Harness, hold: dict[str, Any], **more: Any) -> Any:
    headers = {"If-Match": f'"{hold["version"]}"', "Idempotency-Key": str(uuid7())}
    return await circulation.patch(f"/v1/holds/{hold['id']}", json=more, headers=headers)
