"""Copies count as the guidelines say; what goes beyond is cleared by staff, and everybody declares."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from chassis.principal import Principal
from ill.iso18626 import documents
from support.desk import codes
from support.harness import Harness
from support.lending import ARTICLE, Make, themselves
from support.otherlibrary import World

RECENT = ARTICLE | {"year": "2026"}
BOTH = RECENT | {"issn": "1878-5891", "eissn": "0378-5955"}


@pytest.fixture
def world(make: Make) -> World:
    return World(make)


async def copies(make: Make, count: int, **more: Any) -> list[dict[str, Any]]:
    """So many copies of one journal, each for another patron."""
    return [await make.request(service="copy", citation=RECENT | more) for _ in range(count)]


async def counted(ill: Harness, issn: str = "0378-5955") -> tuple[int, int]:
    told = (await ill.get(f"/v1/ill/copyright-counts?issn={issn}")).json()
    assert (told["year"], told["limit"]) == (2027, 2)
    return told["supplied"], told["under_way"]


async def test_the_one_beyond_waits_for_staff_who_pay_for_it(ill: Harness, world: World, make: Make) -> None:
    await make.configure(copyright={"contu": True, "contu_limit": 2}, max_cost=3000)
    other = await world.other()
    first, second = await copies(make, 2)
    await world.deliver()
    asked = other.last
    await other.says(
        "CopyCompleted", request_id=f"{first['number']}-1", note="https://there.example/1", sentVia="URL"
    )

    beyond = await make.request(service="copy", citation=BOTH)
    old = await make.request(service="copy", citation=RECENT | {"year": "2021"})
    book = await make.request()

    assert asked["serviceInfo"]["copyrightCompliance"] == "US-CCG"
    documents.write("request", asked)
    assert (beyond["state"], beyond["compliance"]) == ("copyright-review", None)
    assert (old["state"], old["compliance"], book["compliance"]) == ("sent", "US-CCL", None)
    assert await counted(ill) == (1, 1)

    # one that was given up counts no more
    await make.act(second, "cancel")
    await world.deliver()
    await other.says("Cancelled", "CancelResponse", request_id=f"{second['number']}-1", answerYesNo="Y")
    assert await counted(ill) == (1, 0)

    # paid for, and no dearer than it may be without asking
    cost = {"minor": 4500, "currency": "EUR"}
    with ill.asking(Principal("staff", "s", frozenset({"ill:write"}))):
        refused = await make.try_to(beyond, "clear-copyright", cost=cost)
    cleared = await make.act(beyond, "clear-copyright", cost=cost, note="permission 4711")
    assert codes(refused) == ["royalty-above-maximum"]
    assert (cleared["state"], cleared["compliance"]) == ("sent", "US-CCL")
    assert (cleared["royalty"], cleared["royalty_currency"]) == (4500, "EUR")
    assert await counted(ill) == (1, 0)


async def test_two_at_the_same_moment_are_not_both_the_last(ill: Harness, world: World, make: Make) -> None:
    await make.configure(copyright={"contu": True, "contu_limit": 1})
    await world.other()
    patrons = [await make.patron() for _ in range(4)]

    made = await asyncio.gather(
        *(
            make.request(patron, service="copy", citation=RECENT if at % 2 else BOTH)
            for at, patron in enumerate(patrons)
        )
    )

    assert sorted(request["state"] for request in made) == ["copyright-review"] * 3 + ["sent"]


async def test_staff_who_let_a_doubtful_request_go_on_do_not_pass_the_count(world: World, make: Make) -> None:
    await make.configure(copyright={"contu": True, "contu_limit": 0})
    await world.other()
    patron = await make.patron()
    thin = await make.request(patron, service="copy", citation={"issn": "0378-5955"})

    approved = await make.act(thin, "approve")
    again = await make.act(approved, "check-again")
    ended = await make.act(await make.request(service="copy", citation=RECENT), "cancel")

    assert (thin["state"], approved["state"], again["state"]) == ("review", "copyright-review", "review")
    assert ended["state"] == "cancelled"


async def test_a_library_elsewhere_sends_its_own_code(world: World, make: Make) -> None:
    await make.configure(copyright={"compliance": "UK-FairDealing"})
    other = await world.other()
    await make.request(service="copy", citation=RECENT)
    await world.deliver()

    assert other.last["serviceInfo"]["copyrightCompliance"] == "UK-FairDealing"


async def test_whoever_asks_for_a_copy_declares_in_the_present_words(
    ill: Harness, world: World, make: Make
) -> None:
    await make.configure(copyright={"declaration": {"version": "2027-1", "text": "For my own studies."}})
    await world.other()
    patron = await make.patron()
    with ill.asking(themselves(patron)):
        missing = await make.place(patron, service="copy", citation=RECENT)
        outdated = await make.place(patron, service="copy", citation=RECENT, declared="2020-1")
        declared = await make.request(patron, service="copy", citation=RECENT, declared="2027-1")
        book = await make.request(patron)

    assert codes(missing) == ["declaration-missing"]
    assert codes(outdated) == ["declaration-outdated"]
    assert "For my own studies." in missing.json()["reasons"][0]["text"]
    assert (declared["declared"], book["declared"]) == ("2027-1", None)
    assert UUID(declared["patron_id"]) == patron


async def test_a_number_that_is_none_is_told(ill: Harness) -> None:
    wrong = await ill.get("/v1/ill/copyright-counts?issn=0378-5956")
    none = await ill.get("/v1/ill/copyright-counts")

    assert codes(wrong) == ["issn-wrong"]
    assert none.status_code == 422
