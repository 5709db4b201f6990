"""Partners that speak ISO 18626:2021-2, beside those of 1.2; and partners that speak for others."""

from datetime import timedelta

import pytest

from chassis.principal import Principal
from support.harness import Harness
from support.lending import ARTICLE, NOW, Make
from support.otherlibrary import Other, World, post

DAY = timedelta(days=1)
DUE = (NOW + 30 * DAY).isoformat()


async def later(world: World, symbol: str = "XX-SUPA", **more: object) -> Other:
    """A partner of the later version; its supplier messages have no place for a code, so it has a key."""
    return await world.other(symbol, speaks="2021-2", client_id=symbol, **more)


async def test_the_question_decides_the_form_of_the_answer_and_the_directory_that_of_our_messages(
    ill: Harness, world: World, make: Make
) -> None:
    other = await later(world)
    request = await make.request(preferred_edition="most-recent")
    await world.deliver()  # the other library holds it against the schema of its version

    told = [await other.says("ExpectToSupply", "RequestResponse")]
    other.speaks = "1.2"  # an old program of theirs is at work, too
    told.append(await other.says("WillSupply"))
    other.speaks = "2021-2"
    told.append(await other.says("Loaned", dueDate=DUE, itemId=["B77", "B78"]))

    assert told == ["OK"] * 3
    assert other.last["serviceInfo"]["preferredEdition"] == "MostRecentEdition"
    shipped = await make.now(request)
    assert (shipped["state"], shipped["item_barcode"]) == ("shipped", "B77; B78")
    messages = (await ill.get(f"/v1/ill/requests/{request['id']}/messages")).json()["items"]
    assert [message["version"] for message in messages] == ["2021-2", "2021-2", "1.2", "2021-2"]


async def test_conditions_costs_and_what_a_retry_should_ask_for_come_whole(
    ill: Harness, world: World, make: Make
) -> None:
    other = await later(world)
    request = await make.request()
    await world.deliver()

    retry = {
        "edition": ["3"],
        "serviceLevel": ["Rush"],
        "loanCondition": ["LibraryUseOnly", "NoReproduction"],
    }
    cost = {"currencyCode": "USD", "monetaryValue": "35.00"}
    await other.says(
        "RetryPossible", "RequestResponse", reasonRetry="LoanCondition", offeredCosts=cost, retry=retry
    )
    offered = await make.now(request)
    await make.act(request, "accept-retry")
    await world.deliver()

    assert offered["offer"]["conditions"] == retry["loanCondition"]
    assert offered["offer"]["wants"] == {"edition": ["3"], "serviceLevel": ["Rush"]}
    assert (offered["offer"]["cost"], offered["offer"]["currency"]) == (3500, "USD")
    assert other.last["serviceInfo"]["loanCondition"] == retry["loanCondition"]
    assert other.last["billingInfo"]["maximumCosts"] == cost


async def test_a_link_has_an_element_of_its_own(world: World, make: Make, ill: Harness) -> None:
    other = await later(world)
    request = await make.request(service="copy", citation=ARTICLE)
    await world.deliver()
    await other.says("CopyCompleted", "RequestResponse", URL="https://other.test/d/1")
    await other.asks("T1", serviceType="Copy")
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(asked, "supply-copy", link="https://here.example/9")
    await world.deliver()

    assert (await make.now(request))["offer"]["link"] == "https://other.test/d/1"
    assert other.last["deliveryInfo"]["URL"] == "https://here.example/9"


@pytest.mark.parametrize(("speaks", "heard"), [("1.2", "Notification"), ("2021-2", "Lost")])
async def test_what_is_lost_is_told_in_the_words_of_the_partners_version(
    world: World, make: Make, speaks: str, heard: str
) -> None:
    other = await world.other(speaks=speaks, client_id="a")
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "report-lost")
    await world.deliver()

    assert other.asked[-1] == heard


