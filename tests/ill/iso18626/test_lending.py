"""Another library asks us, by messages."""

from datetime import timedelta
from typing import Any

from support.desk import codes
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import World

DAY = timedelta(days=1)
DUE = (NOW + 30 * DAY).isoformat()
LATER = (NOW + 60 * DAY).isoformat()


async def asked(ill: Harness) -> dict[str, Any]:
    """The newest request of a partner."""
    told: dict[str, Any] = (await ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
    return told


async def test_a_book_of_ours_goes_out_is_renewed_recalled_and_comes_back(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    await other.asks(serviceLevel="Normal", needBeforeDate=LATER)
    request = await asked(ill)

    await make.act(request, "will-supply")
    await make.act(request, "pick")
    await make.act(request, "ship", due_at=DUE, item_barcode="I1", condition="LibraryUseOnly")
    await world.deliver()
    shipped = other.last
    told = [await other.does("Received"), await other.does("Renew")]
    renewal = await make.now(request)
    await make.act(request, "renew", due_at=LATER)
    await make.act(request, "recall", due_at=(NOW + 10 * DAY).isoformat())
    told.append(await other.does("ShippedReturn"))
    done = await make.act(request, "receive-back")
    await world.deliver()

    assert other.asked == [
        "RequestResponse WillSupply",
        "StatusChange Loaned",
        "RenewResponse Loaned",
        "StatusChange Recalled",
        "StatusChange LoanCompleted",
    ]
    assert shipped["deliveryInfo"]["itemId"] == "I1"
    assert shipped["deliveryInfo"]["loanCondition"] == "LibraryUseOnly"
    assert shipped["returnInfo"]["physicalAddress"]["line1"] == "1 Library Road"
    assert shipped["statusInfo"]["dueDate"][:10] == DUE[:10]
    assert shipped["header"]["supplyingAgencyRequestId"] == request["number"]
    assert (renewal["renewal_pending"], renewal["attention"]) == (True, "partner-asks-renewal")
    assert told == ["OK"] * 3
    assert (done["state"], done["ended"]) == ("complete", True)


async def test_a_condition_is_agreed_to_in_words(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    await other.asks()
    request = await asked(ill)

    bare = await make.try_to(request, "supply-on-condition")
    cost = {"minor": 1500, "currency": "EUR"}
    await make.act(request, "supply-on-condition", condition="LibraryUseOnly", cost=cost)
    await world.deliver()
    await other.does("Notification", note="let me ask the reader")
    waiting = await make.now(request)
    await other.does("Notification", note="Conditions accepted")

    assert codes(bare) == ["condition-missing"]
    assert other.last["messageInfo"]["offeredCosts"] == {"currencyCode": "EUR", "monetaryValue": "15.00"}
    assert waiting["state"] == "condition-pending"
    assert (await make.now(request))["state"] == "will-supply"


async def test_conditions_may_follow_a_promise_and_nothing_goes_out_before_they_are_agreed_to(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    await other.asks()
    request = await asked(ill)
    await make.act(request, "will-supply")

    await make.act(request, "supply-on-condition", condition="LibraryUseOnly")
    ill.at(NOW + 3 * DAY)
    cost = {"minor": 500, "currency": "EUR"}
    pending = await make.act(request, "supply-on-condition", condition="SignatureRequired", cost=cost)
    await world.deliver()
    told = other.last["messageInfo"]
    early = await make.try_to(request, "ship", due_at=DUE)
    await other.does("Notification", note="ACCEPT")
    await make.act(request, "ship", due_at=DUE)

    assert pending["look_at"] == "2027-03-10T09:00:00Z"  # four working days from the second
    assert other.asked[1:] == ["StatusChange WillSupply"] * 2
    assert told["offeredCosts"] == {"currencyCode": "EUR", "monetaryValue": "5.00"}
    assert pending["offer"]["conditions"] == ["LibraryUseOnly", "SignatureRequired"]
    assert (early.status_code, codes(early)) == (409, ["state-forbids"])
    assert (await make.now(request))["state"] == "shipped"


async def test_a_partner_cancels_by_itself_before_shipping_and_not_after(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    await other.asks("T1")
    await other.does("Cancel", "T1")
    early = await asked(ill)
    await world.deliver()
    await other.asks("T2")
    request = await asked(ill)
    await make.act(request, "ship", due_at=DUE)

    await other.does("Cancel", "T2")
    await world.deliver()

    assert early["state"] == "cancelled"
    assert (await make.now(request))["state"] == "shipped"
    assert other.asked == ["CancelResponse Cancelled", "RequestResponse Loaned", "CancelResponse Loaned"]
    assert other.last["messageInfo"]["answerYesNo"] == "N"


async def test_staff_answer_a_cancellation_where_the_library_wants_it_so(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(cancel="by-hand")
    other = await world.other()
    await other.asks()
    request = await asked(ill)
    await make.act(request, "will-supply")

    await other.does("Cancel")
    waiting = await make.now(request)
    declined = await make.act(request, "decline-cancel", note="it is in the van")

    assert (waiting["state"], declined["state"]) == ("cancel-asked", "will-supply")


async def test_we_say_no_or_how_to_ask_again(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    await other.asks("T1")
    await make.act(await asked(ill), "cannot-supply", reason="NotOnShelf")
    await world.deliver()
    await other.asks("T2")
    await make.act(await asked(ill), "offer-retry", reason="OnLoan", retry_after=DUE)
    await world.deliver()

    again = await other.asks("T3", requestType="Retry", requestingAgencyPreviousRequestId="T2")
    wrong = await other.asks("T4", requestType="Retry", requestingAgencyPreviousRequestId="T1")

    infos = [document["messageInfo"] for _, document in other.heard]
    assert infos[0]["reasonUnfilled"] == "NotOnShelf"
    assert (infos[1]["reasonRetry"], infos[1]["retryAfter"][:10]) == ("OnLoan", DUE[:10])
    assert (again, wrong) == ("OK", "UnrecognisedDataValue requestType")


async def test_a_copy_goes_out_as_a_link_and_nothing_else_can(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    await other.asks(serviceType="Copy")
    request = await asked(ill)

    wrong = await make.try_to(request, "ship", due_at=DUE)
    done = await make.act(request, "supply-copy", link="https://library.example/d/1")
    await world.deliver()

    assert codes(wrong) == ["copy-not-loan"]
    assert (done["state"], other.last["messageInfo"]["note"]) == (
        "copy-completed",
        "https://library.example/d/1",
    )


async def test_who_asks_for_the_status_is_told_and_nothing_moves(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    await other.asks()
    request = await asked(ill)

    await other.does("StatusRequest")
    await other.asks(requestType="Reminder")
    await make.act(request, "ship", due_at=DUE)
    await make.act(request, "receive-back")
    await other.does("StatusRequest")
    ended = [await other.does(action) for action in ("Renew", "Cancel", "Received")]
    await world.deliver()

    assert other.asked[:2] == ["StatusRequestResponse RequestReceived"] * 2
    assert other.asked[-2:] == ["StatusRequestResponse LoanCompleted", "CancelResponse LoanCompleted"]
    assert ended == ["UnrecognisedDataValue action", "OK", "OK"]
    assert (await make.now(request))["state"] == "complete"


async def test_what_comes_back_without_a_word_before_is_taken(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    await other.asks()
    request = await asked(ill)
    await make.act(request, "ship", due_at=DUE)

    assert await other.does("ShippedReturn") == "OK"
    assert (await make.now(request))["state"] == "return-in-transit"


async def test_an_overdue_loan_is_told_when_its_grace_is_over_and_then_billed(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    await other.asks()
    request = await asked(ill)
    await make.act(request, "ship", due_at=DUE)

    for days in (43, 44, 45):
        ill.at(NOW + days * DAY)
        await ill.tick("watch-requests")
    billed = await make.act(request, "bill-lost", cost={"minor": 12050, "currency": "EUR"})
    await world.deliver()

    assert other.asked == [
        "RequestResponse Loaned",
        "StatusChange Overdue",
        "StatusChange CompletedWithoutReturn",
    ]
    assert other.last["messageInfo"]["offeredCosts"]["monetaryValue"] == "120.50"
    assert billed["state"] == "complete-without-return"


async def test_a_request_nobody_answers_is_declined_when_the_library_wants_it_so(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(times={"stale_days": 3, "stale_rush_hours": 2})
    other = await world.other()
    await other.asks("T1")
    slow = await asked(ill)
    await other.asks("T2", serviceLevel="Rush")
    rush = await asked(ill)

    ill.at(NOW + timedelta(hours=3))
    await ill.tick("watch-requests")
    soon = [(await make.now(one))["state"] for one in (slow, rush)]
    ill.at(NOW + 3 * DAY)
    await ill.tick("watch-requests")

    assert soon == ["new", "unfilled"]
    assert (await make.now(slow))["state"] == "unfilled"


async def test_a_partner_that_we_do_not_lend_to_is_told_so(ill: Harness, world: World, make: Make) -> None:
    other = await world.other(borrows=False)

    assert await other.asks() == "OK"
    await world.deliver()

    assert other.asked == ["RequestResponse Unfilled"]
    assert other.last["messageInfo"]["reasonUnfilled"] == "policy"
