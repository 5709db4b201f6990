"""Slips are taken in batches, by hand or at set times; none is made twice, and a batch is printed again as it was."""

import asyncio
from datetime import timedelta
from typing import Any

from chassis.ids import uuid7
from contracts.ill import PullSlipsMade
from support.desk import codes, pointers
from support.harness import Harness
from support.lending import NOW, Make
from support.otherlibrary import Other, World

DAY = timedelta(days=1)
TITLE = "\u6c34\u306e\u672c"


async def promised(ill: Harness, other: Other, *places: str) -> None:
    """Books of ours are kept for a partner, one in each of these places."""
    for place in places:
        library, location, call_number = place.split("/")
        number = str(uuid7())
        await other.asks(number)
        holding = {"library": library, "location": location, "call_number": call_number}
        await ill.resources.pool.execute(
            "UPDATE request SET state = 'will-supply', item_id = $2, item_barcode = '31', holding = $3, "
            "citation = citation || $4 WHERE partners_request_id = $1",
            number,
            uuid7(),
            holding,
            {"title": TITLE},
        )


def schedule(**more: Any) -> dict[str, Any]:
    """Every workday, in the morning."""
    return {"code": "morning", "at": ["08:30"], "zone": "Europe/Berlin", "most": 2} | more


async def batches(ill: Harness, query: str = "") -> list[dict[str, Any]]:
    """As they are listed."""
    told: list[dict[str, Any]] = (await ill.get(f"/v1/ill/pull-batches{query}")).json()["items"]
    return told


async def test_slips_are_mailed_only_where_there_is_a_mail_server(make: Make) -> None:
    asked = [schedule(), schedule(code="evening", mail_to=["desk@library.example"])]

    refused = await make.configure(lending={"pulling": asked})

    assert (refused.status_code, codes(refused), pointers(refused)) == (
        422,
        ["mail-not-set"],
        ["/lending/pulling/1/mail_to"],
    )


