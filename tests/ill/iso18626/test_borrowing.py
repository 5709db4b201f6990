"""A book or an article from another library, by messages: late, twice, contradictory, or none at all."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from chassis.principal import Principal
from support.desk import codes
from support.harness import Harness
from support.lending import ARTICLE, NOW, Make
from support.otherlibrary import World, babbles, breaks, confirms, refuses, silent

DAY = timedelta(days=1)
DUE = (NOW + 30 * DAY).isoformat()
LATER = (NOW + 60 * DAY).isoformat()


async def test_a_book_is_asked_for_lent_renewed_and_sent_back(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    states = []

    async def now() -> None:
        states.append((await make.now(request))["state"])

    await other.says("ExpectToSupply", "RequestResponse")
    await now()
    await other.says("WillSupply")
    await now()
    await other.says("Loaned", dueDate=DUE, itemId="B77")
    await now()
    received = await make.act(request, "receive")
    await now()
    await make.act(request, "check-out")
    await now()
    await other.says("Overdue")
    await now()
    await make.act(request, "renew")
    await other.says("Loaned", "RenewResponse", answerYesNo="Y", dueDate=LATER)
    await now()
    await make.act(request, "take-back")
    await make.act(request, "ship-back")
    await now()
    await world.deliver()
    await other.says("LoanCompleted")
    await now()

    assert " ".join(states) == (
        "expects will-supply shipped received on-loan overdue on-loan return-shipped complete"
    )
    assert (received["item_barcode"], received["due_at"][:10]) == ("B77", DUE[:10])
    assert other.asked == ["New", "Received", "Renew", "ShippedReturn"]
    assert other.last["header"]["supplyingAgencyRequestId"] == "S-1"
    done = await make.now(request)
    assert (done["due_at"][:10], done["ended"], done["status"]) == (LATER[:10], True, "LoanCompleted")
    assert await make.rota(request) == [("XX-SUPA", "left", "supplier-completes")]


async def test_an_article_comes_as_a_link_and_is_handed_over(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request(service="copy", citation=ARTICLE)
    await world.deliver()

    await other.says("CopyCompleted", "RequestResponse", note="Here: https://other.test/d/1", sentVia="URL")

    delivered = await make.now(request)
    assert (delivered["state"], delivered["offer"]["link"]) == ("delivered", "https://other.test/d/1")
    assert other.last["bibliographicInfo"]["titleOfComponent"] == "On bends"
    assert (await make.act(request, "hand-over"))["state"] == "complete"


async def test_the_next_is_asked_when_one_cannot_and_the_reason_is_kept_word_for_word(
    world: World, make: Make
) -> None:
    one, other = await world.other("XX-SUPA", rank=1), await world.other("XX-SUPB", rank=2)
    request = await make.request()
    await world.deliver()

    await one.says("WillSupply")
    await one.says("Unfilled", reasonUnfilled="Mouldy")
    await world.deliver()

    assert other.asked == ["New"]
    assert (await make.rota(request))[0] == ("XX-SUPA", "left", "supplier-cannot: Mouldy")
    assert (
        one.last["header"]["requestingAgencyRequestId"] != other.last["header"]["requestingAgencyRequestId"]
    )


async def test_a_supplier_that_has_it_already_ends_the_search(world: World, make: Make) -> None:
    one = await world.other("XX-SUPA", rank=1)
    await world.other("XX-SUPB", rank=2)
    request = await make.request()
    await world.deliver()

    await one.says("Unfilled", "RequestResponse", note="DUPLICATE of 17")

    assert (await make.now(request))["state"] == "closed"


async def test_a_status_that_comes_late_or_says_nothing_changes_nothing(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)

    told = [await other.says(status) for status in ("WillSupply", "ExpectToSupply", "Unfilled", None)]

    assert told == ["OK"] * 4
    assert (await make.now(request))["state"] == "shipped"


async def test_a_former_supplier_may_write_and_its_parcel_is_an_alarm(world: World, make: Make) -> None:
    one, other = await world.other("XX-SUPA", rank=1), await world.other("XX-SUPB", rank=2)
    request = await make.request()
    await world.deliver()
    await one.says("Unfilled")
    await world.deliver()

    late = await one.says("WillSupply")
    wrong = await one.says("WillSupply", request_id=other.last["header"]["requestingAgencyRequestId"])
    note = await one.says(None, "Notification", note="found it after all")
    shown = (await make.now(request))["attention"]
    parcel = await one.says("Loaned", dueDate=DUE)

    assert (late, wrong) == ("UnrecognisedDataValue supplyingAgencyId",) * 2
    assert (note, shown, parcel) == ("OK", "former-supplier-writes", "OK")
    assert (await make.now(request))["attention"] == "former-supplier-shipped"
    assert (await make.now(request))["state"] == "sent"


async def test_conditions_are_agreed_to_and_add_up_until_they_are(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()

    await other.says("WillSupply", "RequestResponse", loanCondition="LibraryUseOnly")
    ill.at(NOW + 3 * DAY)
    await other.says("WillSupply", loanCondition="SignatureRequired")
    pending = await make.now(request)
    await make.act(request, "accept-conditions")
    await world.deliver()

    assert pending["state"] == "condition-pending"
    assert pending["offer"]["conditions"] == ["LibraryUseOnly", "SignatureRequired"]
    assert pending["look_at"] == "2027-03-10T09:00:00Z"  # four working days from the second
    assert other.asked == ["New", "Notification"]
    assert other.last["note"].startswith("ACCEPT")


async def test_a_cost_above_the_maximum_is_agreed_to_by_those_who_may(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request(max_cost={"minor": 1000, "currency": "EUR"})
    await world.deliver()
    await other.says("WillSupply", offeredCosts={"currencyCode": "EUR", "monetaryValue": "12.50"})

    with ill.asking(Principal("staff", "s", frozenset({"ill:write"}))):
        refused = await make.try_to(request, "accept-conditions")
    agreed = await make.act(request, "accept-conditions")

    assert codes(refused) == ["cost-above-maximum"]
    assert (agreed["state"], agreed["offer"]["cost"]) == ("will-supply", 1250)
    assert other.heard[0][1]["billingInfo"]["maximumCosts"]["monetaryValue"] == "10.00"


async def test_a_condition_nobody_answers_is_declined_and_the_supplier_is_told(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("WillSupply", loanCondition="LibraryUseOnly")

    ill.at(NOW + 7 * DAY)
    await ill.tick("watch-requests")
    await world.deliver()

    assert (await make.now(request))["state"] == "end-of-rota"
    assert other.asked == ["New", "Cancel"]
    assert await other.says("Cancelled", "CancelResponse", answerYesNo="Y") == "OK"


async def test_a_retry_goes_out_under_a_new_id_within_its_window_and_at_the_offered_cost(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says(
        "RetryPossible",
        "RequestResponse",
        reasonRetry="CostExceedsMaxCost",
        offeredCosts={"currencyCode": "USD", "monetaryValue": "35.00"},
        retryAfter=(NOW + DAY).isoformat(),
    )

    early = await make.try_to(request, "accept-retry")
    ill.at(NOW + 2 * DAY)
    again = await make.act(request, "accept-retry")
    await world.deliver()
    await other.says("WillSupply", "RequestResponse")

    assert codes(early) == ["retry-too-early"]
    assert (again["state"], again["max_cost"], again["currency"]) == ("sent", 3500, "USD")
    first, second = (document for _, document in other.heard)
    assert second["serviceInfo"]["requestType"] == "Retry"
    assert (
        second["serviceInfo"]["requestingAgencyPreviousRequestId"]
        == first["header"]["requestingAgencyRequestId"]
        != second["header"]["requestingAgencyRequestId"]
    )
    assert second["billingInfo"]["maximumCosts"] == {"currencyCode": "USD", "monetaryValue": "35.00"}
    assert (await make.now(request))["state"] == "will-supply"


@pytest.mark.parametrize(
    ("status", "answer", "state", "error"),
    [
        ("Cancelled", "Y", "cancelled", "OK"),
        ("WillSupply", "N", "will-supply", "OK"),
        ("Loaned", "N", "shipped", "OK"),
        ("Loaned", "Y", "cancel-pending", "UnrecognisedDataValue answerYesNo"),
        ("Cancelled", "N", "cancel-pending", "UnrecognisedDataValue answerYesNo"),
    ],
)
async def test_a_cancellation_waits_for_the_answer(
    world: World, make: Make, status: str, answer: str, state: str, error: str
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("WillSupply")
    await make.act(request, "cancel")
    await world.deliver()

    told = await other.says(status, "CancelResponse", answerYesNo=answer)

    assert other.asked == ["New", "Cancel"]
    assert told == error
    assert (await make.now(request))["state"] == state


async def test_a_recall_shortens_and_never_lengthens(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "check-out")

    await other.says("Recalled", dueDate=LATER)
    later = await make.now(request)
    overdue = await other.says("Overdue")

    assert (later["state"], later["due_at"][:10]) == ("recalled", DUE[:10])
    assert overdue == "OK"
    assert (await make.now(request))["state"] == "overdue"


async def test_a_parcel_that_is_overdue_before_it_came_can_still_be_received(
    world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await other.says("Overdue")

    unreceived = await make.try_to(request, "ship-back")
    received = await make.act(request, "receive")
    twice = await make.try_to(request, "receive")

    assert codes(unreceived) == ["not-received-yet"]
    assert (received["state"], codes(twice)) == ("overdue", ["received-already"])


async def test_a_loan_that_was_never_confirmed_back_is_asked_about_once(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "ship-back")

    for days in (42, 43, 90):
        ill.at(NOW + days * DAY)
        await ill.tick("watch-requests")
        await world.deliver()

    assert other.asked == ["New", "Received", "ShippedReturn", "StatusRequest"]
    told = await make.now(request)
    assert (told["state"], told["attention"]) == ("return-unconfirmed", "return-unconfirmed")


async def test_a_loan_instead_of_a_copy_is_looked_into(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request(service="copy", citation=ARTICLE)
    await world.deliver()

    await other.says("Loaned", dueDate=DUE)

    assert (await make.now(request))["attention"] == "lent-instead-of-copied"


@pytest.mark.parametrize("answer", [silent, breaks, babbles], ids=lambda answer: answer.__name__)
async def test_a_partner_out_of_reach_is_tried_with_growing_gaps_and_then_left(
    ill: Harness, world: World, make: Make, answer: object
) -> None:
    one, other = (
        await world.other("XX-SUPA", rank=1, days_to_respond=90),
        await world.other("XX-SUPB", rank=2),
    )
    one.answer = answer  # type: ignore[assignment]
    request = await make.request()

    gaps, at = [], NOW
    while not other.heard:
        ill.at(at)
        if not await world.deliver():
            at += timedelta(minutes=1)
            continue
        gaps.append(int((at - NOW).total_seconds() // 60))

    assert gaps == [0, 1, 3, 7, 15, 31, 63, 123, 183, 243]
    assert len(one.heard) == 10
    assert len({document["header"]["timestamp"] for _, document in one.heard}) == 1
    assert (await make.rota(request))[0][1] == "left"
    assert (await make.rota(request))[0][2].startswith("out-of-reach: ")  # type: ignore[union-attr]


async def test_a_request_that_is_refused_goes_to_the_next(world: World, make: Make) -> None:
    one, other = await world.other("XX-SUPA", rank=1), await world.other("XX-SUPB", rank=2)
    one.answer = refuses
    request = await make.request()

    await world.deliver()

    assert other.asked == ["New"]
    assert (await make.rota(request))[0][2] == "request-refused: UnrecognisedDataValue serviceType"


async def test_a_message_that_is_refused_later_is_for_staff_to_look_at(world: World, make: Make) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    other.answer = refuses

    await make.act(request, "receive")
    await world.deliver()

    told = await make.now(request)
    assert (told["state"], told["attention"]) == ("received", "message-refused")
    assert (await make.act(request, "seen"))["attention"] is None


async def test_messages_of_one_request_keep_their_order_though_the_first_fails(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "ship-back")
    other.answer = silent
    await world.deliver()
    tried = other.asked[1:]

    other.answer = confirms
    ill.at(NOW + timedelta(minutes=2))
    await world.deliver()

    assert tried == ["Received"]
    assert other.asked[2:] == ["Received", "ShippedReturn"]


async def test_several_workers_send_each_message_once(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    for number in range(16):
        await make.request(citation={"title": f"Volume {number}"})

    await asyncio.gather(*(world.deliver() for _ in range(6)))

    assert len(other.heard) == 16


async def test_a_message_whose_sender_died_is_sent_again_word_for_word(
    ill: Harness, world: World, make: Make
) -> None:
    def dies(kind: str, document: object) -> httpx.Response:
        raise asyncio.CancelledError

    other = await world.other()
    other.answer = dies
    request = await make.request()
    with pytest.raises(asyncio.CancelledError):
        await world.deliver()

    other.answer = confirms
    held = await world.deliver()
    ill.at(NOW + timedelta(minutes=2))
    again = await world.deliver()

    assert (held, again) == (0, 1)
    assert other.raw[0] == other.raw[1]
    (message,) = (await ill.get(f"/v1/ill/requests/{request['id']}/messages")).json()["items"]
    assert (message["state"], message["attempts"]) == ("sent", 2)


async def test_we_prove_to_a_partner_who_we_are_and_keep_that_out_of_the_log(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    path = f"/v1/ill/partners/{make.partners['XX-SUPA']['id']}/credentials"
    await ill.put(path, json={"account": "us", "security_code": "s3cret"})

    request = await make.request()
    await world.deliver()

    proof = other.last["header"]["requestingAgencyAuthentication"]
    assert proof == {"accountId": "us", "securityCode": "s3cret"}
    assert "s3cret" not in (await ill.get(f"/v1/ill/requests/{request['id']}/messages")).text
    row = await ill.resources.pool.fetchrow("SELECT * FROM partner_secret")
    assert row is not None
    assert b"s3cret" not in bytes(row["sealed"])
    assert row["our_security_code"] is None


async def test_what_a_partner_says_by_mail_is_written_down_under_the_same_rules(
    ill: Harness, make: Make
) -> None:
    await make.partner(address=None)
    request = await make.request()
    path = f"/v1/ill/requests/{request['id']}/reports"

    loaned = await ill.post(path, json={"status": "Loaned", "due_at": DUE})
    late = await ill.post(path, json={"status": "WillSupply"})
    unknown = await ill.post(path, json={"status": "Teleported"})

    assert (loaned.status_code, loaned.json()["state"]) == (200, "shipped")
    assert (late.status_code, codes(late)) == (409, ["report-changes-nothing"])
    assert (unknown.status_code, codes(unknown)) == (422, ["value-unknown"])
