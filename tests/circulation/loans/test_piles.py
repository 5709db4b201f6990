"""Piles of items, lent and taken back in one call."""

import asyncio
from uuid import uuid4

from chassis.principal import Principal
from contracts.circulation import ItemCheckedIn, LoanCreated, LoanReturned
from support.desk import Make, codes, pointers
from support.harness import Harness


async def test_a_pile_is_lent_and_one_item_that_cannot_be_spoils_no_other(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    good, better = await make.item(), await make.item()
    reference, lent = await make.item(loan_type="reference"), await make.item()
    await make.loan(await make.patron(), lent)
    pile = [good.barcode, reference.barcode, "no-such", lent.barcode, better.barcode, good.barcode]
    body = {"patron_barcode": patron["barcode"], "item_barcodes": pile, "service_point_id": make.desk}

    answer = await circulation.post("/v1/loans:batch", json=body)

    told = answer.json()
    assert (answer.status_code, told["lent"], told["refused"]) == (200, 2, 3)
    assert [result["item_barcode"] for result in told["results"]] == pile[:5]
    assert [
        [reason["code"] for reason in result["problem"]["reasons"]]
        if result["problem"]
        else result["loan"]["id"]
        for result in told["results"]
    ] == [
        told["results"][0]["loan"]["id"],
        ["item-not-loanable"],
        ["item-unknown"],
        ["item-on-loan"],
        told["results"][4]["loan"]["id"],
    ]
    assert len((await make.account(patron))["loans"]) == 2


async def test_a_pile_that_is_sent_twice_at_once_is_lent_once_and_limits_are_exact(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    items = [await make.item(material_type="video") for _ in range(5)]
    body = {
        "patron_id": patron["id"],
        "item_barcodes": [item.barcode for item in items],
        "service_point_id": make.desk,
    }

    answers = await asyncio.gather(
        *(circulation.post("/v1/loans:batch", json=body, key="p") for _ in range(3))
    )
    other = await circulation.post("/v1/loans:batch", json=body | {"item_barcodes": ["x"]}, key="p")

    assert len({answer.text for answer in answers}) == 1
    assert [answers[0].json()[name] for name in ("lent", "refused")] == [3, 2]
    assert len(await circulation.announced(LoanCreated)) == 3
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")


async def test_a_pile_that_comes_back_says_of_each_item_where_it_goes(
    circulation: Harness, make: Make
) -> None:
    patron, here = await make.patron(), await make.item()
    away = await make.item(location_id=make.locations["LAW"])
    wanted, idle = await make.item(), await make.item()
    for item in (here, away, wanted):
        await make.loan(patron, item)
    await make.hold(await make.patron(), wanted)
    pile = [here.barcode, away.barcode, wanted.barcode, idle.barcode, "no-such", here.barcode]
    body = {"item_barcodes": pile, "service_point_id": make.desk}

    first, again = await asyncio.gather(
        *(circulation.post("/v1/returns:batch", json=body, key="r") for _ in range(2))
    )

    told = first.json()
    assert (first.status_code, first.text) == (200, again.text)
    assert (told["taken_back"], told["refused"]) == (4, 1)
    assert [result["back"]["next_step"]["step"] for result in told["results"][:4]] == [
        "reshelve",
        "transit",
        "hold-shelf",
        "reshelve",
    ]
    assert told["results"][4]["problem"]["reasons"][0]["code"] == "item-unknown"
    assert len(await circulation.announced(LoanReturned)) == 3
    assert len(await circulation.announced(ItemCheckedIn)) == 1


async def test_what_is_wrong_with_a_pile_is_told_before_anything_is_done(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    body = {"patron_id": patron["id"], "item_barcodes": [item.barcode], "service_point_id": make.desk}

    nobody = await circulation.post("/v1/loans:batch", json=body | {"patron_id": str(uuid4())})
    nowhere = await circulation.post("/v1/loans:batch", json=body | {"service_point_id": str(uuid4())})
    too_many = await circulation.post("/v1/loans:batch", json=body | {"item_barcodes": ["x"] * 201})
    empty = await circulation.post("/v1/returns:batch", json={"item_barcodes": []})
    twice = await circulation.post("/v1/loans:batch", json=body | {"patron_barcode": "x"})
    keyless = await circulation.post("/v1/loans:batch", json=body, key="")
    with circulation.asking(
        Principal("staff", "x", frozenset({"loans:create"}), libraries=frozenset({"LAW"}))
    ):
        elsewhere = await circulation.post("/v1/loans:batch", json=body)
        unscoped = await circulation.post("/v1/returns:batch", json={"item_barcodes": ["x"]})

    assert (nobody.status_code, pointers(nobody)) == (404, ["/patron_id"])
    assert (nowhere.status_code, codes(nowhere)) == (422, ["service-point-unknown"])
    assert [pointers(answer) for answer in (too_many, empty, twice)] == [
        ["/item_barcodes"],
        ["/item_barcodes"],
        [""],
    ]
    assert (keyless.status_code, elsewhere.status_code, unscoped.status_code) == (400, 403, 403)
    assert await circulation.announced(LoanCreated) == []