async def test_a_batch_is_taken_once_and_printed_as_often_as_is_wanted(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other(symbols=[{"scheme": "OCLC", "symbol": "SUP", "preferred_for": ["slips"]}])
    await promised(ill, other, "MAIN/STACKS/B 2", "LAW/STACKS/K 1", "MAIN/STACKS/A 1")

    body = {"library": "MAIN", "most": 1}
    one, two = await asyncio.gather(*(ill.post("/v1/ill/pull-slips", json=body) for _ in range(2)))
    rest = await ill.post("/v1/ill/pull-slips", json={"library": "MAIN"})
    none = await ill.post("/v1/ill/pull-slips", json={"library": "MAIN"})
    listed = await batches(ill, "?library=MAIN")
    path = f"/v1/ill/pull-batches/{listed[-1]['id']}"
    first = await ill.get(path)
    printed = [await ill.get(f"{path}/{how}") for how in ("pdf", "page")]
    await promised(ill, other, "MAIN/STACKS/C 3")
    await other.does("Cancel", first.json()["slips"][0]["number"])
    again = [await ill.get(f"{path}/{how}") for how in ("pdf", "page")]

    taken = [slip["request_id"] for answer in (one, two, rest) for slip in answer.json()["items"]]
    assert len(taken) == len(set(taken)) == 2
    assert none.json() == {"items": [], "more": False, "batch_id": None}
    assert (sum(one["slip_count"] for one in listed), listed[-1]["library"]) == (2, "MAIN")
    assert first.json()["slips"][0]["symbol"] == "SUP"
    assert [answer.content for answer in printed] == [answer.content for answer in again]
    assert printed[0].headers["content-type"] == "application/pdf"
    assert TITLE in printed[1].text
    assert len(await ill.announced(PullSlipsMade)) == len(listed)
    assert (await ill.get(f"/v1/ill/pull-batches/{uuid7()}")).status_code == 404
    with ill.asking(None):
        assert (await ill.get(f"{path}/pdf")).status_code == 401


async def test_slips_of_a_place_are_made_at_set_times_and_told(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    lending = {"pulling": [schedule(library="MAIN")]}
    assert (await make.configure(lending=lending)).status_code == 200
    await promised(ill, other, "MAIN/STACKS/1", "MAIN/STACKS/2", "MAIN/STACKS/3", "LAW/STACKS/4")
    made = []

    for hours in (
        0.0,
        22.0,
        22.5,
        23.0,
        24.0 * 7,
    ):  # from Monday at nine, when the schedule was not there yet
        ill.at(NOW + timedelta(hours=hours))
        await ill.tick("make-pull-slips")
        made.append([one["slip_count"] for one in await batches(ill, "?schedule=morning")])

    assert made == [[], [], [1, 2], [1, 2], [1, 2]]
    told = await ill.announced(PullSlipsMade)
    assert [(one.schedule, one.library, one.slips, one.more) for one in told] == [
        ("morning", "MAIN", 2, True),
        ("morning", "MAIN", 1, False),
    ]
    left = (await ill.get("/v1/ill/pull-slips")).json()["items"]
    assert [slip["library"] for slip in left] == ["LAW"]


async def test_times_that_were_missed_are_made_up_for_once_and_old_batches_go(
    ill: Harness, world: World, make: Make
) -> None:
    other = await world.other()
    await make.configure(lending={"pulling": [schedule()]})
    await ill.tick("make-pull-slips")
    await promised(ill, other, "MAIN/STACKS/1")
    ill.at(NOW + 9 * DAY)

    for number in ("2", "3"):  # what comes after the time waits for the next one
        await ill.tick("make-pull-slips")
        await promised(ill, other, f"MAIN/STACKS/{number}")
    kept = await batches(ill)
    ill.at(NOW + 400 * DAY)
    await ill.tick("make-pull-slips")

    assert [one["slip_count"] for one in kept] == [1]
    assert [one["slip_count"] for one in await batches(ill)] == [2]  # and the first is forgotten


async def test_a_schedule_that_makes_no_sense_is_not_taken(ill: Harness, make: Make) -> None:
    wrong: list[dict[str, Any]] = [
        {"zone": "Mars/Olympus"},
        {"at": []},
        {"at": ["08:30+01:00"]},
        {"at": ["25:00"]},
        {"weekdays": [7]},
        {"most": 0},
        {"code": "Morning!"},
    ]

    told = [await make.configure(lending={"pulling": [schedule(**one)]}) for one in wrong]
    twice = await make.configure(lending={"pulling": [schedule(), schedule()]})

    assert [answer.status_code for answer in (*told, twice)] == [422] * 8
    assert codes(twice)


async def test_pages_of_batches_hold_each_once_by_an_index(ill: Harness) -> None:
    await ill.resources.pool.execute("""
        INSERT INTO pull_batch (id, made_at, made_by, library, slip_count, slips)
        SELECT gen_random_uuid(), now(), 'x', 'L' || n % 40, 1, '[]' FROM generate_series(1, 4000) n;
    """)
    await ill.resources.pool.execute("ANALYZE pull_batch")
    seen: list[str] = []
    url: str | None = "/v1/ill/pull-batches?library=L7&limit=40"
    while url is not None:
        answer = await ill.get(url)
        seen += [one["id"] for one in answer.json()["items"]]
        url = answer.links["next"]["url"] if answer.json()["next_cursor"] else None
    plan = await ill.resources.pool.fetch(
        "EXPLAIN SELECT id FROM pull_batch WHERE library = 'L7' AND id < gen_random_uuid() ORDER BY id DESC LIMIT 40"
    )

    assert len(seen) == len(set(seen)) == 100
    assert "pull_batch_by_library" in str(plan)
    assert (await ill.get("/v1/ill/pull-batches?cursor=abc")).status_code == 422