async def test_a_return_is_held_and_released_whichever_version_the_partner_speaks(
    ill: Harness, world: World, make: Make
) -> None:
    for symbol, speaks in (("XX-OLD", "1.2"), ("XX-NEW", "2021-2")):
        other = await world.other(symbol, speaks=speaks, client_id=symbol)
        await other.asks()
        asked = (await ill.get("/v1/ill/requests?side=lending")).json()["items"][0]
        await make.act(asked, "ship", due_at=DUE)
        await make.act(asked, "hold-return")
        await make.act(asked, "release-return")
        await world.deliver()
        lost = await other.does("Lost") if speaks == "2021-2" else "OK"

        later_on = await make.now(asked)
        told = {
            "1.2": ["Notification Loaned"] * 2,
            "2021-2": ["StatusChange HoldReturn", "StatusChange ReleaseHoldReturn"],
        }
        assert other.asked[1:] == told[speaks]
        assert (later_on["state"], later_on["status"], lost) == ("shipped", "Loaned", "OK")
        assert later_on["attention"] == ("partner-lost" if speaks == "2021-2" else None)


async def test_an_owner_that_wants_its_book_held_is_heard_and_changes_no_status(
    world: World, make: Make
) -> None:
    other = await later(world)
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", dueDate=DUE)
    await make.act(request, "receive")

    assert await other.says("HoldReturn") == "OK"

    held = await make.now(request)
    assert (held["state"], held["status"], held["attention"]) == (
        "received",
        "Loaned",
        "supplier-wants-return-held",
    )


async def test_a_request_to_whoever_gets_it_is_taken(ill: Harness, world: World) -> None:
    other = await later(world)
    body = other.asking("T1")
    nobody = body[: body.index(b"<supplyingAgencyId>")] + body[body.index(b"</supplyingAgencyId>") + 20 :]

    assert await other.send(nobody) == "OK"


# --- brokers ---


async def test_a_transparent_broker_speaks_for_the_library_that_it_names(
    ill: Harness, world: World, make: Make
) -> None:
    broker = await world.other("XX-BROKER", client_id="b", broker="transparent")
    request = await make.request()
    await world.deliver()
    broker.symbol = "XX-DEEP"
    told = [await broker.says("Loaned", dueDate=DUE)]
    await make.act(request, "receive")
    told.append(await broker.asks("T9"))
    (asked,) = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await make.act(asked, "will-supply")
    await world.deliver()

    rota = (await ill.get(f"/v1/ill/requests/{request['id']}/rota")).json()["items"]
    assert told == ["OK", "OK"]
    assert (rota[0]["symbol"], rota[0]["named"]) == ("XX-BROKER", "ISIL:XX-DEEP")
    heads = {kind: document["header"] for kind, document in broker.heard}
    received, answered = heads["requestingAgencyMessage"], heads["supplyingAgencyMessage"]
    assert received["supplyingAgencyId"]["agencyIdValue"] == "XX-DEEP"
    assert (answered["requestingAgencyId"]["agencyIdValue"], asked["named"]) == ("XX-DEEP", "ISIL:XX-DEEP")


async def test_an_opaque_broker_names_its_supplier_in_the_note_alone(
    ill: Harness, world: World, make: Make
) -> None:
    broker = await world.other("XX-BROKER", client_id="b", broker="opaque")
    request = await make.request()
    await world.deliver()
    await broker.says("ExpectToSupply", note="Supplier: XX-DEEP")
    broker.symbol = "XX-DEEP"
    with ill.asking(None):
        answer = await post(
            ill, broker.saying("WillSupply"), by=Principal("client", "b", frozenset({"ill:exchange"}))
        )

    rota = (await ill.get(f"/v1/ill/requests/{request['id']}/rota")).json()["items"]
    steps = (await ill.get(f"/v1/ill/requests/{request['id']}/steps")).json()["items"]
    assert answer.status_code == 403
    assert (rota[0]["symbol"], rota[0]["named"]) == ("XX-BROKER", None)
    assert steps[-1]["note"] == "Supplier: XX-DEEP"
