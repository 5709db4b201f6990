"""A configuration is tried on what was lent and held before anybody has to live with it."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx

from chassis.principal import Principal
from circulation.configuration.simulating import simulate_once
from support.desk import CONFIGURATION, NOW, Make, pointers
from support.harness import Harness

PATH = "/v1/configuration/circulation/simulations"
FOUR, ONE, HERE = CONFIGURATION["loan_policies"]
DAILY, NONE = CONFIGURATION["fine_policies"]
SPAN = {"from": (NOW - timedelta(days=1)).isoformat(), "until": (NOW + timedelta(days=400)).isoformat()}
STRICTER = {
    "loan_policies": [FOUR | {"period": {"amount": 14, "unit": "day"}}, ONE, HERE],
    "rules": [
        *CONFIGURATION["rules"],
        {"when": {"patron_group": ["visitor"]}, "loan": "here-only", "fine": "none", "hold": "usual"},
    ],
}


async def begin(circulation: Harness, key: str | None = None, **asked: Any) -> httpx.Response:
    return await circulation.post(PATH, json=SPAN | asked, key=key)


async def simulated(circulation: Harness, **asked: Any) -> dict[str, Any]:
    """What a simulation has found."""
    job = await begin(circulation, **asked)
    assert job.status_code == 202, job.text
    assert await simulate_once(circulation.resources, asyncio.Event())
    told: dict[str, Any] = (await circulation.get(job.headers["location"])).json()
    return told


async def test_it_tells_how_many_would_be_due_refused_and_fined_otherwise_and_which(
    circulation: Harness, make: Make
) -> None:
    student, visitor = await make.patron(), await make.patron(group="visitor")
    book, other, video = await make.item(), await make.item(), await make.item(material_type="video")
    late, refused = await make.loan(student, book), await make.loan(visitor, other)
    await make.loan(student, video)
    circulation.at(NOW + timedelta(days=20))
    await make.take_back(book)
    await make.take_back(video)

    told = await simulated(circulation, document=CONFIGURATION | STRICTER)

    assert (told["state"], told["done"], told["total"], told["error"]) == ("finished", 3, 3, None)
    counts = {name: count for name, count in told["counts"].items() if count}
    assert counts == {
        "loans": 3,
        "due_earlier": 1,
        "refused": 1,
        "fines_compared": 2,
        "fines_changed": 1,
        "fines_after_minor": 120,
    }
    shown = {example["id"]: example for example in told["examples"]}
    assert shown.keys() == {late["id"], refused["id"]}
    assert (shown[late["id"]]["due_before"], shown[late["id"]]["due_after"]) == (
        "2027-03-29T21:59:59Z",
        "2027-03-15T22:59:59Z",
    )
    assert (shown[late["id"]]["fine_before_minor"], shown[late["id"]]["fine_after_minor"]) == (0, 120)
    assert (shown[refused["id"]]["line_before"], shown[refused["id"]]["line_after"]) == (1, 4)
    assert shown[refused["id"]]["due_after"] is None
    assert [(rule["line_before"], rule["line_after"], rule["loans"]) for rule in told["by_rule"]] == [
        (1, 1, 1),
        (1, 4, 1),
        (2, 2, 1),
    ]


async def test_the_same_configuration_makes_no_difference_and_the_desk_goes_on(
    circulation: Harness, make: Make
) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    before = await make.state(item)

    told = await simulated(circulation, version=1)

    assert {name for name, count in told["counts"].items() if count} == {"loans"}
    assert told["examples"] == []
    assert await make.state(item) == before


async def test_loans_that_could_not_have_been_renewed_so_often_are_told(
    circulation: Harness, make: Make
) -> None:
    once, twice = [await make.loan(await make.patron(), await make.item()) for _ in range(2)]
    for day, loan in ((1, once), (1, twice), (2, twice)):
        circulation.at(NOW + timedelta(days=day))
        answer = await circulation.post(f"/v1/loans/{loan['id']}/renewals")
        assert answer.status_code == 201, answer.text

    fewer = await simulated(
        circulation, document=CONFIGURATION | {"loan_policies": [FOUR | {"max_renewals": 1}, ONE, HERE]}
    )
    none = await simulated(
        circulation, document=CONFIGURATION | {"loan_policies": [FOUR | {"renewable": False}, ONE, HERE]}
    )

    assert [told["counts"]["renewals_refused"] for told in (fewer, none)] == [1, 2]
    assert [(each["id"], each["renewals"]) for each in fewer["examples"]] == [(twice["id"], 2)]
    assert fewer["counts"]["renewals_allowed"] == 0


async def test_calendars_and_fines_make_a_difference_too(circulation: Harness, make: Make) -> None:
    patron, item = await make.patron(), await make.item()
    await make.loan(patron, item)
    circulation.at(NOW + timedelta(days=33))
    await make.take_back(item)
    desk, law = CONFIGURATION["service_points"]
    closed = desk | {"calendar": desk["calendar"] | {"exceptions": {"2027-03-29": []}}}

    fined = await simulated(
        circulation, document=CONFIGURATION | {"fine_policies": [DAILY | {"amount": 50}, NONE]}
    )
    moved = await simulated(circulation, document=CONFIGURATION | {"service_points": [closed, law]})

    assert (fined["counts"]["fines_before_minor"], fined["counts"]["fines_after_minor"]) == (100, 250)
    assert fined["counts"]["due_later"] == 0
    assert moved["counts"]["due_later"] == 1
    assert (moved["counts"]["fines_before_minor"], moved["counts"]["fines_after_minor"]) == (100, 80)


async def test_holds_that_could_not_be_placed_any_more_are_told(circulation: Harness, make: Make) -> None:
    item, other = await make.item(), await make.item()
    lent_to = await make.patron()
    await make.loan(lent_to, item)
    await make.loan(lent_to, other)
    hold = await make.hold(await make.patron(), item)
    await make.place(await make.patron(), item_id=str(other.item_id))
    usual = CONFIGURATION["hold_policies"][0]

    levels = await simulated(
        circulation, document=CONFIGURATION | {"hold_policies": [usual | {"levels": ["item"]}]}
    )
    shelf = await simulated(
        circulation, document=CONFIGURATION | {"hold_policies": [usual | {"shelf_days": 9}]}
    )

    assert (levels["counts"]["holds"], levels["counts"]["holds_refused"]) == (2, 1)
    assert [(each["id"], each["allowed_after"]) for each in levels["examples"]] == [(hold["id"], False)]
    assert (shelf["counts"]["holds_refused"], shelf["counts"]["shelf_days_changed"]) == (0, 2)


async def test_only_what_was_lent_in_the_span_counts(circulation: Harness, make: Make) -> None:
    patron = await make.patron()
    await make.loan(patron, await make.item())
    circulation.at(NOW + timedelta(days=5))
    await make.loan(patron, await make.item())

    told = await simulated(
        circulation, version=1, **{"from": NOW.isoformat(), "until": (NOW + timedelta(days=5)).isoformat()}
    )

    assert told["counts"]["loans"] == 1


async def test_a_draft_is_tried_as_it_would_come_into_force(circulation: Harness, make: Make) -> None:
    body = {"name": "Stricter", "document": CONFIGURATION | STRICTER}
    draft = (await circulation.post("/v1/configuration/circulation/drafts", json=body)).json()
    await make.configure(fine_policies=[DAILY | {"amount": 70}, NONE])
    await make.loan(await make.patron(), await make.item())

    told = await simulated(circulation, draft_id=draft["id"])

    assert (told["base_version"], told["counts"]["due_earlier"]) == (2, 1)
    await make.configure(loan_policies=[FOUR | {"period": {"amount": 3, "unit": "day"}}, ONE, HERE])
    conflicting = await begin(circulation, draft_id=draft["id"])
    assert (conflicting.status_code, pointers(conflicting)) == (422, ["/loan_policies/four-weeks"])


async def test_a_simulation_is_cancelled_between_batches_and_keeps_what_it_found(
    circulation: Harness, make: Make
) -> None:
    patron = await make.patron()
    for _ in range(3):
        await make.loan(patron, await make.item())
    job = (await begin(circulation, version=1)).json()
    await circulation.delete(f"{PATH}/{job['id']}")

    await simulate_once(circulation.resources, asyncio.Event(), batch=1)

    told = (await circulation.get(f"{PATH}/{job['id']}")).json()
    again = await circulation.delete(f"{PATH}/{job['id']}")
    assert (told["state"], told["done"], told["total"]) == ("cancelled", 1, 3)
    assert told["counts"]["loans"] == 1
    assert (again.status_code, again.json()["code"]) == (409, "simulation-ended")
    assert await simulate_once(circulation.resources, asyncio.Event()) is False


async def test_a_simulation_that_was_broken_off_is_begun_anew_by_the_next_process(
    circulation: Harness, make: Make
) -> None:
    await make.loan(await make.patron(), await make.item())
    job = (await begin(circulation, document=CONFIGURATION | STRICTER)).json()
    stopping = asyncio.Event()
    stopping.set()

    await simulate_once(circulation.resources, stopping)
    left = (await circulation.get(f"{PATH}/{job['id']}")).json()
    await simulate_once(circulation.resources, asyncio.Event())

    told = (await circulation.get(f"{PATH}/{job['id']}")).json()
    assert (left["state"], told["state"], told["counts"]["loans"]) == ("running", "finished", 1)


async def test_two_workers_do_not_do_one_simulation_twice(circulation: Harness, make: Make) -> None:
    await make.loan(await make.patron(), await make.item())
    jobs = [(await begin(circulation, version=1)).json() for _ in range(2)]

    await asyncio.gather(*(simulate_once(circulation.resources, asyncio.Event()) for _ in range(4)))
    while await simulate_once(circulation.resources, asyncio.Event()):
        pass

    told = [(await circulation.get(f"{PATH}/{job['id']}")).json() for job in jobs]
    assert [(each["state"], each["counts"]["loans"]) for each in told] == [("finished", 1)] * 2


async def test_what_cannot_be_tried_is_told_and_a_repetition_begins_nothing(
    circulation: Harness, make: Make
) -> None:
    unsound = CONFIGURATION | {"rules": CONFIGURATION["rules"][1:]}
    nothing = await begin(circulation)
    both = await begin(circulation, version=1, document=CONFIGURATION)
    backwards = await begin(circulation, version=1, until=SPAN["from"])
    flawed = await begin(circulation, document=unsound)
    unknown = [
        await begin(circulation, version=9),
        await begin(circulation, draft_id=make.desk),
        await circulation.get(f"{PATH}/{make.desk}"),
        await circulation.delete(f"{PATH}/{make.desk}"),
    ]
    with circulation.asking(Principal("staff", "x", frozenset({"configuration:read"}))):
        forbidden = await begin(circulation, version=1)
    once = [await begin(circulation, key="one", version=1) for _ in range(2)]

    assert [answer.status_code for answer in (nothing, both, backwards, flawed)] == [422] * 4
    assert pointers(flawed) == ["/rules"]
    assert [answer.status_code for answer in unknown] == [404] * 4
    assert forbidden.status_code == 403
    assert once[0].json()["id"] == once[1].json()["id"]
    assert [each["state"] for each in (await circulation.get(PATH)).json()["items"]] == ["queued"]
