"""A hold goes to another copy, or is picked up elsewhere, or waits for longer."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from contracts.circulation import HoldMoved, HoldUpdated, LoanRecalled
from support.desk import CONFIGURATION, NOW, Make, codes, pointers, themselves
from support.harness import Harness

DAY = timedelta(days=1)


async def move(circulation: Harness, hold: dict[str, Any], item: Any) -> Any:
    return await circulation.post(f"/v1/holds/{hold['id']}/moves", json={"item_id": str(item.item_id)})


async def change(
    circulation: Harness, hold: dict[str, Any], *, tag: str | None = '"1"', **wanted: Any
) -> Any:
    headers = {"Idempotency-Key": str(uuid4())} | ({"If-Match": tag} if tag else {})
    return await circulation.patch(f"/v1/holds/{hold['id']}", json=wanted, headers=headers)


async def test_a_page_goes_to_another_copy_and_the_first_is_free_again(
    circulation: Harness, make: Make
) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    hold = (await make.place(await make.patron(), item_id=str(here.item_id))).json()

    answer = await move(circulation, hold, there)

    assert answer.status_code == 201, answer.text
    assert (answer.json()["item_id"], answer.json()["kind"]) == (str(there.item_id), "page")
    assert ((await make.state(here))["state"], (await make.state(there))["state"]) == ("available", "paged")
    (event,) = await circulation.announced(HoldMoved)
    assert (event.previous_item_id, event.to_item_id) == (here.item_id, there.item_id)
    assert (await make.take_back(there))["next_step"]["hold"]["hold_id"] == hold["id"]


async def test_a_page_of_the_title_is_fetched_from_another_copys_shelf(
    circulation: Harness, make: Make
) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    hold = await make.hold(await make.patron(), here)

    answer = await move(circulation, hold, there)

    assert (answer.json()["level"], answer.json()["item_id"]) == ("title", None)
    assert ((await make.state(here))["state"], (await make.state(there))["state"]) == ("available", "paged")


async def test_a_copy_that_is_left_goes_to_the_next_who_waits_for_it(
    circulation: Harness, make: Make
) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    hold = (await make.place(await make.patron(), item_id=str(here.item_id))).json()
    behind = (await make.place(await make.patron(), item_id=str(here.item_id))).json()
    assert behind["kind"] == "hold"

    await move(circulation, hold, there)

    assert (await make.state(here))["state"] == "paged"
    assert (await make.take_back(here))["next_step"]["hold"]["hold_id"] == behind["id"]


async def test_a_recall_that_is_moved_shortens_the_other_loan_and_lengthens_none(
    circulation: Harness, make: Make
) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    loans = [await make.loan(await make.patron(), item) for item in (here, there)]
    hold = (await make.place(await make.patron(), item_id=str(here.item_id), kind="recall")).json()
    source = (await circulation.get(f"/v1/loans/{loans[0]['id']}")).json()

    answer = await move(circulation, hold, there)

    assert answer.json()["kind"] == "recall"
    first, second = [(await circulation.get(f"/v1/loans/{loan['id']}")).json() for loan in loans]
    assert datetime.fromisoformat(second["due_at"]) < datetime.fromisoformat(loans[1]["due_at"])
    assert first["due_at"] == source["due_at"]
    assert [event.item_id for event in await circulation.announced(LoanRecalled)] == [
        here.item_id,
        there.item_id,
    ]


async def test_a_paged_copy_is_not_taken_from_whom_it_is_fetched_for(
    circulation: Harness, make: Make
) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    fetched = (await make.place(await make.patron(), item_id=str(there.item_id))).json()
    hold = (await make.place(await make.patron(), item_id=str(here.item_id))).json()

    answer = await move(circulation, hold, there)

    assert (answer.json()["kind"], answer.json()["position"]) == ("hold", 2)
    assert (await make.take_back(there))["next_step"]["hold"]["hold_id"] == fetched["id"]


async def test_a_hold_stays_with_its_title_and_moves_only_to_another_copy(
    circulation: Harness, make: Make
) -> None:
    here = await make.item()
    lent = await make.item(title_ids=here.title_ids)
    await make.loan(await make.patron(), lent)
    stranger = await make.item()
    hold = (await make.place(await make.patron(), item_id=str(here.item_id))).json()
    title_hold = await make.place(await make.patron(), title_id=str(here.title_ids[0]))

    unknown = await circulation.post(f"/v1/holds/{hold['id']}/moves", json={"item_id": str(uuid4())})
    other, same = await move(circulation, hold, stranger), await move(circulation, hold, here)
    any_copy = await move(circulation, title_hold.json(), lent)

    assert (unknown.status_code, codes(unknown)) == (404, ["item-unknown"])
    assert codes(other) == ["item-of-other-title"]
    assert codes(same) == ["same-item"]
    assert codes(any_copy) == ["any-copy-will-do"]
    assert await circulation.announced(HoldMoved) == []


async def test_a_copy_whose_policy_does_not_reach_the_pickup_point_is_refused(
    circulation: Harness, make: Make
) -> None:
    nearby = {"code": "law-only", "name": "Law", "pickup_points": ["law-desk"]}
    film = {"when": {"material_type": ["video"]}, "loan": "one-week", "fine": "daily", "hold": "law-only"}
    await make.configure(
        hold_policies=[*CONFIGURATION["hold_policies"], nearby], rules=[CONFIGURATION["rules"][0], film]
    )
    here = await make.item()
    there = await make.item(title_ids=here.title_ids, material_type="video")
    hold = (await make.place(await make.patron(), item_id=str(here.item_id))).json()

    answer = await move(circulation, hold, there)

    assert (answer.status_code, codes(answer)) == (409, ["pickup-not-allowed"])


async def test_only_staff_move_holds(circulation: Harness, make: Make) -> None:
    here = await make.item()
    there = await make.item(title_ids=here.title_ids)
    patron = await make.patron()
    hold = (await make.place(patron, item_id=str(here.item_id))).json()

    with circulation.asking(themselves(patron)):
        answer = await move(circulation, hold, there)

    assert answer.status_code == 403


async def test_a_hold_is_picked_up_elsewhere(circulation: Harness, make: Make) -> None:
    item, patron = await make.item(), await make.patron()
    await make.loan(await make.patron(), item)
    hold = await make.hold(patron, item)

    with circulation.asking(themselves(patron)):
        answer = await change(circulation, hold, pickup_id=str(make.desks["law-desk"]))
    back = await make.take_back(item)

    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    assert back["next_step"]["step"] == "transit"
    assert back["next_step"]["to_service_point_id"] == str(make.desks["law-desk"])
    (event,) = await circulation.announced(HoldUpdated)
    assert event.changed == ("pickup_id",)


async def test_a_hold_waits_for_longer_or_less_long(circulation: Harness, make: Make) -> None:
    item, patron = await make.item(), await make.patron()
    await make.loan(await make.patron(), item)
    hold = await make.hold(patron, item)
    soon, late = (NOW + 3 * DAY).isoformat(), (NOW + 1000 * DAY).isoformat()

    with circulation.asking(themselves(patron)):
        shorter = await change(circulation, hold, expires_at=soon)
        longer = await change(circulation, hold, tag='"2"', expires_at=late)
    by_staff = await change(circulation, hold, tag='"2"', expires_at=late)
    endless = await change(circulation, hold, tag='"3"', expires_at=None)

    assert shorter.json()["expires_at"] == "2027-03-04T09:00:00Z"
    assert (codes(longer), pointers(longer)) == (["beyond-policy"], ["/expires_at"])
    assert by_staff.status_code == 200
    assert endless.json()["expires_at"] is None


async def test_what_is_changed_is_what_was_read(circulation: Harness, make: Make) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    there = str(make.desks["law-desk"])

    untagged = await change(circulation, hold, tag=None, pickup_id=there)
    stale = await change(circulation, hold, tag='"7"', pickup_id=there)
    empty = await change(circulation, hold, pickup_id=None)
    unchanged = await change(circulation, hold, pickup_id=hold["pickup_id"])

    assert (untagged.status_code, stale.status_code, empty.status_code) == (428, 412, 422)
    assert unchanged.json()["version"] == 1
    assert await circulation.announced(HoldUpdated) == []


async def test_a_hold_that_waits_on_the_shelf_or_has_ended_is_not_changed(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)
    there = str(make.desks["law-desk"])
    await make.take_back(item)

    ready = await change(circulation, hold, tag='"2"', pickup_id=there)
    await make.cancel(hold)
    ended = await change(circulation, hold, tag='"3"', pickup_id=there)
    fetched, patron = await make.item(), await make.patron()
    taken = await make.hold(patron, fetched)
    await make.loan(patron, fetched)
    filled = await change(circulation, await make.hold_of(taken), tag='"2"', pickup_id=there)

    assert (ready.status_code, codes(ready)) == (409, ["hold-in-fulfilment"])
    assert (ended.status_code, codes(ended)) == (409, ["hold-closed"])
    assert (filled.status_code, codes(filled)) == (409, ["hold-closed"])


async def test_a_pickup_point_that_the_policy_or_the_library_does_not_offer_is_refused(
    circulation: Harness, make: Make
) -> None:
    points = [dict(point) for point in CONFIGURATION["service_points"]]
    points[1]["pickup"] = False
    await make.configure(service_points=points)
    item = await make.item()
    await make.loan(await make.patron(), item)
    hold = await make.hold(await make.patron(), item)

    closed = await change(circulation, hold, pickup_id=str(make.desks["law-desk"]))
    unknown = await change(circulation, hold, pickup_id=str(uuid4()))

    for answer in (closed, unknown):
        assert (codes(answer), pointers(answer)) == (["pickup-not-allowed"], ["/pickup_id"])


async def test_a_changed_hold_leaves_the_recalled_loan_as_it_is(circulation: Harness, make: Make) -> None:
    item = await make.item()
    loan = await make.loan(await make.patron(), item)
    hold = (await make.place(await make.patron(), item_id=str(item.item_id), kind="recall")).json()
    recalled = (await circulation.get(f"/v1/loans/{loan['id']}")).json()

    await change(circulation, hold, pickup_id=str(make.desks["law-desk"]))

    assert (await circulation.get(f"/v1/loans/{loan['id']}")).json() == recalled
