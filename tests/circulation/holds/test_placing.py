"""Holds: placed by whom, on what, where to be picked up; refused with every reason."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts.catalog import ItemBase
from contracts.circulation import HoldPlaced, ItemAvailabilityChanged, LoanRecalled
from support.desk import CONFIGURATION, NOW, Make, codes, pointers, themselves
from support.harness import Harness


async def test_what_is_on_its_shelf_is_paged_and_kept(circulation: Harness, make: Make) -> None:
    patron, other, item = await make.patron(), await make.patron(), await make.item()

    hold = await make.hold(patron, item)
    refused = await make.lend(other, item)
    lent = await make.lend(patron, item)

    assert (hold["kind"], hold["level"], hold["position"]) == ("page", "title", 1)
    assert codes(refused) == ["item-held-for-another"]
    assert lent.status_code == 201
    assert (await make.hold_of(hold))["state"] == "filled"
    (told,) = await circulation.announced(ItemAvailabilityChanged)
    assert (told.availability.state, told.availability.queue_length) == ("paged", 1)


async def test_the_copy_nearest_to_the_pickup_point_is_paged(circulation: Harness, make: Make) -> None:
    main = await make.item()
    law = await make.item(title_ids=main.title_ids, location_id=make.locations["LAW"])

    await make.hold(await make.patron(), main, at="law-desk")

    assert (await make.state(law))["state"] == "paged"
    assert (await make.state(main))["state"] == "available"


async def test_a_page_for_one_copy_leaves_the_others_free(circulation: Harness, make: Make) -> None:
    item = await make.item()
    other = await make.item(title_ids=item.title_ids)
    await make.place(await make.patron(), item_id=str(item.item_id))

    lent = await make.lend(await make.patron(), other)

    assert lent.status_code == 201


async def test_a_recall_shortens_the_loan_that_is_due_first_once(circulation: Harness, make: Make) -> None:
    item = await make.item()
    waiting = [await make.patron() for _ in range(3)]
    loan = await make.loan(await make.patron(), item)
    await make.hold(waiting[0], item)
    await make.hold(await make.patron(), await make.item())

    recall = await make.hold(waiting[1], item, kind="recall")
    again = await make.hold(waiting[2], item, kind="recall")

    (event,) = await circulation.announced(LoanRecalled)
    assert event.previous_due_at.isoformat() == "2027-03-29T21:59:59+00:00"
    assert event.loan.due_at.isoformat() == "2027-03-15T22:59:59+00:00"
    assert event.hold_id == UUID(recall["id"])
    assert event.availability.queue_length == 2, "the title's queue, whatever else the patron waits for"
    assert (await make.state(item))["due_at"] == "2027-03-15T22:59:59Z"
    told = (await circulation.get(f"/v1/loans/{loan['id']}")).json()
    assert (told["due_at"], told["version"]) == ("2027-03-15T22:59:59Z", 2)
    assert again["position"] == 3


async def test_of_several_loans_a_recall_takes_the_one_that_is_due_first(
    circulation: Harness, make: Make
) -> None:
    later = await make.item()
    sooner, last = [await make.item(title_ids=later.title_ids) for _ in range(2)]
    for days, item in ((0, sooner), (2, later), (4, last)):
        circulation.at(NOW + timedelta(days=days))
        await make.loan(await make.patron(), item)

    for _ in range(2):
        await make.hold(await make.patron(), later, kind="recall")

    recalled = [event.item_id for event in await circulation.announced(LoanRecalled)]
    assert recalled == [sooner.item_id, later.item_id]


async def test_when_the_nearest_copy_cannot_be_paged_the_next_one_is(
    circulation: Harness, make: Make
) -> None:
    waits = CONFIGURATION["hold_policies"][0] | {"code": "waits", "kinds": ["hold"]}
    video = CONFIGURATION["rules"][1] | {"hold": "waits"}
    await make.configure(
        hold_policies=[*CONFIGURATION["hold_policies"], waits], rules=[CONFIGURATION["rules"][0], video]
    )
    near = await make.item(material_type="video")
    far = await make.item(title_ids=near.title_ids, location_id=make.locations["LAW"])

    hold = await make.hold(await make.patron(), near)

    assert hold["kind"] == "page"
    assert [(await make.state(item))["state"] for item in (near, far)] == ["available", "paged"]


async def test_a_patron_waits_once_for_a_title_and_never_for_what_they_have(
    circulation: Harness, make: Make
) -> None:
    item, holder, patron = await make.item(), await make.patron(), await make.patron()
    await make.loan(holder, item)
    await make.hold(patron, item)

    twice = await make.place(patron, item_id=str(item.item_id))
    own = await make.place(holder, title_id=str(item.title_ids[0]))

    assert (twice.status_code, codes(twice)) == (409, ["already-held"])
    assert (own.status_code, codes(own)) == (409, ["already-on-loan-to-patron"])
    assert len(await circulation.announced(HoldPlaced)) == 1


async def test_every_reason_is_told_at_once(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(expires_at="2027-02-01T00:00:00Z"), await make.item()
    block = {"actions": ["hold"], "note": "never fetches anything"}
    await circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=block)
    await make.loan(await make.patron(), item)
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": str(uuid4())}

    answer = await circulation.post("/v1/holds", json=body)

    assert answer.status_code == 409
    assert set(codes(answer)) == {"pickup-not-allowed", "card-expired", "patron-blocked"}


@pytest.mark.parametrize(
    ("block", "status"),
    [
        ({"actions": ["borrow", "renew"]}, 201),
        ({"actions": ["hold"], "expires_at": "2027-02-28T00:00:00Z"}, 201),
        ({"actions": ["hold"], "expires_at": "2027-03-02T00:00:00Z"}, 409),
    ],
)
async def test_only_blocks_of_holds_that_have_not_run_out_count(
    circulation: Harness, make: Make, block: dict[str, object], status: int
) -> None:
    patron, item = await make.patron(), await make.item()
    await circulation.post(f"/v1/patrons/{patron['id']}/blocks", json=block | {"note": "…"})

    assert (await make.place(patron, title_id=str(item.title_ids[0]))).status_code == status


@pytest.mark.parametrize("by", ["patron_id", "patron_barcode"])
async def test_an_unknown_patron_and_item_are_told_together(
    circulation: Harness, make: Make, by: str
) -> None:
    unknown = str(uuid4())

    answer = await circulation.post(
        "/v1/holds", json={by: unknown, "item_id": unknown, "pickup_id": make.desk}
    )

    assert answer.status_code == 404
    assert pointers(answer) == [f"/{by}", "/item_id"]


async def test_a_title_without_items_cannot_be_held(circulation: Harness, make: Make) -> None:
    gone = await make.item(base_state=ItemBase.WITHDRAWN)

    none = await make.place(await make.patron(), title_id=str(uuid4()))
    withdrawn = await make.place(await make.patron(), item_id=str(gone.item_id))

    assert (none.status_code, codes(none)) == (404, ["title-unknown"])
    assert (withdrawn.status_code, codes(withdrawn)) == (404, ["title-unknown"])


async def test_patrons_hold_for_themselves_and_for_nobody_else(circulation: Harness, make: Make) -> None:
    patron, other, item = await make.patron(), await make.patron(), await make.item()
    body = {"title_id": str(item.title_ids[0]), "pickup_id": make.desk}

    with circulation.asking(themselves(patron)):
        foreign = await circulation.post("/v1/holds", json=body | {"patron_id": other["id"]})
        by_card = await circulation.post("/v1/holds", json=body | {"patron_barcode": other["barcode"]})
        own = await circulation.post("/v1/holds", json=body)
        cancelled = await circulation.post(f"/v1/holds/{own.json()['id']}/cancellations", json={})
    with circulation.asking(None):
        nobody = await circulation.post("/v1/holds", json=body)

    assert (foreign.status_code, by_card.status_code) == (404, 404)
    assert (own.status_code, own.json()["patron_id"]) == (201, patron["id"])
    assert (cancelled.status_code, cancelled.json()["state"]) == (201, "cancelled")
    assert nobody.status_code == 401


async def test_another_patrons_hold_is_not_there(circulation: Harness, make: Make) -> None:
    hold = await make.hold(await make.patron(), await make.item())

    with circulation.asking(themselves(await make.patron())):
        read = await circulation.get(f"/v1/holds/{hold['id']}")
        cancelled = await circulation.post(f"/v1/holds/{hold['id']}/cancellations", json={})
        listed = await circulation.get("/v1/holds")

    assert (read.status_code, cancelled.status_code, listed.status_code) == (404, 404, 403)
    assert (await make.hold_of(hold))["state"] == "waiting"


async def test_a_dry_run_places_nothing_and_explains_copy_by_copy(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    lent = await make.item(title_ids=item.title_ids)
    await make.loan(await make.patron(), lent)
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}
    before = await circulation.envelopes()

    told = (await circulation.post("/v1/holds?dry_run=true&explain=true", json=body)).json()

    assert (told["allowed"], told["kind"], told["position"]) == (True, "page", 1)
    copies = {copy["item_id"]: copy for copy in told["explanation"]["copies"]}
    assert copies[str(item.item_id)]["serves"] is True
    assert copies[str(lent.item_id)]["serves"] is False
    assert copies[str(lent.item_id)]["takes"] == ["hold", "recall"]
    assert copies[str(item.item_id)]["rules"][0]["hold"] == "usual"
    assert await circulation.envelopes() == before
    placed = (await circulation.post("/v1/holds?explain=true", json=body)).json()
    assert placed["explanation"]["kind"] == placed["kind"] == "page"


async def test_a_dry_run_tells_every_refusal(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}

    told = (await circulation.post("/v1/holds?dry_run=true", json=body | {"kind": "recall"})).json()

    assert (told["allowed"], told["position"]) == (False, None)
    assert [refusal["code"] for refusal in told["refusals"]] == ["nothing-to-hold", "copy-on-shelf"]


async def test_where_copies_cannot_be_paged_one_waits_for_them(circulation: Harness, make: Make) -> None:
    await make.configure(hold_policies=[CONFIGURATION["hold_policies"][0] | {"kinds": ["hold"]}])
    item = await make.item()

    hold = await make.hold(await make.patron(), item)

    assert hold["kind"] == "hold"
    assert (await make.state(item))["state"] == "available"


async def test_patrons_who_want_a_title_at_once_queue_one_behind_the_other(
    circulation: Harness, make: Make
) -> None:
    item = await make.item()
    await make.loan(await make.patron(), item)
    patrons = [await make.patron() for _ in range(6)]

    answers = await asyncio.gather(*(make.place(p, title_id=str(item.title_ids[0])) for p in patrons))

    assert [answer.status_code for answer in answers] == [201] * 6
    assert sorted(answer.json()["position"] for answer in answers) == [1, 2, 3, 4, 5, 6]


async def test_a_patron_who_asks_twice_at_once_waits_once(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    answers = await asyncio.gather(*(make.place(patron, title_id=str(item.title_ids[0])) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await circulation.announced(HoldPlaced)) == 1


async def test_the_limit_of_holds_is_exact_under_a_race(circulation: Harness, make: Make) -> None:
    await make.configure(hold_policies=[CONFIGURATION["hold_policies"][0] | {"max_holds": 2}])
    patron = await make.patron()
    items = [await make.item() for _ in range(5)]

    answers = await asyncio.gather(*(make.place(patron, item_id=str(item.item_id)) for item in items))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]
