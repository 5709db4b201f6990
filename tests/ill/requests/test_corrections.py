"""A shipment that did not happen is taken back: unsaid while it waits to be told, corrected when it was told."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts.ill import PartnerLoanOver
from support.desk import codes
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World, silent

DUE = (NOW + timedelta(days=30)).isoformat()
LATER = (NOW + timedelta(days=40)).isoformat()


async def shipped(ill: Harness, world: World, make: Make, *, told: bool) -> tuple[Other, dict[str, Any]]:
    """A book that staff have shipped; whether the partner has been told."""
    other = await world.other()
    await other.asks()
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(asked, "will-supply")
    await world.deliver()
    sent = await make.act(asked, "ship", due_at=DUE, item_barcode="31")
    if told:
        await world.deliver()
    return other, sent


async def log(ill: Harness, request: dict[str, Any]) -> list[tuple[str, str]]:
    """What was said, and what became of it."""
    told = (await ill.get(f"/v1/ill/requests/{request['id']}/messages")).json()["items"]
    return [(message["what"], message["state"]) for message in told if message["direction"] == "out"]


async def test_what_was_not_told_yet_is_never_told(ill: Harness, world: World, make: Make) -> None:
    other, asked = await shipped(ill, world, make, told=False)

    undone = await make.act(asked, "undo-ship", note="The wrong shelf")
    await world.deliver()
    said = list(other.asked)
    await make.act(asked, "ship", due_at=LATER)
    await world.deliver()

    assert (undone["state"], undone["status"]) == ("packed", "WillSupply")
    assert said == ["RequestResponse WillSupply"]
    assert other.asked == [*said, "StatusChange Loaned"]
    assert other.last["statusInfo"]["dueDate"][:10] == LATER[:10]
    assert await log(ill, asked) == [
        ("RequestResponse WillSupply", "sent"),
        ("StatusChange Loaned", "withdrawn"),
        ("StatusChange Loaned", "sent"),
    ]


async def test_what_was_told_is_corrected_and_nothing_is_undone_once_they_have_it(
    ill: Harness, world: World, make: Make
) -> None:
    other, asked = await shipped(ill, world, make, told=True)

    await make.act(asked, "undo-ship", note="The wrong shelf")
    await world.deliver()
    correction = other.last
    await make.act(asked, "ship", due_at=LATER)
    await world.deliver()
    await other.does("Received")
    late = await make.try_to(asked, "undo-ship")

    assert other.asked[1:3] == ["StatusChange Loaned", "Notification WillSupply"]
    assert correction["messageInfo"]["note"] == "Correction: it has not been shipped yet. The wrong shelf"
    assert codes(late) == ["state-forbids"]


async def test_a_message_that_somebody_tries_to_send_counts_as_told(
    ill: Harness, world: World, make: Make
) -> None:
    other, asked = await shipped(ill, world, make, told=False)
    other.answer = silent
    await world.deliver()

    await make.act(asked, "undo-ship")

    assert await log(ill, asked) == [
        ("RequestResponse WillSupply", "sent"),
        ("StatusChange Loaned", "queued"),
        ("Notification WillSupply", "queued"),
    ]


@pytest.mark.parametrize("attempt", range(3))
async def test_while_the_message_leaves_it_is_either_unsaid_or_corrected(
    ill: Harness, world: World, make: Make, attempt: int
) -> None:
    other, asked = await shipped(ill, world, make, told=False)

    await asyncio.gather(world.deliver(), make.act(asked, "undo-ship"))
    await world.deliver()

    assert other.asked[1:] in ([], ["StatusChange Loaned", "Notification WillSupply"])
    assert (await make.now(asked))["state"] == "packed"


async def test_what_is_not_sent_after_all_is_unpacked_and_its_loan_is_ended(
    ill: Harness, world: World, make: Make
) -> None:
    _, asked = await shipped(ill, world, make, told=False)
    await make.act(asked, "undo-ship")

    unpacked = await make.act(asked, "unpack")
    no = await make.act(asked, "cannot-supply", reason="Lost")

    assert (unpacked["state"], unpacked["item_barcode"], no["state"]) == ("will-supply", None, "unfilled")
    assert await ill.announced(PartnerLoanOver) == []  # circulation was told nothing of this partner's loans


async def test_a_parcel_that_is_announced_anew_has_the_new_date(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", "RequestResponse", dueDate=DUE)
    await other.says("WillSupply", "Notification", note="Correction: it has not been shipped yet")
    seen = await make.now(request)
    await other.says("Loaned", dueDate=LATER)

    assert (seen["state"], seen["attention"]) == ("shipped", "supplier-writes")
    assert (await make.now(request))["due_at"][:10] == LATER[:10]


async def test_what_comes_back_damaged_is_told_with_its_price(ill: Harness, world: World, make: Make) -> None:
    other, asked = await shipped(ill, world, make, told=True)
    cost = {"minor": 2000, "currency": "EUR"}

    wrong = await make.try_to(asked, "receive-back-damaged", cost=cost, note="Wet", item_barcode="99")
    done = await make.act(asked, "receive-back-damaged", cost=cost, note="Wet", item_barcode="31")
    await world.deliver()

    assert (codes(wrong), done["state"]) == (["another-item"], "complete")
    assert other.asked[-1] == "StatusChange LoanCompleted"
    assert other.last["messageInfo"]["offeredCosts"] == {"currencyCode": "EUR", "monetaryValue": "20.00"}
    assert other.last["messageInfo"]["note"] == "Wet"


async def test_a_reason_is_one_of_the_usual_or_of_our_own(ill: Harness, world: World, make: Make) -> None:
    await make.configure(lending={"reasons": [{"code": "Mouldy", "text": "It is mouldy."}]})
    other = await world.other()
    await other.asks()
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]

    known = (await ill.get("/v1/ill/unfilled-reasons")).json()["items"]
    no = await make.try_to(asked, "cannot-supply", reason="Whim")
    yes = await make.act(asked, "cannot-supply", reason="Mouldy")
    await world.deliver()

    assert [one["code"] for one in known if one["own"]] == ["Mouldy"]
    assert {"NotOnShelf", "PolicyProblem"} <= {one["code"] for one in known}
    assert (codes(no), yes["state"]) == (["reason-unknown"], "unfilled")
    assert other.last["messageInfo"]["reasonUnfilled"] == "Mouldy"
