"""A host that is slow, silent, odd or told twice: nothing is done twice, and nothing is lost."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from contracts import ncip
from ill.hosts import rules
from support.circulating import Played, agrees, finds_wrong, says
from support.harness import Harness
from support.hosting import DUE, acts, arrived, entered, later, lending
from support.lending import NOW, Make
from support.otherlibrary import World


@pytest.mark.parametrize(
    "answer",
    [503, b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", b"x" * 200_000],
    ids=["broken", "bomb", "long"],
)
async def test_a_loan_without_an_answer_is_looked_up_before_it_is_told_again_and_never_made_twice(
    ill: Harness, world: World, make: Make, host: Played, answer: Any
) -> None:
    await entered(ill, host)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", item_barcode="31")
    await host.work(ill)
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat())
    host.answer = lambda *_: answer  # it has lent it, and nobody heard so
    await host.work(ill)
    waiting = (await acts(ill, state="waiting"))[0]

    borrower = {"CurrentBorrower": {"UserId": ncip.identifier("User", "PARTNERS")}}
    host.answer = lambda service, body: says(service, ItemId=body["ItemId"], ItemTransaction=borrower)
    await later(ill, host, 1)

    assert (waiting["doubtful"], waiting["attempts"]) == (True, 1)
    assert host.told == ["RequestItem", "CheckOutItem", "LookupItem"]
    assert (await make.now(asked))["state"] == "shipped"


async def test_what_was_heard_the_first_time_counts_as_done_when_it_is_told_again(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    host.answer = lambda *_: 500
    request = await arrived(world, make, await world.other())
    await host.work(ill)
    host.answer = lambda service, _: finds_wrong(service, "Duplicate Item")
    await later(ill, host, 1)

    first, second = (body["RequestId"] for _, body in host.heard)
    assert first == second
    assert [act["state"] for act in await acts(ill)] == ["done"]
    assert (await make.now(request))["attention"] is None


async def test_a_silent_host_is_told_with_growing_gaps_and_then_staff_are(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host, address="http://127.0.0.1:9/ncip")
    request = await arrived(world, make, await world.other())
    gaps, at = [], NOW
    for _ in range(10):
        await host.work(ill)
        told = (await acts(ill))[0]
        if told["next_at"] is not None:
            from_now = told["next_at"]
            gaps.append(from_now)
            at = at + timedelta(hours=1, minutes=1)
            ill.at(at)
    (task,) = await acts(ill, state="staff")

    assert (task["attempts"], task["reason"], task["doubtful"]) == (10, "host-silent", False)
    assert "no answer" in task["last_error"]
    assert (await make.now(request))["attention"] == "host-to-be-told"
    assert len(gaps) == 9


async def test_an_answer_that_nobody_understands_holds_up_one_act_alone(
    ill: Harness, world: World, make: Make, host: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_old, odd = rules.understood, ["LocationNameValue"]

    def sometimes(*told: Any, **more: Any) -> rules.Outcome:
        if odd:
            raise KeyError(odd.pop())
        return of_old(*told, **more)

    monkeypatch.setattr(rules, "understood", sometimes)
    await entered(ill, host)
    other = await world.other()
    await arrived(world, make, other)
    await arrived(world, make, other)

    await host.work(ill)

    told = {act["state"]: act for act in await acts(ill)}
    assert set(told) == {"waiting", "done"}
    assert told["waiting"]["doubtful"]
    assert "cannot be understood" in told["waiting"]["last_error"]


async def test_a_slow_host_is_waited_for_so_long_and_no_longer(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    ill.resources.settings = ill.resources.settings.model_copy(update={"send_timeout": 0.2})
    await entered(ill, host)
    host.slow = 0.6
    await arrived(world, make, await world.other())

    await host.work(ill)

    (act,) = await acts(ill)
    assert (act["state"], act["doubtful"]) == ("waiting", True)
    assert "Timeout" in act["last_error"]


async def test_two_workers_tell_one_thing_once(ill: Harness, world: World, make: Make, host: Played) -> None:
    await entered(ill, host)
    other = await world.other()
    for _ in range(3):
        await arrived(world, make, other)

    await asyncio.gather(*(host.work(ill) for _ in range(4)))

    assert host.told == ["AcceptItem"] * 3
    assert len({body["RequestId"]["RequestIdentifierValue"] for _, body in host.heard}) == 3


async def test_a_loan_asked_for_again_is_looked_up_first_and_the_first_answer_is_none_any_more(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", item_barcode="31")
    await host.work(ill)
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat())
    host.answer = lambda *_: 500
    await host.work(ill)
    await make.act(asked, "ask-circulation")
    host.answer = lambda service, body: (
        says(service, ItemId=body["ItemId"]) if service == "LookupItem" else agrees(service, body)
    )
    await later(ill, host, 2)

    states = [(act["kind"], act["state"]) for act in await acts(ill)]
    assert states[1:] == [("partner-loan-wanted", "withdrawn"), ("partner-loan-wanted", "done")]
    assert host.told == ["RequestItem", "CheckOutItem", "LookupItem", "CheckOutItem"]
    assert (await make.now(asked))["state"] == "shipped"


async def test_an_answer_to_what_was_asked_again_meanwhile_changes_nothing(
    ill: Harness, world: World, make: Make, host: Played
) -> None:
    await entered(ill, host)
    _, asked = await lending(ill, world, make)
    await make.act(asked, "reserve", item_barcode="31")
    await host.work(ill)
    await make.act(asked, "will-supply")
    await make.act(asked, "ship", due_at=DUE.isoformat())

    async def impatient(_: bytes) -> bytes:
        """While the host thinks, staff ask it again."""
        host.asks = None
        await make.act(asked, "ask-circulation")
        return agrees(*host.heard[-1])

    host.asks = impatient
    await host.work(ill)
    between = await make.now(asked)
    await later(ill, host, 2)

    states = [(act["kind"], act["state"]) for act in await acts(ill)]
    assert states[1:] == [("partner-loan-wanted", "withdrawn"), ("partner-loan-wanted", "done")]
    assert between["state"] == "checking-out"
    assert (await make.now(asked))["state"] == "shipped"
