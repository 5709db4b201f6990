"""Whether a patron may ask other libraries: circulation is asked at each request, where the library wants it so."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.circulation import PatronLookedAt
from contracts.ill import PatronSought
from ill.requests.rules import Standing, told_live
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import World

STANDING = Standing(known=True, blocked=False, open_requests=0, alike=0)


@pytest.mark.parametrize(
    ("told", "known", "blocked"),
    [
        pytest.param(None, True, False, id="not asked"),
        pytest.param({}, True, False, id="no answer"),
        pytest.param({"known": True, "stops": ["fees-owed"]}, True, True, id="something stops them"),
        pytest.param({"known": True, "stops": []}, True, False, id="nothing does"),
        pytest.param({"known": False, "stops": []}, False, False, id="nobody of this name"),
    ],
)
def test_what_circulation_tells_now_is_in_the_place_of_what_is_remembered(
    told: dict[str, Any] | None, known: bool, blocked: bool
) -> None:
    found = told_live(STANDING, told)

    assert (found.known, found.blocked) == (known, blocked)


async def answered(ill: Harness, *reasons: str, known: bool = True, asked: int | None = None) -> None:
    """Circulation's answer to the last question."""
    last = (await ill.announced(PatronSought))[-1]
    event = PatronLookedAt(
        version=last.version,
        occurred_at=NOW,
        request_id=last.request_id,
        asked=last.version if asked is None else asked,
        known=known,
        reasons=reasons,
    )
    await ill.deliver(event, source="circulation")


async def test_a_patron_whom_something_stops_waits_for_staff_who_ask_again_or_go_on(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(patron_check="ask")
    other = await world.other()
    request = await make.request()
    waiting = request["state"]
    await answered(ill, "card-expired", "fees-owed")
    stopped = await make.now(request)
    again = await make.act(request, "check-again")
    await answered(ill)
    await world.deliver()

    assert (waiting, again["state"]) == ("checking-patron", "checking-patron")
    assert (stopped["state"], stopped["holding"]["stops"]) == (
        "invalid-patron",
        ["card-expired", "fees-owed"],
    )
    assert (await make.now(request))["state"] == "sent"
    assert other.asked == ["New"]

    another = await make.request()
    await answered(ill, known=False)
    assert (await make.now(another))["state"] == "invalid-patron"
    assert (await make.act(another, "approve"))["state"] == "sent"


async def test_an_old_answer_is_none_and_silence_leaves_what_is_known(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(patron_check="ask")
    await world.other()
    request = await make.request()
    await answered(ill, "patron-blocked", asked=0)
    still = (await make.now(request))["state"]
    ill.at(NOW + timedelta(minutes=31))
    await ill.tick("watch-requests")
    went_on = (await make.now(request))["state"]
    await answered(ill, "patron-blocked")

    assert (still, went_on) == ("checking-patron", "sent")
    assert (await make.now(request))["state"] == "sent"
    assert UUID(request["patron_id"]) == (await ill.announced(PatronSought))[0].patron_ref


async def test_a_request_that_is_given_up_meanwhile_stays_given_up(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(patron_check="ask")
    await world.other()
    request = await make.request()

    await make.act(request, "cancel")
    await answered(ill)

    assert (await make.now(request))["state"] == "cancelled"
