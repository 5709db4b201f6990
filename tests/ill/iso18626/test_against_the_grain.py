"""What partners answer when it is too late, or before they were asked (specification 2.9)."""

from datetime import timedelta

from contracts.ill import BorrowedItemLeft
from support.harness import Harness
from support.lending import ARTICLE, NOW, Make
from support.otherlibrary import World

DUE = (NOW + timedelta(days=30)).isoformat()


async def test_a_copy_that_is_delivered_is_not_cancelled_on_either_side(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request(service="copy", citation=ARTICLE)
    await other.asks("T1", serviceType="Copy")
    (ours,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(ours, "supply-copy", link="https://here.example/1")
    await world.deliver()

    await other.does("Cancel", "T1")
    await world.deliver()
    answer = other.last
    await make.act(request, "cancel")
    await other.says(
        "CopyCompleted", "CancelResponse", answerYesNo="N", note="https://x.example/1", sentVia="URL"
    )

    assert (answer["messageInfo"]["answerYesNo"], answer["statusInfo"]["status"]) == ("N", "CopyCompleted")
    assert (await make.now(ours))["state"] == "copy-completed"
    assert (await make.now(request))["state"] == "delivered"


async def test_a_loan_that_its_owner_completes_unasked_is_over_and_what_was_made_of_it_is_gone(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "check-out")

    assert await other.says("LoanCompleted") == "OK"

    (gone,) = await ill.announced(BorrowedItemLeft)
    assert str(gone.request_id) == request["id"]
    assert ((await make.now(request))["state"], other.asked) == ("complete", ["New"])


async def test_a_copy_without_a_code_of_the_law_is_not_sent_where_one_is_needed(
    world: World, make: Make
) -> None:
    other = await world.other()
    await make.configure(copyright={"code_needed": True})
    request = await make.request(service="copy", citation=ARTICLE)
    await world.deliver()
    waiting = (request["state"], other.asked)
    cleared = await make.act(request, "clear-copyright", compliance="DE-UrhG-60e")
    await world.deliver()

    assert waiting == ("copyright-review", [])
    assert cleared["state"] == "sent"
    assert other.last["serviceInfo"]["copyrightCompliance"] == "DE-UrhG-60e"
