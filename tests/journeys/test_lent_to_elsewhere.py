"""A book of ours for another library: found by its number, kept, fetched, lent, renewed, recalled, and back."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from support.desk import codes
from support.interlibrary import DAY, ISBN, NOW, Three, three_services

pytestmark = pytest.mark.journey


@pytest.fixture
async def three(database: Callable[..., Awaitable[str]], tmp_path: Path) -> AsyncIterator[Three]:
    """All three services, and what is carried between them by hand."""
    async with three_services(database, tmp_path) as made:
        yield made


@pytest.mark.parametrize("twice", [False, True], ids=["once", "every event twice"])
async def test_a_book_of_ours_goes_out_and_comes_back(three: Three, twice: bool) -> None:
    three.carrier.twice = twice
    make, other = three.world.make, three.other
    reader = await three.desk.patron()

    # asked for by its number: found, kept, and promised
    await other.asks(isbn=ISBN)
    await three.carry()
    request = await three.request()
    barcode = request["item_barcode"]
    slips = (await three.ill.post("/v1/ill/pull-slips", json={"library": "MAIN"})).json()
    refused = await three.lend(reader, barcode)

    assert (request["state"], request["holding"]["certain"]) == ("will-supply", True)
    assert [(slip["item_barcode"], slip["location"]) for slip in slips["items"]] == [(barcode, "STACKS")]
    assert codes(refused) == ["item-held-for-another"]

    # fetched, lent to the partner, and sent
    await make.act(request, "ship", due_at=(NOW + 30 * DAY).isoformat())
    asked = (await make.now(request))["state"]
    await three.carry()
    sent = await make.now(request)
    loan = (await three.circulation.get(f"/v1/loans/{sent['loan_id']}")).json()
    refused = await three.lend(reader, barcode)

    assert (asked, sent["state"]) == ("checking-out", "shipped")
    assert loan["patron_id"] == three.partner["id"]
    assert loan["due_at"] == sent["due_at"]
    assert codes(refused) == ["item-on-loan"]

    # more time is asked for and given; then a reader of ours wants it
    await other.does("Received")
    await other.does("Renew")
    await make.act(request, "renew", due_at=(NOW + 60 * DAY).isoformat())
    await three.carry()
    renewed = (await three.circulation.get(f"/v1/loans/{sent['loan_id']}")).json()
    await make.act(request, "recall", due_at=(NOW + 9 * DAY).isoformat())
    await three.carry()
    recalled = (await three.circulation.get(f"/v1/loans/{sent['loan_id']}")).json()

    assert renewed["due_at"][:10] == (NOW + 60 * DAY).date().isoformat()
    assert recalled["due_at"][:10] == (NOW + 9 * DAY).date().isoformat()

    # back: a scan at the desk ends it everywhere
    await other.does("ShippedReturn")
    await three.scan(barcode)
    await three.carry()
    await three.world.deliver()
    done = await make.now(request)

    assert (done["state"], done["ended"]) == ("complete", True)
    assert other.asked == [
        "RequestResponse WillSupply",
        "StatusChange Loaned",
        "RenewResponse Loaned",
        "StatusChange Recalled",
        "StatusChange LoanCompleted",
    ]
    assert (await three.lend(reader, barcode)).status_code == 201


async def test_a_copy_that_is_not_on_its_shelf_is_fetched_elsewhere_and_may_stay_after_all(
    three: Three,
) -> None:
    make, other = three.world.make, three.other
    await other.asks(isbn=ISBN)
    await three.carry()
    request = await three.request()
    first = request["item_barcode"]
    await three.ill.post("/v1/ill/pull-slips", json={})

    # not where it should be: the other copy is kept, and its slip is printed
    await make.act(request, "transfer", note="Not on the shelf")
    await three.carry()
    again = await make.now(request)
    slips = (await three.ill.get("/v1/ill/pull-slips")).json()["items"]
    free = await three.lend(await three.desk.patron(), first)

    assert (again["state"], again["holding"]["missed"]) == ("will-supply", [request["item_id"]])
    assert again["item_barcode"] != first
    assert [slip["item_barcode"] for slip in slips] == [again["item_barcode"]]
    assert free.status_code == 201  # whoever finds it has it

    # lent to the partner, taken back, and not sent after all
    await make.act(request, "ship", due_at=(NOW + 30 * DAY).isoformat())
    await three.carry()
    await make.act(request, "undo-ship")
    packed = await make.now(request)
    await make.act(request, "unpack")
    await three.carry()
    loan = (await three.circulation.get(f"/v1/loans/{packed['loan_id']}")).json()
    await make.act(request, "transfer", library="EAST")
    await three.carry()
    none = await make.now(request)
    await make.act(request, "cannot-supply", reason="NotOnShelf")
    await three.world.deliver()

    assert (packed["state"], packed["item_barcode"]) == ("packed", again["item_barcode"])
    assert loan["returned_at"] is not None
    assert (none["attention"], none["holding"]["reasons"]) == ("item-not-kept", ["not-held"])
    assert other.asked == ["RequestResponse WillSupply", "StatusChange Unfilled"]


async def test_what_we_do_not_have_and_what_is_out_is_answered_with_no(three: Three) -> None:
    make, other = three.world.make, three.other
    reader = await three.desk.patron()

    await other.asks("T1", isbn="9781861972712")
    await three.carry()
    unknown = await three.request()
    for barcode in ("31000001", "31000002"):
        assert (await three.lend(reader, barcode)).status_code == 201
    await three.carry()
    await other.asks("T2", isbn=ISBN)
    await three.carry()
    out = await three.request()
    await other.asks("T3")
    await three.carry()
    by_words = await three.request()
    await three.world.deliver()

    assert (unknown["state"], out["state"]) == ("unfilled", "unfilled")
    told = {
        document["header"]["requestingAgencyRequestId"]: document["messageInfo"]["reasonUnfilled"]
        for _, document in other.heard
    }
    assert told == {"T1": "NotHeld", "T2": "NotOnShelf"}
    assert (by_words["state"], by_words["holding"]["titles"]) == ("new", [])
    assert codes(await make.try_to(by_words, "reserve")) == ["title-not-known"]


async def test_what_was_kept_is_free_again_when_the_partner_cancels(three: Three) -> None:
    make, other = three.world.make, three.other
    reader = await three.desk.patron()
    await other.asks(isbn=ISBN)
    await three.carry()
    barcode = (await three.request())["item_barcode"]

    await other.does("Cancel")
    await three.carry()

    request = await three.request()
    steps = await make.steps(request)
    assert (request["state"], request["item_id"]) == ("cancelled", None)
    assert "reservation-lost" not in steps
    assert (await three.lend(reader, barcode)).status_code == 201


async def test_a_reader_who_recalls_it_shortens_the_partners_loan(three: Three) -> None:
    make, other = three.world.make, three.other
    first, second = await three.desk.patron(), await three.desk.patron()
    await other.asks(isbn=ISBN)
    await three.carry()
    request = await three.request()
    await make.act(request, "ship", due_at=(NOW + 90 * DAY).isoformat())
    await three.carry()
    others = {"31000001", "31000002"} - {request["item_barcode"]}
    assert (await three.lend(first, others.pop())).status_code == 201
    body = {
        "patron_id": second["id"],
        "item_id": (await make.now(request))["item_id"],
        "pickup_id": three.desk.desk,
        "kind": "recall",
    }
    placed = await three.circulation.post("/v1/holds", json=body)
    await three.carry()

    recalled = await make.now(request)
    loan = (await three.circulation.get(f"/v1/loans/{recalled['loan_id']}")).json()
    assert placed.status_code == 201, placed.text
    assert recalled["state"] == "recalled"
    assert recalled["due_at"] == loan["due_at"] < (NOW + 90 * DAY).isoformat()


async def test_a_desk_that_lends_it_first_and_staff_who_take_it_back_first(three: Three) -> None:
    make, other = three.world.make, three.other
    await other.asks(isbn=ISBN)
    await three.carry()
    request = await three.request()
    barcode = request["item_barcode"]

    assert (await three.lend(three.partner, barcode)).status_code == 201
    await three.carry()
    packed = await make.now(request)
    await make.act(request, "ship", due_at=(NOW + 30 * DAY).isoformat())
    await three.carry()
    sent = await make.now(request)
    loan = (await three.circulation.get(f"/v1/loans/{sent['loan_id']}")).json()
    await make.act(request, "receive-back")
    await three.carry()
    item = (await three.circulation.get(f"/v1/loans/{sent['loan_id']}")).json()

    assert (packed["state"], sent["state"]) == ("packed", "shipped")
    assert loan["due_at"][:10] == (NOW + 30 * DAY).date().isoformat()
    assert item["returned_at"] is not None
    assert (await make.now(request))["state"] == "complete"


async def test_a_check_out_that_circulation_refuses_keeps_the_request_where_it_was(three: Three) -> None:
    make, other = three.world.make, three.other
    await other.asks(isbn=ISBN)
    await three.carry()
    request = await three.request()
    path = f"/v1/patrons/{three.partner['id']}/blocks"
    block = {"actions": ["borrow"], "note": "Three books.", "message": "Send our books back."}
    blocked = await three.circulation.post(path, json=block)
    assert blocked.status_code == 201, blocked.text

    await make.act(request, "ship", due_at=(NOW + 30 * DAY).isoformat(), note="with love")
    await three.carry()

    told = await make.now(request)
    assert (told["state"], told["attention"]) == ("will-supply", "check-out-refused")
    assert told["holding"]["reasons"] == ["patron-blocked"]


async def test_a_kept_item_that_somebody_is_lent_all_the_same_is_for_staff_to_look_at(three: Three) -> None:
    make, other = three.world.make, three.other
    await other.asks(isbn=ISBN)
    await three.carry()
    request = await three.request()
    barcode, reader = request["item_barcode"], await three.desk.patron()
    body = {
        "patron_id": reader["id"],
        "item_barcode": barcode,
        "service_point_id": three.desk.desk,
        "override": {"blocks": ["item-held-for-another"], "comment": "the dean", "hold": "cancel"},
    }
    lent = await three.circulation.post("/v1/loans", json=body)
    assert lent.status_code == 201, lent.text
    await three.carry()

    lost = await make.now(request)
    await make.act(request, "reserve", title_id=lost["holding"]["titles"][0]["title_id"])
    await three.carry()
    kept = await make.now(request)

    assert (lost["state"], lost["attention"], lost["item_id"]) == ("will-supply", "reservation-lost", None)
    assert kept["attention"] is None
    assert kept["item_barcode"] not in (None, barcode)


async def test_what_we_have_ourselves_is_looked_into_before_others_are_asked(three: Three) -> None:
    make = three.world.make
    await make.configure(own_shelves="review")
    reader = await three.desk.patron()
    await three.carry()
    patron = UUID(reader["id"])
    ours = await make.request(patron, citation={"title": "Walden", "isbn": ISBN}, pickup="main-desk")
    theirs = await make.request(patron, citation={"title": "Rivers", "isbn": "9781861972712"})
    words = await make.request(patron, citation={"title": "Walden"})
    await three.carry()
    found = await make.now(ours)

    # staff have a hold placed; where circulation refuses it, they see why
    await make.act(found, "fill-here", title_id=str(UUID(int=7)))
    await three.carry()
    refused = await make.now(ours)
    await make.act(refused, "fill-here")
    await three.carry()
    filled = await make.now(ours)
    holds = (await three.circulation.get(f"/v1/holds?patron_id={reader['id']}")).json()["items"]

    assert (ours["state"], found["state"]) == ("looking-here", "local-review")
    assert [title["by"] for title in found["holding"]["titles"]] == ["isbn"]
    assert ((await make.now(theirs))["state"], words["state"]) == ("sent", "sent")
    assert (refused["state"], refused["attention"]) == ("local-review", "hold-refused-here")
    assert refused["holding"]["reasons"] == ["title-unknown"]
    assert (filled["state"], filled["ended"], filled["attention"]) == ("filled-here", True, None)
    assert [hold["title_id"] for hold in holds] == [found["holding"]["titles"][0]["title_id"]]


async def test_others_are_asked_all_the_same_or_when_the_catalogue_is_silent(three: Three) -> None:
    make = three.world.make
    await make.configure(own_shelves="review")
    reader = await three.desk.patron()
    await three.carry()
    wish = {"title": "Walden", "isbn": ISBN}
    silent = await make.request(UUID(reader["id"]), citation=wish)
    three.ill.at(NOW + 2 * DAY)
    await three.ill.tick("watch-requests")

    sent = await make.now(silent)
    await three.carry()
    late = await make.now(silent)
    again = await make.act(
        await make.request(UUID(reader["id"]), citation=wish | {"edition": "2"}), "approve"
    )
    elsewhere = await make.act(again, "ask-elsewhere")

    assert (sent["state"], late["state"]) == ("sent", "sent")
    assert (again["state"], elsewhere["state"]) == ("looking-here", "sent")
