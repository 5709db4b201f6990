"""Staff set aside what stands against a hold: each kind with its own scope, told of, and no part of the hold."""

import asyncio
from typing import Any

import pytest

from chassis.principal import Principal
from contracts.circulation import HoldPlaced
from support.desk import CONFIGURATION, Make, codes, themselves
from support.harness import Harness


def staff(*scopes: str) -> Principal:
    return Principal("staff", "x", frozenset({"holds:create", "holds:read", *scopes}))


async def full(make: Make) -> tuple[dict[str, Any], Any]:
    """A patron with as many holds as the policy allows, and blocked; and an item that somebody has."""
    await make.configure(hold_policies=[CONFIGURATION["hold_policies"][0] | {"max_holds": 1}])
    patron, item = await make.patron(), await make.item()
    await make.hold(patron, await make.item())
    await make.circulation.post(
        f"/v1/patrons/{patron['id']}/blocks", json={"actions": ["hold"], "note": "see me"}
    )
    await make.loan(await make.patron(), item)
    return patron, item


BOTH = {"refusals": ["hold-limit", "patron-blocked"], "comment": "for the exam, says Ada"}


async def test_every_kind_needs_its_scope_and_one_that_is_missing_refuses_the_whole(
    circulation: Harness, make: Make
) -> None:
    patron, item = await full(make)
    title = str(item.title_ids[0])

    plain = await make.place(patron, title_id=title)
    with circulation.asking(staff("overrides:limits")):
        refused = await make.place(patron, title_id=title, override=BOTH)
    with circulation.asking(staff("overrides:limits", "overrides:patrons")):
        half = await make.place(patron, title_id=title, override=BOTH | {"refusals": ["hold-limit"]})
        silent = await make.place(patron, title_id=title, override={"refusals": ["hold-limit"]})
        granted = await make.place(patron, title_id=title, override=BOTH)
    with circulation.asking(themselves(patron)):
        theirs = await make.place(patron, title_id=title, override=BOTH)

    assert sorted(codes(plain)) == ["hold-limit", "patron-blocked"]
    assert (refused.status_code, codes(refused)) == (403, ["scope-missing"])
    assert "overrides:patrons" in refused.json()["detail"]
    assert (half.status_code, codes(half)) == (409, ["patron-blocked"])
    assert silent.status_code == 422
    assert granted.status_code == 201, granted.text
    assert theirs.status_code == 403


async def test_what_was_set_aside_is_told_and_kept_for_staff_beside_the_hold(
    circulation: Harness, make: Make
) -> None:
    patron, item = await full(make)

    placed = await make.place(patron, title_id=str(item.title_ids[0]), override=BOTH)

    hold = placed.json()
    told = (await circulation.announced(HoldPlaced))[-1]
    assert sorted(told.overridden) == ["hold-limit", "patron-blocked"]
    kept = (await circulation.get(f"/v1/holds/{hold['id']}/override")).json()
    assert (sorted(kept["refusals"]), kept["comment"]) == (sorted(BOTH["refusals"]), BOTH["comment"])
    assert kept["overridden_by"]
    with circulation.asking(themselves(patron)):
        read = await circulation.get(f"/v1/holds/{hold['id']}")
        why = await circulation.get(f"/v1/holds/{hold['id']}/override")
    assert (read.status_code, why.status_code) == (200, 403)
    assert "exam" not in read.text + str(await circulation.envelopes())


async def test_an_override_that_is_not_needed_leaves_no_trace(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()

    placed = await make.place(patron, title_id=str(item.title_ids[0]), override=BOTH)

    assert placed.status_code == 201, placed.text
    assert [event.overridden for event in await circulation.announced(HoldPlaced)] == [()]
    assert (await circulation.get(f"/v1/holds/{placed.json()['id']}/override")).status_code == 404


@pytest.mark.parametrize("named", ["already-held", "kind-not-allowed"])
async def test_what_nobody_may_set_aside_is_refused(circulation: Harness, make: Make, named: str) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(await make.patron(), item)
    await make.configure(hold_policies=[CONFIGURATION["hold_policies"][0] | {"kinds": ["hold", "page"]}])
    await make.hold(patron, item)
    wish = {"refusals": [named], "comment": "please"}

    answer = await make.place(patron, item_id=str(item.item_id), kind="recall", override=wish)

    assert (answer.status_code, codes(answer)) == (422, [named])


async def test_who_waits_though_a_copy_is_on_its_shelf_is_served_by_the_first_that_comes_in(
    circulation: Harness, make: Make
) -> None:
    shelved = await make.item()
    lent = await make.item(title_ids=shelved.title_ids)
    await make.loan(await make.patron(), lent)
    wish = {"title_id": str(shelved.title_ids[0]), "kind": "recall"}

    refused = await make.place(await make.patron(), **wish)
    override = {"refusals": ["copy-on-shelf"], "comment": "it is not where it should be"}
    recalled = await make.place(await make.patron(), **wish, override=override)

    assert codes(refused) == ["copy-on-shelf"]
    assert (recalled.status_code, recalled.json()["kind"]) == (201, "recall")
    assert (await make.take_back(lent))["next_step"]["hold"]["hold_id"] == recalled.json()["id"]


async def test_a_dry_run_tells_what_would_be_set_aside(circulation: Harness, make: Make) -> None:
    patron, item = await full(make)
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}

    answer = await circulation.post("/v1/holds?dry_run=true", json=body | {"override": BOTH})

    told = answer.json()
    assert (told["allowed"], told["refusals"]) == (True, [])
    assert sorted(told["overridden"]) == sorted(BOTH["refusals"])
    assert len(await circulation.announced(HoldPlaced)) == 1


async def test_one_override_asked_many_times_at_once_places_one_hold(
    circulation: Harness, make: Make
) -> None:
    patron, item = await full(make)
    body = {"patron_id": patron["id"], "title_id": str(item.title_ids[0]), "pickup_id": make.desk}

    answers = await asyncio.gather(
        *(circulation.post("/v1/holds", json=body | {"override": BOTH}, key="one") for _ in range(4))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await circulation.resources.pool.fetchval("SELECT count(*) FROM hold_override") == 1
