"""Loans for use in the library: in use, kept at the desk, in use again on the same loan, returned."""

from datetime import timedelta
from typing import Any

from contracts.circulation import LoanCreated, LoanKeptAtDesk, LoanReturned, LoanUsedAgain
from support.desk import CONFIGURATION, NOW, Make, codes
from support.harness import Harness

ROOM = {
    "code": "here-only",
    "name": "Reading room",
    "in_library": True,
    "period": {"amount": 14, "unit": "day"},
    "desk_shelf": {"amount": 3, "unit": "day"},
    "renewable": False,
    "max_loans": 2,
}


async def reads_here(make: Make) -> tuple[dict[str, Any], Any]:
    answer = await make.configure(loan_policies=[*CONFIGURATION["loan_policies"][:2], ROOM])
    assert answer.status_code == 200, answer.text
    return await make.patron(group="visitor"), await make.item(loan_type="reference")


async def test_it_is_kept_at_the_desk_and_picked_up_again_on_the_same_loan(
    circulation: Harness, make: Make
) -> None:
    patron, item = await reads_here(make)
    loan = await make.loan(patron, item)
    path, body = f"/v1/loans/{loan['id']}", {"service_point_id": make.desk}

    early = await circulation.post(f"{path}/pickups", json=body)
    kept = await circulation.post(f"{path}/keepings", json=body, key="kept")
    again = await circulation.post(f"{path}/keepings", json=body, key="kept")
    twice = await circulation.post(f"{path}/keepings", json=body)
    listed = await circulation.get(f"/v1/service-points/{make.desk}/kept-for-use?limit=1")
    circulation.at(NOW + timedelta(days=1))
    used = await circulation.post(f"{path}/pickups", json=body)
    empty = await circulation.get(f"/v1/service-points/{make.desk}/kept-for-use")
    await circulation.post(f"{path}/keepings", json=body)
    back = await make.take_back(item)

    assert (loan["in_library"], codes(early)) == ("in-use", ["not-held"])
    assert (kept.status_code, again.json(), codes(twice)) == (201, kept.json(), ["already-held"])
    assert (kept.json()["in_library"], kept.json()["held_until"]) == ("held", "2027-03-04T22:59:59Z")
    assert [(told["loan_id"], told["over"]) for told in listed.json()["items"]] == [(loan["id"], False)]
    assert (used.json()["in_library"], used.json()["held_until"]) == ("in-use", None)
    assert used.json()["due_at"] == loan["due_at"]
    assert empty.json()["items"] == []
    assert (back["loan"]["id"], back["loan"]["in_library"]) == (loan["id"], "returned")
    kinds = [each.type for each in await circulation.envelopes() if each.subject == loan["id"]]
    assert kinds == [
        LoanCreated.type,
        LoanKeptAtDesk.type,
        LoanUsedAgain.type,
        LoanKeptAtDesk.type,
        LoanReturned.type,
    ]


async def test_what_was_kept_too_long_is_cleared_and_not_handed_out(circulation: Harness, make: Make) -> None:
    patron, item = await reads_here(make)
    loan, other = await make.loan(patron, item), await make.loan(patron, await make.item())
    path, body = f"/v1/loans/{loan['id']}", {"service_point_id": make.desk}
    await circulation.post(f"{path}/keepings", json=body)
    circulation.at(NOW + timedelta(days=4))

    listed = await circulation.get(f"/v1/service-points/{make.desk}/kept-for-use")
    refused = await circulation.post(f"{path}/pickups", json=body)
    elsewhere = await circulation.post(f"/v1/loans/{other['id']}/keepings", json=body)
    await make.take_back(item)
    ended = await circulation.post(f"{path}/pickups", json=body)

    assert [told["over"] for told in listed.json()["items"]] == [True]
    assert codes(refused) == ["kept-too-long"]
    assert codes(elsewhere) == ["not-for-use-in-library"]
    assert codes(ended) == ["loan-closed"]


async def test_what_is_used_in_the_library_counts_apart(circulation: Harness, make: Make) -> None:
    patron, item = await reads_here(make)
    await make.loan(patron, item)
    for _ in range(2):
        await make.loan(patron, await make.item())

    full = await make.lend(patron, await make.item())
    here = await make.lend(patron, await make.item(loan_type="reference"))
    third = await make.lend(patron, await make.item(loan_type="reference"))

    assert codes(full) == ["group-loan-limit"]
    assert here.status_code == 201
    assert codes(third) == ["loan-limit"]


async def test_a_card_that_only_counts_uses_is_lent_nothing(circulation: Harness, make: Make) -> None:
    cards = [*CONFIGURATION["patron_groups"], {"code": "uses", "name": "Uses", "statistical": True}]
    await make.configure(patron_groups=cards)
    nobody, items = await make.patron(group="uses"), [await make.item() for _ in range(2)]
    await make.loan(await make.patron(), items[1])

    first = await make.lend(nobody, items[0], key="once")
    again = await make.lend(nobody, items[0], key="once")
    lent = await make.lend(nobody, items[1])
    pile = await circulation.post(
        "/v1/loans:batch",
        json={
            "patron_id": nobody["id"],
            "item_barcodes": [item.barcode for item in items],
            "service_point_id": make.desk,
        },
    )

    assert (first.status_code, first.json()["used_in_house"], again.json()) == (200, True, first.json())
    assert codes(lent) == ["item-on-loan"]
    told = [(each["lent"], each["used_in_house"]) for each in pile.json()["results"]]
    assert (told, pile.json()["lent"], pile.json()["refused"]) == ([(False, True), (False, False)], 0, 1)
    uses = await circulation.resources.pool.fetchval("SELECT count(*) FROM in_house_use")
    assert (uses, (await make.state(items[0]))["state"]) == (2, "available")
