"""Several volumes under one request: some come, some go back, and the missing one is named."""

from datetime import timedelta

from contracts.ill import BorrowedItemArrived, BorrowedItemLeft
from support.desk import codes
from support.harness import Harness
from support.lending import BOOK, NOW, Make
from support.otherlibrary import World

DUE = (NOW + timedelta(days=30)).isoformat()
THREE = BOOK | {"volumes": ["1", "2", "3"]}


async def test_volumes_come_and_go_back_one_by_one_and_the_request_stays_open_for_the_last(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request(citation=THREE)
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)

    some = await make.act(request, "receive-part", volumes=["1", "3"], item_barcode="B1")
    wrong = await make.try_to(request, "receive-part", volumes=["3", "IV"])
    absent = await make.try_to(request, "ship-back-part", volumes=["2"])
    rest = await make.act(request, "receive-part", volumes=["2"])
    await make.act(request, "check-out")
    two = await make.act(request, "ship-back-part", volumes=["1", "2"])
    last = await make.act(request, "ship-back-part", volumes=["3"])
    await world.deliver()

    assert (some["state"], some["attention"]) == ("received", "volumes-missing")
    assert [bool(volume["received_at"]) for volume in some["volumes"]] == [True, False, True]
    assert (codes(wrong), codes(absent)) == (["volume-unknown", "volume-noted-already"], ["volume-not-here"])
    assert rest["attention"] is None
    assert (two["state"], last["state"]) == ("on-loan", "return-shipped")
    notes = [
        (document["action"], document.get("note")) for kind, document in other.heard if kind != "request"
    ]
    assert notes == [
        ("Received", "Received: 1, 3. Missing: 2"),
        ("Received", "Received: 2"),
        ("Notification", "Sent back: 1, 2. Missing: 3"),
        ("ShippedReturn", None),
    ]
    assert other.heard[0][1]["bibliographicInfo"]["volume"] == "1; 2; 3"
    assert other.heard[0][1]["serviceInfo"]["requestSubType"] == ["MultipleItemRequest"]
    assert len(await ill.announced(BorrowedItemArrived)) == len(await ill.announced(BorrowedItemLeft)) == 1


async def test_two_of_three_volumes_that_come_back_leave_the_loan_open_with_the_missing_one_named(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other(speaks="2021-2", client_id="a")
    await other.asks(volume=["1", "2", "3"])
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(asked, "ship", due_at=DUE)
    await other.does("ShippedReturn")

    two = await make.act(asked, "receive-part-back", volumes=["1", "2"])
    await world.deliver()
    told = other.last["messageInfo"]["note"]
    done = await make.act(asked, "receive-part-back", volumes=["3"])
    await world.deliver()

    assert (two["state"], two["attention"]) == ("return-in-transit", "volumes-missing")
    assert [volume["volume"] for volume in two["volumes"] if volume["returned_at"] is None] == ["3"]
    assert told == "Came back: 1, 2. Missing: 3"
    assert (done["state"], done["attention"]) == ("complete", None)
    assert other.asked[-1] == "StatusChange LoanCompleted"


async def test_a_loan_of_one_thing_has_no_volumes_to_receive(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)

    refused = await make.try_to(request, "receive-part", volumes=["1"])
    whole = await make.act(request, "receive")

    assert codes(refused) == ["volume-unknown"]
    assert (whole["state"], whole["volumes"]) == ("received", [])
