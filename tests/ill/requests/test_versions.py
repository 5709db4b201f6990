"""A request keeps the version of the model that it began with; a patron is told what is new to them, once."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from contracts.circulation import BorrowedItemTaken
from contracts.ill import RequestProgressed
from ill.requests.model import newest
from support.desk import codes
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import World

DUE = (NOW + timedelta(days=30)).isoformat()


async def of_former_times(ill: Harness, request: dict[str, Any]) -> None:
    """The request was placed before the library installed this release."""
    await ill.resources.pool.execute("UPDATE request SET model = 1 WHERE id = $1", request["id"])


async def test_a_request_that_is_under_way_ends_as_it_began(ill: Harness, world: World, make: Make) -> None:
    other = await world.other()
    await other.asks("T1")
    await other.asks("T2")
    newer, older = (await ill.get("/v1/ill/requests?side=lending")).json()["items"]
    await of_former_times(ill, older)
    for request in (older, newer):
        await make.act(request, "ship", due_at=DUE)

    path = f"/v1/ill/requests/{older['id']}/actions"
    offered = {one["action"] for one in (await ill.get(path)).json()["actions"]}
    unknown = await make.try_to(older, "undo-ship")
    undone = await make.act(newer, "undo-ship")
    told = await other.does("Received")
    done = await make.act(older, "receive-back")

    assert (newer["model"], (await make.now(older))["model"]) == (newest("lending"), 1)
    assert "undo-ship" not in offered
    assert (codes(unknown), undone["state"], told) == (["action-unknown"], "packed", "OK")
    assert (done["state"], done["ended"], done["model"]) == ("complete", True, 1)


async def test_a_check_that_is_newer_than_a_request_does_not_stop_it(
    ill: Harness, world: World, make: Make
) -> None:
    await world.other()
    request = await make.request(citation={"author": "Okafor"})
    await of_former_times(ill, request)
    await make.configure(patron_check="ask")

    again = await make.act(request, "check-again")

    assert (request["state"], again["state"]) == ("review", "review")


async def notices(ill: Harness, request: dict[str, Any]) -> list[str]:
    """What its patron was to be told."""
    told = [event for event in await ill.announced(RequestProgressed) if event.notice is not None]
    return [event.notice or "" for event in told if str(event.request_id) == request["id"]]


async def test_a_patron_hears_that_nobody_has_it_once_and_not_from_each_supplier(
    ill: Harness, world: World, make: Make
) -> None:
    others = [await world.other(f"XX-SUP{letter}", rank=rank) for rank, letter in enumerate("ABC")]
    request = await make.request()
    for _ in range(2):
        for other in others:
            await world.deliver()
            await other.says("Unfilled", "RequestResponse", reasonUnfilled="NotOnShelf")
        assert (await make.now(request))["state"] == "end-of-rota"
        assert await notices(ill, request) == ["nobody-has-it"]
        await make.act(request, "search-again")

    await make.act(request, "cancel")
    await world.deliver()
    await others[0].says("Cancelled", "CancelResponse", answerYesNo="Y")
    assert await notices(ill, request) == ["nobody-has-it", "cancelled"]


async def test_what_comes_again_after_something_else_is_told_again(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", "RequestResponse", dueDate=DUE)
    await make.act(request, "receive")
    await make.act(request, "check-out")
    for status in ("Overdue", "Recalled", "Overdue"):
        await other.says(status, dueDate=DUE)

    assert await notices(ill, request) == ["overdue", "recalled", "overdue"]


async def test_a_request_whose_patron_circulation_has_lost_is_led_to_its_end_without_them(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    request = await make.request()
    await world.deliver()
    await other.says("Loaned", "RequestResponse", dueDate=DUE)
    arrived = await make.act(request, "receive")
    await ill.deliver(not_taken(arrived), source="circulation")
    shown = await make.now(request)
    await make.act(request, "seen")
    await make.act(request, "ship-back", note="Nobody waits for it")
    await other.says("LoanCompleted")
    done = await make.now(request)
    heard = [envelope.model_dump_json() for envelope in await ill.envelopes(RequestProgressed)]

    assert (shown["state"], shown["attention"]) == ("received", "hold-not-placed")
    assert (done["state"], await notices(ill, request)) == ("complete", [])
    assert not any("name" in told for told in heard)  # nobody is named, so nothing has to be masked


def not_taken(request: dict[str, Any]) -> BorrowedItemTaken:
    """Circulation has an item for which nobody waits."""
    return BorrowedItemTaken(
        version=1,
        occurred_at=NOW,
        item_id=UUID(request["item_id"]),
        request_id=UUID(request["id"]),
        reasons=("patron-unknown",),
    )
